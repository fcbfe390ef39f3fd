import type { Partition } from '../../schemas/ids.ts'
import { APPEND_BYTES_MAX, APPEND_RECORDS_MAX, type Appended, AppendFailed, type LogRecord } from '../../topics/log.ts'
import { assert } from '../assert.ts'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import { BrokerUnreachable } from './broker-connection.ts'
import { type Brokers, type Link, messageOf, REPLICAS_MS_MAX } from './cluster.ts'
import { ErrorCode, errorName, type ProduceAnswer, produceCall } from './protocol.ts'
import { encodeBatch, recordBytes } from './record-batch.ts'

/**
 * Appends to the partitions of a cluster with as few requests as possible.
 *
 * One produce is in flight per leading broker. What is asked for meanwhile waits, per partition and in order; when the
 * answer is there, everything that waits (up to the limits) goes into the next request, one record batch per
 * partition. Every caller learns its own base offset from the one of its batch; its records never lie in two batches.
 *
 * Nothing is ever sent twice, with one exception that cannot double anything: when a batch of several callers was
 * refused as too large, nothing of it was stored, and each of them goes alone, so that only the guilty one fails.
 *
 * Not promised: that what waits behind a failed append fails too. The next one of the same partition is sent.
 */

/** Keys, values and headers of all batches of one request, bytes; below the brokers' `socket.request.max.bytes`. */
export const REQUEST_BYTES_MAX = 8_000_000
/** Appends that may wait to be sent; more are refused as overload. */
export const APPENDS_WAITING_MAX = 20_000
/** Bytes of all appends that may wait to be sent. */
export const APPEND_WAITING_BYTES_MAX = 64 * 1024 * 1024
/** Pause after a failed metadata request or connection, ms: appends that come meanwhile wait for it. */
const PAUSE_AFTER_FAILURE_MS = 50

interface Waiting {
  records: readonly LogRecord[]
  bytes: number
  /** True after it was part of a batch that was too large: travels in a batch of its own. */
  alone: boolean
  resolve(appended: Appended): void
  reject(error: AppendFailed): void
}

interface Queue {
  topic: string
  partition: Partition
  waiting: Waiting[]
  inFlight: boolean
}

interface Batch {
  queue: Queue
  appends: Waiting[]
}

export class Appender {
  private readonly cluster: Brokers
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly queues = new Map<string, Map<Partition, Queue>>()
  /** Queues that wait for their leader, by its node id. */
  private readonly ready = new Map<number, Set<Queue>>()
  private readonly busy = new Set<number>()
  /** Queues whose leader is not known. */
  private readonly unrouted = new Set<Queue>()
  private routing = false
  private pumpAsked = false
  private waitingCount = 0
  private waitingBytes = 0
  private closed = false
  private idle: (() => void)[] = []

  constructor({ cluster, clock, logger }: { cluster: Brokers; clock: Clock; logger: Logger }) {
    this.cluster = cluster
    this.clock = clock
    this.logger = logger
  }

  append(topic: string, partition: Partition, records: readonly LogRecord[]): Promise<Appended> {
    assert(records.length > 0, 'an append without records')
    const bytes = records.reduce((sum, record) => sum + recordBytes(record), 0)
    const refusal = this.refusal(records, bytes)
    if (refusal !== undefined) {
      return Promise.reject(new AppendFailed(`${topic}/${partition}: ${refusal}`, { maybeStored: false }))
    }
    return new Promise((resolve, reject) => {
      const queue = this.queueOf(topic, partition)
      queue.waiting.push({ records, bytes, alone: false, resolve, reject })
      this.waitingCount++
      this.waitingBytes += bytes
      this.route(queue)
    })
  }

  /** Sends what waits, then resolves; further appends are refused. */
  async close(): Promise<void> {
    this.closed = true
    if (this.isIdle()) return
    await new Promise<void>(resolve => this.idle.push(resolve))
  }

  private refusal(records: readonly LogRecord[], bytes: number): string | undefined {
    if (this.closed) return 'the log is closed'
    if (records.length > APPEND_RECORDS_MAX) return `${records.length} records are more than ${APPEND_RECORDS_MAX}`
    const payload = records.reduce((sum, { key, value }) => sum + (key?.length ?? 0) + (value?.length ?? 0), 0)
    if (payload > APPEND_BYTES_MAX) return `${payload} bytes are more than ${APPEND_BYTES_MAX}`
    const full = this.waitingCount >= APPENDS_WAITING_MAX || this.waitingBytes + bytes > APPEND_WAITING_BYTES_MAX
    return full ? `overloaded: ${this.waitingCount} appends of ${this.waitingBytes} bytes wait already` : undefined
  }

