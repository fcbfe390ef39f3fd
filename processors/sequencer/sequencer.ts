import { assert } from '../../infra/assert.ts'
import type { Clock, Random } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { RecordCodec } from '../../schemas/codec.ts'
import type { Event } from '../../schemas/event.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import type { Pack } from '../../schemas/pack.ts'
import { AppendFailed, type Log, type StoredRecord } from '../../topics/log.ts'
import type { Topics } from '../../topics/topics.ts'
import { type Batch, buildBatch } from './batch.ts'
import type { Changelog } from './changelog.ts'
import { RestoreRefused } from './failures.ts'
import { foldBatch } from './fold.ts'
import type { SequencerMetrics } from './metrics.ts'
import { PackQueue } from './pack-queue.ts'
import type { SessionState } from './session-state.ts'
import { readTail, type Tail, TailAborted, TailUnavailable } from './tail.ts'

/**
 * The loop of one partition: packs in, outcomes onto im.events.
 *
 * Problem: two instances may believe that they own the partition, and a produce may be stored late, twice or never;
 * still every pack gets exactly one outcome, in one order, without a transaction on the hot path.
 *
 * One round:
 *  1. take the packs that have arrived, at most one append's worth; decide and evolve them on an overlay.
 *  2. append their outcomes, each with the offset that it must get and the hash of the one before it.
 *  3. The answer is that offset: nobody else has written in between. The overlay counts; store and changelog follow.
 *  4. Anything else (another offset, an error, no answer): drop the overlay, wait a jittered moment, read the tail of
 *     im.events by the rule that all readers share, fold what is valid there, go on with the pack after its last cause.
 * One produce is in flight; what arrives meanwhile goes into the next round. There is no timer on this way.
 *
 * Invariant: state = fold of the valid log up to `checkpoint.position`; `end` is that log's end, or the next append
 * fails and step 4 finds out. Not promised: that a pack is decided once (a lost race decides it again), or that an
 * append is answered before it is in the log.
 */

/** Wait before the tail is read again, in ms: doubles from the first to the second, each time a random part of it. */
export const RETRY_DELAY_MS_MIN = 5
export const RETRY_DELAY_MS_MAX = 1_000

export interface SequencerParts {
  partition: Partition
  era: number
  topics: Topics
  log: Log
  packCodec: RecordCodec<Pack>
  eventCodec: RecordCodec<Event>
  state: SessionState
  changelog: Changelog
  clock: Clock
  random: Random
  /** False once another instance is known to own the partition: it stops before its next append. */
  owns(): boolean
  metrics: SequencerMetrics
  logger: Logger
}

export class Sequencer {
  private readonly parts: SequencerParts
  private readonly queue = new PackQueue()
  private readonly stopping = new AbortController()
  private nextPack: Offset
  /** Expected offset of the next append; undefined while the tail has to be read first. */
  private end: Offset | undefined
  /** The end of the tail could not be seen: an append is believed only when it was read back. */
  private open: boolean
  private failures = 0
  private wake: (() => void) | undefined

  constructor(parts: SequencerParts, start: { nextPack: Offset; tail: Pick<Tail, 'end' | 'open'> }) {
    this.parts = parts
    this.nextPack = start.nextPack
    this.end = start.tail.end
    this.open = start.tail.open
  }

  /** The first pack that has no outcome yet. */
  get next(): Offset {
    return this.nextPack
  }

  /** How many packs were fetched and have no outcome yet. */
  get waiting(): number {
    return this.queue.length
  }

  /** Packs that were fetched, in order; resolves (or returns at once) when there is room for more. */
  push(records: readonly StoredRecord[]): Promise<void> | undefined {
    if (this.stopping.signal.aborted) return undefined
    const room = this.queue.push(records)
    this.wake?.()
    return room
  }

  /** Works until `stop`, or until it must not go on: then rejects. */
  async run(): Promise<void> {
    try {
      while (!this.stopping.signal.aborted && this.parts.owns()) await this.round()
    } catch (error) {
      if (!(error instanceof TailAborted)) throw error
    } finally {
      this.queue.close()
    }
  }

  /** Ends `run` after the round that is under way. */
  stop(): void {
    this.stopping.abort()
    this.queue.close()
    this.wake?.()
  }

  private async round(): Promise<void> {
    const { state, changelog } = this.parts
    if (this.end === undefined) return this.catchUp()
    if ((this.queue.lastOffset ?? -1) < this.nextPack) return this.idle()
    const room = state.room() ?? changelog.room(this.stopping.signal)
    if (room !== undefined) return room
    const batch = this.build(this.end)
    if (batch.records.length > 0) return this.append(batch, this.end)
    if (batch.unknownSchema !== undefined) await this.learn(batch.unknownSchema)
  }

