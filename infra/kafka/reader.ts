import type { Offset, Partition } from '../../schemas/ids.ts'
import { type LogReader, PositionOutOfRange, type ReadOptions } from '../../topics/log.ts'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import type { Brokers, Channel, Link } from './cluster.ts'
import { Lane } from './lane.ts'
import { readBounds } from './offsets.ts'
import {
  ErrorCode,
  errorName,
  type FetchAnswer,
  type FetchedPartition,
  type FetchRequest,
  fetchCall,
} from './protocol.ts'
import { decodeBatches } from './record-batch.ts'

/**
 * Reads partitions by position, without a group.
 *
 * There is one fetch loop per leading broker; a fetch covers all partitions of that broker that have room, waits at the
 * broker for the first byte, and its answer is handed to the partitions' lanes, which call the handler one batch at a
 * time and do not wait for each other. While a partition is full it is left out, and the fetch waits only briefly, so
 * that it is not forgotten behind quiet ones when it has room again. A reader with `pauseMs` rests after an answer: a
 * view that may be some milliseconds behind costs a request for each pause, and not one for every message.
 *
 * A partition that is moved by `seek` while a fetch is under way is asked for at once over the broker's other
 * connection. An error of a broker or of a partition makes its partitions look for their leader again, for ever, with
 * bounded pauses; only a handler that throws and a position outside of the log end a reader.
 *
 * Not promised: any order between partitions.
 */

/** How long a broker holds a fetch when there is nothing to give, ms. Data ends the wait at once. */
const FETCH_WAIT_MS = 500
/** The same while some partition is left out because it is full. */
const FETCH_WAIT_WHILE_FULL_MS = 20
/** Bytes of one answer, and of one partition in it: room for one batch of the largest append. */
const FETCH_BYTES_MAX = 8 * 1024 * 1024
const FETCH_PARTITION_BYTES_MAX = 1024 * 1024
/** Pause before leaders are looked up again: doubles from the first to the second, ms. */
const RETRY_MS_MIN = 20
const RETRY_MS_MAX = 250

export class KafkaReader implements LogReader {
  readonly done: Promise<void>
  private readonly cluster: Brokers
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly options: ReadOptions
  private readonly lanes = new Map<Partition, Lane>()
  /** Fetch loops by leader; each has what wakes it when all of its partitions are full. */
  private readonly loops = new Map<number, { wake: () => void }>()
  private readonly stopped = new AbortController()
  private finish!: { resolve: () => void; reject: (error: unknown) => void }
  private routing = false
  private rotation = 0

  constructor(cluster: Brokers, options: ReadOptions, { clock, logger }: { clock: Clock; logger: Logger }) {
    this.cluster = cluster
    this.options = options
    this.clock = clock
    this.logger = logger
    this.done = new Promise((resolve, reject) => {
      this.finish = { resolve, reject }
    })
    for (const [partition, offset] of options.from) this.lanes.set(partition, this.makeLane(partition, offset))
    this.route()
  }

  seek(partition: Partition, offset: Offset): void {
    const lane = this.lanes.get(partition)
    if (lane === undefined) this.lanes.set(partition, this.makeLane(partition, offset))
    else lane.seek(offset)
    const leader = this.cluster.leaderOf(this.options.topic, partition)
    const loop = leader === undefined ? undefined : this.loops.get(leader)
    if (leader !== undefined && loop !== undefined) void this.askAtOnce(leader, this.lanes.get(partition)!)
    else this.route()
  }

  remove(partition: Partition): void {
    this.lanes.get(partition)?.remove()
  }

  async close(): Promise<void> {
    this.stop()
    await Promise.all([...this.lanes.values()].map(lane => lane.settled()))
    this.finish.resolve()
  }

  private stop(): void {
    this.stopped.abort()
    for (const lane of this.lanes.values()) lane.remove()
    for (const loop of this.loops.values()) loop.wake()
  }

  private fail(error: unknown): void {
    this.finish.reject(error)
    this.stop()
  }

  private makeLane(partition: Partition, offset: Offset): Lane {
    return new Lane(partition, offset, {
      onBatch: batch => this.options.onBatch(batch),
      onRoom: () => {
        const leader = this.cluster.leaderOf(this.options.topic, partition)
        if (leader !== undefined) this.loops.get(leader)?.wake()
      },
      onError: error => this.fail(error),
    })
  }

  /** Sees to it that every wanted partition has a leader and every leader a loop. */
  private route(): void {
    if (this.routing) return
    this.routing = true
    void this.findLeaders()
  }

  private async findLeaders(): Promise<void> {
    let lost = this.startLoops()
    while (lost.length > 0 && !this.stopped.signal.aborted) {
      await this.clock.sleep(pauseMs(lost), this.stopped.signal)
      let problem: unknown
      try {
        await this.cluster.refresh(this.options.topic)
        problem = this.cluster.problemOf(this.options.topic)
      } catch (error) {
        problem = error
      }
      lost = this.startLoops()
      if (lost.length > 0) this.failed(lost, problem ?? 'no leader')
    }
    this.routing = false
  }

  /** Starts the loops that are missing and gives the partitions that have no leader. */
  private startLoops(): Lane[] {
    const lost: Lane[] = []
    for (const lane of this.lanes.values()) {
      if (!lane.wanted) continue
      const leader = this.cluster.leaderOf(this.options.topic, lane.partition)
      if (leader === undefined) lost.push(lane)
      else if (!this.loops.has(leader)) void this.loop(leader)
    }
    return lost
  }

