import type { Clock, Millis } from '../infra/clock.ts'
import type { Logger } from '../infra/logger.ts'
import type { Metrics } from '../infra/metrics.ts'
import type { Service } from '../infra/service.ts'
import { describe } from './difference.ts'
import type { VerifyResult } from './verify.ts'

export interface VerifierOptions {
  /** Compares everything once; rejects where that cannot be done. */
  verify(): Promise<VerifyResult>
  /** From the end of one comparison to the beginning of the next, ms. */
  everyMs: Millis
  clock: Clock
  logger: Logger
  metrics: Metrics
}

/**
 * Verifies again and again, for as long as its role runs, and tells what came of it by metrics and the log. A process of
 * its own, so that what it costs (one core while it compares, two partitions' folds in memory) is not taken from the views.
 */
export class Verifier implements Service {
  readonly name = 'verify'
  readonly done: Promise<void>
  private readonly options: VerifierOptions
  private readonly metrics: ReturnType<typeof verifierMetrics>
  private readonly stopping = new AbortController()
  private settle: () => void = () => {}

  constructor(options: VerifierOptions) {
    this.options = options
    this.metrics = verifierMetrics(options.metrics)
    this.done = new Promise(resolve => {
      this.settle = resolve
    })
  }

  async start(): Promise<void> {
    void this.run()
  }

  ready(): boolean {
    return true
  }

  /** A comparison that is under way is not waited for: it changes nothing. */
  async drain(): Promise<void> {
    this.stopping.abort()
    this.settle()
  }

  private async run(): Promise<void> {
    const { clock, everyMs } = this.options
    while (!this.stopping.signal.aborted) {
      await this.once()
      await clock.sleep(everyMs, this.stopping.signal)
    }
  }

  private async once(): Promise<void> {
    const { clock, logger, verify } = this.options
    const begun = clock.monotonic()
    try {
      const result = await verify()
      if (this.stopping.signal.aborted) return
      const seconds = (clock.monotonic() - begun) / 1_000
      this.tell(result, seconds)
    } catch (error) {
      if (this.stopping.signal.aborted) return
      this.metrics.failures.inc()
      logger.error({ err: error }, 'the views could not be compared with the log')
    }
  }

  private tell(result: VerifyResult, seconds: number): void {
    const { clock, logger } = this.options
    const { sessions, events, total, differences } = result
    this.metrics.finishedAt.set(clock.now() / 1_000)
    this.metrics.seconds.set(seconds)
    this.metrics.sessions.set(sessions)
    this.metrics.differences.set(total)
    for (const difference of differences)
      logger.error({ difference: describe(difference) }, 'a view differs from the log')
    logger.info({ sessions, events, differences: total, seconds }, 'the views were compared with the log')
  }
}

function verifierMetrics(metrics: Metrics) {
  return {
    finishedAt: metrics.gauge(
      'verify_finished_timestamp_seconds',
      'when the last comparison of the views ended, Unix time',
    ),
    seconds: metrics.gauge('verify_duration_seconds', 'how long it took'),
    sessions: metrics.gauge('verify_sessions', 'sessions that it compared'),
    differences: metrics.gauge('verify_differences', 'differences that it found'),
    failures: metrics.counter('verify_failures_total', 'comparisons that could not be made'),
  }
}
