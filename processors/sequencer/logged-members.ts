import { createHash } from 'node:crypto'
import type { Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { SessionBody } from '../../schemas/session.ts'
import { type LoggedRow, loggedRow } from './logged-rows.ts'
import { type Change, MEMBER_PLAIN, type Member, memberKey } from './session.ts'

/**
 * Members who came in together, as one record of im.sessions for many rows. Pure.
 *
 * Problem: 5,000 members that are added by one pack are 5,000 rows, and each would be a record of its own.
 * Where nothing but the joining has happened to several of them, their rows differ in the user alone: they are written
 * as one record. Whatever happens to one of them later is a record of that member's own, behind it on the topic.
 *
 * A reader takes the records of a partition in their order, and the last that names a member says how the row is. That
 * holds for compacted topics as well: compaction drops only what a later record under the same key replaces, and keeps
 * the order of the others. The key of a record for many is made of what it says, so that only the very same replaces it.
 */

export type JoinedTogether = Extract<SessionBody, { kind: 'JoinedMembers' }>

/** So many are written together at least. */
export const JOINED_TOGETHER_MIN = 2
/** So many at most: 64 kB of user ids. */
export const JOINED_TOGETHER_MAX = 1_000

/** The records for rows of members. */
export function* loggedMembers(rows: ReadonlyMap<string, Member>): Generator<LoggedRow> {
  const together = new Map<string, { sessionId: SessionId; joinSeq: Seq; userIds: UserId[] }>()
  for (const [key, row] of rows) {
    const joinSeq = onlyJoined(row)
    if (joinSeq === undefined) {
      yield loggedRow('members', key, row)
      continue
    }
    const [sessionId, userId] = key.split('#') as [SessionId, UserId]
    const place = `${sessionId}#${joinSeq}`
    const group = together.get(place) ?? { sessionId, joinSeq, userIds: [] }
    group.userIds.push(userId)
    together.set(place, group)
  }
  for (const { sessionId, joinSeq, userIds } of together.values()) {
    for (let first = 0; first < userIds.length; first += JOINED_TOGETHER_MAX) {
      yield* recordsOf({ sessionId, joinSeq, userIds: userIds.slice(first, first + JOINED_TOGETHER_MAX) })
    }
  }
}

function* recordsOf(group: { sessionId: SessionId; joinSeq: Seq; userIds: UserId[] }): Generator<LoggedRow> {
  const { sessionId, joinSeq, userIds } = group
  if (userIds.length >= JOINED_TOGETHER_MIN) {
    const body: JoinedTogether = { kind: 'JoinedMembers', ...group }
    yield { key: `${sessionId}#joined#${joinSeq}#${nameOf(userIds)}`, body }
    return
  }
  for (const userId of userIds) yield loggedRow('members', memberKey(sessionId, userId), joinedAt(joinSeq))
}

/** The rows that such a record holds. */
export function changesOfJoined({ sessionId, joinSeq, userIds }: JoinedTogether): Change[] {
  return userIds.map(userId => ({ table: 'members', key: memberKey(sessionId, userId), row: joinedAt(joinSeq) }))
}

function joinedAt(joinSeq: Seq): Member {
  return { ...MEMBER_PLAIN, intervals: [{ joinSeq, leaveSeq: 0 }] }
}

/** The seq of joining of a member of whom nothing else is known; undefined where more is. */
function onlyJoined({ owner, admin, mutedUntil, requestedAt, lastSentAt, intervals }: Member): Seq | undefined {
  const [stay] = intervals
  const isPlain = !owner && !admin && mutedUntil === 0 && requestedAt === 0 && lastSentAt === 0
  return isPlain && intervals.length === 1 && stay!.leaveSeq === 0 ? stay!.joinSeq : undefined
}

function nameOf(userIds: readonly UserId[]): string {
  return createHash('sha256').update(userIds.join('#')).digest('hex').slice(0, 32)
}
