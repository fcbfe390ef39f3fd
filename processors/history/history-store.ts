import type { Millis } from '../../infra/clock.ts'
import type { Count, PackId, Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'

/** The reading side of the history view, as the gateway uses it. Every call rejects when the store cannot be reached. */
export interface HistoryReader {
  /** How far the view has come in a partition; undefined where it has not begun. */
  position(partition: Partition): Promise<Position | undefined>
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
  /** A user's sessions by last activity, newest first. */
  hotSessions(request: { userId: UserId; cursor?: string; limit: number }): Promise<HotSessionsPage>
  /** The first outcome of a pack, as long as the view remembers it. */
  outcome(request: { sessionId: SessionId; from: UserId; packId: PackId }): Promise<PackOutcome | undefined>
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
  /** JSON text of the last event's frame; absent where it is no longer kept. */
  last?: string
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
