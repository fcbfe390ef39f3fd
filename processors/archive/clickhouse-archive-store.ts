import { assert } from '../../infra/assert.ts'
import { type ClickHouse, INSERT_TOKEN_BYTES_MAX, quoteName } from '../../infra/clickhouse/clickhouse.ts'
import type { ArchiveProgress, ArchiveStore, Load, RecordedRange } from './archive-store.ts'
import { EVENT_COLUMNS, type EventRow } from './event-row.ts'
import { migrate } from './migrate.ts'
import { encodeRows } from './row-binary.ts'

/** The archive in ClickHouse. `suffix` stands behind the names of its tables: empty, or that of a rebuild. */
export class ClickHouseArchiveStore implements ArchiveStore {
  private readonly clickhouse: ClickHouse
  private readonly prepareDatabase: () => Promise<void>
  private suffix: string

  /** `prepareDatabase` makes the database where it is missing. Closing the store closes the client. */
  constructor(clickhouse: ClickHouse, prepareDatabase: () => Promise<void>, suffix = '') {
    this.clickhouse = clickhouse
    this.prepareDatabase = prepareDatabase
    this.suffix = suffix
  }

  async prepare(): Promise<void> {
    await this.prepareDatabase()
    await migrate(this.clickhouse)
  }

  async progress(): Promise<ArchiveProgress> {
    const [ranges, switches] = await Promise.all([
      this.clickhouse.rows<ProgressRow>(`SELECT * FROM ${this.table('archive_progress')} FINAL ${SMALL}`),
      this.clickhouse.rows<SwitchRow>(SWITCHES, { fenceSeconds: SWITCH_FENCE_SECONDS }),
    ])
    const read = (step: ProgressRow['step']) =>
      new Map(ranges.filter(row => row.step === step).map(row => [row.partition, recordedRange(row)]))
    return {
      done: read('done'),
      intents: read('intent'),
      switches: switches.length,
      // The rebuild's own writer is the one that the others hold still for.
      switching: this.suffix === '' && isOpen(switches),
    }
  }

  recordIntent(load: Load): Promise<void> {
    return this.record('intent', load)
  }

  recordDone(load: Load): Promise<void> {
    return this.record('done', load)
  }

  async insert(load: Load, rows: readonly EventRow[]): Promise<void> {
    assert(Buffer.byteLength(load.token) <= INSERT_TOKEN_BYTES_MAX, 'a deduplication token that is too long')
    const bytes = rows.reduce((sum, row) => sum + ROW_BYTES_EXPECTED + row.text.length + row.data.length, 0)
    await this.clickhouse.insertBinary({
      table: `events${this.suffix}`,
      columns: COLUMN_NAMES,
      body: encodeRows<EventRow>(EVENT_COLUMNS, rows, bytes),
      token: load.token,
    })
  }

  /** From here on this store writes to the tables with the plain names: its own have taken their place. */
  becomeLive(): void {
    this.suffix = ''
  }

  close(): Promise<void> {
    return this.clickhouse.close()
  }

  private table(name: string): string {
    return quoteName(`${name}${this.suffix}`)
  }

  private async record(step: ProgressRow['step'], { token, ranges }: Load): Promise<void> {
    const column = <T>(of: (range: Load['ranges'][number]) => T) => ranges.map(of)
    await this.clickhouse.command(
      `INSERT INTO ${this.table('archive_progress')}
        (partition, step, firstOffset, lastOffset, rows, lastEra, lastCause, lastHash, token, partitions)
      SELECT partition, {step: String}, firstOffset, lastOffset, rows, lastEra, lastCause, lastHash,
        {token: String}, {partitions: Array(UInt16)}
      FROM (SELECT
        arrayJoin(arrayZip({partitions: Array(UInt16)}, {firsts: Array(UInt64)}, {lasts: Array(UInt64)},
          {rows: Array(UInt32)}, {eras: Array(Int32)}, {causes: Array(UInt64)}, {hashes: Array(String)})) AS range,
        range.1 AS partition, range.2 AS firstOffset, range.3 AS lastOffset, range.4 AS rows,
        range.5 AS lastEra, range.6 AS lastCause, range.7 AS lastHash)
      ${SMALL}, async_insert = 0, insert_deduplicate = 0`,
      {
        step,
        token,
        partitions: column(range => range.partition),
        firsts: column(range => range.firstOffset),
        lasts: column(range => range.last.offset),
        rows: column(range => range.rows),
        eras: column(range => range.last.cause?.era ?? 0),
        causes: column(range => range.last.cause?.offset ?? 0),
        hashes: column(range => range.last.hash ?? ''),
      },
    )
  }
}

/** Bytes of a row without its content, roughly. */
const ROW_BYTES_EXPECTED = 320
const COLUMN_NAMES = EVENT_COLUMNS.map(({ name }) => name)

/** A rebuild exchanges its tables within this time after it has said so; older marks of dead rebuilds hold nobody up. */
export const SWITCH_FENCE_SECONDS = 60

/** For statements over a handful of rows, of which every load has six: threads would cost more than the work. */
const SMALL = 'SETTINGS max_threads = 1'

/** Two rows for each rebuild that ever was; simple, because the server takes longer to think about it than to do it. */
const SWITCHES = `SELECT switchId, step, recordedAt < now64(3) - toIntervalSecond({fenceSeconds: UInt32}) AS isOld
FROM archive_switches ${SMALL}`

interface SwitchRow {
  switchId: string
  step: 'begun' | 'ended'
  isOld: 0 | 1
}

/** True while an exchange has begun and not ended. */
function isOpen(switches: readonly SwitchRow[]): boolean {
  const ended = new Set(switches.filter(({ step }) => step === 'ended').map(({ switchId }) => switchId))
  return switches.some(({ switchId, isOld }) => isOld === 0 && !ended.has(switchId))
}

interface ProgressRow {
  partition: number
  step: 'intent' | 'done'
  firstOffset: number
  lastOffset: number
  rows: number
  lastEra: number
  lastCause: number
  lastHash: string
  token: string
  partitions: number[]
}

function recordedRange(row: ProgressRow): RecordedRange {
  const { partition, firstOffset, lastOffset, rows, lastEra, lastCause, lastHash, token, partitions } = row
  const cause = { era: lastEra, offset: lastCause }
  return {
    partition,
    firstOffset,
    last: { offset: lastOffset, cause, hash: lastHash === '' ? null : lastHash },
    rows,
    token,
    partitions,
  }
}
