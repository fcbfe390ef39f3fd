import { type ClickHouseOptions, connectClickHouse } from '../infra/clickhouse/clickhouse.ts'
import type { Clock, Millis } from '../infra/clock.ts'
import { Histogram, type LatencySummary } from './histogram.ts'

/** How often the archive is asked, ms. */
const LOOK_MS: Millis = 200
const ANSWER_MS_MAX: Millis = 2_000

/**
 * How old the newest event is that analysts see, looked at again and again while events come all the time. Between two
 * inserts this grows, up to what the event that waited longest has waited: its maximum is that of all events.
 */
export class ArchiveAge {
  private readonly clickhouse
  private readonly clock: Clock
  private readonly ages = new Histogram()
  private readonly ended = new AbortController()
  /** False once the archive did not answer. */
  private looking: Promise<boolean> = Promise.resolve(true)

  constructor(options: Pick<ClickHouseOptions, 'url' | 'database'>, clock: Clock) {
    this.clickhouse = connectClickHouse({ ...options, requestTimeoutMs: ANSWER_MS_MAX })
    this.clock = clock
  }

  begin(): void {
    this.looking = this.look().then(
      () => true,
      () => false,
    )
  }

  /** Undefined when the archive did not answer all the time, or has nothing. */
  async end(): Promise<LatencySummary | undefined> {
    this.ended.abort()
    const isKnown = await this.looking
    await this.clickhouse.close()
    return isKnown && this.ages.count > 0 ? this.ages.summary() : undefined
  }

  private async look(): Promise<void> {
    const { signal } = this.ended
    while (!signal.aborted) {
      const [row] = await this.clickhouse.rows<{ age: Millis }>(
        'SELECT toUnixTimestamp64Milli(now64(3)) - toUnixTimestamp64Milli(max(at)) AS age FROM events HAVING count() > 0',
      )
      if (row !== undefined) this.ages.record(row.age)
      await this.clock.sleep(LOOK_MS, signal)
    }
  }
}
