import type { Clock, Random } from '../../../infra/clock.ts'
import { type Appended, AppendFailed, type Log, type LogReader, type ReadOptions } from '../../../topics/log.ts'
import type { MemoryLog } from '../../../topics/memory-log.ts'
import type { TransactionalWriter, TransactionalWriters } from '../../../topics/transactional-log.ts'

/**
 * A process that can be killed and frozen. Killed: nothing that it waits for ever happens, and nothing that it does
 * has an effect; what it had sent before may still arrive. Frozen: nothing happens to it until it thaws; then all of
 * it does, in order, as after SIGSTOP and SIGCONT or a long pause of the machine.
 */
export class Mortal {
  private state: 'Running' | 'Frozen' | 'Dead' = 'Running'
  private late: (() => void)[] = []
  private readonly readers = new Set<LogReader>()
  private readonly onStep: (where: string) => void

  /** `onStep` is called before and after every call to a port, with its name: it may kill or freeze. */
  constructor(onStep: (where: string) => void = () => {}) {
    this.onStep = onStep
  }

  get isAlive(): boolean {
    return this.state !== 'Dead'
  }

  kill(): void {
    this.state = 'Dead'
    this.late = []
    for (const reader of this.readers) void reader.close()
  }

  freeze(): void {
    if (this.state === 'Running') this.state = 'Frozen'
  }

  thaw(): void {
    if (this.state !== 'Frozen') return
    this.state = 'Running'
    const { late } = this
    this.late = []
    for (const task of late) this.run(task)
  }

  /** Does the task now, when it thaws, or never. */
  run(task: () => void): void {
    if (this.state === 'Running') task()
    else if (this.state === 'Frozen') this.late.push(task)
  }

  /** One call to a port: it may die before and after the effect, and hears the answer only while it runs. */
  call<T>(where: string, effect: () => Promise<T>): Promise<T> {
    this.onStep(where)
    if (this.state === 'Dead') return never()
    return new Promise((resolve, reject) => {
      effect().then(
        value => {
          this.onStep(where)
          this.run(() => resolve(value))
        },
        error => this.run(() => reject(error)),
      )
    })
  }

  clock(clock: Clock): Clock {
    const alive = (task: () => void) => () => this.run(task)
    return {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      sleep: (delayMs, signal) => this.heard(clock.sleep(delayMs, signal)),
      schedule: (delayMs, task) => clock.schedule(delayMs, alive(task)),
      defer: task => clock.defer(alive(task)),
    }
  }

  log(log: Log, append: Log['append'] = request => log.append(request)): Log {
    return {
      append: request => this.call(`append to ${request.topic}`, () => append(request)),
      bounds: topic => this.call(`bounds of ${topic}`, () => log.bounds(topic)),
      read: options => this.reader(log, options),
      close: () => Promise.resolve(),
    }
  }

  transactional(
    make: TransactionalWriters,
    append: (writer: TransactionalWriter, request: Parameters<TransactionalWriter['append']>[0]) => Promise<void> = (
      writer,
      request,
    ) => writer.append(request),
  ): TransactionalWriters {
    return transactionalId => {
      const writer = make(transactionalId)
      return {
        init: () => this.call('init of a transactional id', () => writer.init()),
        append: request => this.call(`transaction on ${request.topic}`, () => append(writer, request)),
        close: () => writer.close(),
      }
    }
  }

  private reader(log: Log, options: ReadOptions): LogReader {
    const onBatch: ReadOptions['onBatch'] = batch =>
      this.state === 'Running'
        ? options.onBatch(batch)
        : this.heard(Promise.resolve()).then(() => options.onBatch(batch))
    const reader = log.read({ ...options, onBatch })
    this.readers.add(reader)
    return reader
  }

  /** What the process learns of a promise that is none of its own. */
  private heard<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        value => this.run(() => resolve(value)),
        error => this.run(() => reject(error)),
      )
    })
  }
}

function never(): Promise<never> {
  return new Promise(() => {})
}

export type Fault = 'none' | 'lost' | 'unanswered' | 'late' | 'repeated' | 'slow'

/** How often each fault happens, in a hundred appends. */
export type AppendShares = Readonly<Partial<Record<Fault, number>>>
const SHARES: AppendShares = { lost: 8, unanswered: 8, late: 8, repeated: 8, slow: 12 }
/** How late a produce arrives at most, in ms. */
const LATE_MS_MAX = 400

/** Appends to a memory log as a bad network would: late, twice, not at all, or without an answer. */
export class FaultyAppends {
  readonly counts: Record<Fault, number> = { none: 0, lost: 0, unanswered: 0, late: 0, repeated: 0, slow: 0 }
  healed = false
  private readonly log: MemoryLog
  private readonly clock: Clock
  private readonly random: Random
  private readonly shares: readonly [Fault, number][]

  constructor(parts: { log: MemoryLog; clock: Clock; random: Random; shares?: AppendShares }) {
    this.log = parts.log
    this.clock = parts.clock
    this.random = parts.random
    this.shares = Object.entries(parts.shares ?? SHARES) as [Fault, number][]
  }

  readonly append: Log['append'] = async request => {
    const fault = this.healed ? 'none' : this.draw()
    this.counts[fault]++
    const { topic, partition, records } = request
    const put = (): Appended => ({ baseOffset: this.log.put(topic, partition, records) })
    const later = () => this.clock.schedule(this.random.next() * LATE_MS_MAX, put)
    switch (fault) {
      case 'none':
        return this.log.append(request)
      case 'lost':
        throw new AppendFailed('lost on the way', { maybeStored: true })
      case 'unanswered':
        put()
        throw new AppendFailed('the answer was lost', { maybeStored: true })
      case 'late':
        later()
        throw new AppendFailed('no answer in time', { maybeStored: true })
      case 'repeated':
        later()
        return put()
      case 'slow':
        await this.clock.sleep(this.random.next() * LATE_MS_MAX)
        return put()
    }
  }

  private draw(): Fault {
    let drawn = this.random.next() * 100
    for (const [fault, share] of this.shares) {
      drawn -= share
      if (drawn < 0) return fault
    }
    return 'none'
  }
}
