import type { Clock, Millis } from '../../../infra/clock.ts'

interface Timer {
  at: Millis
  order: number
  task: () => void
}

/**
 * Time that stands still until `drive` moves it: what was deferred runs in order, timers when nothing else is left.
 * Between two tasks every promise that can settle does.
 */
export class VirtualClock implements Clock {
  private time: Millis
  private order = 0
  private timers: Timer[] = []

  constructor(time: Millis) {
    this.time = time
  }

  now(): Millis {
    return Math.floor(this.time)
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
    const timer = { at: this.time + Math.max(0, delayMs), order: this.order++, task }
    this.timers.push(timer)
    return () => {
      this.timers = this.timers.filter(other => other !== timer)
    }
  }

  defer(task: () => void): void {
    this.schedule(0, task)
  }

  /** Sets the time forward without running anything. */
  skipTo(time: Millis): void {
    this.time = Math.max(this.time, time)
  }

  /** Runs tasks until `done` holds. Throws when there is nothing left to run, or after `stepsMax` tasks. */
  async drive(done: () => boolean, stepsMax = 100_000): Promise<void> {
    await settle()
    for (let step = 0; !done(); step++) {
      if (step === stepsMax) throw new Error(`not done after ${stepsMax} steps`)
      if (!this.runNext()) throw new Error('nothing is left to run, and it is not done')
      await settle()
    }
  }

  /** Runs what becomes due within `spanMs`. */
  async pass(spanMs: Millis): Promise<void> {
    const until = this.time + spanMs
    await settle()
    while (this.timers.some(timer => timer.at <= until)) {
      this.runNext()
      await settle()
    }
    this.time = until
  }

  /** Drives until the promise settles; gives what it gives. */
  async resolve<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const mark = () => {
      isSettled = true
    }
    promise.then(mark, mark)
    await this.drive(() => isSettled)
    return promise
  }

  private runNext(): boolean {
    let next: Timer | undefined
    for (const timer of this.timers) {
      if (next === undefined || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer
    }
    if (next === undefined) return false
    this.timers.splice(this.timers.indexOf(next), 1)
    this.time = Math.max(this.time, next.at)
    next.task()
    return true
  }
}

/** One turn of the event loop: every promise that can settle without a timer has settled. */
function settle(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
