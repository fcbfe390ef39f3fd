import { type ClickHouse, quoteName } from '../../infra/clickhouse/clickhouse.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import { ClickHouseArchiveStore } from './clickhouse-archive-store.ts'
import { derivingSelect } from './derived-tables.ts'
import { EVENT_COLUMNS, type EventRow } from './event-row.ts'
import { RowBinaryReader } from './row-binary.ts'

/**
 * The archive as plain rows, one for each key (after FINAL), for `verify` and for tests that compare two archives.
 * Rows are read from the store as they are; nothing here folds events.
 */
export interface ArchiveInspector {
  positions(): Promise<ReadonlyMap<Partition, Position>>
  /** Rows of `events` of a partition, ascending by offset; with `after` only those behind that offset. */
  events(partition: Partition, after?: Offset): AsyncIterable<EventRow>
  /** The same, many at a time. */
  eventPages(partition: Partition, after?: Offset): AsyncIterable<readonly EventRow[]>
  /** Whether `messages` says of a partition what `events` says of its messages; every column is compared. */
  messagesOfEvents(range: MessagesRange): Promise<MessagesOfEvents>
  /** Rows of `messages` of a partition, ascending by sessionId (its bytes) and seq. */
  messages(partition: Partition): AsyncIterable<MessageRow>
  /** Where the other tables that `events` fills do not say what its rows up to these offsets say; empty: nowhere. */
  derived(upTo: ReadonlyMap<Partition, Offset>): Promise<DerivedDifference[]>
}

/** Rows whose offsets are in it, both ends included. */
export interface MessagesRange {
  partition: Partition
  firstOffset: Offset
  lastOffset: Offset
}

export interface MessagesOfEvents {
  /** The rows in the range are those that the events in it make, by their number and two hashes of 64 bits. */
  isSame: boolean
  /** Rows of `messages` in the range. */
  rows: number
  /** The highest offset of all rows of the partition, those behind the range included; -1 where there is none. */
  lastOffset: Offset
}

/** Rows that a table should have and does not, or has and should not. */
export interface DerivedDifference {
  table: string
  rows: number
  is: 'missing' | 'extra'
  /** The session of one of them, or the user of a table that knows no sessions. */
  of: string
}

/** A row of `messages`; migrations/0002-messages.sql says what each column means. Times in ms since the epoch. */
export interface MessageRow {
  sessionId: string
  seq: number
  sessionKind: string
  partition: number
  offset: number
  count: number
  at: number
  from: string
  packId: string
  deviceType: number
  deviceId: string
  gateway: string
  flags: number
  contentKind: string
  contentType: string
  contentBytes: number
  text: string
  data: string
  extra: string
  editedAt: number | null
  revokedAt: number | null
  revokedBy: string
}

/** The row as the materialised view makes it: a message that nothing has changed yet. */
export function messageOfEvent(row: EventRow): MessageRow | undefined {
  if (row.kind !== 'MessageAccepted') return undefined
  const { sessionId, seq, sessionKind, partition, offset, count, at, from, packId, deviceType, deviceId } = row
  const { gateway, flags, contentKind, contentType, contentBytes, text, data, extra } = row
  const place = { sessionId, seq, sessionKind, partition, offset, count, at }
  const sender = { from, packId, deviceType, deviceId, gateway, flags }
  const content = { contentKind, contentType, contentBytes, text, data, extra }
  return { ...place, ...sender, ...content, editedAt: null, revokedAt: null, revokedBy: '' }
}

export class ClickHouseArchiveInspector implements ArchiveInspector {
  private readonly clickhouse: ClickHouse
  private readonly store: ClickHouseArchiveStore

  constructor(clickhouse: ClickHouse) {
    this.clickhouse = clickhouse
    this.store = new ClickHouseArchiveStore(clickhouse, async () => {})
  }

  async positions(): Promise<ReadonlyMap<Partition, Position>> {
    const { done } = await this.store.progress()
    return new Map([...done].map(([partition, range]) => [partition, range.last]))
  }

  async *events(partition: Partition, after: Offset = -1): AsyncIterable<EventRow> {
    for await (const page of this.eventPages(partition, after)) yield* page
  }

  async *eventPages(partition: Partition, after: Offset = -1): AsyncIterable<readonly EventRow[]> {
    const pieces = this.clickhouse.streamBinary(
      `SELECT ${EVENT_COLUMNS.map(({ name }) => `e.${quoteName(name)}`).join(', ')} FROM events AS e FINAL
      WHERE e.partition = {partition: UInt16} AND e.offset > {after: Int64} ORDER BY e.offset`,
      { partition, after },
    )
    const reader = new RowBinaryReader<EventRow>(EVENT_COLUMNS)
    for await (const piece of pieces) yield reader.read(piece)
    reader.end()
  }

