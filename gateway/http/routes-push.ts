import { z } from 'zod'
import type { DevicesReader } from '../../processors/membership/people-store.ts'
import { isUserId, userSessionId } from '../../schemas/ids.ts'
import { makePack } from '../../schemas/make-pack.ts'
import type { Pack } from '../../schemas/pack.ts'
import type { PushDevice, PushRequest } from '../../schemas/push-devices.ts'
import { namedSchema } from './avro-schemas.ts'
import { type CallsNow, packRoute } from './frame-routes.ts'
import { type OutcomeBody, outcomeOf, outcomeSchema } from './outcome.ts'
import { fromView } from './problem.ts'
import { type Route, type RouteCall, route } from './route.ts'

/** Where users are pushed to, and what apps push to them that is no message. */

const attribute = z.strictObject({ name: z.string().min(1).max(64), value: z.string().max(4_096) })
const serviceType = z.number().int().min(1).max(9)

const pushBody = z.strictObject({
  userId: z.string().refine(isUserId, 'must be the id of a user'),
  title: z.string().max(4_096).default(''),
  content: z.string().max(4_096).default(''),
  uri: z.string().max(2_048).default('').describe('What opens when it is touched.'),
  unreadCount: z.number().int().min(0).max(2_147_483_647).optional().describe('Badge; absent: the exact unread.'),
  extraData: z.array(attribute).max(64).default([]).describe('What the app is given.'),
  options: z
    .array(z.strictObject({ serviceType, json: z.string().max(4_096) }))
    .max(16)
    .default([])
    .describe("A JSON object in a vendor's own terms, for each service."),
})
type PushBody = z.infer<typeof pushBody>

export interface PushRouteParts {
  calls: CallsNow
  devices: Pick<DevicesReader, 'devices'>
}

export function pushRoutes({ calls, devices }: PushRouteParts): Route[] {
  const write = { tag: 'push', scope: 'push:write', method: 'POST' } as const
  return [
    route({
      tag: 'push',
      scope: 'push:read',
      method: 'GET',
      actsFor: 'user',
      url: '/v1/me/push-devices',
      id: 'listDevices',
      summary: 'Where the user is pushed to, the oldest registration first',
      answer: z.strictObject({ devices: z.array(namedSchema<PushDevice>('PushDevice')) }),
      handle: async ({ identity }) => {
        const [found] = await fromView('REDIS_ERROR', () => devices.devices([identity.userId]))
        return { devices: found! }
      },
    }),
    packRoute(calls, {
      ...write,
      url: '/v1/me/push-devices',
      id: 'registerDevice',
      frame: 'registerDevice',
      summary: 'Let the user be pushed to under a token',
    }),
    packRoute(calls, {
      ...write,
      url: '/v1/me/push-devices/remove',
      id: 'unregisterDevice',
      frame: 'unregisterDevice',
      summary: 'Push to a token no more',
    }),
    packRoute(calls, {
      ...write,
      url: '/v1/me/push-opened',
      id: 'reportPushOpened',
      frame: 'reportPushOpened',
      summary: 'Tell that the user has opened a push',
    }),
    route<unknown, unknown, PushBody, OutcomeBody>({
      ...write,
      url: '/v1/pushes',
      id: 'push',
      actsFor: 'app',
      summary: 'Push to every device of a user what is no message',
      body: pushBody as z.ZodType<PushBody>,
      answer: outcomeSchema,
      handle: async call => outcomeOf(await calls().submitPack(pushPack(call, calls().gateway))),
    }),
  ]
}

/** The pack of an app's push, in the session of the user. */
function pushPack({ identity, packId, body }: RouteCall<unknown, unknown, PushBody>, gateway: string): Pack {
  const { userId, unreadCount, ...said } = body
  const request: PushRequest = unreadCount === undefined ? said : { ...said, unreadCount }
  return makePack({
    sessionId: userSessionId(userId),
    from: userId,
    body: { kind: 'Push', ...request },
    packId,
    actor: identity.actor ?? { kind: 'USER', id: identity.userId },
    device: identity.device,
    gateway,
  })
}
