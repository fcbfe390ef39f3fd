import type { Clock } from '../infra/clock.ts'
import type { Offset, Partition } from '../schemas/ids.ts'
import type { CommonReading } from './common-reading.ts'
import type { FetchedBatch, Log, LogReader, ReadOptions } from './log.ts'
import { type LaneOwner, pieceOf, SharedLane } from './shared-lane.ts'

/**
 * Bytes that may wait in all lanes of one reader before others no longer read ahead for it; mostly the same that wait
 * in the lanes of others. What it then reads for itself comes on top: a lane's worth (LANE_FULL_BYTES) per partition.
 */
export const SHARED_BYTES_MAX = 64 * 1024 * 1024

/**
 * One of the readers that read together (shared-log.ts): its lanes are filled by the common reading or by a reader of
 * its own, which it opens when it needs one. It hands over in its own rhythm, whatever that of the others is.
 */
export class SharedReader implements LogReader {
  readonly done: Promise<void>
  private readonly options: ReadOptions
  private readonly clock: Clock
  private readonly log: Log
  private readonly common: CommonReading
  private readonly lanes = new Map<Partition, SharedLane>()
  private alone: LogReader | undefined
  /** What is read alone, and what ends the wait for room in it. */
  private readonly aloneIn = new Map<Partition, () => void>()
  private readonly stopped = new AbortController()
  private readonly owner: LaneOwner
  private bytes = 0
  private resting = false
  private finish!: { resolve: () => void; reject: (error: unknown) => void }

  constructor(options: ReadOptions, { clock, log, common }: { clock: Clock; log: Log; common: CommonReading }) {
    this.options = options
    this.clock = clock
    this.log = log
    this.common = common
    this.owner = this.makeOwner()
    this.done = new Promise((resolve, reject) => {
      this.finish = { resolve, reject }
    })
    for (const [partition, offset] of options.from) this.seek(partition, offset)
  }

  seek(partition: Partition, offset: Offset): void {
    const lane = this.lanes.get(partition) ?? new SharedLane(partition, offset, this.owner)
    this.lanes.set(partition, lane)
    this.letGo(lane)
    lane.move(offset)
    if (!this.stopped.signal.aborted) this.common.place(lane)
  }

  remove(partition: Partition): void {
    const lane = this.lanes.get(partition)
    if (lane === undefined) return
    this.letGo(lane)
    lane.move(lane.next)
  }

  async close(): Promise<void> {
    this.stop()
    await Promise.all([...this.lanes.values()].map(lane => lane.settled()))
    await this.alone?.close()
    this.finish.resolve()
  }

  private stop(): void {
    this.stopped.abort()
    for (const partition of this.lanes.keys()) this.remove(partition)
  }

  private fail(error: unknown): void {
    this.finish.reject(error)
    this.stop()
    void this.alone?.close()
  }

  private letGo(lane: SharedLane): void {
    this.common.leave(lane)
    this.endAlone(lane)
  }

  private makeOwner(): LaneOwner {
    return {
      onBatch: batch => this.options.onBatch(batch),
      onError: error => this.fail(error),
      pushed: (lane, bytes) => {
        this.bytes += bytes
        this.arrived(lane)
      },
      taken: (lane, bytes) => {
        this.bytes -= bytes
        this.common.wake(lane)
        const resume = this.aloneIn.get(lane.partition)
        if (resume !== undefined && !lane.isFull && !this.common.meet(lane)) resume()
      },
      isResting: () => this.resting,
      isOverfull: () => this.bytes >= SHARED_BYTES_MAX,
      readAlone: lane => this.readAlone(lane),
      endAlone: lane => this.endAlone(lane),
    }
  }

  /** The next fetch goes out before the handlers begin to work. */
  private arrived(lane: SharedLane): void {
    if (lane.isBehind) this.clock.defer(() => lane.start())
    else if (!this.resting) this.handOver()
  }

  /** Hands over what there is of all partitions, so that a store is asked for all of them at once, and then rests. */
  private handOver(): void {
    this.resting = true
    this.clock.defer(() => {
      for (const lane of this.lanes.values()) lane.start()
    })
    void this.clock.sleep(this.options.pauseMs!, this.stopped.signal).then(() => {
      this.resting = false
      if ([...this.lanes.values()].some(lane => lane.isIdle)) this.handOver()
    })
  }

  private readAlone(lane: SharedLane): void {
    const { partition, next } = lane
    this.aloneIn.set(partition, () => {})
    this.alone ??= this.openAlone()
    this.alone.seek(partition, next)
  }

  private endAlone({ partition }: SharedLane): void {
    const resume = this.aloneIn.get(partition)
    if (resume === undefined) return
    this.aloneIn.delete(partition)
    this.alone?.remove(partition)
    resume()
  }

  private openAlone(): LogReader {
    const { topic, isolation, pauseMs } = this.options
    const alone = this.log.read({
      topic,
      ...(isolation && { isolation }),
      from: new Map(),
      pauseMs: pauseMs!,
      onBatch: batch => this.onAlone(batch),
    })
    alone.done.catch(error => this.fail(error))
    return alone
  }

  private onAlone({ partition, records, end }: FetchedBatch): Promise<void> | undefined {
    const lane = this.lanes.get(partition)
    if (lane === undefined || !this.aloneIn.has(partition)) return undefined
    lane.push(pieceOf(records, end))
    if (this.common.meet(lane) || !lane.isFull) return undefined
    return new Promise(resolve => this.aloneIn.set(partition, resolve))
  }
}
