import type { Partition } from '../../schemas/ids.ts'
import { RULES_DEFAULT, type Rules } from '../../schemas/pack.ts'
import type { StoredRecord } from '../../topics/log.ts'
import { Fenced, type TransactionalWriter } from '../../topics/transactional-log.ts'
import type { Changelog } from './changelog.ts'
import type { SequencerContext } from './main.ts'
import type { SequencerMetrics } from './metrics.ts'
import { type Restored, type RestoreParts, restore } from './restore.ts'
import { Sequencer } from './sequencer.ts'
import { type StateStore, StateTaken } from './state-store.ts'
import { TailAborted } from './tail.ts'

/**
 * One partition of this instance from taking it to letting it go: restore, run, drain. Where another instance has
 * taken it (Fenced, StateTaken), this one stops working on it and says so; whether it is taken back is decided above.
 */
export class PartitionOwner {
  readonly partition: Partition
  /** Settles when the partition is let go: resolves after `drain` or `lost`, rejects when nobody may go on. */
  readonly done: Promise<void>
  private readonly context: SequencerContext
  private readonly metrics: SequencerMetrics
  private readonly store: StateStore
  private readonly transactional: TransactionalWriter
  private readonly aborting = new AbortController()
  private readonly onLost: (error: Error) => void
  private settle!: { resolve: () => void; reject: (error: unknown) => void }
  private restored: Restored | undefined
  private sequencer: Sequencer | undefined
  private running: Promise<void> = Promise.resolve()
  private owned = true
  private drained: Promise<void> | undefined

  constructor(
    context: SequencerContext,
    options: { partition: Partition; metrics: SequencerMetrics; onLost(error: Error): void },
  ) {
    this.context = context
    this.partition = options.partition
    this.metrics = options.metrics
    this.onLost = options.onLost
    this.store = context.stores(options.partition)
    this.transactional = context.transactional(context.transactionalIdPrefix + options.partition)
    this.done = new Promise((resolve, reject) => {
      this.settle = { resolve, reject }
    })
    // Whoever starts this one awaits `done` later, or the error came out of `start` already.
    this.done.catch(() => {})
  }

  get isOwned(): boolean {
    return this.owned
  }

  /** The first pack without an outcome; the rules that apply; both known after `start`. */
  get next(): number {
    return this.sequencer?.next ?? 0
  }

  /** Packs that were fetched and have no outcome yet. */
  get waiting(): number {
    return this.sequencer?.waiting ?? 0
  }

  get rules(): Rules {
    return this.restored?.state.checkpoint.time.rules ?? RULES_DEFAULT
  }

  /** Restores the state; gives the first pack to read. Throws as `restore` does. */
  async start(): Promise<number> {
    this.restored = await restore(this.restoreParts())
    const { state, changelog, nextPack, tail, source } = this.restored
    const { context, partition, metrics } = this
    const { topics, log, packCodec, eventCodec, clock, random, logger, era } = context
    const owns = () => this.owned
    this.sequencer = new Sequencer(
      { partition, era, topics, log, packCodec, eventCodec, state, changelog, clock, random, owns, metrics, logger },
      { nextPack, tail },
    )
    metrics.junk.inc({ partition }, tail.junk)
    metrics.owned(partition, true)
    logger.info({ partition, source, position: tail.position.offset, nextPack }, 'partition restored')
    return nextPack
  }

  /** Begins to answer packs. */
  run(): void {
    this.running = this.sequencer!.run().catch(error => this.fail(error))
  }

  push(records: readonly StoredRecord[]): Promise<void> | undefined {
    return this.sequencer?.push(records)
  }

  /** Tells the metrics how much it holds. */
  measure(): void {
    if (this.owned) this.metrics.stateSize(this.partition, this.store.size())
  }

  /** Finishes the batch under way, writes state and changelog, and lets everything go. Idempotent. */
  drain(): Promise<void> {
    this.drained ??= this.drainNow()
    return this.drained
  }

  private async drainNow(): Promise<void> {
    this.aborting.abort()
    this.sequencer?.stop()
    await this.running
    await this.writeOut()
    this.settle.resolve()
  }

  private restoreParts(): RestoreParts {
    const { topics, log, eventCodec, sessionCodec, clock, random, logger, era, instance } = this.context
    const { partition, store, transactional } = this
    const onFailure = (error: unknown) => this.fail(error)
    const signal = this.aborting.signal
    return {
      ...{ partition, era, topics, log, store, eventCodec, sessionCodec, transactional, writer: instance },
      ...{ clock, random, logger, signal, onFailure },
    }
  }

  private async writeOut(): Promise<void> {
    const { logger } = this.context
    const changelog: Changelog | undefined = this.restored?.changelog
    try {
      if (this.owned && changelog !== undefined && !(await changelog.flush())) {
        logger.warn({ partition: this.partition }, 'im.sessions was not written to the end: the next start does it')
      }
      await changelog?.close()
      if (this.owned) await this.restored?.state.flush()
    } catch (error) {
      logger.error({ err: error, partition: this.partition }, 'the state was not written to the end')
    }
    this.restored?.state.stop()
    await this.transactional.close()
    await this.store.close()
  }

  private fail(error: unknown): void {
    if (this.aborting.signal.aborted || !this.owned || error instanceof TailAborted) return
    this.owned = false
    this.metrics.owned(this.partition, false)
    this.sequencer?.stop()
    this.restored?.state.stop()
    if (error instanceof Fenced || error instanceof StateTaken) {
      this.context.logger.error({ err: error, partition: this.partition }, 'partition lost to another instance')
      this.onLost(error)
      this.settle.resolve()
    } else {
      this.settle.reject(error)
    }
  }
}
