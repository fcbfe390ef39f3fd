import { assert } from '../infra/assert.ts'
import type { Clock } from '../infra/clock.ts'
import type { Offset, Partition } from '../schemas/ids.ts'
import {
  APPEND_BYTES_MAX,
  APPEND_RECORDS_MAX,
  type Appended,
  AppendFailed,
  type Log,
  type LogReader,
  type LogRecord,
  type PartitionBounds,
  type ReadOptions,
} from './log.ts'
import { MemoryReader } from './memory-reader.ts'
import type { Topic } from './topics.ts'

/**
 * The log in memory: the same contract as Kafka's, for tests and for the simulation. Everything that happens later
 * happens through `clock.defer`, in the order in which it was asked for, so that a virtual clock decides all of it.
 */
export class MemoryLog implements Log {
  private readonly clock: Clock
  private readonly topics = new Map<string, { topic: Topic; partitions: MemoryPartition[] }>()
  private readonly readers = new Set<MemoryReader>()
  private closed = false

  constructor({ clock, topics = [] }: { clock: Clock; topics?: readonly Topic[] }) {
    this.clock = clock
    for (const topic of topics) this.createTopic(topic)
  }

  createTopic(topic: Topic): void {
    assert(!this.topics.has(topic.name), `${topic.name} exists already`)
    const partitions = Array.from({ length: topic.partitions }, () => new MemoryPartition())
    this.topics.set(topic.name, { topic, partitions })
  }

  append(request: { topic: string; partition: Partition; records: readonly LogRecord[] }): Promise<Appended> {
    const { topic, partition, records } = request
    assert(records.length > 0, 'an append without records')
    return new Promise((resolve, reject) => {
      const refusal = this.refusal(request)
      this.clock.defer(() => {
        if (refusal !== undefined) {
          reject(new AppendFailed(`${topic}/${partition}: ${refusal}`, { maybeStored: false }))
        } else {
          resolve({ baseOffset: this.put(topic, partition, records) })
        }
      })
    })
  }

  /**
   * Stores records at once, as a foreign writer or a late produce would, and gives the first one's offset. With a
   * transaction they stay hidden from committed readers until it ends.
   */
  put(topic: string, partition: Partition, records: readonly LogRecord[], transaction?: MemoryTransaction): Offset {
    const stored = this.partition(topic, partition)
    const baseOffset = stored.end
    const appendedAt = this.clock.now()
    for (const record of records) {
      stored.push({ record: { ...record, offset: stored.end, appendedAt }, transaction })
    }
    this.poke(topic, partition)
    return baseOffset
  }

  /** Ends a transaction as Kafka does: with a control record, which takes an offset and which nobody is given. */
  endTransaction(topic: string, partition: Partition, transaction: MemoryTransaction, committed: boolean): void {
    transaction.state = committed ? 'committed' : 'aborted'
    this.partition(topic, partition).push({ record: undefined, transaction: undefined })
    this.poke(topic, partition)
  }

  /** Expires everything below `offset`. */
  deleteBefore(topic: string, partition: Partition, offset: Offset): void {
    this.partition(topic, partition).deleteBefore(offset)
    this.poke(topic, partition)
  }

  /** Loses everything from `offset` on, as an unclean election would. */
  truncateTo(topic: string, partition: Partition, offset: Offset): void {
    this.partition(topic, partition).truncateTo(offset)
    this.poke(topic, partition)
  }

  /** True where the topic's settings refuse a record of this size. */
  tooLarge(topic: string, records: readonly LogRecord[]): boolean {
    return bytesOf(records) > batchBytesMax(this.known(topic).topic)
  }

  /** Resolves when the work that was deferred until now is done. */
  turn(): Promise<void> {
    return new Promise(resolve => this.clock.defer(resolve))
  }

  async bounds(topic: string): Promise<ReadonlyMap<Partition, PartitionBounds>> {
    const { partitions } = this.known(topic)
    return new Map(partitions.map(({ start, end }, partition) => [partition, { start, end }]))
  }

  read(options: ReadOptions): LogReader {
    const reader = new MemoryReader(options, { clock: this.clock, stored: n => this.partition(options.topic, n) })
    this.readers.add(reader)
    const forget = () => this.readers.delete(reader)
    reader.done.then(forget, forget)
    return reader
  }

  async close(): Promise<void> {
    this.closed = true
    await Promise.all([...this.readers].map(reader => reader.close()))
  }

  private refusal({
    topic,
    partition,
    records,
  }: {
    topic: string
    partition: Partition
    records: readonly LogRecord[]
  }) {
    if (this.closed) return 'the log is closed'
    const known = this.topics.get(topic)
    if (known?.partitions[partition] === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
    if (records.length > APPEND_RECORDS_MAX) return `${records.length} records are more than ${APPEND_RECORDS_MAX}`
    const bytes = bytesOf(records)
    if (bytes > APPEND_BYTES_MAX) return `${bytes} bytes are more than ${APPEND_BYTES_MAX}`
    return this.tooLarge(topic, records) ? 'MESSAGE_TOO_LARGE' : undefined
  }

  private known(topic: string): { topic: Topic; partitions: MemoryPartition[] } {
    const known = this.topics.get(topic)
    assert(known !== undefined, `${topic} does not exist`)
    return known
  }

  private partition(topic: string, partition: Partition): MemoryPartition {
    const stored = this.known(topic).partitions[partition]
    assert(stored !== undefined, `${topic}/${partition} does not exist`)
    return stored
  }

  private poke(topic: string, partition: Partition): void {
    for (const reader of this.readers) if (reader.topic === topic) reader.poke(partition)
  }
}

function bytesOf(records: readonly LogRecord[]): number {
  return records.reduce((sum, { key, value }) => sum + (key?.length ?? 0) + (value?.length ?? 0), 0)
}

function batchBytesMax(topic: Topic): number {
  return Number(topic.settings['max.message.bytes'] ?? Number.POSITIVE_INFINITY)
}

export interface MemoryTransaction {
  state: 'open' | 'committed' | 'aborted'
}

export interface MemoryEntry {
  /** Undefined for a control record. */
  record: (LogRecord & { offset: Offset; appendedAt: number }) | undefined
  transaction: MemoryTransaction | undefined
}

/** The entries of one partition; the offset of an entry never changes. */
export class MemoryPartition {
  start: Offset = 0
  private entries: MemoryEntry[] = []

  get end(): Offset {
    return this.start + this.entries.length
  }

  push(entry: MemoryEntry): void {
    this.entries.push(entry)
  }

  at(offset: Offset): MemoryEntry | undefined {
    return this.entries[offset - this.start]
  }

  deleteBefore(offset: Offset): void {
    assert(offset >= this.start && offset <= this.end, `${offset} is not in the log`)
    this.entries.splice(0, offset - this.start)
    this.start = offset
  }

  truncateTo(offset: Offset): void {
    assert(offset >= this.start && offset <= this.end, `${offset} is not in the log`)
    this.entries.length = offset - this.start
  }
}