  private queueOf(topic: string, partition: Partition): Queue {
    let partitions = this.queues.get(topic)
    if (partitions === undefined) {
      partitions = new Map()
      this.queues.set(topic, partitions)
    }
    let queue = partitions.get(partition)
    if (queue === undefined) {
      queue = { topic, partition, waiting: [], inFlight: false }
      partitions.set(partition, queue)
    }
    return queue
  }

  /** Puts a queue where it is sent from: to its leader, or to those that wait for one. */
  private route(queue: Queue): void {
    if (queue.inFlight || queue.waiting.length === 0) return
    const leader = this.cluster.leaderOf(queue.topic, queue.partition)
    if (leader === undefined) {
      this.unrouted.add(queue)
      if (!this.routing) void this.findLeaders()
      return
    }
    let ready = this.ready.get(leader)
    if (ready === undefined) {
      ready = new Set()
      this.ready.set(leader, ready)
    }
    ready.add(queue)
    if (!this.busy.has(leader)) this.askPump()
  }

  /** Once per turn of the event loop, so that what its other sockets ask for travels along. */
  private askPump(): void {
    if (this.pumpAsked) return
    this.pumpAsked = true
    this.clock.defer(() => {
      this.pumpAsked = false
      for (const [leader, queues] of this.ready) {
        if (queues.size > 0 && !this.busy.has(leader)) void this.send(leader, queues)
      }
    })
  }

  private async findLeaders(): Promise<void> {
    this.routing = true
    while (this.unrouted.size > 0) {
      const queues = [...this.unrouted]
      this.unrouted.clear()
      let problem: unknown
      try {
        for (const topic of new Set(queues.map(queue => queue.topic))) await this.cluster.refresh(topic)
      } catch (error) {
        problem = error
      }
      for (const queue of queues) {
        if (this.cluster.leaderOf(queue.topic, queue.partition) !== undefined) this.route(queue)
        else this.failQueue(queue, problem)
      }
      // Appends that came meanwhile wait a moment: a cluster that is down is not asked in a busy loop.
      if (this.unrouted.size > 0) await this.clock.sleep(PAUSE_AFTER_FAILURE_MS)
    }
    this.routing = false
  }

  private failQueue(queue: Queue, cause: unknown): void {
    const why = cause === undefined ? (this.cluster.problemOf(queue.topic) ?? 'it has no leader') : messageOf(cause)
    const failed = new AppendFailed(`${queue.topic}/${queue.partition}: ${why}`, { maybeStored: false, cause })
    for (const append of this.takeFrom(queue, queue.waiting.length)) append.reject(failed)
    this.settle()
  }

  /** One request to one broker, from what waits for it to the answers of all callers. */
  private async send(leader: number, queues: Set<Queue>): Promise<void> {
    this.busy.add(leader)
    const batches = this.compose(leader, queues)
    try {
      if (batches.length > 0) await this.produce(leader, batches)
    } finally {
      for (const { queue } of batches) {
        queue.inFlight = false
        this.route(queue)
      }
      this.busy.delete(leader)
      if ((this.ready.get(leader)?.size ?? 0) > 0) this.askPump()
      this.settle()
    }
  }

  private compose(leader: number, queues: Set<Queue>): Batch[] {
    const batches: Batch[] = []
    let bytes = 0
    for (const queue of queues) {
      if (this.cluster.leaderOf(queue.topic, queue.partition) !== leader) {
        queues.delete(queue)
        this.route(queue)
        continue
      }
      const appends = this.takeFrom(queue, batchLength(queue, REQUEST_BYTES_MAX - bytes))
      if (appends.length === 0) break
      queues.delete(queue)
      queue.inFlight = true
      batches.push({ queue, appends })
      bytes += sumBytes(appends)
    }
    return batches
  }

  private async produce(leader: number, batches: Batch[]): Promise<void> {
    let link: Link | undefined
    try {
      link = await this.cluster.link(leader)
      const answer = await link.send(produceCall(encode(batches, this.clock.now()), REPLICAS_MS_MAX))
      this.settleBatches(batches, answer)
    } catch (error) {
      const maybeStored = error instanceof BrokerUnreachable ? error.sent : true
      this.logger.warn({ err: error, broker: leader, batches: batches.length, maybeStored }, 'a produce failed')
      // A later answer of this connection must never be taken for another's.
      if (link !== undefined) this.cluster.drop(link)
      for (const batch of batches) this.failBatch(batch, messageOf(error), { maybeStored, cause: error })
      if (link === undefined) await this.clock.sleep(PAUSE_AFTER_FAILURE_MS)
    }
  }

