import { z } from 'zod'
import type { Content, SendExtra } from '../../schemas/content.ts'
import { NOTIFY_FLAGS, notifySessionId, submitAppPack } from './app-packs.ts'
import { userIdSchema } from './common-schemas.ts'
import type { CallsNow } from './frame-routes.ts'
import { derivedPackId } from './idempotency.ts'
import { type Route, route } from './route.ts'
import { BATCH_MAX, batchAnswer, batchOutcome, messageFields, sendFrame } from './routes-messages.ts'

/** Messages of an app to users, who cannot answer: each goes to the session `b:<app>:<user>`. */
export function notificationRoutes(calls: CallsNow): Route[] {
  return [
    route({
      method: 'POST',
      url: '/v1/notifications',
      id: 'notify',
      tag: 'notifications',
      scope: 'notifications:write',
      actsFor: 'app',
      summary: 'Send a notification of the app to users',
      description:
        'It is changed and taken back like any message, in the session b:<app>:<user>, by the app itself: name no user.',
      body: z.strictObject({ to: z.array(userIdSchema).min(1).max(BATCH_MAX), ...messageFields }),
      answer: batchAnswer,
      handle: async ({ identity, packId, body }) => {
        const { to, ...message } = body
        const app = identity.userId
        const packs = [...new Set(to)].map(userId => {
          const sessionId = notifySessionId(app, userId)
          const frame = sendFrame(derivedPackId(packId, sessionId), sessionId, { flags: NOTIFY_FLAGS, ...message })
          const { type: _, content, extra, ...sent } = frame
          return { ...sent, from: app, body: messageOf(content, extra) }
        })
        return batchOutcome(await Promise.all(packs.map(pack => submitAppPack(calls(), identity, pack))))
      },
    }),
  ]
}

export function messageOf(content: Content, extra: SendExtra | undefined) {
  return extra === undefined
    ? ({ kind: 'SendMessage', content } as const)
    : ({ kind: 'SendMessage', content, extra } as const)
}
