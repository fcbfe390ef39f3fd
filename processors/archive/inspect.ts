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
  /** The same in RowBinary, the columns as EVENT_COLUMNS has them, in pieces that end anywhere. */
  eventBytes(partition: Partition, after?: Offset): AsyncIterable<Buffer>
  /**
   * Whether `messages` says what `events` says of its messages, for each partition that is asked about; every column is
   * compared.
   */
  messagesOfEvents(ranges: readonly MessagesRange[]): Promise<ReadonlyMap<Partition, MessagesOfEvents>>
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
  /** The rows in the range are those that the events in it make, by their number and the sum of their hashes of 64 bits. */
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
    const reader = new RowBinaryReader<EventRow>(EVENT_COLUMNS)
    for await (const piece of this.eventBytes(partition, after)) yield* reader.read(piece)
    reader.end()
  }

  eventBytes(partition: Partition, after: Offset = -1): AsyncIterable<Buffer> {
    return this.clickhouse.streamBinary(
      `SELECT ${EVENT_COLUMNS.map(({ name }) => `e.${quoteName(name)}`).join(', ')} FROM events AS e FINAL
      WHERE e.partition = {partition: UInt16} AND e.offset > {after: Int64} ORDER BY e.offset`,
      { partition, after },
    )
  }

  /** All partitions in one statement for each table: `messages` is not in the order of partitions. */
  async messagesOfEvents(ranges: readonly MessagesRange[]): Promise<ReadonlyMap<Partition, MessagesOfEvents>> {
    const params = {
      partitions: ranges.map(({ partition }) => partition),
      first: ranges.map(({ firstOffset }) => firstOffset),
      last: ranges.map(({ lastOffset }) => lastOffset),
    }
    const bound = (name: string) =>
      `transform(partition, {partitions: Array(UInt16)}, {${name}: Array(Int64)}, toInt64(-1))`
    const inRange = `toInt64(offset) >= ${bound('first')} AND toInt64(offset) <= ${bound('last')}`
    const columns = MESSAGE_FACTS.map(quoteName).join(', ')
    const digest = async (table: string, where: string, unchanged: string) => {
      const rows = await this.clickhouse.rows<MessagesDigest>(
        `SELECT partition, countIf(${inRange}) AS rows,
          toString(sumIf(sipHash64(${columns}, ${unchanged}), ${inRange})) AS hash, toInt64(max(offset)) AS lastOffset
        FROM ${table} FINAL WHERE partition IN {partitions: Array(UInt16)} AND ${where} GROUP BY partition`,
        params,
      )
      return new Map(rows.map(row => [row.partition, row]))
    }
    const found = await digest('messages', 'true', "isNull(editedAt) AND isNull(revokedAt) AND revokedBy = ''")
    const expected = await digest('events', "kind = 'MessageAccepted'", "packIdText = ''")
    return new Map(
      ranges.map(({ partition }) => {
        const { rows, hash, lastOffset } = found.get(partition) ?? NO_MESSAGES
        const { rows: wanted, hash: wantedHash } = expected.get(partition) ?? NO_MESSAGES
        return [partition, { isSame: rows === wanted && hash === wantedHash, rows, lastOffset }]
      }),
    )
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
    const expected = `(${await derivingSelect(this.clickhouse, table, source)})`
    const there = hasPlace ? `(SELECT * FROM ${table} FINAL WHERE ${inRange})` : `${table} FINAL`
    const hash = `cityHash64(${facts.map(quoteName).join(', ')})`
    const sum = async (rows: string) => {
      const select = `SELECT concat(toString(count()), ' ', toString(sum(${hash}))) AS sum FROM ${rows}`
      return (await this.clickhouse.rows<{ sum: string }>(select, params))[0]!.sum
    }
    // Sets of all hashes are only made where the two differ: to say how many rows, and of whom.
    if ((await sum(expected)) === (await sum(there))) return []
    const count = async (is: DerivedDifference['is'], rows: string, others: string) => {
      const [row] = await this.clickhouse.rows<{ rows: number; of: string }>(
        `SELECT count() AS rows, any(${of}) AS of FROM ${rows} WHERE ${hash} NOT IN (SELECT ${hash} FROM ${others})`,
        params,
      )
      return row === undefined || row.rows === 0 ? [] : [{ table, is, ...row }]
    }
    const missing = await count('missing', expected, there)
    if (!hasPlace) return missing
    return [...missing, ...(await count('extra', there, expected))]
  }
}

interface MessagesDigest extends Omit<MessagesOfEvents, 'isSame'> {
  partition: Partition
  hash: string
}

const NO_MESSAGES = { rows: 0, hash: '0', lastOffset: -1 }

const PLACE_FACTS = 'sessionId seq sessionKind partition offset count at kind from packId flags'.split(' ')

/** What is compared of each table: not the content, which may be emptied in one a moment before the other. */
const FACTS: ReadonlyMap<string, { facts: readonly string[]; of: string; hasPlace: boolean }> = new Map([
  ['timeline_events', { facts: [...PLACE_FACTS, 'userIds'], of: 'sessionId', hasPlace: true }],
  ['message_changes', { facts: [...PLACE_FACTS, 'targetSeq', 'contentBytes'], of: 'sessionId', hasPlace: true }],
  ['message_events', { facts: [...PLACE_FACTS, 'messageSeq', 'contentKind'], of: 'sessionId', hasPlace: true }],
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
