import type { Clock } from '../infra/clock.ts'
import type { Offset, Partition } from '../schemas/ids.ts'
import { type LogReader, PositionOutOfRange, type ReadOptions, type StoredRecord } from './log.ts'
import type { MemoryPartition } from './memory-log.ts'

/** Most records of one batch. */
const BATCH_RECORDS_MAX = 500

interface Lane {
  partition: Partition
  next: Offset
  wanted: boolean
  asked: boolean
  running: Promise<void> | undefined
}

/** The reader of the memory log: each partition has a lane that hands over what is new, one call at a time. */
export class MemoryReader implements LogReader {
  readonly topic: string
  readonly done: Promise<void>
  private readonly options: ReadOptions
  private readonly clock: Clock
  private readonly stored: (partition: Partition) => MemoryPartition
  private readonly lanes = new Map<Partition, Lane>()
  private finish!: { resolve: () => void; reject: (error: unknown) => void }

  constructor(
    options: ReadOptions,
    { clock, stored }: { clock: Clock; stored: (partition: Partition) => MemoryPartition },
  ) {
    this.topic = options.topic
    this.options = options
    this.clock = clock
    this.stored = stored
    this.done = new Promise((resolve, reject) => {
      this.finish = { resolve, reject }
    })
    for (const [partition, offset] of options.from) this.seek(partition, offset)
  }

  seek(partition: Partition, offset: Offset): void {
    const lane = this.lanes.get(partition)
    if (lane === undefined) {
      this.lanes.set(partition, { partition, next: offset, wanted: true, asked: false, running: undefined })
    } else {
      lane.next = offset
      lane.wanted = true
    }
    this.poke(partition)
  }

  remove(partition: Partition): void {
    const lane = this.lanes.get(partition)
    if (lane !== undefined) lane.wanted = false
  }

  async close(): Promise<void> {
    this.stop()
    await Promise.all([...this.lanes.values()].map(lane => lane.running))
    this.finish.resolve()
  }

  /** Something of the partition changed: looks at it when the present work is done. */
  poke(partition: Partition): void {
    const lane = this.lanes.get(partition)
    if (lane === undefined || !lane.wanted || lane.asked || lane.running !== undefined) return
    lane.asked = true
    this.clock.defer(() => {
      lane.asked = false
      if (lane.wanted && lane.running === undefined) this.step(lane)
    })
  }

  private step(lane: Lane): void {
    const stored = this.stored(lane.partition)
    const { start, end } = stored
    if (lane.next < start || lane.next > end) {
      const { partition, next: wanted } = lane
      this.fail(new PositionOutOfRange({ topic: this.topic, partition, wanted, bounds: { start, end } }))
      return
    }
    const records = this.take(lane, stored)
    if (records.length === 0) return
    lane.running = this.handle(lane, records, end).finally(() => {
      lane.running = undefined
      this.poke(lane.partition)
    })
  }

  private async handle(lane: Lane, records: StoredRecord[], end: Offset): Promise<void> {
    try {
      await this.options.onBatch({ partition: lane.partition, records, end })
    } catch (error) {
      this.fail(error)
    }
  }

  private take(lane: Lane, stored: MemoryPartition): StoredRecord[] {
    const committed = this.options.isolation === 'committed'
    const records: StoredRecord[] = []
    for (; records.length < BATCH_RECORDS_MAX; lane.next++) {
      const entry = stored.at(lane.next)
      if (entry === undefined) break
      const state = entry.transaction?.state
      // Nothing behind an open transaction is given, its own records or others: their order is not known yet.
      if (committed && state === 'open') break
      if (entry.record !== undefined && !(committed && state === 'aborted')) records.push(entry.record)
    }
    return records
  }

  private stop(): void {
    for (const lane of this.lanes.values()) lane.wanted = false
  }

  private fail(error: unknown): void {
    this.stop()
    this.finish.reject(error)
  }
}
