import type { Millis } from '../infra/clock.ts'
import type { Offset, Partition } from '../schemas/ids.ts'
import type { TopicName } from './topics.ts'

/**
 * The log port: what the product needs of Kafka and nothing else. Implementations: kafka-log.ts (adapter, in
 * infra/kafka) and memory-log.ts; both pass tests/contract/log.contract.ts.
 */

export type Headers = Readonly<Record<string, Buffer>>

export interface LogRecord {
  key: Buffer | null
  value: Buffer | null
  headers: Headers
}

export interface StoredRecord extends LogRecord {
  offset: Offset
  /** Broker's append time, milliseconds since the epoch. */
  appendedAt: Millis
}

/** The answer to an append was an error that says that nothing was stored, or none came. */
export class AppendFailed extends Error {
  override readonly name = 'AppendFailed'
  /** False: the broker said no, nothing was stored. True: nobody knows; it may even be stored later. */
  readonly maybeStored: boolean
  constructor(message: string, options: { maybeStored: boolean; cause?: unknown }) {
    super(message, { cause: options.cause })
    this.maybeStored = options.maybeStored
  }
}

export interface Appended {
  /** Offset of the first record; the others follow it without a gap. */
  baseOffset: Offset
}

export interface PartitionBounds {
  /** First offset that can still be read. */
  start: Offset
  /** Offset that the next record will get (high watermark). */
  end: Offset
}

/** Records of one partition in offset order; offsets may have gaps. Never empty. */
export interface FetchedBatch {
  partition: Partition
  records: readonly StoredRecord[]
  /** High watermark as of this fetch: lag = end - (last offset + 1). */
  end: Offset
}

export interface ReadOptions {
  topic: TopicName
  /** Where to begin, per partition: the first offset wanted. */
  from: ReadonlyMap<Partition, Offset>
  /** `committed` hides records of open and aborted transactions (im.sessions). Default `uncommitted`. */
  isolation?: 'committed' | 'uncommitted'
  /**
   * For a reader that can wait: after an answer it lets so much time pass before it asks again, so that more comes at
   * once and broker and store are asked less often. It does not wait while it is behind. Default 0.
   */
  pauseMs?: Millis
  /**
   * Called with what was read, strictly one call at a time per partition; partitions do not wait for each other.
   * While it runs, a bounded amount of the same partition is fetched ahead. A rejection stops the reader: see `done`.
   */
  onBatch(batch: FetchedBatch): Promise<void> | void
}

export interface LogReader {
  /** Adds a partition, or moves it, so that the next batch of it begins at `offset` (at or after it). */
  seek(partition: Partition, offset: Offset): void
  /** Stops reading a partition; a running onBatch of it finishes. */
  remove(partition: Partition): void
  /** Stops everything; resolves when no onBatch runs any more. */
  close(): Promise<void>
  /**
   * Settles when the reader ends: resolves after close(), rejects with what onBatch threw, or with
   * PositionOutOfRange when a wanted offset is not (or no longer) in the log. Broker failures are retried inside,
   * for ever, with bounded backoff; they never end a reader.
   */
  readonly done: Promise<void>
}

/** The wanted offset is below the log's start (expired) or above its end (the log was truncated or replaced). */
export class PositionOutOfRange extends Error {
  override readonly name = 'PositionOutOfRange'
  readonly topic: string
  readonly partition: Partition
  readonly wanted: Offset
  readonly bounds: PartitionBounds
  constructor(place: { topic: string; partition: Partition; wanted: Offset; bounds: PartitionBounds }) {
    super(
      `${place.topic}/${place.partition}: offset ${place.wanted} is outside of what the log holds, ` +
        `${place.bounds.start} to ${place.bounds.end}`,
    )
    this.topic = place.topic
    this.partition = place.partition
    this.wanted = place.wanted
    this.bounds = place.bounds
  }
}

export interface Log {
  /**
   * Appends the records to one partition, in order, as one batch; resolves when all in-sync replicas have it
   * (acks=all). Never retries: throws AppendFailed. Appends to the same partition are sent one after the other;
   * those to partitions of one leader that wait meanwhile travel in one request. At most APPEND_RECORDS_MAX records
   * and APPEND_BYTES_MAX bytes of keys and values.
   */
  append(request: { topic: TopicName; partition: Partition; records: readonly LogRecord[] }): Promise<Appended>
  /** Start and end of every partition of the topic. */
  bounds(topic: TopicName): Promise<ReadonlyMap<Partition, PartitionBounds>>
  read(options: ReadOptions): LogReader
  close(): Promise<void>
}

export const APPEND_RECORDS_MAX = 500
export const APPEND_BYTES_MAX = 900_000
