import { setMaxListeners } from 'node:events'
import type { Clock, Millis } from '../../infra/clock.ts'

/** The time for something was over before it was done. */
export class TooLate extends Error {
  override readonly name = 'TooLate'
}

/** A span of time that several waits share. Call `end` when it is not needed any more. */
export class Deadline {
  private readonly cancel: () => void
  private readonly waiting = new Set<() => void>()
  private isOver = false
  /** Made for those who want a signal: a controller costs more than all the rest. */
  private controller: AbortController | undefined

  constructor(clock: Clock, limitMs: Millis) {
    this.cancel = clock.schedule(limitMs, () => this.over())
  }

  private over(): void {
    this.isOver = true
    this.controller?.abort()
    for (const tooLate of this.waiting) tooLate()
    this.waiting.clear()
  }

  /** Aborts when the time is over. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController()
      // One listener per wait: as many as there are partitions, and more, is no leak.
      setMaxListeners(0, this.controller.signal)
      if (this.isOver) this.controller.abort()
    }
    return this.controller.signal
  }

  /** The promise's result, or TooLate when the time is over first. The promise itself goes on, unheard. */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const tooLate = () => reject(new TooLate('no answer in time'))
      if (this.isOver) tooLate()
      else this.waiting.add(tooLate)
      promise.then(resolve, reject).finally(() => this.waiting.delete(tooLate))
    })
  }

  end(): void {
    this.cancel()
  }
}
