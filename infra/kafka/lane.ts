import type { Offset, Partition } from '../../schemas/ids.ts'
import type { FetchedBatch, StoredRecord } from '../../topics/log.ts'

/** Bytes of one partition that are fetched ahead while its handler runs; the fetch that passes it is the last one. */
export const PREFETCH_BYTES_MAX = 1_048_576
/** Fetch answers of one partition that wait for its handler. */
export const PREFETCH_ANSWERS_MAX = 64

export interface LaneHandlers {
  onBatch: (batch: FetchedBatch) => Promise<void> | void
  /** Called when a lane that was full is not any more. */
  onRoom: () => void
  onError: (error: unknown) => void
}

/** What is read of one partition: where to go on, what waits, and the one handler call that runs. */
export class Lane {
  readonly partition: Partition
  /** False after `remove`, until the next seek. */
  wanted = true
  /** The request under way that covers it; an answer to another one is dropped. */
  asked: object | undefined
  /** How often in a row it could not be fetched. */
  failures = 0
  /** The next offset to fetch. */
  next: Offset
  private queue: { records: StoredRecord[]; bytes: number }[] = []
  private queuedBytes = 0
  private end: Offset = 0
  private running: Promise<void> | undefined
  private readonly handlers: LaneHandlers

  constructor(partition: Partition, next: Offset, handlers: LaneHandlers) {
    this.partition = partition
    this.next = next
    this.handlers = handlers
  }

  full(): boolean {
    return this.queuedBytes >= PREFETCH_BYTES_MAX || this.queue.length >= PREFETCH_ANSWERS_MAX
  }

  seek(offset: Offset): void {
    this.clear()
    this.wanted = true
    this.next = offset
  }

  remove(): void {
    this.clear()
    this.wanted = false
  }

  /** Puts an answer behind those that wait; `start` hands them over. */
  push(records: StoredRecord[], bytes: number, end: Offset): void {
    this.queue.push({ records, bytes })
    this.queuedBytes += bytes
    this.end = end
  }

  start(): void {
    if (this.queue.length > 0) this.running ??= this.run()
  }

  /** Resolves when no handler call runs any more. */
  async settled(): Promise<void> {
    await this.running
  }

  private clear(): void {
    this.asked = undefined
    this.queue = []
    this.queuedBytes = 0
  }

  private async run(): Promise<void> {
    // `running` must be set before the first call: the handler may seek, which starts the lane again.
    await undefined
    try {
      while (this.queue.length > 0) {
        const wasFull = this.full()
        const batch = this.take()
        if (wasFull) this.handlers.onRoom()
        const result = this.handlers.onBatch(batch)
        if (result !== undefined) await result
      }
    } catch (error) {
      this.clear()
      this.wanted = false
      this.handlers.onError(error)
    } finally {
      this.running = undefined
    }
  }

  /** Everything that waits, as one batch. */
  private take(): FetchedBatch {
    const waiting = this.queue
    this.queue = []
    this.queuedBytes = 0
    const records = waiting.length === 1 ? waiting[0]!.records : waiting.flatMap(answer => answer.records)
    return { partition: this.partition, records, end: this.end }
  }
}
