import type { Clock, Millis } from '../../infra/clock.ts'

interface Timer {
  at: Millis
  task: () => void
}

/** A clock that stands still until the test moves it. */
export class ManualClock implements Clock {
  private time: Millis
  private timers: Timer[] = []

  constructor(startAt: Millis = 1_700_000_000_000) {
    this.time = startAt
  }

  now(): Millis {
    return this.time
  }

  monotonic(): Millis {
    return this.time
  }

  sleep(delayMs: Millis, signal?: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      if (signal?.aborted) return resolve()
      const done = () => {
        cancel()
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const cancel = this.schedule(delayMs, done)
      signal?.addEventListener('abort', done, { once: true })
    })
  }

  schedule(delayMs: Millis, task: () => void): () => void {
    const timer = { at: this.time + delayMs, task }
    this.timers.push(timer)
    return () => {
      this.timers = this.timers.filter(other => other !== timer)
    }
  }

  defer(task: () => void): void {
    queueMicrotask(task)
  }

  /** Lets everything run that needs no time. */
  async settle(): Promise<void> {
    await new Promise(resolve => setImmediate(resolve))
  }

  /** Moves the time on, timer by timer, and lets everything run in between. */
  async advance(byMs: Millis): Promise<void> {
    const until = this.time + byMs
    await this.settle()
    for (;;) {
      const next = this.timers.toSorted((one, other) => one.at - other.at)[0]
      if (next === undefined || next.at > until) break
      this.time = Math.max(this.time, next.at)
      this.timers = this.timers.filter(timer => timer !== next)
      next.task()
      await this.settle()
    }
    this.time = until
    await this.settle()
  }
}
