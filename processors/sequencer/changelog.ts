import type { Clock } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { RecordCodec } from '../../schemas/codec.ts'
import type { Partition } from '../../schemas/ids.ts'
import type { SessionBody, SessionRecord } from '../../schemas/session.ts'
import { AppendFailed, type LogRecord } from '../../topics/log.ts'
import type { Topic } from '../../topics/topics.ts'
import {
  TRANSACTION_BYTES_MAX,
  TRANSACTION_RECORDS_MAX,
  type TransactionalWriter,
} from '../../topics/transactional-log.ts'
import type { Position } from '../../topics/valid-events.ts'
import { loggedMembers } from './logged-members.ts'
import { isLogged, LOGGED_TABLES, loggedRow } from './logged-rows.ts'
import { type Change, type Checkpoint, makeRowMaps, type RowMaps, type Rows, type Table } from './session.ts'
import { recentFrom } from './time-marks.ts'

/**
 * im.sessions follows the state, so that a partition can move to a machine with an empty disk: at most
 * CHANGELOG_DELAY_MS_MAX behind, one record per row however often it changed (one for many members who came in
 * together, logged-members.ts), through a writer that is fenced when
 * another instance takes the partition.
 *
 * What has changed up to one checkpoint is written together, and the `#pos` mark with that checkpoint comes last.
 * Where this takes several transactions, a crash between them leaves rows that are newer than the last mark; each
 * row says up to which offset it is folded, and the restore passes over the events that a row holds already (ST4).
 */

/** A change waits at most this long for others before it is written, in ms. */
export const CHANGELOG_DELAY_MS_MAX = 1_500
/** So many changed rows are written at once, without waiting. */
export const CHANGELOG_ROWS_SOON = 4_000
/** With so many changed rows waiting for a slow broker the sequencer pauses. */
export const CHANGELOG_ROWS_MAX = 50_000
/** Rows encoded in one go, before other work gets its turn. */
const ENCODE_ROWS_MAX = 200
/** Wait after a failed transaction, in ms: doubles from the first to the second. */
const RETRY_DELAY_MS_MIN = 100
const RETRY_DELAY_MS_MAX = 2_000

export const POSITION_KEY = '#pos'
export const CLAIM_KEY = '#claim'

export interface ChangelogParts {
  topic: Topic
  partition: Partition
  /** Name of this instance, for operators. */
  writer: string
  codec: RecordCodec<SessionRecord>
  transactional: TransactionalWriter
  clock: Clock
  logger: Logger
  /** Told once when it can go on no longer: Fenced when another instance has taken the partition, or a bug. */
  onFailure(error: unknown): void
  /** Told when im.sessions holds everything up to the position. */
  onLogged(position: Position): void
}

export class Changelog {
  private readonly parts: ChangelogParts
  private changed = makeRowMaps()
  private rows = 0
  /** The checkpoint that `changed` belongs to; undefined when there is nothing to write. */
  private waiting: Checkpoint | undefined
  private cancelTimer: (() => void) | undefined
  private run: Promise<void> | undefined
  private failures = 0
  private stopped = false

  constructor(parts: ChangelogParts) {
    this.parts = parts
  }

  /** Rows that wait. */
  get waitingRows(): number {
    return this.rows
  }

  /** What changed up to the checkpoint, in order. */
  note(changes: readonly Change[], checkpoint: Checkpoint): void {
    if (this.stopped) return
    for (const { table, key, row } of changes) if (isLogged(table)) this.noteRow(table, key, row)
    this.noteMark(checkpoint)
  }

  /** A row to be written; it counts with the next mark. */
  noteRow<T extends Table>(table: T, key: string, row: Rows[T]): void {
    const target = this.changed[table] as Map<string, Rows[T]>
    if (!target.has(key)) this.rows++
    target.set(key, row)
  }

  /** Everything up to the checkpoint has been noted. */
  noteMark(checkpoint: Checkpoint): void {
    if (this.stopped) return
    this.waiting = checkpoint
    this.schedule()
  }

  /** Undefined while there is room; otherwise resolves when there may be, or when the signal aborts. */
  room(signal: AbortSignal): Promise<void> | undefined {
    if (this.rows < CHANGELOG_ROWS_MAX || this.stopped) return undefined
    return Promise.race([this.write(), this.parts.clock.sleep(RETRY_DELAY_MS_MAX, signal)])
  }

