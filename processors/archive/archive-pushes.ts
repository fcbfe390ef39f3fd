import type { ClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import type { Clock, Millis } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Service } from '../../infra/service.ts'
import { type RecordCodec, UnknownSchema } from '../../schemas/codec.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import type { PushRecord } from '../../schemas/push-record.ts'
import type { FetchedBatch, Log, LogReader, StoredRecord } from '../../topics/log.ts'
import type { Topic } from '../../topics/topics.ts'
import { type Column, encodeRows } from './row-binary.ts'

/**
 * im.pushes in ClickHouse. The table itself says how far it has come, for a row's place is its key: what is written
 * twice, after a crash or by two processes, counts once (read it with FINAL).
 */

export interface PushRow extends Omit<PushRecord, 'body'> {
  partition: number
  offset: number
  kind: string
  cause: string
  detail: string
}

const COLUMNS = [
  { name: 'partition', type: 'UInt16' },
  { name: 'offset', type: 'UInt64' },
  { name: 'pushId', type: 'String' },
  { name: 'at', type: 'DateTime64' },
  { name: 'userId', type: 'String' },
  { name: 'sessionId', type: 'String' },
  { name: 'seq', type: 'UInt64' },
  { name: 'eventAt', type: 'DateTime64' },
  { name: 'serviceType', type: 'UInt16' },
  { name: 'packageName', type: 'String' },
  { name: 'deviceType', type: 'UInt16' },
  { name: 'deviceId', type: 'String' },
  { name: 'attempt', type: 'UInt16' },
  { name: 'kind', type: 'String' },
  { name: 'cause', type: 'String' },
  { name: 'detail', type: 'String' },
] as const satisfies readonly Column<PushRow>[]

/** The row of a record. Pure. */
export function pushRow(partition: Partition, offset: Offset, { body, ...record }: PushRecord): PushRow {
  return {
    partition,
    offset,
    ...record,
    kind: body.kind,
    cause: body.kind === 'Failed' ? body.cause : '',
    detail: detailOf(body),
  }
}

function detailOf(body: PushRecord['body']): string {
  switch (body.kind) {
    case 'Accepted':
      return body.messageId
    case 'Failed':
    case 'Unknown':
    case 'Cancelled':
    case 'Delayed':
      return body.reason
    case 'Withdrawn':
      return body.how
    case 'Delivered':
      return body.detail
    default:
      return ''
  }
}

export async function insertPushes(clickhouse: ClickHouse, rows: readonly PushRow[]): Promise<void> {
  const [first, last] = [rows[0]!, rows.at(-1)!]
  await clickhouse.insertBinary({
    table: 'pushes',
    columns: COLUMNS.map(({ name }) => name),
    body: encodeRows<PushRow>(COLUMNS, rows, rows.length * ROW_BYTES_EXPECTED),
    token: `pushes:${first.partition}:${first.offset}-${last.offset}`,
  })
}

const ROW_BYTES_EXPECTED = 300
/** Analysts see a push within a second or so. */
const PAUSE_MS: Millis = 500
const RETRY_MS: Millis = 1_000

export interface PushArchiveOptions {
  clickhouse: ClickHouse
  log: Log
  topic: Topic
  codec: RecordCodec<PushRecord>
  clock: Clock
  logger: Logger
}

export function makePushArchive(options: PushArchiveOptions): Service {
  return new PushArchive(options)
}

class PushArchive implements Service {
  readonly name = 'archive-pushes'
  readonly done: Promise<void>
  private readonly options: PushArchiveOptions
  private readonly abort = new AbortController()
  private running: Promise<void> = Promise.resolve()
  private reader: LogReader | undefined
  private isReading = false
  private settle!: { resolve: () => void; reject: (error: unknown) => void }

  constructor(options: PushArchiveOptions) {
    this.options = options
    this.done = new Promise((resolve, reject) => {
      this.settle = { resolve, reject }
    })
    this.done.catch(() => {})
  }

  async start(): Promise<void> {
    this.running = this.run().then(this.settle.resolve, this.settle.reject)
  }

  ready(): boolean {
    return this.isReading
  }

  async drain(): Promise<void> {
    this.abort.abort()
    await this.reader?.close()
    await this.running
  }

  private async run(): Promise<void> {
    const { log, topic } = this.options
    const from = await this.persist(() => this.beginnings())
    if (from === undefined) return
    this.reader = log.read({ topic: topic.name, from, pauseMs: PAUSE_MS, onBatch: batch => this.take(batch) })
    this.isReading = true
    await this.reader.done
  }

  /** Behind what the table has, or where the log begins now. */
  private async beginnings(): Promise<ReadonlyMap<Partition, Offset>> {
    const { clickhouse, log, topic } = this.options
    const stored = await clickhouse.rows<{ partition: number; last: number }>(
      'SELECT partition, max(offset) AS last FROM pushes GROUP BY partition',
    )
    const last = new Map(stored.map(row => [row.partition, row.last]))
    const bounds = await log.bounds(topic.name)
    return new Map(
      [...bounds].map(([partition, { start }]) => [partition, Math.max(start, (last.get(partition) ?? -1) + 1)]),
    )
  }

  private async take({ partition, records }: FetchedBatch): Promise<void> {
    const rows: PushRow[] = []
    for (const record of records) {
      const read = await this.persist(() => this.read(record))
      if (this.abort.signal.aborted) return
      if (read !== undefined) rows.push(pushRow(partition, record.offset, read))
    }
    if (rows.length > 0) await this.persist(() => insertPushes(this.options.clickhouse, rows))
  }

  private async read({ value }: StoredRecord): Promise<PushRecord | undefined> {
    const { codec } = this.options
    if (value === null) return undefined
    try {
      return codec.decode(value)
    } catch (error) {
      if (!(error instanceof UnknownSchema)) throw error
      await codec.learn(error.schemaId)
      return codec.decode(value)
    }
  }

  /** Tries until it works, or it is to end. */
  private async persist<T>(attempt: () => Promise<T>): Promise<T | undefined> {
    const { clock, logger } = this.options
    while (!this.abort.signal.aborted) {
      try {
        return await attempt()
      } catch (error) {
        logger.warn({ err: error }, 'pushes cannot be archived for now')
        await clock.sleep(RETRY_MS, this.abort.signal)
      }
    }
    return undefined
  }
}
