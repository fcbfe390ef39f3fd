import type { Clock, Millis } from '../infra/clock.ts'
import type { Partition } from '../schemas/ids.ts'
import { APPEND_BYTES_MAX, APPEND_RECORDS_MAX, type Log, type LogRecord, type StoredRecord } from '../topics/log.ts'
import { sessionPartition, type Topics } from '../topics/topics.ts'
import { Histogram, type LatencySummary } from './histogram.ts'
import { Schedule } from './pacing.ts'

/**
 * The way of a message through Kafka with nothing else on it: append to packs, read there, append to events, read
 * there. No state, no views, no sockets, bytes instead of records: what is left of a latency of the product is the
 * product's own. Everything runs in the calling process, as gateway and sequencer would in one.
 *
 * As in the product, what comes while an append to a partition is under way goes into the next one.
 */

export interface LogLoopOptions {
  log: Log
  topics: Pick<Topics, 'packs' | 'events'>
  ratePerSecond: number
  seconds: number
  bytes: number
  /** Keys that the records are spread over. */
  sessions: number
  warmupSeconds: number
  clock: Clock
  onMeasure(phase: 'begin' | 'end'): Promise<void> | void
}

export interface LogLoopResult {
  sent: number
  /** Came back on events. */
  delivered: number
  lost: number
  duplicated: number
  outOfOrder: number
  endToEndMs: LatencySummary
  generatorLateMs: LatencySummary
}

const STRAGGLERS_MS_MAX = 10_000
const STRAGGLERS_POLL_MS = 20
const TICK_MS = 1
const INDEX_BYTES = 4
/** More than any key here has. */
const KEY_BYTES_MAX = 64

export async function runLogLoop(options: LogLoopOptions): Promise<LogLoopResult> {
  const loop = new LogLoop(options)
  return await loop.run()
}

class LogLoop {
  private readonly options: LogLoopOptions
  private readonly toPacks: Appends
  private readonly toEvents: Appends
  private readonly keys: { key: Buffer; partition: Partition }[]
  private readonly count: number
  private readonly warmup: number
  private readonly dueAt: Float64Array
  private readonly seen: Uint8Array
  private readonly lastIndex: Int32Array
  private readonly latency = new Histogram()
  private readonly late = new Histogram()
  private sent = 0
  private delivered = 0
  private duplicated = 0
  private outOfOrder = 0

  constructor(options: LogLoopOptions) {
    this.options = options
    const { ratePerSecond, seconds, warmupSeconds, topics, sessions } = options
    this.warmup = Math.round(ratePerSecond * warmupSeconds)
    this.count = this.warmup + Math.round(ratePerSecond * seconds)
    this.dueAt = new Float64Array(this.count)
    this.seen = new Uint8Array(this.count)
    this.lastIndex = new Int32Array(sessions).fill(-1)
    this.keys = Array.from({ length: sessions }, (_, session) => {
      const key = Buffer.from(`s:bench-a${session}:bench-b${session}`)
      return { key, partition: sessionPartition(topics.packs, key.toString()) }
    })
    const recordsMax = Math.min(APPEND_RECORDS_MAX, Math.floor(APPEND_BYTES_MAX / (options.bytes + KEY_BYTES_MAX)))
    this.toPacks = new Appends(options.log, { topic: topics.packs.name, recordsMax })
    this.toEvents = new Appends(options.log, { topic: topics.events.name, recordsMax })
  }

  async run(): Promise<LogLoopResult> {
    const { log, topics, ratePerSecond, onMeasure, clock } = this.options
    const start = async (topic: string) =>
      new Map([...(await log.bounds(topic))].map(([partition, { end }]) => [partition, end] as const))
    const readers = [
      log.read({
        topic: topics.packs.name,
        from: await start(topics.packs.name),
        onBatch: ({ partition, records }) => this.toEvents.add(partition, records.map(toEvent)),
      }),
      log.read({
        topic: topics.events.name,
        from: await start(topics.events.name),
        onBatch: ({ records }) => this.received(records),
      }),
    ]
    const failed = Promise.race([...readers.map(reader => reader.done), this.toPacks.failed, this.toEvents.failed])
    const work = async () => {
      await this.send(new Schedule(ratePerSecond, this.warmup))
      await onMeasure('begin')
      await this.send(new Schedule(ratePerSecond, this.count - this.warmup))
      await onMeasure('end')
      const until = clock.monotonic() + STRAGGLERS_MS_MAX
      while (this.delivered < this.sent && clock.monotonic() < until) await clock.sleep(STRAGGLERS_POLL_MS)
    }
    try {
      await Promise.race([work(), failed])
    } finally {
      await Promise.all(readers.map(reader => reader.close()))
    }
    return this.result()
  }

