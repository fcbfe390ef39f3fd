import type { Millis } from '../../infra/clock.ts'
import type { Count, Offset, PackId, Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { SessionAttributes } from '../../schemas/settings.ts'
import type { Position } from '../../topics/valid-events.ts'
import type { HistoryWrites, Mark } from './project.ts'

/** The reading side of the history view, as the gateway uses it. Every call rejects when the store cannot be reached. */
export interface HistoryReader {
  /** How far the view has come in a partition; undefined where it has not begun. */
  position(partition: Partition): Promise<Position | undefined>
  /** Names how often the store was filled from nothing: another name after it was emptied; undefined before. */
  filling(): Promise<string | undefined>
  /**
   * Events of a session, ascending by seq, as the JSON text of their EventFrame: those above `afterSeq`, or those
   * next below `beforeSeq`. `limit` is at most HISTORY_PAGE_MAX.
   */
  page(
    request:
      | { sessionId: SessionId; afterSeq: Seq; limit: number }
      | { sessionId: SessionId; beforeSeq: Seq; limit: number },
  ): Promise<HistoryPage>
  /** The heads of sessions, in the order asked; undefined for a session without events. */
  heads(sessionIds: readonly SessionId[]): Promise<(SessionHead | undefined)[]>
  /** A user's sessions by last activity, newest first; with `since` only those that may look otherwise since then. */
  hotSessions(request: { userId: UserId; cursor?: string; limit: number; since?: ListTimes }): Promise<HotSessionsPage>
  /** What a list that is asked for afterwards holds at least; to be given as `since` later. */
  times(partitions: readonly Partition[]): Promise<ReadonlyMap<Partition, Millis>>
  /** What a user keeps of sessions, in the order asked. */
  kept(request: { userId: UserId; sessionIds: readonly SessionId[] }): Promise<KeptOfSession[]>
  /** How far users have read a session that takes receipts, in the order asked; 0 for who has no mark. */
  readSeqs(request: { sessionId: SessionId; userIds: readonly UserId[] }): Promise<Seq[]>
  /** What a user must not miss, in the sessions of their list and about themselves, behind the given offsets, in no order. */
  urgent(request: { userId: UserId; after: ListOffsets }): Promise<UrgentEvent[]>
  /** The texts of such events; undefined where one is no longer kept. */
  urgentTexts(events: readonly Pick<UrgentEvent, 'sessionId' | 'seq' | 'json'>[]): Promise<(string | undefined)[]>
  /** The first outcome of a pack, as long as the view remembers it. */
  outcome(request: { sessionId: SessionId; from: UserId; packId: PackId }): Promise<PackOutcome | undefined>
}

/** A place in the lists of users, whose sessions lie in many partitions. */
export interface ListTimes {
  times: ReadonlyMap<Partition, Millis>
  partitionOf(sessionId: SessionId): Partition
}

export interface ListOffsets {
  /** A partition that is not named: from its beginning. */
  offsets: ReadonlyMap<Partition, Offset>
  partitionOf(sessionId: SessionId): Partition
}

export interface KeptOfSession {
  /** Undefined: the defaults. */
  attributes: SessionAttributes | undefined
  /** The mark of a session without receipts; 0 and 0 where there is none. */
  read: Mark
  /** What lies at or below is hidden from the user. */
  cleared: Mark
  /** Single messages that are hidden from the user, ascending. */
  hidden: Seq[]
}

export interface UrgentEvent {
  sessionId: SessionId
  seq: Seq
  at: Millis
  partition: Partition
  offset: Offset
  /** Of an event without a place in a timeline (seq 0): the text of its frame. */
  json?: string
}

export interface HistoryPage {
  events: string[]
  /** Seq of each of `events`. */
  seqs: Seq[]
  /** The session's last seq, 0 when it has no events. */
  lastSeq: Seq
  /** The first seq that the view still keeps; lastSeq + 1 when it keeps none. */
  firstSeq: Seq
}

export interface SessionHead {
  lastSeq: Seq
  count: Count
  /** Time of the last event. */
  at: Millis
}

export interface HotSession extends SessionHead {
  sessionId: SessionId
  unread: number
  readSeq: Seq
  /** JSON text of the last event's frame; absent where it is no longer kept, or hidden from the user. */
  last?: string
  /** Of what may be absent: present where it is not empty, 0, or the default. */
  attributes?: SessionAttributes
  mentions?: number
  firstMentionSeq?: Seq
  peerReadSeq?: Seq
  peerDeliveredSeq?: Seq
  clearedSeq?: Seq
}

export interface HotSessionsPage {
  sessions: HotSession[]
  /** Present when there are more. */
  cursor?: string
}

export interface PackOutcome {
  code: number
  seq: Seq
  count: Count
  at: Millis
}

/** The writing side; only the view uses it. */
export interface HistoryStore {
  /** The stored position of a partition, read anew; `write` goes on from there. */
  position(partition: Partition): Promise<Position | undefined>
  /** False when the store is not where this writer left it: it was emptied, or has lost what it had confirmed. */
  inPlace(partition: Partition): Promise<boolean>
  /**
   * Writes the data and the position after it. The same writes again, whole or in part, change nothing. Rejects when
   * the store cannot take them (repeat the call) and with ViewMoved when the store is not where this writer left it
   * (read the position again).
   */
  write(request: { partition: Partition; writes: HistoryWrites; position: Position }): Promise<void>
  close(): Promise<void>
}

/** A session whose stored events do not reach up to the next one: older events are dropped, `firstSeq` says so. */
export interface HistoryGap {
  sessionId: SessionId
  /** The seq with which the session now begins. */
  firstSeq: Seq
}

/** How much history keeps. All times are log time. */
export interface HistoryOptions {
  /** Events kept per session; with an event goes the outcome of its pack. */
  eventsPerSessionMax: number
  /** Events older than this are dropped, counted back from the newest event of their partition. */
  eventAgeMs: Millis
  /** Log time between two looks for sessions that have fallen silent and grown too old. */
  sweepEveryMs: Millis
  /** Sessions that one such look trims. */
  sweepSessionsMax: number
  /** Larger groups are not written per member; their activity is read from their heads. */
  hotGroupMembersMax: number
  /** Sessions in a user's hot list, large groups apart; the newest ones, told apart by hotTime. */
  hotSessionsMax: number
  /** Final refusals remembered per sender. */
  refusalsPerUserMax: number
  /** Messages of a session that stopped counting, the newest: marks that lie below more of them show too much unread. */
  stoppedMax: number
  /** Users whom messages of a session mention, the newest messages first. */
  mentionsMax: number
  /** Of what must not be missed: events per session, and their age, counted back from the newest of the session. */
  urgentMax: number
  urgentAgeMs: Millis
  /** Single messages of one session that a user hides. */
  hiddenMax: number
  /** Sessions of a user of which it is known when they looked otherwise, messages apart. */
  changedMax: number
}

const DAY_MS = 86_400_000

export const HISTORY_DEFAULTS: HistoryOptions = {
  eventsPerSessionMax: 1_000,
  eventAgeMs: 14 * DAY_MS,
  sweepEveryMs: 60_000,
  sweepSessionsMax: 200,
  // One write per member, group and batch: a larger group at full rate would cost more than all other writes.
  hotGroupMembersMax: 100,
  hotSessionsMax: 1_000,
  refusalsPerUserMax: 100,
  stoppedMax: 10_000,
  mentionsMax: 1_000,
  urgentMax: 1_000,
  urgentAgeMs: 30 * DAY_MS,
  hiddenMax: 1_000,
  changedMax: 2_000,
}

/**
 * The lists of users know when a session was last active to the minute: they are written when it begins, and not with
 * every message. Whoever reads a list takes the exact times from the sessions.
 */
const HOT_TIME_MS: Millis = 60_000

/** What a hot list says of a time. */
export function hotTime(at: Millis): Millis {
  return at - (at % HOT_TIME_MS)
}

/** Large groups of one user that a session list looks at. */
export const LARGE_GROUPS_MAX = 1_000
