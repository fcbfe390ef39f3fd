import type { Millis } from '../../infra/clock.ts'
import type { Offset, SessionId } from '../../schemas/ids.ts'
import { isPresenceKind, type PresenceKind, type Webhook } from '../../schemas/webhooks.ts'
import { type Delivery, hookName } from './plan.ts'
import type { MovedUser, SeenUser } from './presence-moves.ts'

/** Which webhooks are told that users have come or gone, and what they are told. Pure. */

/** True for a webhook that names one of the kinds; it does not come with all the rest. */
export function wantsPresence({ use, kinds }: Pick<Webhook, 'use' | 'kinds'>): boolean {
  return use === 'after' && kinds.some(isPresenceKind)
}

/** The deliveries for those who are no longer what was told of them, numbered from `offset` on. */
export function planPresence(
  {
    moved,
    seen,
    now,
    offset,
    queue,
  }: {
    moved: readonly MovedUser[]
    /** The same users, as they are now. */
    seen: readonly SeenUser[]
    now: Millis
    offset: Offset
    queue: number
  },
  webhooks: readonly Webhook[],
): Delivery[] {
  const changed = seen.filter(({ isOnline }, i) => isOnline !== moved[i]!.wasOnline)
  return changed.flatMap((user, i) => {
    const kind: PresenceKind = user.isOnline ? 'UserOnline' : 'UserOffline'
    const sessionId = `u:${user.userId}` as SessionId
    const place = { sessionId, offset: offset + i, kind, at: now }
    const { userId, deviceTypes, lastSeenAt } = user
    const body = user.isOnline ? { kind, userId, deviceTypes } : { kind, userId, lastSeenAt }
    const event = { type: 'presence', sessionId, at: now, body }
    return webhooks
      .filter(webhook => wantsKind(webhook, kind))
      .map(({ app, webhookId }) => {
        const text = JSON.stringify({ id: `p-${queue}-${place.offset}`, webhookId, app, event })
        return { ...place, hook: hookName({ app, webhookId }), body: text }
      })
  })
}

function wantsKind({ use, kinds, sessionKinds }: Webhook, kind: PresenceKind): boolean {
  return use === 'after' && kinds.includes(kind) && (sessionKinds.length === 0 || sessionKinds.includes('user'))
}
