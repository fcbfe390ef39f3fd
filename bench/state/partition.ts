import type { Clock, Millis, Random } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import { buildBatch } from '../../processors/sequencer/batch.ts'
import type { Changelog } from '../../processors/sequencer/changelog.ts'
import { PackQueue } from '../../processors/sequencer/pack-queue.ts'
import { restore } from '../../processors/sequencer/restore.ts'
import type { SessionState } from '../../processors/sequencer/session-state.ts'
import type { StateStore } from '../../processors/sequencer/state-store.ts'
import type { RecordCodec } from '../../schemas/codec.ts'
import type { Event } from '../../schemas/event.ts'
import { type Offset, packIdTime } from '../../schemas/ids.ts'
import { type Pack, RULES_DEFAULT } from '../../schemas/pack.ts'
import type { SessionRecord } from '../../schemas/session.ts'
import { APPEND_RECORDS_MAX, AppendFailed, type Log, type LogRecord } from '../../topics/log.ts'
import type { Topics } from '../../topics/topics.ts'
import type { TransactionalWriter } from '../../topics/transactional-log.ts'
import type { StatePacks } from './packs.ts'

/**
 * Builds a partition as a sequencer would have left it after a day: packs on im.packs, their outcomes on im.events, the
 * rows in the store and on im.sessions. It is the sequencer's own code that decides, stores and logs; only the append
 * times of the packs are made up, for a day cannot be waited for.
 */

export interface PartitionParts {
  log: Log
  topics: Topics
  codecs: { pack: RecordCodec<Pack>; event: RecordCodec<Event>; session: RecordCodec<SessionRecord> }
  store: StateStore
  transactional: TransactionalWriter
  clock: Clock
  random: Random
  logger: Logger
}

export interface PartitionPlan {
  packs: StatePacks
  /** Sessions, begun evenly over a day that ended before the dedupe window. */
  sessions: number
  /** Packs in these sessions, evenly over the dedupe window. */
  windowPacks: number
  onProgress(done: number): void
}

const HOUR_MS: Millis = 3_600_000
const DAY_MS: Millis = 24 * HOUR_MS
/** Between the last session's beginning and the window: what was remembered of those packs is forgotten. */
const GAP_MS: Millis = 2 * HOUR_MS
const PARTITION = 0
const PROGRESS_EVERY = 100_000
/** After an append without an answer, in ms: whatever is on its way has arrived then. */
const UNANSWERED_MS: Millis = 5_000

/** The packs of the window, the last ones, for a question that only a sequencer with the whole state answers right. */
export interface BuiltPartition {
  windowPacks: Pack[]
}

/** How many of the last packs are given back. */
const KEPT_PACKS_MAX = 1_000

export async function buildPartition(parts: PartitionParts, plan: PartitionPlan): Promise<BuiltPartition> {
  const building = await PartitionBuilding.start(parts, plan)
  try {
    return await building.run()
  } finally {
    await building.close()
  }
}

class PartitionBuilding {
  private readonly parts: PartitionParts
  private readonly plan: PartitionPlan
  private readonly state: SessionState
  private readonly changelog: Changelog
  private readonly queue = new PackQueue()
  private readonly stopping = new AbortController()
  private readonly failures: readonly unknown[]
  private done = 0

  private constructor(
    parts: PartitionParts,
    plan: PartitionPlan,
    { state, changelog, failures }: { state: SessionState; changelog: Changelog; failures: readonly unknown[] },
  ) {
    this.failures = failures
    this.parts = parts
    this.plan = plan
    this.state = state
    this.changelog = changelog
  }

  static async start(parts: PartitionParts, plan: PartitionPlan): Promise<PartitionBuilding> {
    const failures: unknown[] = []
    const { codecs, ...others } = parts
    const restored = await restore({
      ...others,
      partition: PARTITION,
      era: 0,
      eventCodec: codecs.event,
      sessionCodec: codecs.session,
      writer: 'bench',
      signal: new AbortController().signal,
      onFailure: error => failures.push(error),
    })
    return new PartitionBuilding(parts, plan, { ...restored, failures })
  }

  async run(): Promise<BuiltPartition> {
    const { packs, sessions, windowPacks } = this.plan
    const windowEnd = this.parts.clock.now()
    const windowStart = windowEnd - RULES_DEFAULT.dedupeWindowMs
    const dayStart = windowStart - GAP_MS - DAY_MS
    await this.answer(sessions, n => packs.begin(dayStart + (n * DAY_MS) / sessions))
    const kept: Pack[] = []
    await this.answer(windowPacks, n => {
      const pack = packs.messageSomewhere(windowStart + (n * RULES_DEFAULT.dedupeWindowMs) / windowPacks)
      if (n >= windowPacks - KEPT_PACKS_MAX) kept.push(pack)
      return pack
    })
    if (!(await this.changelog.flush())) throw new Error('im.sessions could not be written')
    await this.state.flush()
    return { windowPacks: kept }
  }

  async close(): Promise<void> {
    this.stopping.abort()
    await this.changelog.close()
    this.state.stop()
    await this.parts.store.close()
  }

  private async answer(count: number, make: (n: number) => Pack): Promise<void> {
    for (let n = 0; n < count; n += APPEND_RECORDS_MAX) {
      const size = Math.min(APPEND_RECORDS_MAX, count - n)
      await this.answerTogether(Array.from({ length: size }, (_, index) => make(n + index)))
    }
  }

  private async answerTogether(packs: readonly Pack[]): Promise<void> {
    const { topics, codecs } = this.parts
    const records = packs.map(pack => ({
      key: Buffer.from(pack.sessionId),
      value: codecs.pack.encode(pack),
      headers: {},
    }))
    const baseOffset = this.done
    await this.append(topics.packs.name, baseOffset, records)
    const arrived = records.map((record, index) => ({
      ...record,
      offset: baseOffset + index,
      // They arrive when they were made.
      appendedAt: packIdTime(packs[index]!.packId),
    }))
    void this.queue.push(arrived)
    for (let nextPack = baseOffset; nextPack < baseOffset + packs.length; ) {
      const batch = buildBatch({
        state: this.state,
        queue: this.queue,
        packCodec: codecs.pack,
        eventCodec: codecs.event,
        place: { partition: PARTITION, partitions: 1 },
        era: 0,
        nextPack,
        end: this.state.checkpoint.position.offset + 1,
      })
      await this.append(topics.events.name, nextPack, batch.records)
      this.changelog.note(this.state.commit(batch.checkpoint), batch.checkpoint)
      nextPack = batch.nextPack
      this.queue.release(nextPack)
    }
    await this.state.room()
    await this.changelog.room(this.stopping.signal)
    if (this.failures.length > 0) throw this.failures[0]
    const before = this.done
    this.done += packs.length
    if (Math.floor(before / PROGRESS_EVERY) < Math.floor(this.done / PROGRESS_EVERY)) this.plan.onProgress(this.done)
  }

  /** Nobody else writes here, so that the end of the log tells what became of an append that was not answered. */
  private async append(topic: string, expected: Offset, records: readonly LogRecord[]): Promise<void> {
    const { log, clock } = this.parts
    for (;;) {
      try {
        const { baseOffset } = await log.append({ topic, partition: PARTITION, records })
        if (baseOffset !== expected) throw new Error(`${topic}: appended at ${baseOffset} instead of ${expected}`)
        return
      } catch (error) {
        if (!(error instanceof AppendFailed)) throw error
        await clock.sleep(UNANSWERED_MS)
        const { end } = (await log.bounds(topic)).get(PARTITION)!
        if (end === expected + records.length) return
      }
    }
  }
}
