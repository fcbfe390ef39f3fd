import { z } from 'zod'
import type { ErasureProgress } from '../../processors/archive/eraser.ts'
import type { AppsReader } from '../../processors/membership/apps-store.ts'
import type { PeopleReader } from '../../processors/membership/people-store.ts'
import type { UserId } from '../../schemas/ids.ts'
import { actOnUser, noteAct, submitAppPack } from './app-packs.ts'
import { namedSchema } from './avro-schemas.ts'
import { pageQuery, sessionParams, userIdSchema, userParams } from './common-schemas.ts'
import type { CallsNow } from './frame-routes.ts'
import { outcomeOf, outcomeSchema } from './outcome.ts'
import { fromView, Problem } from './problem.ts'
import { type Route, type RouteCall, route } from './route.ts'

/** Users as whoever runs the product sees them: who there is, how they stand, their erasure, and legal holds. */

export interface UserRouteParts {
  calls: CallsNow
  people: Pick<PeopleReader, 'profiles' | 'access'>
  /** Throws Problem where nobody keeps a list of users. */
  apps(): Pick<AppsReader, 'users'>
  /** Of im.packs: users are listed by the partition of their own session. */
  partitions: number
  /** How far the erasure of a user has come. Throws Problem where the installation has no archive. */
  erasure(userId: UserId): Promise<ErasureProgress>
}

const PAGE_MAX = 200
const REASON_CHARS_MAX = 500

const userSchema = z
  .strictObject({
    userId: userIdSchema,
    access: z.enum(['active', 'disabled', 'erased']).describe('Only who is active is let in.'),
    profile: namedSchema<object>('Profile').optional().describe('Absent: the user has set none.'),
  })
  .meta({ id: 'User' })
const erasureSchema = z
  .strictObject({
    sessions: z.int().describe('Sessions in which the user said something.'),
    erased: z.int().describe('Of them those in which that is erased.'),
    held: z.array(z.string()).describe('Those that a legal hold keeps.'),
    full: z.int().describe('Messages that the archive has not emptied yet.'),
    done: z.boolean().describe('True where nothing is left but what is held. What was said a moment ago may come yet.'),
  })
  .meta({ id: 'Erasure' })
const reasonBody = z
  .strictObject({ reason: z.string().max(REASON_CHARS_MAX).optional().describe('Kept in the log.') })
  .optional()

export function userRoutes(parts: UserRouteParts): Route[] {
  const { calls, people, apps, partitions, erasure } = parts
  const read = { tag: 'users', scope: 'users:read', actsFor: 'app', method: 'GET' } as const
  const write = { tag: 'users', scope: 'users:write', actsFor: 'app', method: 'POST' } as const
  const users = async (userIds: readonly UserId[]) => {
    const found = await fromView('REDIS_ERROR', () => Promise.all([people.access(userIds), people.profiles(userIds)]))
    const profiles = new Map(found[1].map(({ userId, profile }) => [userId, profile]))
    return userIds.map((userId, i) => {
      const profile = profiles.get(userId)
      return { userId, access: found[0][i]!, ...(profile === undefined ? {} : { profile }) }
    })
  }
  return [
    route({
      ...read,
      url: '/v1/users',
      id: 'listUsers',
      summary: 'List every user of whom something is known, in no order that means anything',
      query: pageQuery(PAGE_MAX),
      answer: z.strictObject({ users: z.array(userSchema), cursor: z.string().optional() }),
      handle: async ({ query: { cursor, limit = PAGE_MAX } }) => {
        const { userIds, next } = await fromView('REDIS_ERROR', () =>
          userPage({ apps: apps(), partitions }, placeOf(cursor, partitions), limit),
        )
        return { users: await users(userIds), ...(next === undefined ? {} : { cursor: next }) }
      },
    }),
    route({
      ...read,
      url: '/v1/users/:userId',
      id: 'getUser',
      summary: 'A user: profile, and whether they are let in',
      description:
        'A user of whom nothing is known is answered as well: users come to be when they first do something.',
      params: userParams,
      answer: userSchema,
      handle: async ({ params }) => (await users([params.userId]))[0]!,
    }),
    route({
      ...write,
      scope: 'users:erase',
      url: '/v1/users/:userId/erase',
      id: 'eraseUser',
      summary: 'Erase a user: keep them out, and empty what they ever said',
      description:
        'The user is kept out at once. What they said goes session by session: getErasure tells how far that is. ' +
        'LEGAL_HOLD where the user is held.',
      params: userParams,
      body: reasonBody,
      status: 202,
      answer: outcomeSchema,
      handle: call =>
        actOnUser(calls(), call, {
          userId: call.params.userId,
          act: 'eraseUser',
          body: { kind: 'EraseUser', ...call.body },
        }),
    }),
    route({
      ...read,
      url: '/v1/users/:userId/erasure',
      id: 'getErasure',
      summary: 'How far the erasure of a user has come',
      params: userParams,
      answer: erasureSchema,
      handle: async ({ params }) => {
        const progress = await fromView('DB_ERROR', () => erasure(params.userId))
        const { sessions, erased, held, full } = progress
        return { ...progress, done: full === 0 && erased === sessions - held.length }
      },
    }),
    ...holdRoutes(calls),
  ]
}

