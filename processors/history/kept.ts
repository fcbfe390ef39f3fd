import type { Millis } from '../../infra/clock.ts'
import type { AcceptedEvent } from '../../schemas/event.ts'
import { eventFrame } from '../../schemas/frames.ts'
import { type Offset, parseSessionId, type Seq, type SessionId, type UserId } from '../../schemas/ids.ts'
import type { SessionAttributes } from '../../schemas/settings.ts'
import type { Mark } from './project.ts'

/**
 * What events say of one user and one session without a place in its timeline: marks and receipts, and what the user
 * keeps in their own session. Marks are max-registers, attributes follow the seq of the user's own session, hidden
 * messages only grow: each may be applied again, in any order. Pure.
 */

/** Marks of a session that takes receipts. */
export interface ReceiptWrites {
  read: Map<UserId, Mark>
  delivered: Map<UserId, Seq>
}

/** What a user keeps of other sessions. */
export interface KeptWrites {
  attributes: Map<SessionId, { seq: Seq; attributes: SessionAttributes }>
  read: Map<SessionId, Mark>
  cleared: Map<SessionId, Mark>
  hidden: Map<SessionId, Set<Seq>>
  /**
   * Which sessions look otherwise to the user now, with the time of the event: `s` and the session id where the event
   * was in that session, `u` where it was in the user's own. Their times are those of different partitions.
   */
  changed: Map<string, Millis>
  /** Seq of the event that erased the user: the attributes of sessions below it are gone. */
  erasedAt?: Seq
}

/** An event without a place in a timeline that its user must not miss; `json` is the text of its frame. */
export interface ToldWrite {
  offset: Offset
  at: Millis
  json: string
}

export interface PersonalWrites {
  receipts: Map<SessionId, ReceiptWrites>
  told: Map<UserId, ToldWrite[]>
  kept: Map<UserId, KeptWrites>
}

export function projectPersonal(writes: PersonalWrites, event: AcceptedEvent, offset: Offset): void {
  const { body, sessionId, from, at, seq } = event
  switch (body.kind) {
    case 'ReadMarked':
      raise(receiptsOf(writes, sessionId).read, from, { seq: body.seq, count: body.count })
      touch(writes, sessionId, from, at)
      return
    case 'DeliveredMarked': {
      const { delivered } = receiptsOf(writes, sessionId)
      delivered.set(from, Math.max(delivered.get(from) ?? 0, body.seq))
      touch(writes, sessionId, from, at)
      return
    }
    case 'FriendRequested':
    case 'FriendAccepted':
    case 'FriendRefused':
    case 'FriendDeleted':
      tell(writes, event, offset)
      return
    case 'UserErased':
      keptOf(writes, from).erasedAt = seq
      return
    case 'SessionAttributesSet':
      keptOf(writes, from).attributes.set(body.sessionId, { seq, attributes: body.attributes })
      break
    case 'SessionReadMarked':
      raise(keptOf(writes, from).read, body.sessionId, body)
      break
    case 'SessionCleared':
      raise(keptOf(writes, from).cleared, body.sessionId, body)
      break
    case 'DeletedForMe': {
      const { hidden } = keptOf(writes, from)
      hidden.set(body.sessionId, new Set([...(hidden.get(body.sessionId) ?? []), ...body.seqs]))
      break
    }
    default:
      return
  }
  keptOf(writes, from).changed.set(`u${body.sessionId}`, at)
}

function raise<Key>(marks: Map<Key, Mark>, key: Key, { seq, count }: Mark): void {
  if ((marks.get(key)?.seq ?? 0) < seq) marks.set(key, { seq, count })
}

/** In a single chat the other user sees the receipt. */
function touch(writes: PersonalWrites, sessionId: SessionId, from: UserId, at: Millis): void {
  const session = parseSessionId(sessionId)
  const users = session?.kind === 'Single' ? [session.a, session.b] : [from]
  for (const userId of users) keptOf(writes, userId).changed.set(`s${sessionId}`, at)
}

/**
 * The other one must learn it, also when no device of theirs was there. The words of a request are in the list of friends
 * only, from where an erasure takes them.
 */
function tell({ told }: PersonalWrites, event: AcceptedEvent, offset: Offset): void {
  const session = parseSessionId(event.sessionId)
  if (session?.kind !== 'Single') return
  const userId = session.a === event.from ? session.b : session.a
  const write = { offset, at: event.at, json: JSON.stringify(eventFrame(wordless(event))) }
  told.set(userId, [...(told.get(userId) ?? []), write])
}

function wordless(event: AcceptedEvent): AcceptedEvent {
  return event.body.kind === 'FriendRequested' ? { ...event, body: { kind: 'FriendRequested' } } : event
}

function receiptsOf({ receipts }: PersonalWrites, sessionId: SessionId): ReceiptWrites {
  let writes = receipts.get(sessionId)
  if (writes === undefined) {
    writes = { read: new Map(), delivered: new Map() }
    receipts.set(sessionId, writes)
  }
  return writes
}

function keptOf({ kept }: PersonalWrites, userId: UserId): KeptWrites {
  let writes = kept.get(userId)
  if (writes === undefined) {
    writes = { attributes: new Map(), read: new Map(), cleared: new Map(), hidden: new Map(), changed: new Map() }
    kept.set(userId, writes)
  }
  return writes
}