  async messagesOfEvents(range: MessagesRange): Promise<MessagesOfEvents> {
    const inRange = 'toInt64(offset) >= {firstOffset: Int64} AND toInt64(offset) <= {lastOffset: Int64}'
    const digest = async (table: string, where: string, unchanged: string) => {
      const columns = MESSAGE_FACTS.map(quoteName).join(', ')
      const [row] = await this.clickhouse.rows<{ rows: number; one: string; other: string; lastOffset: number }>(
        `SELECT countIf(${inRange}) AS rows, toString(sumIf(sipHash64(${columns}, ${unchanged}), ${inRange})) AS one,
          toString(groupBitXorIf(cityHash64(${columns}, ${unchanged}), ${inRange})) AS other,
          if(count() = 0, -1, toInt64(max(offset))) AS lastOffset
        FROM ${table} FINAL WHERE partition = {partition: UInt16} AND ${where}`,
        { ...range },
      )
      return row!
    }
    const found = await digest('messages', 'true', "isNull(editedAt) AND isNull(revokedAt) AND revokedBy = ''")
    const expected = await digest('events', "kind = 'MessageAccepted'", "packIdText = ''")
    const isSame = found.rows === expected.rows && found.one === expected.one && found.other === expected.other
    return { isSame, rows: found.rows, lastOffset: found.lastOffset }
  }

  messages(partition: Partition): AsyncIterable<MessageRow> {
    return this.clickhouse.stream<MessageRow>(
      `SELECT ${MESSAGE_COLUMNS.map(messageExpression).join(', ')} FROM messages AS m FINAL
      WHERE m.partition = {partition: UInt16} ORDER BY m.sessionId, m.seq`,
      { partition },
    )
  }

  async derived(upTo: ReadonlyMap<Partition, Offset>): Promise<DerivedDifference[]> {
    const found: DerivedDifference[] = []
    for (const table of FACTS.keys()) found.push(...(await this.derivedOf(table, upTo)))
    return found
  }

  /** By hashes of rows, in the server: what views of it have put into the table against what they would put there now. */
  private async derivedOf(table: string, upTo: ReadonlyMap<Partition, Offset>): Promise<DerivedDifference[]> {
    const { facts, of, hasPlace } = FACTS.get(table)!
    const params = { partitions: [...upTo.keys()], offsets: [...upTo.values()] }
    const inRange =
      'toInt64(offset) <= transform(partition, {partitions: Array(UInt16)}, {offsets: Array(Int64)}, toInt64(-1))'
    const source = `(SELECT * FROM events FINAL WHERE ${inRange}) AS events`
    const expected = await derivingSelect(this.clickhouse, table, source)
    const hash = `cityHash64(${facts.map(quoteName).join(', ')})`
    const count = async (is: DerivedDifference['is'], rows: string, others: string) => {
      const [row] = await this.clickhouse.rows<{ rows: number; of: string }>(
        `SELECT count() AS rows, any(${of}) AS of FROM ${rows} WHERE ${hash} NOT IN (SELECT ${hash} FROM ${others})`,
        params,
      )
      return row === undefined || row.rows === 0 ? [] : [{ table, is, ...row }]
    }
    const missing = await count('missing', `(${expected})`, `${table} FINAL`)
    if (!hasPlace) return missing
    const there = `(SELECT * FROM ${table} FINAL WHERE ${inRange})`
    return [...missing, ...(await count('extra', there, `(${expected})`))]
  }
}

const PLACE_FACTS = 'sessionId seq sessionKind partition offset count at kind from packId flags'.split(' ')

/** What is compared of each table: not the content, which may be emptied in one a moment before the other. */
const FACTS: ReadonlyMap<string, { facts: readonly string[]; of: string; hasPlace: boolean }> = new Map([
  ['timeline_events', { facts: [...PLACE_FACTS, 'userIds'], of: 'sessionId', hasPlace: true }],
  ['message_changes', { facts: [...PLACE_FACTS, 'targetSeq', 'contentBytes'], of: 'sessionId', hasPlace: true }],
  [
    'member_changes',
    {
      facts: ['userId', 'sessionId', 'seq', 'sessionKind', 'isIn', 'kind', 'partition', 'offset', 'at'],
      of: 'sessionId',
      hasPlace: true,
    },
  ],
  ['user_days', { facts: ['day', 'userId'], of: 'userId', hasPlace: false }],
])

const MESSAGE_COLUMNS = [
  'sessionId',
  'seq',
  'sessionKind',
  'partition',
  'offset',
  'count',
  'at',
  'from',
  'packId',
  'deviceType',
  'deviceId',
  'gateway',
  'flags',
  'contentKind',
  'contentType',
  'contentBytes',
  'text',
  'data',
  'extra',
  'editedAt',
  'revokedAt',
  'revokedBy',
] as const satisfies readonly (keyof MessageRow)[]

/** What a row of `messages` takes from its event. */
const MESSAGE_FACTS = MESSAGE_COLUMNS.filter(name => !['editedAt', 'revokedAt', 'revokedBy'].includes(name))

const MESSAGE_TIMES = new Set<string>(['at', 'editedAt', 'revokedAt'])

function messageExpression(name: string): string {
  const column = `m.${quoteName(name)}`
  return `${MESSAGE_TIMES.has(name) ? `toUnixTimestamp64Milli(${column})` : column} AS ${quoteName(name)}`
}
