import type { AcceptedBody } from '../../schemas/event.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import type { Relation } from '../../schemas/session.ts'

/** What two users are to each other, and what each event makes of it. Total: any event may meet any relation. */

const NOTHING: Relation = { friends: false, requestedBy: '', aBlocks: false, bBlocks: false }

export function relationOf(relation: Relation | undefined): Relation {
  return relation ?? NOTHING
}

/** Which of the two users of a single chat this is. */
export function sideOf(sessionId: SessionId, userId: UserId): 'a' | 'b' {
  return sessionId.startsWith(`s:${userId}:`) ? 'a' : 'b'
}

/** The relation after the event; undefined where the event says nothing about it. */
export function relationAfter(
  before: Relation | undefined,
  { sessionId, from, body }: { sessionId: SessionId; from: UserId; body: AcceptedBody },
): Relation | undefined {
  const relation = relationOf(before)
  const blocking = (blocks: boolean) => (sideOf(sessionId, from) === 'a' ? { aBlocks: blocks } : { bBlocks: blocks })
  switch (body.kind) {
    case 'FriendRequested':
      return { ...relation, requestedBy: from }
    case 'FriendAccepted':
      return { ...relation, friends: true, requestedBy: '' }
    case 'FriendRefused':
      return { ...relation, requestedBy: '' }
    case 'FriendDeleted':
      return { ...relation, friends: false }
    case 'FriendRemarked':
      return relation
    case 'UserBlocked':
      return { ...relation, ...blocking(true), requestedBy: '' }
    case 'UserUnblocked':
      return { ...relation, ...blocking(false) }
    default:
      return undefined
  }
}
