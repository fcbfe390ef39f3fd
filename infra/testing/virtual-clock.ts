import type { Clock, Millis } from '../clock.ts'

interface Timer {
  at: Millis
  order: number
  /** Undefined once it has run or was cancelled. */
  task: (() => void) | undefined
}

/** Tasks that one turn of the event loop runs; between each two of them every promise that can settle does. */
const BURST_TASKS = 64
/** Tasks that one `drive` runs at most, where the caller does not say otherwise. */
const DRIVE_STEPS_MAX = 100_000

/**
 * Time that stands still until somebody moves it: the one clock of every test and simulation that is not to wait.
 * What was deferred runs first, in the order in which it was asked for; then timers, by time and order. Between two
 * tasks every promise that can settle does, so that one task is one step: the same tasks give the same run.
 */
export class VirtualClock implements Clock {
  /** Tasks that have run. */
  steps = 0
  private time: Millis
  private order = 0
  private deferred: (() => void)[] = []
  /** Index of the first deferred task that has not run. */
  private head = 0
  /** A binary heap; cancelled timers stay in it until their time. */
  private readonly heap: Timer[] = []
  private live = 0
  /** How many `drive`, `settle` and `pass` are under way. */
  private drivers = 0

  constructor(time: Millis = 1_700_000_000_000) {
    this.time = time
  }

  now(): Millis {
    return Math.floor(this.time)
  }

  monotonic(): Millis {
    return this.time
  }

  /** Timers that have not run and were not cancelled. */
  get timers(): number {
    return this.live
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
    const timer: Timer = { at: this.time + Math.max(0, delayMs), order: this.order++, task }
    this.push(timer)
    this.live++
    return () => {
      if (timer.task === undefined) return
      timer.task = undefined
      this.live--
    }
  }

  defer(task: () => void): void {
    this.deferred.push(task)
  }

  /** Sets the time forward without running anything. */
  skipTo(time: Millis): void {
    this.time = Math.max(this.time, time)
  }

  /** Runs tasks until `done` holds. Throws when there is nothing left to run, or after `stepsMax` tasks. */
  async drive(done: () => boolean, stepsMax = DRIVE_STEPS_MAX): Promise<void> {
    let steps = 0
    await this.inTurns(isAwaited => {
      if (done()) return false
      if (steps++ === stepsMax) throw new Error(`not done after ${stepsMax} steps`)
      if (this.runNext() || isAwaited()) return true
      throw new Error('nothing is left to run, and it is not done')
    })
  }

  /** Runs what needs no time to pass. */
  async settle(): Promise<void> {
    await this.inTurns(() => this.head < this.deferred.length && this.runNext())
  }

  /** Runs what becomes due within `spanMs`, and lets the time pass. */
  async pass(spanMs: Millis): Promise<void> {
    const until = this.time + spanMs
    await this.inTurns(() => this.isDue(until) && this.runNext())
    this.time = until
  }

  /** Drives until the promise settles; gives what it gives. */
  async resolve<T>(promise: Promise<T>, stepsMax = DRIVE_STEPS_MAX): Promise<T> {
    let isSettled = false
    const mark = () => {
      isSettled = true
    }
    promise.then(mark, mark)
    await this.drive(() => isSettled, stepsMax)
    return promise
  }

  /**
   * Calls `step` until it gives false, each time after every promise has settled that can. A test's double may drive
   * the clock from inside a task: whoever drove before goes on until that is over (`isAwaited`).
   */
  private inTurns(step: (isAwaited: () => boolean) => boolean): Promise<void> {
    const depth = ++this.drivers
    const isAwaited = () => this.drivers > depth
    return new Promise((resolve, reject) => {
      let isOver = false
      const turn = () => {
        if (isOver) return
        try {
          if (step(isAwaited) || isAwaited()) return
          resolve()
        } catch (error) {
          reject(error)
        }
        isOver = true
        this.drivers--
      }
      // Node empties the queue of promises between two immediates: a burst of them costs one turn of the event loop.
      const burst = () => {
        if (isOver) return
        for (let n = 0; n < BURST_TASKS; n++) setImmediate(turn)
        setImmediate(burst)
      }
      burst()
    })
  }

  private isDue(until: Millis): boolean {
    if (this.head < this.deferred.length) return true
    const next = this.peek()
    return next !== undefined && next.at <= until
  }

  private runNext(): boolean {
    const task = this.takeDeferred() ?? this.takeTimer()
    if (task === undefined) return false
    this.steps++
    task()
    return true
  }

  private takeDeferred(): (() => void) | undefined {
    if (this.head === this.deferred.length) return undefined
    const task = this.deferred[this.head++]
    if (this.head === this.deferred.length) {
      this.deferred = []
      this.head = 0
    }
    return task
  }

  private takeTimer(): (() => void) | undefined {
    const next = this.peek()
    if (next === undefined) return undefined
    this.pop()
    const { task } = next
    next.task = undefined
    this.live--
    this.time = Math.max(this.time, next.at)
    return task
  }

  /** The next timer; those that were cancelled are thrown away on the way. */
  private peek(): Timer | undefined {
    while (this.heap.length > 0 && this.heap[0]!.task === undefined) this.pop()
    return this.heap[0]
  }

  private push(timer: Timer): void {
    const { heap } = this
    let at = heap.push(timer) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(timer, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = timer
  }

  private pop(): void {
    const { heap } = this
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}

function isBefore(one: Timer, other: Timer): boolean {
  return one.at === other.at ? one.order < other.order : one.at < other.at
}
