import type { AcceptedBody } from '../../schemas/event.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import type { Relation } from '../../schemas/session.ts'

/** What two users are to each other, and what each event makes of it. Total: any event may meet any relation. */

const NOTHING: Relation = { friends: false, requestedBy: '', aBlocks: false, bBlocks: false }

export function relationOf(relation: Relation | undefined): Relation {
  return relation ?? NOTHING
}

const COLON = ':'.charCodeAt(0)

/** Which of the two users of a single chat this is. No text is put together: every pack of a single chat asks this. */
export function sideOf(sessionId: SessionId, userId: UserId): 'a' | 'b' {
  return sessionId.startsWith(userId, 2) && sessionId.charCodeAt(2 + userId.length) === COLON ? 'a' : 'b'
}

/** True for the two users of a single chat: `s:<a>:<b>`, and no id holds a colon. */
export function isOneOf(sessionId: SessionId, userId: UserId): boolean {
  if (sideOf(sessionId, userId) === 'a') return true
  return sessionId.endsWith(userId) && sessionId.charCodeAt(sessionId.length - userId.length - 1) === COLON
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
