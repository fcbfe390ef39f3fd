import type { Clock, Millis, Random } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Partition } from '../../schemas/ids.ts'
import { AppendFailed, type Log, type LogRecord } from '../../topics/log.ts'
import type { Topic } from '../../topics/topics.ts'
import {
  APPEND_ATTEMPTS_MAX,
  APPEND_RETRY_MS_MAX,
  APPEND_RETRY_MS_MIN,
  LANE_BYTES_MAX,
  LANE_RECORDS_MAX,
} from '../limits.ts'
import type { PendingPack } from './pending.ts'

/**
 * Appends packs to im.packs, one batch in flight per partition: whatever arrives while a batch is under way is the
 * next one, so batches grow with the load and there is no timer.
 *
 * A failed append is tried again with the same records, also where they may have been stored: the sequencer answers
 * the second copy PackRepeated (DESIGN 4). The batch that failed goes before everything behind it, so packs of one
 * session keep their order. After APPEND_ATTEMPTS_MAX the batch's packs are given back; they may still take effect
 * if the last answer was lost, which is why their senders are told to try again with the same packId.
 */

/** What waits for its record to take effect; one that is no longer open is not appended. */
export interface Waiting {
  readonly isOpen: boolean
}

export interface AppenderOptions<Wait extends Waiting = PendingPack> {
  log: Log
  topic: Topic
  clock: Clock
  random: Random
  logger: Logger
  /** The packs were not appended, as far as is known. */
  onFailed(packs: readonly Wait[]): void
  /** Something that no retry helps against. */
  onFatal(error: unknown): void
}

interface Entry<Wait extends Waiting> {
  record: LogRecord
  bytes: number
  pending: Wait
}

interface Lane<Wait extends Waiting> {
  queue: Entry<Wait>[]
  isRunning: boolean
}

export class PackAppender<Wait extends Waiting = PendingPack> {
  private readonly lanes = new Map<Partition, Lane<Wait>>()
  private readonly options: AppenderOptions<Wait>

  constructor(options: AppenderOptions<Wait>) {
    this.options = options
  }

  /** Takes a record; bounded by the caller, who counts pending packs. */
  enqueue(partition: Partition, record: LogRecord, pending: Wait): void {
    let lane = this.lanes.get(partition)
    if (lane === undefined) {
      lane = { queue: [], isRunning: false }
      this.lanes.set(partition, lane)
    }
    const bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0)
    lane.queue.push({ record, bytes, pending })
    if (lane.isRunning) return
    lane.isRunning = true
    const started = lane
    // At the end of the tick, so that everything that came with this tick goes into one batch.
    this.options.clock.defer(() => {
      this.run(partition, started).catch(this.options.onFatal)
    })
  }

  private async run(partition: Partition, lane: Lane<Wait>): Promise<void> {
    for (let batch = nextBatch(lane); batch.length > 0; batch = nextBatch(lane)) {
      const appended = await this.append(partition, batch)
      if (!appended) this.options.onFailed(batch.map(({ pending }) => pending))
    }
    lane.isRunning = false
  }

  private async append(partition: Partition, batch: readonly Entry<Wait>[]): Promise<boolean> {
    const { log, topic, clock, logger } = this.options
    const records = batch.map(({ record }) => record)
    for (let attempt = 1; ; attempt++) {
      try {
        await log.append({ topic: topic.name, partition, records })
        return true
      } catch (error) {
        if (!(error instanceof AppendFailed)) throw error
        const packs = records.length
        logger.warn(
          { err: error, partition, packs, attempt, maybeStored: error.maybeStored },
          'packs were not appended',
        )
        if (attempt >= APPEND_ATTEMPTS_MAX || batch.every(({ pending }) => !pending.isOpen)) return false
        await clock.sleep(this.retryDelay(attempt))
      }
    }
  }

  private retryDelay(attempt: number): Millis {
    const delay = Math.min(APPEND_RETRY_MS_MAX, APPEND_RETRY_MS_MIN * 2 ** (attempt - 1))
    return Math.ceil(delay * (0.5 + this.options.random.next() / 2))
  }
}

/** The next records that fit into one append, without those that were answered while they waited. */
function nextBatch<Wait extends Waiting>(lane: Lane<Wait>): Entry<Wait>[] {
  const batch: Entry<Wait>[] = []
  let bytes = 0
  let taken = 0
  for (const entry of lane.queue) {
    if (entry.pending.isOpen) {
      const fits = batch.length < LANE_RECORDS_MAX && (batch.length === 0 || bytes + entry.bytes <= LANE_BYTES_MAX)
      if (!fits) break
      batch.push(entry)
      bytes += entry.bytes
    }
    taken++
  }
  lane.queue.splice(0, taken)
  return batch
}