  /** Waits until packs arrive. Nothing can arrive between the check and the promise: both run in one turn. */
  private idle(): Promise<void> {
    // What another writer has answered already must not fill the queue: its reader would wait for room for ever.
    this.queue.release(this.nextPack)
    return new Promise(resolve => {
      this.wake = () => {
        this.wake = undefined
        resolve()
      }
      if (this.stopping.signal.aborted) this.wake()
    })
  }

  private build(end: Offset): Batch {
    const { state, packCodec, eventCodec, partition, topics, era } = this.parts
    const place = { partition, partitions: topics.packs.partitions }
    return buildBatch({ state, queue: this.queue, packCodec, eventCodec, place, era, nextPack: this.nextPack, end })
  }

  private async append(batch: Batch, expected: Offset): Promise<void> {
    const { log, topics, partition, metrics } = this.parts
    let baseOffset: Offset | undefined
    try {
      const appended = await log.append({ topic: topics.events.name, partition, records: batch.records })
      baseOffset = appended.baseOffset
    } catch (error) {
      if (!(error instanceof AppendFailed)) throw error
      this.parts.logger.warn({ err: error, partition }, 'an append to im.events failed: reading the tail')
    }
    if (baseOffset === expected && !this.open) {
      this.commit(batch, expected)
      return
    }
    this.parts.state.rollback()
    this.end = undefined
    metrics.appendRetries.inc({ partition })
    // The answer was the expected one: only the end of the tail was in doubt, so there is nothing to wait for.
    if (baseOffset !== expected) this.failures++
  }

  private commit(batch: Batch, expected: Offset): void {
    const { state, changelog, metrics } = this.parts
    changelog.note(state.commit(batch.checkpoint), batch.checkpoint)
    this.failures = 0
    this.end = expected + batch.records.length
    this.nextPack = batch.nextPack
    this.queue.release(this.nextPack)
    metrics.committed(batch.codes, batch.records.length)
  }

  /** Step 4: reads the tail and goes on from its last valid record. */
  private async catchUp(): Promise<void> {
    await this.pause()
    if (this.stopping.signal.aborted) return
    const { log, topics, partition, clock, state, logger, metrics } = this.parts
    const from = state.checkpoint.position
    let tail: Tail
    try {
      tail = await readTail({
        log,
        topic: topics.events,
        partition,
        clock,
        from,
        signal: this.stopping.signal,
        onValid: batch => this.fold(batch),
      })
    } catch (error) {
      if (!(error instanceof TailUnavailable)) throw error
      this.failures++
      logger.warn({ err: error, partition }, 'im.events cannot be read')
      return
    }
    assert(state.checkpoint.position.offset === tail.position.offset, 'the tail was folded up to its last valid record')
    metrics.junk.inc({ partition }, tail.junk)
    this.end = tail.end
    this.open = tail.open
  }

  private async fold(batch: Parameters<typeof foldBatch>[1]): Promise<void> {
    const { state, changelog, eventCodec } = this.parts
    const checkpoint = await foldBatch({ state, codec: eventCodec }, batch)
    changelog.note(state.commit(checkpoint), checkpoint)
    const { cause } = checkpoint.position
    assert(cause !== null, 'a valid event has a cause')
    if (cause.era > this.parts.era) {
      throw new RestoreRefused('ERA_BEHIND', this.parts.partition, `an event of era ${cause.era} on im.events`)
    }
    // Another writer may be ahead of us, or may have answered what we were about to answer.
    if (cause.era === this.parts.era) this.nextPack = cause.offset + 1
    this.queue.release(this.nextPack)
  }

  private async learn(schemaId: number): Promise<void> {
    const { packCodec, partition, logger } = this.parts
    try {
      if (await packCodec.learn(schemaId)) return
    } catch (error) {
      this.failures++
      logger.warn({ err: error, partition, schemaId }, 'the schema registry cannot be reached: the partition waits')
      return this.pause()
    }
    // No such schema: the first pack that was not decoded will never be.
    this.queue.markUnreadable(this.nextPack)
  }

  /** A jittered moment that grows with the failures in a row, so that two writers do not collide for ever. */
  private async pause(): Promise<void> {
    if (this.failures === 0) return
    const { clock, random } = this.parts
    const limit = Math.min(RETRY_DELAY_MS_MAX, RETRY_DELAY_MS_MIN * 2 ** Math.min(this.failures - 1, 10))
    await clock.sleep(limit * (0.5 + random.next() / 2), this.stopping.signal)
  }
}
