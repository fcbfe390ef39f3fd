import type { Millis } from '../../infra/clock.ts'
import type { ReactionCount } from '../../schemas/frames.ts'
import { type Count, parseSessionId, type Seq, type SessionId, type UserId } from '../../schemas/ids.ts'
import type { HotSession, KeptOfSession } from './history-store.ts'
import type { Mark } from './project.ts'

/** What a user sees of a session in a list, from what is stored. Pure. */

export interface SessionFacts {
  sessionId: SessionId
  lastSeq: Seq
  count: Count
  at: Millis
  /** The highest mark of the user. */
  read: Mark
  /** Counted messages above the mark that have stopped counting. */
  stopped: number
  mentions: number
  firstMentionSeq: Seq
  peerReadSeq: Seq
  peerDeliveredSeq: Seq
  last: string | undefined
}

export const NOTHING_KEPT: KeptOfSession = {
  attributes: undefined,
  read: { seq: 0, count: 0 },
  cleared: { seq: 0, count: 0 },
  hidden: [],
}

/** The mark that a user keeps of a session themselves: read, or cleared, up to here. */
export function ownMark({ read, cleared }: KeptOfSession): Mark {
  return cleared.seq > read.seq ? cleared : read
}

export function summaryOf(facts: SessionFacts, kept: KeptOfSession): HotSession {
  const { sessionId, lastSeq, count, at, read, last } = facts
  const session: HotSession = {
    sessionId,
    lastSeq,
    count,
    at,
    // UN1: what counts, is not read and still counts.
    unread: Math.max(0, count - read.count - facts.stopped),
    readSeq: read.seq,
  }
  if (last !== undefined && lastSeq > kept.cleared.seq && !kept.hidden.includes(lastSeq)) session.last = last
  if (kept.attributes !== undefined) session.attributes = kept.attributes
  if (facts.mentions > 0) {
    session.mentions = facts.mentions
    session.firstMentionSeq = facts.firstMentionSeq
  }
  if (facts.peerReadSeq > 0) session.peerReadSeq = facts.peerReadSeq
  if (facts.peerDeliveredSeq > 0) session.peerDeliveredSeq = facts.peerDeliveredSeq
  if (kept.cleared.seq > 0) session.clearedSeq = kept.cleared.seq
  return session
}

/** The other user of a single chat; undefined elsewhere. */
export function peerOf(sessionId: SessionId, userId: UserId): UserId | undefined {
  const session = parseSessionId(sessionId)
  if (session?.kind !== 'Single') return undefined
  return session.a === userId ? session.b : session.a
}

/** Users whom a page names of those who reacted alike. */
export const REACTION_USERS_SHOWN = 20

/** An emoji and those who reacted with it, in the order in which they did. */
export type Reaction = [emoji: string, userIds: UserId[]]

/** The reactions to a message after one more was added or taken away; none is left without users. */
export function reacted(
  before: readonly Reaction[],
  { adds, emoji, userId }: { adds: boolean; emoji: string; userId: UserId },
): Reaction[] {
  const after: Reaction[] = before.map(([other, users]) => {
    const rest = other === emoji ? users.filter(user => user !== userId) : users
    return [other, other === emoji && adds ? [...rest, userId] : rest]
  })
  if (adds && !before.some(([other]) => other === emoji)) after.push([emoji, [userId]])
  return after.filter(([, users]) => users.length > 0)
}

/** The text of an event with the reactions to it. */
export function withReactions(json: string, reactions: readonly Reaction[]): string {
  const counts = reactions.map(([emoji, userIds]): ReactionCount => {
    return { emoji, count: userIds.length, userIds: userIds.slice(0, REACTION_USERS_SHOWN) }
  })
  return `${json.slice(0, -1)},"reactions":${JSON.stringify(counts)}}`
}
