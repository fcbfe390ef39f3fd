import type { Clock, Millis } from '../../../infra/clock.ts'

/** A clock on which every wait is over as soon as nothing else is to be done; the time then is what was waited for. */
export class EagerClock implements Clock {
  private time: Millis = 1_000_000

  now(): Millis {
    return this.time
  }

  monotonic(): Millis {
    return this.time
  }

  sleep(delayMs: Millis): Promise<void> {
    return new Promise(resolve => this.schedule(delayMs, resolve))
  }

  schedule(delayMs: Millis, task: () => void): () => void {
    const due = this.time + delayMs
    const immediate = setImmediate(() => {
      this.time = Math.max(this.time, due)
      task()
    })
    return () => clearImmediate(immediate)
  }

  defer(task: () => void): void {
    setImmediate(task)
  }
}
