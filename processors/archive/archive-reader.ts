import type { ClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import type { Millis } from '../../infra/clock.ts'
import { REMEMBERED_CODES } from '../../schemas/codes.ts'
import type { Content } from '../../schemas/content.ts'
import type { EventFrame } from '../../schemas/frames.ts'
import {
  type Count,
  type PackId,
  type Partition,
  packIdTime,
  type Seq,
  type SessionId,
  type UserId,
} from '../../schemas/ids.ts'
import { Flag, RULES_BOUNDS } from '../../schemas/pack.ts'
import type { Position } from '../../topics/valid-events.ts'
import {
  type ArchiveSearch,
  AT_PLACES,
  type MessagePlace,
  placesParams,
  SEARCH_THREADS_MAX,
  searchMessages,
} from './archive-search.ts'
import { archivedContent, changedContent, type FrameRow, frameOfRow } from './archived-frames.ts'
import { ClickHouseArchiveStore } from './clickhouse-archive-store.ts'
import type { MessageRow } from './inspect.ts'

/**
 * The reading side of the archive, as the gateway uses it: it keeps what history has forgotten. Every call rejects
 * when the store cannot be reached. Implementations: ClickHouseArchiveReader and MemoryArchive; both pass
 * tests/contract/archive-store.contract.ts.
 */
export interface ArchiveReader {
  /** How far the archive has come in a partition; undefined where it has not begun. */
  position(partition: Partition): Promise<Position | undefined>
  /** The first outcome of a pack that counts: what it was accepted with, or its final refusal. At any age. */
  outcome(request: OutcomeRequest): Promise<ArchivedOutcome | undefined>
  /** How far the archive has come, in every partition in which it has begun. */
  positions(): Promise<ReadonlyMap<Partition, Position>>
  /** Sessions that a user is or was in, the newest first by when they came in, at most `limit`. */
  sessionsOf(request: { userId: UserId; limit: number }): Promise<SessionId[]>
  /** The places of messages that fit, the newest first. */
  search(request: ArchiveSearch): Promise<MessagePlace[]>
  /** Messages at these places, and everything that ever changed them; in no order. Places without a message are left out. */
  messagesAt(places: readonly MessagePlace[]): Promise<Pick<ArchivedTimeline, 'events' | 'changes'>>
  /** Places of messages that a user sent, by session id and seq, from behind `after` on; fewer than `limit`: there are no more. */
  sentBy(request: SentRequest): Promise<MessagePlace[]>
  /** How many messages a user sent. */
  sentCount(userId: UserId): Promise<number>
  /** A part of a session's timeline. */
  timeline(request: TimelineRequest): Promise<ArchivedTimeline>
  /** The message at a seq, as it reads now; undefined where there is none. */
  message(request: { partition: Partition; sessionId: SessionId; seq: Seq }): Promise<ArchivedMessage | undefined>
  /** The count of a session at a seq of its timeline; undefined where there is no such event. */
  count(request: { partition: Partition; sessionId: SessionId; seq: Seq }): Promise<Count | undefined>
}

/** Where a message stands among those that its sender has sent. */
export type SentPlace = Pick<MessagePlace, 'sessionId' | 'seq'>

export interface SentRequest {
  userId: UserId
  after?: SentPlace
  limit: number
}

/** Seqs of one session. */
export interface TimelineRequest {
  /** The partition of the session. */
  partition: Partition
  sessionId: SessionId
  fromSeq: Seq
  /** Included; at most HISTORY_PAGE_MAX of them. */
  toSeq: Seq
}

/** Events as they were when they happened, and what became of the messages among them; none has `state` or `reactions`. */
export interface ArchivedTimeline {
  /** Ascending by seq. */
  events: EventFrame[]
  /**
   * Everything that ever changed a message of `events`, or a message that an event of `events` is about; ascending by
   * seq. Those that are in `events` are here as well.
   */
  changes: EventFrame[]
  /** The first seq of the session that the archive has; undefined: it has none. */
  firstSeq: Seq | undefined
}

export interface OutcomeRequest {
  /** The partition of the session. */
  partition: Partition
  sessionId: SessionId
  from: UserId
  packId: PackId
}

export interface ArchivedOutcome {
  code: number
  seq: Seq
  count: Count
  at: Millis
}

export interface ArchivedMessage {
  packId: PackId
  from: UserId
  at: Millis
  counted: boolean
  /** Removed where it was taken back. */
  content: Content
}

/** The log time at which a pack with this id can have had an outcome that counts: the rules allow no other. */
export function outcomeTimes(packId: PackId): { from: Millis; to: Millis } {
  const time = packIdTime(packId)
  return { from: time - RULES_BOUNDS.packIdAheadMsMax[1], to: time + RULES_BOUNDS.dedupeWindowMs[1] }
}

export class ClickHouseArchiveReader implements ArchiveReader {
  private readonly clickhouse: ClickHouse
  private readonly store: ClickHouseArchiveStore

  constructor(clickhouse: ClickHouse) {
    this.clickhouse = clickhouse
    this.store = new ClickHouseArchiveStore(clickhouse, async () => {})
  }

  async position(partition: Partition): Promise<Position | undefined> {
    return (await this.store.progress()).done.get(partition)?.last
  }

  async positions(): Promise<ReadonlyMap<Partition, Position>> {
    return new Map([...(await this.store.progress()).done].map(([partition, { last }]) => [partition, last]))
  }

  async sessionsOf({ userId, limit }: { userId: UserId; limit: number }): Promise<SessionId[]> {
    const rows = await this.clickhouse.rows<{ sessionId: SessionId }>(
      `SELECT sessionId FROM member_changes WHERE userId = {userId: String}
      GROUP BY sessionId ORDER BY max(at) DESC, sessionId LIMIT {limit: UInt32}`,
      { userId, limit },
    )
    return rows.map(({ sessionId }) => sessionId)
  }

  search(request: ArchiveSearch): Promise<MessagePlace[]> {
    return searchMessages(this.clickhouse, request)
  }

  sentBy({ userId, after, limit }: SentRequest): Promise<MessagePlace[]> {
    // Rows that are there twice until they are merged are next to each other.
    return this.clickhouse.rows<MessagePlace>(
      `SELECT toUnixTimestamp64Milli(at) AS at, sessionId, seq FROM messages
      WHERE \`from\` = {userId: String} AND (sessionId, seq) > ({sessionId: String}, {seq: UInt64})
      ORDER BY sessionId, seq LIMIT 1 BY sessionId, seq LIMIT {limit: UInt32}`,
      { userId, sessionId: after?.sessionId ?? '', seq: after?.seq ?? 0, limit },
    )
  }

  async sentCount(userId: UserId): Promise<number> {
    const [row] = await this.clickhouse.rows<{ sent: number }>(
      'SELECT uniqExact(sessionId, seq) AS sent FROM messages WHERE `from` = {userId: String}',
      { userId },
    )
    return row!.sent
  }

  async messagesAt(places: readonly MessagePlace[]) {
    if (places.length === 0) return { events: [], changes: [] }
    // Without FINAL, which would read every column of every part: rows that are there twice say the same.
    const rows = await this.clickhouse.rows<FrameRow>(
      `SELECT ${MESSAGE_EVENT_FIELDS} FROM message_events ${AT_PLACES}
      ORDER BY seq LIMIT 1 BY sessionId, seq SETTINGS max_threads = ${SEARCH_THREADS_MAX}`,
      placesParams(places),
    )
    const isMessage = ({ kind }: FrameRow) => kind === 'MessageAccepted'
    return {
      events: rows.filter(isMessage).map(frameOfRow),
      changes: rows.filter(row => !isMessage(row)).map(frameOfRow),
    }
  }

  async outcome({ partition, sessionId, from, packId }: OutcomeRequest): Promise<ArchivedOutcome | undefined> {
    const times = outcomeTimes(packId)
    // Without FINAL: rows that are there twice say the same, and the index on packId is used.
    const rows = await this.clickhouse.rows<{ code: number; seq: number; count: number; millis: number }>(
      `SELECT code, seq, count, toUnixTimestamp64Milli(at) AS millis FROM events
      WHERE partition = {partition: UInt16} AND packId = {packId: UUID} AND sessionId = {sessionId: String}
        AND \`from\` = {from: String} AND kind != 'PackRepeated' AND code IN {codes: Array(Int32)}
        AND at BETWEEN fromUnixTimestamp64Milli({earliest: Int64}) AND fromUnixTimestamp64Milli({latest: Int64})
      ORDER BY offset LIMIT 1`,
      { partition, packId, sessionId, from, codes: REMEMBERED_CODES, earliest: times.from, latest: times.to },
    )
    const [row] = rows
    return row && { code: row.code, seq: row.seq, count: row.count, at: row.millis }
  }

  async count({ partition, sessionId, seq }: { partition: Partition; sessionId: SessionId; seq: Seq }) {
    const [row] = await this.clickhouse.rows<{ count: number }>(
      `SELECT count FROM events
      WHERE partition = {partition: UInt16} AND sessionId = {sessionId: String} AND seq = {seq: UInt64} LIMIT 1`,
      { partition, sessionId, seq },
    )
    return row?.count
  }

  async message({ partition, sessionId, seq }: { partition: Partition; sessionId: SessionId; seq: Seq }) {
    const [row] = await this.clickhouse.rows<MessageFields>(
      `SELECT packId, \`from\`, toUnixTimestamp64Milli(at) AS millis, flags, contentKind, contentType, text, data
      FROM messages FINAL
      WHERE sessionId = {sessionId: String} AND seq = {seq: UInt64} AND partition = {partition: UInt16}`,
      { partition, sessionId, seq },
    )
    if (row === undefined) return undefined
    const content = await this.contentNow({ partition, sessionId, seq }, row)
    const { packId, from, millis: at, flags } = row
    return { packId, from, at, counted: (flags & Flag.COUNTER) !== 0, content }
  }

  async timeline({ sessionId, fromSeq, toSeq }: TimelineRequest): Promise<ArchivedTimeline> {
    const place = { sessionId, fromSeq, toSeq }
    const read = (sql: string) => this.clickhouse.rows<FrameRow>(sql, place)
    const [messages, others, changes, first] = await Promise.all([
      read(`SELECT ${MESSAGE_FIELDS} FROM messages FINAL WHERE ${IN_RANGE}`),
      read(`SELECT ${OTHER_FIELDS} FROM timeline_events FINAL WHERE ${IN_RANGE}`),
      read(
        `SELECT ${CHANGE_FIELDS} FROM message_changes FINAL WHERE sessionId = {sessionId: String} AND targetSeq IN
        (SELECT targetSeq FROM message_changes WHERE sessionId = {sessionId: String} AND (${SEQ_IN_RANGE}
          OR targetSeq BETWEEN {fromSeq: UInt64} AND {toSeq: UInt64})) ORDER BY seq`,
      ),
      this.clickhouse.rows<{ first: Seq | null }>(FIRST_SEQ, place),
    ])
    const changed = changes.map(frameOfRow)
    const inRange = changed.filter(({ seq }) => seq >= fromSeq && seq <= toSeq)
    const events = [...messages.map(frameOfRow), ...others.map(frameOfRow), ...inRange]
    events.sort((a, b) => a.seq - b.seq)
    return { events, changes: changed, firstSeq: first[0]?.first ?? undefined }
  }

  /** The content after the last change of the message. */
  private async contentNow(place: { partition: Partition; sessionId: SessionId; seq: Seq }, row: MessageFields) {
    const [change] = await this.clickhouse.rows<{ kind: string; data: string }>(
      `SELECT kind, data FROM events
      WHERE partition = {partition: UInt16} AND sessionId = {sessionId: String} AND targetSeq = {seq: UInt64}
        AND kind IN ('MessageRevoked', 'MessageDeleted', 'MessageOverridden')
      ORDER BY offset DESC LIMIT 1`,
      place,
    )
    return change === undefined ? archivedContent(row) : changedContent(change)
  }
}

const SEQ_IN_RANGE = 'seq BETWEEN {fromSeq: UInt64} AND {toSeq: UInt64}'
const IN_RANGE = `sessionId = {sessionId: String} AND ${SEQ_IN_RANGE}`

/** The names of columns shadow those of tables: `at` stays a time for whoever orders by it. */
const HEAD_FIELDS = 'sessionId, seq, count, toUnixTimestamp64Milli(at) AS at, packId, `from`, flags'
const MESSAGE_FIELDS = `${HEAD_FIELDS}, 'MessageAccepted' AS kind, contentKind, contentType, text, data, extra`
/** Of a message and of its changes: each has other columns. */
const MESSAGE_EVENT_FIELDS = `${HEAD_FIELDS}, kind, if(kind = 'MessageAccepted', 0, messageSeq) AS targetSeq,
  contentKind, contentType, text, data, extra`
const OTHER_FIELDS = `${HEAD_FIELDS}, kind, userIds, groupName, groupAvatar, groupNotice, data`
const CHANGE_FIELDS = `${HEAD_FIELDS}, kind, targetSeq, data`

/** The first row of each table in the order of its key. A change follows its message. */
const FIRST_SEQ = `SELECT minOrNull(seq) AS first FROM
(
    SELECT seq FROM (SELECT seq FROM messages WHERE sessionId = {sessionId: String} ORDER BY sessionId, seq LIMIT 1)
    UNION ALL
    SELECT seq FROM (SELECT seq FROM timeline_events WHERE sessionId = {sessionId: String} ORDER BY sessionId, seq LIMIT 1)
)`

type MessageFields = Pick<MessageRow, 'flags' | 'contentKind' | 'contentType' | 'text' | 'data'> & {
  packId: PackId
  from: UserId
  millis: Millis
}