  private result(): LogLoopResult {
    const measured = this.seen.subarray(this.warmup)
    const delivered = measured.reduce((sum, seen) => sum + seen, 0)
    return {
      sent: measured.length,
      delivered,
      lost: measured.length - delivered,
      duplicated: this.duplicated,
      outOfOrder: this.outOfOrder,
      endToEndMs: this.latency.summary(),
      generatorLateMs: this.late.summary(),
    }
  }

  private send(schedule: Schedule): Promise<void> {
    const { clock } = this.options
    const startedAt = clock.monotonic()
    const first = this.sent
    return new Promise(resolve => {
      const tick = () => {
        const due = first + schedule.dueCount(clock.monotonic() - startedAt)
        while (this.sent < due) this.sendOne(startedAt + schedule.dueAt(this.sent - first))
        if (this.sent === first + schedule.count) resolve()
        else clock.schedule(TICK_MS, tick)
      }
      tick()
    })
  }

  private sendOne(dueAt: Millis): void {
    const index = this.sent++
    this.dueAt[index] = dueAt
    if (index >= this.warmup) this.late.record(this.options.clock.monotonic() - dueAt)
    const value = Buffer.alloc(Math.max(INDEX_BYTES, this.options.bytes), 0x78)
    value.writeUInt32BE(index)
    const { key, partition } = this.keys[index % this.keys.length]!
    this.toPacks.add(partition, [{ key, value, headers: {} }])
  }

  private received(records: readonly StoredRecord[]): void {
    const now = this.options.clock.monotonic()
    for (const { value } of records) {
      const index = value!.readUInt32BE()
      if (this.seen[index] === 1) {
        this.duplicated++
        continue
      }
      this.seen[index] = 1
      this.delivered++
      const session = index % this.keys.length
      if (index <= this.lastIndex[session]!) this.outOfOrder++
      this.lastIndex[session] = index
      if (index >= this.warmup) this.latency.record(now - this.dueAt[index]!)
    }
  }
}

/** The sequencer's part: the same key and value, on events. */
function toEvent({ key, value }: StoredRecord): LogRecord {
  return { key, value, headers: {} }
}

/** One append under way per partition; what comes meanwhile goes into the next. */
class Appends {
  /** Rejects when an append failed: the run is void then. */
  readonly failed: Promise<never>
  private readonly log: Log
  private readonly topic: string
  private readonly recordsMax: number
  private readonly waiting = new Map<Partition, LogRecord[]>()
  private readonly busy = new Set<Partition>()
  private fail: (error: unknown) => void = () => {}

  constructor(log: Log, { topic, recordsMax }: { topic: string; recordsMax: number }) {
    this.log = log
    this.topic = topic
    this.recordsMax = recordsMax
    this.failed = new Promise((_, reject) => {
      this.fail = reject
    })
    // A failure after the end of the run concerns nobody.
    this.failed.catch(() => {})
  }

  add(partition: Partition, records: readonly LogRecord[]): void {
    const waiting = this.waiting.get(partition) ?? []
    this.waiting.set(partition, waiting)
    waiting.push(...records)
    if (!this.busy.has(partition)) this.flush(partition).catch(this.fail)
  }

  private async flush(partition: Partition): Promise<void> {
    this.busy.add(partition)
    try {
      const waiting = this.waiting.get(partition)!
      while (waiting.length > 0) {
        const records = waiting.splice(0, this.recordsMax)
        await this.log.append({ topic: this.topic, partition, records })
      }
    } finally {
      this.busy.delete(partition)
    }
  }
}
