import type { Clock, Millis } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Offset, Partition, SessionId } from '../../schemas/ids.ts'

/**
 * What was sent to which webhook and what came back, for partners and analysts: rows of `webhook_attempts`. It is told,
 * not relied upon: rows wait in memory for a moment, a process that is killed loses those, and while ClickHouse is away
 * the oldest beyond a bound are left out and counted.
 */

export const ATTEMPT_ROWS_MAX = 20_000
export const ATTEMPTS_FLUSH_MS: Millis = 1_000
const FLUSH_ROWS_MAX = 5_000

export interface Attempt {
  app: string
  webhookId: string
  sessionId: SessionId
  partition: Partition
  offset: Offset
  kind: string
  /** Of the delivery, from 1; 0 where it was not tried. */
  attempt: number
  /** Wall clock, ms. */
  at: Millis
  durationMs: Millis
  /** `dead`: tried for the last time. `dropped`: there was no room for it, or nobody replayed it in time. */
  outcome: 'delivered' | 'failed' | 'dead' | 'dropped'
  /** Of HTTP; 0 where there was no answer. */
  status: number
  error: string
}

export interface AttemptTable {
  /** Rejects when the table cannot be reached. */
  insert(rows: readonly Attempt[], token: string): Promise<void>
  close(): Promise<void>
}

export class AttemptLog {
  private readonly table: AttemptTable
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly onLost: (rows: number) => void
  private readonly name: string
  private rows: Attempt[] = []
  private inserts = 0
  private cancel: (() => void) | undefined
  private flushing: Promise<void> = Promise.resolve()
  private isDown = false

  /** `name` is unique over processes and restarts: what is inserted twice counts once. */
  constructor(options: {
    table: AttemptTable
    clock: Clock
    logger: Logger
    name: string
    onLost: (rows: number) => void
  }) {
    this.table = options.table
    this.clock = options.clock
    this.logger = options.logger
    this.name = options.name
    this.onLost = options.onLost
  }

  add(row: Attempt): void {
    this.rows.push(row)
    const over = this.rows.length - ATTEMPT_ROWS_MAX
    if (over > 0) {
      this.rows.splice(0, over)
      this.onLost(over)
    }
    this.cancel ??= this.clock.schedule(ATTEMPTS_FLUSH_MS, () => {
      this.cancel = undefined
      void this.flush()
    })
  }

  /** Writes what waits, or keeps it for the next time. Never rejects. */
  flush(): Promise<void> {
    this.flushing = this.flushing.then(() => this.write())
    return this.flushing
  }

  private async write(): Promise<void> {
    while (this.rows.length > 0) {
      const rows = this.rows.splice(0, FLUSH_ROWS_MAX)
      try {
        await this.table.insert(rows, `${this.name}-${this.inserts++}`)
        this.isDown = false
      } catch (error) {
        if (!this.isDown) this.logger.error({ err: error }, 'attempts of webhooks cannot be logged')
        this.isDown = true
        for (const row of this.rows.splice(0)) rows.push(row)
        for (const row of rows) this.add(row)
        return
      }
    }
  }

  async close(): Promise<void> {
    this.cancel?.()
    this.cancel = () => {}
    await this.flush()
    await this.table.close()
  }
}
