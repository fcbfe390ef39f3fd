import type { EventFrame, SessionSummary } from '../../schemas/frames.ts'
import type { Count, Seq, UserId } from '../../schemas/ids.ts'
import { takesOut } from '../network/own-event.ts'
import type { SessionRow } from './rows.ts'
import { addSpan } from './spans.ts'

/** How the row of a session goes on; pure. Unread numbers follow the same law as the server's (DESIGN 5). */

/** Takes the session's next or an older event: what it already contains changes nothing but what is stored. */
export function foldSession(row: SessionRow, event: EventFrame, me: UserId): SessionRow {
  if (event.seq === 0) return foldMark(row, event, me)
  const spans = addSpan(row.spans, { from: event.seq, to: event.seq })
  if (event.seq <= row.lastSeq) return { ...row, spans }
  const next: SessionRow = { ...row, spans, lastSeq: event.seq, at: event.at, last: event }
  const counted = event.count > row.count
  next.count = event.count
  if (takesOut(event.body, event.from, me)) next.isOut = true
  else if (letsIn(event, me)) enter(next, event)
  else if (counted && event.from === me) read(next, event.seq)
  else if (counted) meet(next, event, row.count, me)
  else if (event.body.kind === 'MessageRevoked' || event.body.kind === 'MessageDeleted') {
    const { target } = event.body
    if (target.counted && target.seq > row.readSeq && target.from !== me) next.unread = Math.max(0, row.unread - 1)
  }
  return next
}

/** An unread message of somebody else. */
function meet(row: SessionRow, event: EventFrame, countBefore: Count, me: UserId): void {
  row.unread += event.count - countBefore
  const extra = event.body.kind === 'MessageAccepted' ? event.body.extra : undefined
  if (extra?.mentionsAll !== true && extra?.mentions?.includes(me) !== true) return
  row.mentions = (row.mentions ?? 0) + 1
  row.firstMentionSeq ??= event.seq
}

function letsIn({ body, from }: EventFrame, me: UserId): boolean {
  switch (body.kind) {
    case 'GroupCreated':
      return from === me || body.members.includes(me)
    case 'MemberJoined':
      return from === me
    case 'MembersAdded':
      return body.userIds.includes(me)
    default:
      return false
  }
}

function enter(row: SessionRow, { seq }: EventFrame): void {
  delete row.isOut
  read(row, seq)
}

/** Everything up to this seq is read, and nothing above it is there. */
function read(row: SessionRow, seq: Seq): void {
  row.unread = 0
  row.readSeq = Math.max(row.readSeq, seq)
  delete row.mentions
  delete row.firstMentionSeq
}

function foldMark(row: SessionRow, { body, from }: EventFrame, me: UserId): SessionRow {
  if (body.kind === 'DeliveredMarked' && from !== me) {
    return { ...row, peerDeliveredSeq: Math.max(row.peerDeliveredSeq ?? 0, body.seq) }
  }
  if (body.kind !== 'ReadMarked') return row
  if (from === me) return foldRead(row, body.seq, body.count)
  if (!row.sessionId.startsWith('s:')) return row
  const peerDeliveredSeq = Math.max(row.peerDeliveredSeq ?? 0, body.seq)
  return { ...row, peerReadSeq: Math.max(row.peerReadSeq ?? 0, body.seq), peerDeliveredSeq }
}

/** An own mark, from whichever device. */
export function foldRead(row: SessionRow, seq: Seq, count: Count): SessionRow {
  if (seq <= row.readSeq) return row
  const next = { ...row, readSeq: seq }
  if (seq >= row.lastSeq) read(next, seq)
  else {
    next.unread = Math.max(0, Math.min(row.unread, row.count - count))
    if (row.firstMentionSeq !== undefined && row.firstMentionSeq <= seq) {
      delete next.mentions
      delete next.firstMentionSeq
    }
  }
  return next
}

/** The server's list of sessions: what is older there than here is left, for the view may be behind. */
export function foldSummary(row: SessionRow, summary: SessionSummary): SessionRow {
  const { spans, isOut } = row
  if (summary.lastSeq < row.lastSeq) {
    return summary.attributes === undefined ? row : { ...row, attributes: summary.attributes }
  }
  const next: SessionRow = { ...summary, spans }
  if (isOut !== undefined && summary.lastSeq === row.lastSeq) next.isOut = isOut
  if (next.last === undefined && row.last !== undefined && row.last.seq === summary.lastSeq) next.last = row.last
  if (row.readSeq > summary.readSeq && summary.lastSeq === row.lastSeq) {
    next.readSeq = row.readSeq
    next.unread = Math.min(row.unread, summary.unread)
  }
  return next
}