/** Legal holds: on a user, or on a session. */
function holdRoutes(calls: CallsNow): Route[] {
  const common = { tag: 'holds', scope: 'holds:write', actsFor: 'app', method: 'POST', body: reasonBody } as const
  const bodyOf = (call: RouteCall<unknown, unknown, z.infer<typeof reasonBody>>, held: boolean) =>
    ({ kind: 'SetHold', held, reason: call.body?.reason ?? '' }) as const
  const verbs = [
    { verb: 'hold', held: true, does: 'Put a legal hold on' },
    { verb: 'release', held: false, does: 'Lift the legal hold on' },
  ] as const
  return verbs.flatMap(({ verb, held, does }) => [
    route({
      ...common,
      url: `/v1/users/:userId/${verb}`,
      id: `${verb}User`,
      summary: `${does} a user`,
      description: 'Nothing of a user who is held is erased.',
      params: userParams,
      answer: outcomeSchema,
      handle: call =>
        actOnUser(calls(), call, { userId: call.params.userId, act: `${verb}User`, body: bodyOf(call, held) }),
    }),
    route({
      ...common,
      url: `/v1/sessions/:sessionId/${verb}`,
      id: `${verb}Session`,
      summary: `${does} a session`,
      description: 'Nothing of a session that is held is erased, whoever said it.',
      params: sessionParams,
      answer: outcomeSchema,
      handle: async call => {
        const { sessionId } = call.params
        if (/^[ua]:/.test(sessionId)) throw new Problem('PARAM', 'sessionId: a user is held by /v1/users')
        await noteAct(calls(), call, { act: `${verb}Session`, subject: sessionId })
        const pack = { packId: call.packId, sessionId, from: call.identity.userId, body: bodyOf(call, held) }
        return outcomeOf(await submitAppPack(calls(), call.identity, pack))
      },
    }),
  ])
}

interface UserPlace {
  partition: number
  after: string
}

/** The next users behind a place, of as many partitions as it takes. */
async function userPage(
  { apps, partitions }: { apps: Pick<AppsReader, 'users'>; partitions: number },
  { partition, after }: UserPlace,
  limit: number,
): Promise<{ userIds: UserId[]; next?: string }> {
  const userIds: UserId[] = []
  for (let at = partition, from = after; at < partitions; at++, from = '') {
    userIds.push(...(await apps.users({ partition: at, after: from, limit: limit - userIds.length })))
    if (userIds.length >= limit) return { userIds, next: `${at}/${userIds.at(-1)!}` }
  }
  return { userIds }
}

/** Throws Problem PARAM. */
function placeOf(cursor: string | undefined, partitions: number): UserPlace {
  if (cursor === undefined) return { partition: 0, after: '' }
  const [, partition, after] = /^(\d{1,5})\/(.+)$/.exec(cursor) ?? []
  if (after === undefined || Number(partition) >= partitions) throw new Problem('PARAM', 'cursor: not one of this list')
  return { partition: Number(partition), after }
}
