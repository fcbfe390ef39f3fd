import { BrokenInvariant } from '../infra/assert.ts'
import type { Clock, Millis, Random } from '../infra/clock.ts'
import type { Logger } from '../infra/logger.ts'
import { LogCorrupt } from '../topics/valid-events.ts'
import { ViewStopped } from './view.ts'

export const RETRY_MS_FIRST: Millis = 50
export const RETRY_MS_MAX: Millis = 5_000

export interface RetryLoopOptions {
  view: string
  clock: Clock
  random: Random
  logger: Logger
  /** Ends every loop. */
  signal: AbortSignal
  onFailure: () => void
}

/** Does again what a store or a broker refuses, with bounded backoff, until it succeeds: however long that takes. */
export class RetryLoop {
  private readonly options: RetryLoopOptions

  constructor(options: RetryLoopOptions) {
    this.options = options
  }

  /** What the task gave; undefined when the signal came first. Rejects with what no retry can help. */
  async run<T>(what: string, task: () => Promise<T>): Promise<T | undefined> {
    const { view, clock, random, logger, signal, onFailure } = this.options
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        return await task()
      } catch (error) {
        if (!mayPass(error)) throw error
        onFailure()
        const delayMs = retryDelayMs(attempt, random)
        logger.warn({ err: error, view, attempt, delayMs }, `${what} failed and is tried again`)
        await clock.sleep(delayMs, signal)
      }
    }
    return undefined
  }
}

/** False for what no retry can help: a corrupt log, a broken invariant, a bug. */
export function mayPass(error: unknown): boolean {
  const hopeless = [LogCorrupt, BrokenInvariant, TypeError, ReferenceError, ViewStopped]
  return !hopeless.some(kind => error instanceof kind)
}

/** Doubles from RETRY_MS_FIRST to RETRY_MS_MAX; half of it is random, so that partitions do not come all at once. */
function retryDelayMs(attempt: number, random: Random): Millis {
  const full = Math.min(RETRY_MS_FIRST * 2 ** Math.min(attempt, 16), RETRY_MS_MAX)
  return full / 2 + (full / 2) * random.next()
}
