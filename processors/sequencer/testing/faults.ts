import type { Clock, Random } from '../../../infra/clock.ts'
import { type Appended, AppendFailed, type Log, type LogReader, type ReadOptions } from '../../../topics/log.ts'
import type { MemoryLog } from '../../../topics/memory-log.ts'
import type { TransactionalWriter, TransactionalWriters } from '../../../topics/transactional-log.ts'

/**
 * A process that can be killed: from then on nothing that it waits for ever happens, and nothing that it does has an
 * effect. What it had sent before may still arrive.
 */
export class Mortal {
  private alive = true
  private readonly readers = new Set<LogReader>()

  get isAlive(): boolean {
    return this.alive
  }

  kill(): void {
    this.alive = false
    for (const reader of this.readers) void reader.close()
  }

  clock(clock: Clock): Clock {
    const whileAlive = (task: () => void) => () => {
      if (this.alive) task()
    }
    return {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      sleep: (delayMs, signal) => this.gate(clock.sleep(delayMs, signal)),
      schedule: (delayMs, task) => clock.schedule(delayMs, whileAlive(task)),
      defer: task => clock.defer(whileAlive(task)),
    }
  }

  log(log: Log, append: Log['append'] = request => log.append(request)): Log {
    return {
      append: request => this.gate(this.alive ? append(request) : never()),
      bounds: topic => this.gate(log.bounds(topic)),
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
        init: () => this.gate(writer.init()),
        append: request => this.gate(this.alive ? append(writer, request) : never()),
        close: () => writer.close(),
      }
    }
  }

  private reader(log: Log, options: ReadOptions): LogReader {
    const onBatch: ReadOptions['onBatch'] = batch => (this.alive ? options.onBatch(batch) : undefined)
    const reader = log.read({ ...options, onBatch })
    this.readers.add(reader)
    return reader
  }

  private gate<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        value => {
          if (this.alive) resolve(value)
        },
        error => {
          if (this.alive) reject(error)
        },
      )
    })
  }
}

function never(): Promise<never> {
  return new Promise(() => {})
}

export type Fault = 'none' | 'lost' | 'unanswered' | 'late' | 'repeated' | 'slow'

/** How often each fault happens, in a hundred appends. */
const SHARES: readonly [Fault, number][] = [
  ['lost', 8],
  ['unanswered', 8],
  ['late', 8],
  ['repeated', 8],
  ['slow', 12],
]
/** How late a produce arrives at most, in ms. */
const LATE_MS_MAX = 400

/** Appends to a memory log as a bad network would: late, twice, not at all, or without an answer. */
export class FaultyAppends {
  readonly counts: Record<Fault, number> = { none: 0, lost: 0, unanswered: 0, late: 0, repeated: 0, slow: 0 }
  healed = false
  private readonly log: MemoryLog
  private readonly clock: Clock
  private readonly random: Random

  constructor(parts: { log: MemoryLog; clock: Clock; random: Random }) {
    this.log = parts.log
    this.clock = parts.clock
    this.random = parts.random
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
    for (const [fault, share] of SHARES) {
      drawn -= share
      if (drawn < 0) return fault
    }
    return 'none'
  }
}