  private failed(lanes: readonly Lane[], why: unknown): void {
    for (const lane of lanes) lane.failures++
    const { topic } = this.options
    const partitions = lanes.map(lane => lane.partition)
    const failures = Math.max(...lanes.map(lane => lane.failures))
    const reason = why instanceof Error ? why.message : String(why)
    this.logger.warn(
      { topic, partitions, failures, reason },
      'partitions cannot be read now: their leader is looked up',
    )
    for (const { partition } of lanes) this.cluster.forget(topic, partition)
  }

  private async loop(leader: number): Promise<void> {
    const state = { wake: () => {} }
    this.loops.set(leader, state)
    while (!this.stopped.signal.aborted) {
      const lanes = this.lanesOf(leader)
      if (lanes.length === 0) break
      const free = lanes.filter(lane => !lane.full() && lane.asked === undefined)
      if (free.length === 0) {
        await new Promise<void>(resolve => {
          state.wake = resolve
        })
        continue
      }
      state.wake = () => {}
      const isFull = lanes.some(lane => lane.full())
      const waitMs = isFull ? FETCH_WAIT_WHILE_FULL_MS : FETCH_WAIT_MS
      const found = await this.fetch(leader, free, { channel: 'fetches', waitMs })
      if (found === undefined) break
      if (found === 'all' && !isFull) await this.rest()
    }
    this.loops.delete(leader)
    if (!this.stopped.signal.aborted) this.route()
  }

  /** Lets more come before the next fetch, where the reader can wait; it is not behind. */
  private async rest(): Promise<void> {
    const { pauseMs = 0 } = this.options
    if (pauseMs > 0) await this.clock.sleep(pauseMs, this.stopped.signal)
  }

  private lanesOf(leader: number): Lane[] {
    const { topic } = this.options
    return [...this.lanes.values()].filter(
      lane => lane.wanted && this.cluster.leaderOf(topic, lane.partition) === leader,
    )
  }

  private async askAtOnce(leader: number, lane: Lane): Promise<void> {
    await this.fetch(leader, [lane], { channel: 'calls', waitMs: 0 })
    this.loops.get(leader)?.wake()
  }

  /** One request; gives what it found, undefined when it failed: the leader is then looked up again. */
  private async fetch(
    leader: number,
    lanes: Lane[],
    { channel, waitMs }: { channel: Channel; waitMs: number },
  ): Promise<Found | undefined> {
    const request = {}
    for (const lane of lanes) lane.asked = request
    let link: Link | undefined
    try {
      link = await this.cluster.link(leader)
      const answer = await link.send(fetchCall(this.request(lanes, waitMs)), channel)
      if (this.stopped.signal.aborted) return undefined
      return await this.handle(answer, request)
    } catch (error) {
      if (this.stopped.signal.aborted) return undefined
      if (link !== undefined) this.cluster.drop(link)
      this.failed(this.lanesOf(leader), error)
      return undefined
    } finally {
      for (const lane of lanes) if (lane.asked === request) lane.asked = undefined
    }
  }

  private request(lanes: Lane[], maxWaitMs: number): FetchRequest {
    // A batch that is larger than a partition's share comes only for the first one of a request: each has its turn.
    const first = this.rotation++ % lanes.length
    const rotated = [...lanes.slice(first), ...lanes.slice(0, first)]
    return {
      topic: this.options.topic,
      partitions: rotated.map(lane => ({ partition: lane.partition, offset: lane.next })),
      committed: this.options.isolation === 'committed',
      maxWaitMs,
      bytesMax: FETCH_BYTES_MAX,
      partitionBytesMax: FETCH_PARTITION_BYTES_MAX,
    }
  }

  /** Gives each partition its part of the answer, unless it was moved meanwhile. Undefined when one could not be read. */
  private async handle(answer: FetchAnswer, request: object): Promise<Found | undefined> {
    if (answer.errorCode !== ErrorCode.NONE) throw new Error(`Fetch: ${errorName(answer.errorCode)}`)
    const failed: FetchedPartition[] = []
    let bytes = 0
    let isBehind = false
    for (const part of answer.partitions) {
      const lane = this.lanes.get(part.partition)
      bytes += part.batches.length
      if (lane === undefined || lane.asked !== request) continue
      if (part.errorCode !== ErrorCode.NONE) {
        failed.push(part)
        continue
      }
      this.deliver(lane, part)
      isBehind ||= lane.next < part.highWatermark
    }
    for (const part of failed) await this.partitionFailed(this.lanes.get(part.partition)!, part.errorCode)
    if (failed.length > 0) return undefined
    return bytes === 0 ? 'nothing' : isBehind ? 'some' : 'all'
  }

  private deliver(lane: Lane, part: FetchedPartition): void {
    lane.failures = 0
    try {
      const { records, next } = decodeBatches(part.batches, lane.next, part.aborted)
      lane.next = next
      if (records.length === 0) return
      lane.push(records, part.batches.length, part.highWatermark)
      // The next fetch goes out before the handlers begin to work.
      this.clock.defer(() => lane.start())
    } catch (error) {
      this.fail(error)
    }
  }

  private async partitionFailed(lane: Lane, errorCode: number): Promise<void> {
    const { topic } = this.options
    const { partition, next: wanted, asked } = lane
    if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
      const bounds = (await readBounds(this.cluster, topic, [partition])).get(partition)
      if (lane.asked !== asked) return
      if (bounds !== undefined && (wanted < bounds.start || wanted > bounds.end)) {
        this.fail(new PositionOutOfRange({ topic, partition, wanted, bounds }))
        return
      }
    }
    this.failed([lane], errorName(errorCode))
  }
}

/** What a fetch brought: some of what its partitions hold, or all of it. */
type Found = 'nothing' | 'some' | 'all'

function pauseMs(lanes: readonly Lane[]): number {
  const failures = Math.max(...lanes.map(lane => lane.failures))
  return failures === 0 ? 0 : Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(failures, 10))
}
