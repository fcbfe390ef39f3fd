import type { Clock } from '../infra/clock.ts'
import type { Partition } from '../schemas/ids.ts'
import { CommonReading, SHARED_PAUSE_MS } from './common-reading.ts'
import type { Appended, Log, LogReader, LogRecord, PartitionBounds, ReadOptions } from './log.ts'
import { SharedReader } from './shared-reader.ts'
import type { TopicName } from './topics.ts'

/**
 * A log whose readers in one process read together.
 *
 * Problem: five views of one process read the same topic at about the same place, and each fetch, each record batch
 * and each event was paid for five times. A cache of what was fetched would have to say for how long it may be
 * believed: the log may have been truncated meanwhile, and a view that was moved would be given what is no more.
 *
 * So nothing is kept for those who come later. Readers that stand at one place ask together (common-reading.ts): one
 * fetch answers all who were there when it was asked for, and each is given the same records. Because the records are
 * the same objects, what follows from one is worked out once and kept with it (StoredRecord): nobody may change it.
 *
 * Promised, as of any reader (log.ts): what a reader is given from its start or a `seek` on is what it could have
 * fetched itself, in the order in which it could have; a position out of range ends the reader that is there and no
 * other; one that stands still or is far behind holds up nobody, and what waits for it is bounded (SHARED_BYTES_MAX).
 * `end` is that of the fetch that brought the batch.
 * Not promised: that two readers share. Who is behind, or holds too much, reads for itself until it has caught up.
 *
 * Readers share that have a `pauseMs` of at least SHARED_PAUSE_MS: who wants records at once has a reader of its own.
 */
export class SharedLog implements Log {
  private readonly log: Log
  private readonly clock: Clock
  private readonly readings = new Map<string, { common: CommonReading; readers: Set<LogReader> }>()
  private readonly closing = new Set<Promise<void>>()

  constructor(log: Log, { clock }: { clock: Clock }) {
    this.log = log
    this.clock = clock
  }

  append(request: { topic: TopicName; partition: Partition; records: readonly LogRecord[] }): Promise<Appended> {
    return this.log.append(request)
  }

  bounds(topic: TopicName): Promise<ReadonlyMap<Partition, PartitionBounds>> {
    return this.log.bounds(topic)
  }

  read(options: ReadOptions): LogReader {
    const { topic, isolation = 'uncommitted', pauseMs = 0 } = options
    if (pauseMs < SHARED_PAUSE_MS) return this.log.read(options)
    const key = `${isolation} ${topic}`
    const reading = this.readings.get(key) ?? {
      common: new CommonReading(this.log, { topic, isolation }),
      readers: new Set(),
    }
    this.readings.set(key, reading)
    const { common, readers } = reading
    const reader = new SharedReader(options, { clock: this.clock, log: this.log, common })
    readers.add(reader)
    const ended = () => {
      readers.delete(reader)
      if (readers.size > 0) return
      const closed = common.close().finally(() => this.closing.delete(closed))
      this.closing.add(closed)
    }
    reader.done.then(ended, ended)
    return reader
  }

  async close(): Promise<void> {
    const readers = [...this.readings.values()].flatMap(reading => [...reading.readers])
    await Promise.all(readers.map(reader => reader.close()))
    await Promise.all(this.closing)
    await this.log.close()
  }
}