  private settleBatches(batches: Batch[], answer: ProduceAnswer): void {
    const answers = new Map(answer.partitions.map(part => [`${part.topic}/${part.partition}`, part]))
    for (const batch of batches) {
      const { topic, partition } = batch.queue
      const part = answers.get(`${topic}/${partition}`)
      if (part === undefined) this.failBatch(batch, 'the broker did not answer for it', { maybeStored: true })
      else if (part.errorCode === ErrorCode.NONE) resolveBatch(batch, part.baseOffset)
      else this.refused(batch, part.errorCode)
    }
  }

  private refused(batch: Batch, errorCode: number): void {
    if (TOO_LARGE.has(errorCode) && batch.appends.length > 1) {
      for (const append of batch.appends) append.alone = true
      this.putBack(batch)
      return
    }
    this.failBatch(batch, errorName(errorCode), { maybeStored: !NOTHING_STORED.has(errorCode) })
  }

  /** Fails the callers of one batch, and looks up anew who leads its partition unless the records were at fault. */
  private failBatch(batch: Batch, why: string, options: { maybeStored: boolean; cause?: unknown }): void {
    const { topic, partition } = batch.queue
    if (!TOO_LARGE_NAMES.has(why)) this.cluster.forget(topic, partition)
    for (const append of batch.appends) append.reject(new AppendFailed(`${topic}/${partition}: ${why}`, options))
  }

  private putBack({ queue, appends }: Batch): void {
    queue.waiting.unshift(...appends)
    this.waitingCount += appends.length
    this.waitingBytes += sumBytes(appends)
  }

  private takeFrom(queue: Queue, count: number): Waiting[] {
    const appends = queue.waiting.splice(0, count)
    this.waitingCount -= appends.length
    this.waitingBytes -= sumBytes(appends)
    return appends
  }

  private isIdle(): boolean {
    return this.waitingCount === 0 && this.busy.size === 0
  }

  private settle(): void {
    if (!this.closed || !this.isIdle()) return
    for (const resolve of this.idle.splice(0)) resolve()
  }
}

/** How many of the waiting appends make the next batch: at least one, unless the request has no room for it. */
function batchLength(queue: Queue, bytesLeft: number): number {
  const bytesMax = Math.min(APPEND_BYTES_MAX, bytesLeft)
  let records = 0
  let bytes = 0
  let count = 0
  for (const append of queue.waiting) {
    records += append.records.length
    bytes += append.bytes
    const fits = records <= APPEND_RECORDS_MAX && bytes <= bytesMax && !(count > 0 && append.alone)
    // The first of a request always goes: with its headers it may be larger than what is merged.
    if (!fits && !(count === 0 && bytesLeft === REQUEST_BYTES_MAX)) return count
    count++
    if (append.alone || !fits) return count
  }
  return count
}

function encode(batches: Batch[], at: number): Map<string, Map<Partition, Buffer>> {
  const topics = new Map<string, Map<Partition, Buffer>>()
  for (const { queue, appends } of batches) {
    let partitions = topics.get(queue.topic)
    if (partitions === undefined) {
      partitions = new Map()
      topics.set(queue.topic, partitions)
    }
    const records = appends.length === 1 ? appends[0]!.records : appends.flatMap(append => append.records)
    partitions.set(queue.partition, encodeBatch(records, at))
  }
  return topics
}

function resolveBatch({ appends }: Batch, baseOffset: number): void {
  let offset = baseOffset
  for (const append of appends) {
    append.resolve({ baseOffset: offset })
    offset += append.records.length
  }
}

function sumBytes(appends: readonly Waiting[]): number {
  return appends.reduce((sum, append) => sum + append.bytes, 0)
}

const TOO_LARGE: ReadonlySet<number> = new Set([ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.RECORD_LIST_TOO_LARGE])
const TOO_LARGE_NAMES: ReadonlySet<string> = new Set([...TOO_LARGE].map(errorName))

/**
 * Codes that a broker gives before it writes anything. NOT_LEADER is not among them: with acks=all it is also the
 * answer when leadership moved after the leader had stored the batch, and the new leader may have it.
 */
const NOTHING_STORED: ReadonlySet<number> = new Set([
  ...TOO_LARGE,
  ErrorCode.CORRUPT_MESSAGE,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.INVALID_TOPIC,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.INVALID_REQUIRED_ACKS,
  ErrorCode.TOPIC_AUTHORIZATION_FAILED,
  ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
  ErrorCode.INVALID_TIMESTAMP,
  ErrorCode.UNSUPPORTED_VERSION,
  ErrorCode.INVALID_REQUEST,
  ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT,
  ErrorCode.POLICY_VIOLATION,
  ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
  ErrorCode.INVALID_RECORD,
])
