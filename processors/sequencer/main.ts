import type { Clock, Random } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Metrics } from '../../infra/metrics.ts'
import type { Service } from '../../infra/service.ts'
import type { RecordCodec } from '../../schemas/codec.ts'
import type { Event } from '../../schemas/event.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import type { Pack, Rules } from '../../schemas/pack.ts'
import type { SessionRecord } from '../../schemas/session.ts'
import type { FetchedBatch, Log, LogReader } from '../../topics/log.ts'
import type { Topics } from '../../topics/topics.ts'
import type { TransactionalWriters } from '../../topics/transactional-log.ts'
import { Fenced } from '../../topics/transactional-log.ts'
import { askForRules } from './configured-rules.ts'
import { untilUnanswered } from './lost-partition.ts'
import { makeSequencerMetrics, type SequencerMetrics } from './metrics.ts'
import { PartitionOwner } from './partition-owner.ts'
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
  /** Which partitions this instance owns. */
  partitions: readonly Partition[]
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

/** How many partitions are restored at a time. */
const RESTORES_MAX = 4
/** How often sizes are measured, in ms. */
const MEASURE_MS = 5_000

/** The transactional ids of a deployment: two with different topics never fence each other. */
export function transactionalIdPrefix(topics: Topics): string {
  return `${topics.sessions.name.replace(/im\.sessions$/, '')}seq-`
}

/**
 * The sequencer of this process: restores its partitions, then answers their packs. `start` throws RestoreRefused
 * where a partition cannot be taken without guessing; `done` rejects when the log turns out to be corrupt, or when
 * every partition was lost to other instances. A partition that was lost while others were kept is taken back when
 * nobody answers its packs any more.
 */
export function makeSequencer(context: SequencerContext): Service {
  return new SequencerService(context)
}

class SequencerService implements Service {
  readonly name = 'sequencer'
  readonly done: Promise<void>
  private readonly context: SequencerContext
  private readonly metrics: SequencerMetrics
  private readonly owners = new Map<Partition, PartitionOwner>()
  /** Per partition, the end of im.packs at the start: below it, it is not ready. */
  private readonly behind = new Map<Partition, Offset>()
  private settle!: { resolve: () => void; reject: (error: unknown) => void }
  private reader: LogReader | undefined
  private cancelMeasure: () => void = () => {}
  private readonly stopping = new AbortController()
  private readonly takingBack = new Set<Promise<void>>()
  private draining: Promise<void> | undefined

  constructor(context: SequencerContext) {
    this.context = context
    this.metrics = makeSequencerMetrics(context.metrics)
    this.done = new Promise((resolve, reject) => {
      this.settle = { resolve, reject }
    })
    this.done.catch(() => {})
  }

  async start(): Promise<void> {
    const { context } = this
    for (const partition of context.partitions) this.makeOwner(partition)
    const from = await this.restoreAll()
    // Before the ends are taken: it is ready when the rules have had their outcome.
    for (const { partition, rules } of this.owners.values()) await askForRules(context, { partition, inForce: rules })
    const ends = await context.log.bounds(context.topics.packs.name)
    for (const partition of context.partitions) this.behind.set(partition, ends.get(partition)?.end ?? 0)
    for (const owner of this.owners.values()) this.run(owner)
    const topic = context.topics.packs.name
    this.reader = context.log.read({ topic, from, onBatch: batch => this.take(batch) })
    this.reader.done.catch(error => this.fail(error))
    this.measureLater()
  }

  ready(): boolean {
    if (this.reader === undefined || this.draining !== undefined) return false
    for (const [partition, end] of this.behind) {
      const owner = this.owners.get(partition)!
      if (!owner.isOwned) return false
      if (owner.next >= end) this.behind.set(partition, 0)
      else return false
    }
    return true
  }

  drain(): Promise<void> {
    this.draining ??= this.drainNow()
    return this.draining
  }

  private async drainNow(): Promise<void> {
    this.cancelMeasure()
    this.stopping.abort()
    // The owners first: a reader that waits for room in a queue is let go by its owner.
    const closed = this.reader?.close()
    await Promise.all([...this.owners.values()].map(owner => owner.drain()))
    await Promise.all(this.takingBack)
    await closed
    this.settle.resolve()
  }

  private async restoreAll(): Promise<Map<Partition, Offset>> {
    const from = new Map<Partition, Offset>()
    const waiting = [...this.owners.values()]
    const restoreNext = async (): Promise<void> => {
      for (let owner = waiting.shift(); owner !== undefined; owner = waiting.shift()) {
        from.set(owner.partition, await owner.start())
      }
    }
    await Promise.all(Array.from({ length: RESTORES_MAX }, restoreNext))
    return from
  }

  private take({ partition, records, end }: FetchedBatch): Promise<void> | undefined {
    const owner = this.owners.get(partition)
    this.metrics.lag(partition, end - (owner?.next ?? end))
    return owner?.push(records)
  }

  private makeOwner(partition: Partition): PartitionOwner {
    const onLost = (error: Error) => this.lost(partition, error)
    const owner = new PartitionOwner(this.context, { partition, metrics: this.metrics, onLost })
    this.owners.set(partition, owner)
    return owner
  }

  private run(owner: PartitionOwner): void {
    owner.run()
    owner.done.catch(error => this.fail(error))
  }

  private lost(partition: Partition, error: Error): void {
    this.reader?.remove(partition)
    if (![...this.owners.values()].some(owner => owner.isOwned)) {
      this.fail(error)
      return
    }
    const back = this.takeBack(partition)
      .catch(failure => this.fail(failure))
      .finally(() => this.takingBack.delete(back))
    this.takingBack.add(back)
  }

  /** Lets a lost partition be while somebody answers its packs; then takes it, unless another one does first. */
  private async takeBack(partition: Partition): Promise<void> {
    const { log, topics, clock, logger } = this.context
    const { signal } = this.stopping
    await this.owners.get(partition)!.drain()
    while (await untilUnanswered({ log, topics, partition, clock, signal })) {
      logger.warn({ partition }, 'nobody answers the packs of a partition that was lost: it is taken back')
      const owner = this.makeOwner(partition)
      try {
        const next = await owner.start()
        if (signal.aborted) return
        this.behind.set(partition, (await log.bounds(topics.packs.name)).get(partition)?.end ?? 0)
        this.run(owner)
        this.reader!.seek(partition, next)
        return
      } catch (error) {
        await owner.drain()
        if (!(error instanceof Fenced) && !signal.aborted) throw error
      }
    }
  }

  private fail(error: unknown): void {
    if (this.draining === undefined) this.settle.reject(error)
  }

  private measureLater(): void {
    this.cancelMeasure = this.context.clock.schedule(MEASURE_MS, () => {
      for (const owner of this.owners.values()) {
        owner.measure()
        if (owner.isOwned) this.metrics.lag(owner.partition, owner.waiting)
      }
      this.measureLater()
    })
  }
}
