import type { Clock, Random } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Metrics } from '../../infra/metrics.ts'
import type { Service } from '../../infra/service.ts'
import type { RecordCodec } from '../../schemas/codec.ts'
import type { Event } from '../../schemas/event.ts'
import type { Partition } from '../../schemas/ids.ts'
import type { Pack, Rules } from '../../schemas/pack.ts'
import type { SessionRecord } from '../../schemas/session.ts'
import type { FetchedBatch, Log, LogReader } from '../../topics/log.ts'
import type { Membership, Ownership } from '../../topics/ownership.ts'
import type { Topics } from '../../topics/topics.ts'
import type { TransactionalWriters } from '../../topics/transactional-log.ts'
import { LogCorrupt } from '../../topics/valid-events.ts'
import { RestoreRefused } from './failures.ts'
import { makeSequencerMetrics, type SequencerMetrics } from './metrics.ts'
import { OwnedPartitions } from './owned-partitions.ts'
import type { StateStores } from './state-store.ts'

/** What the sequencer needs of the process around it. */
export interface SequencerContext {
  log: Log
  topics: Topics
  packCodec: RecordCodec<Pack>
  eventCodec: RecordCodec<Event>
  sessionCodec: RecordCodec<SessionRecord>
  transactional: TransactionalWriters
  /** Put before the partition's number to make its transactional id: `seq-`, after the topics' prefix. */
  transactionalIdPrefix: string
  /** Opens the state store of a partition; see lmdb-state-store.ts. */
  stores: StateStores
  /** Says which partitions this instance works on. */
  ownership: Ownership
  /** Raised by an operator when the cluster is replaced. */
  era: number
  /** Name of this instance. */
  instance: string
  /** Rules that this instance sets where older ones apply; undefined: none. */
  rules?: Rules
  clock: Clock
  random: Random
  logger: Logger
  metrics: Metrics
}

/** How often sizes are measured, in ms. */
const MEASURE_MS = 5_000

/** The transactional ids of a deployment: two with different topics never fence each other. */
export function transactionalIdPrefix(topics: Topics): string {
  return `${topics.sessions.name.replace(/im\.sessions$/, '')}seq-`
}

/**
 * The sequencer of this process: restores its partitions, then answers their packs.
 *
 * Where its partitions are fixed, `start` throws RestoreRefused where one cannot be taken without guessing, and `done`
 * rejects when the log turns out to be corrupt, or when every partition was lost to other instances. Where they are
 * agreed on with others, such a partition stands still and alarms while the rest goes on (OW6): ending the process
 * would hand the same partition to the next one, and end all of them one after the other. A partition that was lost
 * to another instance is taken again by a new agreement, or, where partitions are fixed, when nobody answers its packs.
 */
export function makeSequencer(context: SequencerContext): Service {
  return new SequencerService(context)
}

class SequencerService implements Service {
  readonly name = 'sequencer'
  readonly done: Promise<void>
  private readonly context: SequencerContext
  private readonly metrics: SequencerMetrics
  private readonly owned: OwnedPartitions
  private settle!: { resolve: () => void; reject: (error: unknown) => void }
  private reader: LogReader | undefined
  private membership: Membership | undefined
  private isAgreed = false
  private cancelMeasure: () => void = () => {}
  private draining: Promise<void> | undefined

  constructor(context: SequencerContext) {
    this.context = context
    this.metrics = makeSequencerMetrics(context.metrics)
    this.owned = new OwnedPartitions(context, {
      metrics: this.metrics,
      readFrom: (partition, offset) => this.reader!.seek(partition, offset),
      readNoMore: partition => this.reader!.remove(partition),
      released: () => this.membership?.released(),
      stopped: (partition, error) => this.stopped(partition, error),
      lost: error => {
        if (context.ownership.isFixed && this.owned.isEmpty) this.fail(error)
      },
    })
    this.done = new Promise((resolve, reject) => {
      this.settle = { resolve, reject }
    })
    this.done.catch(() => {})
  }

  /** Where the partitions are fixed it has taken them when this resolves; otherwise they come with the agreements. */
  async start(): Promise<void> {
    const { log, topics, ownership } = this.context
    this.reader = log.read({ topic: topics.packs.name, from: new Map(), onBatch: batch => this.take(batch) })
    this.reader.done.catch(error => this.fail(error))
    this.measureLater()
    this.membership = ownership.join({
      owned: () => this.owned.partitions,
      assigned: partitions => {
        this.isAgreed = true
        this.owned.want(partitions)
      },
    })
    if (ownership.isFixed) await this.owned.settled()
    await Promise.race([this.done, undefined])
  }

  ready(): boolean {
    return this.isAgreed && this.draining === undefined && this.owned.ready()
  }

  drain(): Promise<void> {
    this.draining ??= this.drainNow()
    return this.draining
  }

  private async drainNow(): Promise<void> {
    this.cancelMeasure()
    // The owners first: a reader that waits for room in a queue is let go by its owner.
    const closed = this.reader?.close()
    await this.owned.drain()
    await closed
    // Last, so that others take the partitions with everything written.
    await this.membership?.leave()
    this.settle.resolve()
  }

  private take({ partition, records, end }: FetchedBatch): Promise<void> | undefined {
    const owner = this.owned.get(partition)
    this.metrics.lag(partition, end - (owner?.next ?? end))
    return owner?.push(records)
  }

  /** A partition that nobody may go on with, or a bug. */
  private stopped(partition: Partition, error: unknown): void {
    const { ownership, logger } = this.context
    if (ownership.isFixed || !(error instanceof RestoreRefused || error instanceof LogCorrupt)) {
      this.fail(error)
      return
    }
    this.metrics.stopped(partition, true)
    logger.fatal({ err: error, partition }, 'the partition stands still and needs an operator; the others go on')
  }

  private fail(error: unknown): void {
    if (this.draining === undefined) this.settle.reject(error)
  }

  private measureLater(): void {
    this.cancelMeasure = this.context.clock.schedule(MEASURE_MS, () => {
      this.owned.measure()
      this.measureLater()
    })
  }
}
