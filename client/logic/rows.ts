import type { Millis } from '../../infra/clock.ts'
import type { EventFrame, MemberSummary, PackFrame, SessionSummary } from '../../schemas/frames.ts'
import type { PackId, Seq, SessionId } from '../../schemas/ids.ts'
import type { Span } from './spans.ts'

/** What the logic layer keeps in the store: one row each, under the key that is named here. */

/** Table `sessions`, by session id: what the server last said, carried on by every event since. */
export interface SessionRow extends SessionSummary {
  /** Which seqs the table `messages` has; a seq inside without a row will never come. */
  spans: Span[]
  /** The user has left, or was put out, or the group has ended. */
  isOut?: boolean
}

/** Table `messages`, by session id and seq: an event with what happened to it since. */
export interface MessageRow {
  event: EventFrame
  /** Everything that happened up to this seq is in it, and perhaps more: events above a hole come before those in it. */
  asOf: Seq
  /** By emoji and user: the last reaction above `asOf` that is in it. */
  reacted?: Record<string, Seq>
  /** Hidden from this user alone. */
  isHidden?: boolean
}

/** Table `outbox`, by order and packId: a pack that was handed over and has not taken effect as far as is known. */
export interface OutboxRow {
  order: number
  frame: PackFrame
  sessionId: SessionId
  /** When it was handed over, by the device's clock. */
  at: Millis
  /** Why it was refused for good; absent as long as it is tried. */
  refusal?: { code: number; name: string; reason: string }
  /** Its event stands in the timeline: only its answer has not come yet. */
  hasArrived?: boolean
}

/** Table `members`, by session id. */
export interface MembersRow {
  members: MemberSummary[]
  since?: string
}

const KEY_DIGITS = 16

/** Keys of a session's messages sort by seq. */
export function messageKey(sessionId: SessionId, seq: Seq): string {
  return `${sessionId} ${String(seq).padStart(KEY_DIGITS, '0')}`
}

/** Two tabs may give the same order; the packId keeps their packs apart. */
export function outboxKey(order: number, packId: PackId): string {
  return `${String(order).padStart(KEY_DIGITS, '0')} ${packId}`
}

/** A session of which nothing is known yet. */
export function emptySession(sessionId: SessionId): SessionRow {
  return { sessionId, lastSeq: 0, count: 0, unread: 0, readSeq: 0, at: 0, spans: [] }
}
