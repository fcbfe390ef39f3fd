import { setMaxListeners } from 'node:events'
import type { Clock, Millis } from '../../infra/clock.ts'

/** The time for something was over before it was done. */
export class TooLate extends Error {
  override readonly name = 'TooLate'
}

/** A span of time that several waits share. Call `end` when it is not needed any more. */
export class Deadline {
  private readonly controller = new AbortController()
  private readonly cancel: () => void

  constructor(clock: Clock, limitMs: Millis) {
    // One listener per wait: as many as there are partitions, and more, is no leak.
    setMaxListeners(0, this.controller.signal)
    this.cancel = clock.schedule(limitMs, () => this.controller.abort())
  }

  /** Aborts when the time is over. */
  get signal(): AbortSignal {
    return this.controller.signal
  }

  /** The promise's result, or TooLate when the time is over first. The promise itself goes on, unheard. */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const tooLate = () => reject(new TooLate('no answer in time'))
      const done = () => this.signal.removeEventListener('abort', tooLate)
      if (this.signal.aborted) tooLate()
      else this.signal.addEventListener('abort', tooLate, { once: true })
      promise.then(resolve, reject).finally(done)
    })
  }

  end(): void {
    this.cancel()
  }
}
