import type { Clock, Millis } from '../../infra/clock.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import type { LogRecord, StoredRecord } from '../../topics/log.ts'
import { MemoryLog, type MemoryTransaction } from '../../topics/memory-log.ts'
import type { Topic } from '../../topics/topics.ts'

/** A clock whose wall time can be moved; its timers are those of the world. */
export class SteppedClock implements Clock {
  skewMs: Millis = 0
  private readonly clock: Clock

  constructor(clock: Clock) {
    this.clock = clock
  }

  now(): Millis {
    return this.clock.now() + this.skewMs
  }

  monotonic(): Millis {
    return this.clock.monotonic()
  }

  sleep(delayMs: Millis, signal?: AbortSignal): Promise<void> {
    return this.clock.sleep(delayMs, signal)
  }

  schedule(delayMs: Millis, task: () => void): () => void {
    return this.clock.schedule(delayMs, task)
  }

  defer(task: () => void): void {
    this.clock.defer(task)
  }
}

/** The memory log, and beside it everything that was ever put there, for the auditor. */
export class ObservedLog extends MemoryLog {
  private readonly kept = new Map<string, StoredRecord[]>()
  private readonly wall: Clock

  constructor(options: { clock: Clock; topics: readonly Topic[] }) {
    super(options)
    this.wall = options.clock
  }

  override put(
    topic: string,
    partition: Partition,
    records: readonly LogRecord[],
    transaction?: MemoryTransaction,
  ): Offset {
    const baseOffset = super.put(topic, partition, records, transaction)
    const appendedAt = this.wall.now()
    const stored = this.stored(topic, partition)
    for (const [index, record] of records.entries()) {
      stored.push({ ...record, offset: baseOffset + index, appendedAt })
    }
    return baseOffset
  }

  /** Every record that was put on a partition, in order. */
  stored(topic: string, partition: Partition): StoredRecord[] {
    const place = `${topic}/${partition}`
    const stored = this.kept.get(place) ?? []
    this.kept.set(place, stored)
    return stored
  }
}