  /** Writes everything that was noted; one attempt for each part of it. False when that failed. */
  async flush(): Promise<boolean> {
    await this.run
    while (!this.stopped && this.waiting !== undefined) {
      await this.write()
      if (this.failures > 0) return false
    }
    return this.waiting === undefined
  }

  /** Writes no more, and lets the connection go. */
  async close(): Promise<void> {
    this.stop()
    await this.run
    await this.parts.transactional.close()
  }

  private stop(): void {
    this.stopped = true
    this.cancelTimer?.()
    this.cancelTimer = undefined
  }

  private schedule(): void {
    if (this.run !== undefined || this.stopped) return
    if (this.rows >= CHANGELOG_ROWS_SOON && this.failures === 0) void this.write()
    else this.cancelTimer ??= this.parts.clock.schedule(this.delayMs(), () => void this.write())
  }

  private delayMs(): number {
    if (this.failures === 0) return CHANGELOG_DELAY_MS_MAX
    return Math.min(RETRY_DELAY_MS_MAX, RETRY_DELAY_MS_MIN * 2 ** Math.min(this.failures - 1, 10))
  }

  private write(): Promise<void> {
    this.cancelTimer?.()
    this.cancelTimer = undefined
    this.run ??= this.writeChanged().finally(() => {
      this.run = undefined
      if (this.waiting !== undefined) this.schedule()
    })
    return this.run
  }

  private async writeChanged(): Promise<void> {
    const rows = this.changed
    const checkpoint = this.waiting
    if (checkpoint === undefined) return
    this.waiting = undefined
    this.changed = makeRowMaps()
    this.rows = 0
    try {
      for await (const records of this.transactions(rows, checkpoint)) {
        if (this.stopped) return
        const { topic, partition, transactional } = this.parts
        await transactional.append({ topic: topic.name, partition, records })
      }
      this.failures = 0
      this.parts.onLogged(checkpoint.position)
    } catch (error) {
      this.failed(error, rows, checkpoint)
    }
  }

  private failed(error: unknown, rows: RowMaps, checkpoint: Checkpoint): void {
    if (!(error instanceof AppendFailed)) {
      this.stop()
      this.parts.onFailure(error)
      return
    }
    this.failures++
    this.parts.logger.warn({ err: error, partition: this.parts.partition }, 'im.sessions could not be written')
    const newer = this.changed
    this.changed = rows
    this.rows = LOGGED_TABLES.reduce((sum, table) => sum + rows[table].size, 0)
    for (const table of LOGGED_TABLES) {
      for (const [key, row] of newer[table]) this.noteRow(table, key, row)
    }
    this.noteMark(this.waiting ?? checkpoint)
  }

  /** The records of each transaction; the mark is the last of all. */
  private async *transactions(rows: RowMaps, checkpoint: Checkpoint): AsyncGenerator<LogRecord[]> {
    const { clock, codec, writer } = this.parts
    let records: LogRecord[] = []
    let bytes = 0
    let encoded = 0
    for (const { key, body } of bodiesOf(rows, checkpoint)) {
      if (++encoded % ENCODE_ROWS_MAX === 0) await new Promise<void>(resolve => clock.defer(resolve))
      const value = codec.encode({ writer, offset: checkpoint.position.offset, body })
      const record = { key: Buffer.from(key), value, headers: {} }
      const size = record.key.length + value.length
      if (records.length === TRANSACTION_RECORDS_MAX || bytes + size > TRANSACTION_BYTES_MAX) {
        yield records
        records = []
        bytes = 0
      }
      records.push(record)
      bytes += size
    }
    yield records
  }
}

function* bodiesOf(rows: RowMaps, checkpoint: Checkpoint): Generator<{ key: string; body: SessionBody }> {
  yield* loggedMembers(rows.members)
  for (const table of LOGGED_TABLES) {
    if (table !== 'members') for (const [key, row] of rows[table]) yield loggedRow(table, key, row)
  }
  yield { key: POSITION_KEY, body: markOf(checkpoint) }
}

function markOf({ position, time, marks }: Checkpoint): SessionBody {
  const { at, horizon, windowMsMax, rules } = time
  return { kind: 'PositionMark', position, at, horizon, windowMsMax, rules, recentFrom: recentFrom(marks) }
}
