import { type ClickHouse, quoteName } from '../../infra/clickhouse/clickhouse.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import { ClickHouseArchiveStore } from './clickhouse-archive-store.ts'
import { EVENT_COLUMNS, type EventRow } from './event-row.ts'

/**
 * The archive as plain rows, one for each key (after FINAL), for `verify` and for tests that compare two archives.
 * Rows are read from the store as they are; nothing here folds events.
 */
export interface ArchiveInspector {
  positions(): Promise<ReadonlyMap<Partition, Position>>
  /** Rows of `events` of a partition, ascending by offset; with `after` only those behind that offset. */
  events(partition: Partition, after?: Offset): AsyncIterable<EventRow>
  /** Rows of `messages` of a partition, ascending by sessionId (its bytes) and seq. */
  messages(partition: Partition): AsyncIterable<MessageRow>
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
    const rows = this.clickhouse.stream<EventRow & { digest: string }>(
      `SELECT ${EVENT_COLUMNS.map(eventExpression).join(', ')} FROM events AS e FINAL
      WHERE e.partition = {partition: UInt16} AND e.offset > {after: Int64} ORDER BY e.offset`,
      { partition, after },
    )
    for await (const row of rows) yield { ...row, digest: Buffer.from(row.digest, 'hex') }
  }

  messages(partition: Partition): AsyncIterable<MessageRow> {
    return this.clickhouse.stream<MessageRow>(
      `SELECT ${MESSAGE_COLUMNS.map(messageExpression).join(', ')} FROM messages AS m FINAL
      WHERE m.partition = {partition: UInt16} ORDER BY m.sessionId, m.seq`,
      { partition },
    )
  }
}

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

const MESSAGE_TIMES = new Set<string>(['at', 'editedAt', 'revokedAt'])

function messageExpression(name: string): string {
  const column = `m.${quoteName(name)}`
  return `${MESSAGE_TIMES.has(name) ? `toUnixTimestamp64Milli(${column})` : column} AS ${quoteName(name)}`
}

function eventExpression({ name, type }: (typeof EVENT_COLUMNS)[number]): string {
  const column = `e.${quoteName(name)}`
  if (type === 'DateTime64') return `toUnixTimestamp64Milli(${column}) AS ${quoteName(name)}`
  if (type === 'FixedString16') return `lower(hex(${column})) AS ${quoteName(name)}`
  return `${column} AS ${quoteName(name)}`
}
