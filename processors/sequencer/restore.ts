import type { Clock, Random } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { RecordCodec } from '../../schemas/codec.ts'
import type { Event } from '../../schemas/event.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import type { SessionRecord } from '../../schemas/session.ts'
import type { Log, PartitionBounds } from '../../topics/log.ts'
import type { Topics } from '../../topics/topics.ts'
import type { TransactionalWriter } from '../../topics/transactional-log.ts'
import { POSITION_START, type Position, type ValidBatch } from '../../topics/valid-events.ts'
import { Changelog } from './changelog.ts'
import { evolve } from './evolve.ts'
import { RestoreRefused } from './failures.ts'
import { decodeEvent, type FoldedRows, foldBatch } from './fold.ts'
import { CHECKPOINT_START, type Checkpoint, PACK_ID_AHEAD_MS_LIMIT, type TimeMark } from './session.ts'
import { SessionState } from './session-state.ts'
import { readSessions } from './sessions-reader.ts'
import type { StateStore } from './state-store.ts'
import { RowsBeyond, StoreFilling } from './store-filling.ts'
import { readTail, type Tail, TailUnavailable } from './tail.ts'
import { advanceMarks } from './time-marks.ts'

/**
 * Takes a partition over: builds its state from what is stored and from the log, or refuses.
 *
 * Order (DESIGN 4):
 *  1. Initialise the transactional id: whoever owned the partition before can no longer change im.sessions.
 *  2. A local checkpoint whose hash matches the log is taken as it is. What it holds beyond the last mark that it
 *     knows of on im.sessions is written there again.
 *  3. Otherwise im.sessions, read committed, up to our own claim; the record at its mark must match as well. The
 *     remembered packs are not on it: they are found again on im.events, from the mark's `recentFrom` on.
 *  4. Without either, im.events must begin at offset 0; everything is folded from there.
 *  5. The events after the checkpoint are folded, up to the end of im.events.
 *  6. The next pack is the one after the last valid cause; im.packs must still hold it.
 *
 * What cannot be known is never guessed: RestoreRefused says what an operator finds.
 */

const RETRY_DELAY_MS = 500

export interface RestoreParts {
  partition: Partition
  era: number
  topics: Topics
  log: Log
  store: StateStore
  eventCodec: RecordCodec<Event>
  sessionCodec: RecordCodec<SessionRecord>
  transactional: TransactionalWriter
  /** Name of this instance. */
  writer: string
  clock: Clock
  random: Random
  logger: Logger
  signal: AbortSignal
  /** Told when store or changelog can go on no longer: StateTaken, Fenced, or a bug. */
  onFailure(error: unknown): void
}

export interface Restored {
  state: SessionState
  changelog: Changelog
  tail: Tail
  nextPack: Offset
  /** Where the state came from, for the log line. */
  source: Base['source']
}

/** A state to start from; the store holds its rows. */
interface Base {
  source: 'local' | 'im.sessions' | 'im.events'
  checkpoint: Checkpoint
  /** Up to here im.sessions is known to hold everything. */
  logged: Position | null
  /** Rows that may be newer than the checkpoint. */
  folded?: FoldedRows
}

/** Throws RestoreRefused, LogCorrupt, Fenced, StateTaken, TailAborted, or what the writer's `init` threw. */
export async function restore(parts: RestoreParts): Promise<Restored> {
  await parts.transactional.init()
  const { events } = await boundsOf(parts)
  const base =
    (await fromLocal(parts, events)) ?? (await fromSessions(parts, events)) ?? (await fromNothing(parts, events))
  const { store, clock, onFailure } = parts
  const { checkpoint, logged } = base
  const state = new SessionState({ store, clock, checkpoint, logged, onFailure })
  const changelog = new Changelog({
    topic: parts.topics.sessions,
    codec: parts.sessionCodec,
    onLogged: position => state.noteLogged(position),
    ...parts,
  })
  if (base.source === 'local') await logAgain(parts, { state, changelog }, logged ?? POSITION_START)
  const tail = await replay(parts, { state, changelog }, base.folded)
  const { packs } = await boundsOf(parts)
  return { state, changelog, tail, nextPack: nextPackOf(parts, state.checkpoint, packs), source: base.source }
}

async function boundsOf({ log, topics, partition }: RestoreParts) {
  const [events, packs, sessions] = await Promise.all(
    [topics.events, topics.packs, topics.sessions].map(async topic => {
      const bounds = await log.bounds(topic.name)
      if (bounds.size !== topics.packs.partitions) {
        throw new RestoreRefused('TOPICS_DIFFER', partition, `${topic.name} has ${bounds.size} partitions`)
      }
      return bounds.get(partition)
    }),
  )
  if (events === undefined || packs === undefined || sessions === undefined) {
    throw new RestoreRefused('TOPICS_DIFFER', partition, 'there is no such partition')
  }
  return { events, packs }
}

/** Step 2. Undefined where there is no local checkpoint, or none that can be used. */
async function fromLocal(parts: RestoreParts, events: PartitionBounds): Promise<Base | undefined> {
  const { store, partition, logger } = parts
  const stored = store.checkpoint()
  if (stored === undefined) return undefined
  try {
    await verify(parts, stored.position, events)
  } catch (error) {
    // Another instance may have owned the partition since; what lies beyond the log's end is never given up (ST5).
    if (!(error instanceof RestoreRefused) || error.code === 'MARKER_AHEAD') throw error
    logger.error({ err: error, partition }, 'the local state does not fit the log: it is dropped')
    return undefined
  }
  const { logged, ...checkpoint } = stored
  if ((logged?.offset ?? -1) + 1 < events.start && logged?.offset !== checkpoint.position.offset) {
    logger.warn({ partition }, 'the local state cannot be brought onto im.sessions any more: it is dropped')
    return undefined
  }
  return { source: 'local', checkpoint, logged }
}

/** Throws RestoreRefused unless the log holds what the state at `position` was built from, as far as can be seen. */
async function verify(parts: RestoreParts, position: Position, events: PartitionBounds): Promise<void> {
  const { partition } = parts
  if (events.end <= position.offset) {
    throw new RestoreRefused('MARKER_AHEAD', partition, `position ${position.offset}, im.events ends at ${events.end}`)
  }
  if (events.start > position.offset + 1) {
    const detail = `position ${position.offset}, im.events starts at ${events.start}`
    throw new RestoreRefused('EVENTS_EXPIRED', partition, detail)
  }
  // An im.events that begins right behind the position is that of an idle partition: the checkpoint is believed.
  if (position.offset < events.start) return
  await readBetween(parts, { from: position, until: position }, () => {})
}

/** Reads the valid events after one position up to and with another; gives the last position that was found. */
async function readBetween(
  parts: RestoreParts,
  { from, until }: { from: Position; until: Position },
  onValid: (batch: ValidBatch) => void | Promise<void>,
): Promise<Position> {
  const request = { ...tailOf(parts), from, until: until.offset + 1, onValid }
  return (await untilAvailable(parts, () => readTail(request))).position
}

function tailOf({ log, topics, partition, clock, signal }: RestoreParts) {
  return { log, topic: topics.events, partition, clock, signal }
}

/** Repeats what failed because the broker did not answer. */
async function untilAvailable<T>(
  { clock, logger, partition, signal }: RestoreParts,
  attempt: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof TailUnavailable)) throw error
      logger.warn({ err: error, partition }, 'restoring waits for im.events')
      await clock.sleep(RETRY_DELAY_MS, signal)
    }
  }
}

type Building = Pick<Restored, 'state' | 'changelog'>

const NO_ROWS = { get: () => undefined }

/** Gives the changelog again what changed after its last known mark: it may not have been written before a crash. */
async function logAgain(parts: RestoreParts, { state, changelog }: Building, logged: Position): Promise<void> {
  const { position } = state.checkpoint
  if (logged.offset >= position.offset) return
  await readBetween(parts, { from: logged, until: position }, async batch => {
    for (const record of batch.records) {
      const event = await decodeEvent(parts.eventCodec, record, batch.partition)
      for (const { table, key } of evolve(NO_ROWS, event)) {
        const row = table === 'recents' ? undefined : state.get(table, key)
        if (row !== undefined) changelog.noteRow(table, key, row)
      }
    }
  })
  changelog.noteMark(state.checkpoint)
}

/** Step 5. */
async function replay(parts: RestoreParts, { state, changelog }: Building, folded?: FoldedRows): Promise<Tail> {
  const { eventCodec, signal } = parts
  const onValid = async (batch: ValidBatch) => {
    const checkpoint = await foldBatch({ state, codec: eventCodec, folded }, batch)
    changelog.note(state.commit(checkpoint), checkpoint)
    await state.room()
    await changelog.room(signal)
  }
  return untilAvailable(parts, () => readTail({ ...tailOf(parts), from: state.checkpoint.position, onValid }))
}

/** Step 4. */
async function fromNothing({ partition, store }: RestoreParts, events: PartitionBounds): Promise<Base> {
  if (events.start > 0) throw new RestoreRefused('NO_MARKER', partition, `im.events starts at ${events.start}`)
  await store.clear()
  return { source: 'im.events', checkpoint: CHECKPOINT_START, logged: null }
}

/** Step 6. */
function nextPackOf({ partition, era }: RestoreParts, { position }: Checkpoint, packs: PartitionBounds): Offset {
  const { cause } = position
  if (cause !== null && cause.era > era) {
    throw new RestoreRefused('ERA_BEHIND', partition, `im.events is in era ${cause.era}, configured is ${era}`)
  }
  // A new era is a new im.packs, read from its beginning.
  const next = cause !== null && cause.era === era ? cause.offset + 1 : 0
  if (packs.start > next) {
    throw new RestoreRefused('PACKS_EXPIRED', partition, `next is ${next}, im.packs starts at ${packs.start}`)
  }
  if (packs.end < next) {
    throw new RestoreRefused('PACKS_AHEAD', partition, `next is ${next}, im.packs ends at ${packs.end}`)
  }
  return next
}

/** Step 3. Undefined where im.sessions has no mark. */
async function fromSessions(parts: RestoreParts, events: PartitionBounds): Promise<Base | undefined> {
  const { store, topics, sessionCodec: codec } = parts
  await store.clear()
  const filling = new StoreFilling(store)
  const reading = { ...parts, topic: topics.sessions, codec }
  await readSessions({ ...reading, take: record => filling.take(record) })
  const { mark } = filling
  if (mark === undefined) return undefined
  const { position, at, horizon, windowMsMax, rules, recentFrom } = mark
  await verify(parts, position, events)
  const marked: Checkpoint = {
    position,
    time: { at, horizon, windowMsMax, rules },
    marks: [{ at: Number.NEGATIVE_INFINITY, position: recentFrom }],
  }
  const checkpoint = await findRecents(parts, filling, marked, events)
  const beyond = new RowsBeyond(position.offset)
  // Read once more rather than remembered: memory does not grow with the number of sessions.
  if (filling.isBeyondMark) await readSessions({ ...reading, take: record => beyond.take(record) })
  await filling.finish({ ...checkpoint, logged: position })
  return { source: 'im.sessions', checkpoint, logged: position, folded: beyond.rows }
}

/**
 * Finds the remembered packs again on im.events, between `recentFrom` and the mark. Where those events have expired,
 * the horizon rises above every packId that could have been among them: what cannot be remembered is EXPIRED, so
 * that nothing takes effect twice (ST7).
 */
async function findRecents(
  parts: RestoreParts,
  filling: StoreFilling,
  { position, time, marks: [first] }: Checkpoint,
  events: PartitionBounds,
): Promise<Checkpoint> {
  const from = first!.position
  if (from.offset >= position.offset) return { position, time, marks: [first!] }
  if (events.start > from.offset + 1) {
    const horizon = Math.max(time.horizon, time.at + PACK_ID_AHEAD_MS_LIMIT + 1)
    parts.logger.warn({ partition: parts.partition }, 'events of remembered packs have expired: the horizon rises')
    return { position, time: { ...time, horizon }, marks: [{ at: Number.NEGATIVE_INFINITY, position }] }
  }
  let marks: readonly TimeMark[] = [first!]
  const found = await readBetween(parts, { from, until: position }, async batch => {
    for (let index = 0; index < batch.records.length; index++) {
      const event = await decodeEvent(parts.eventCodec, batch.records[index]!, batch.partition)
      for (const change of evolve(NO_ROWS, event)) if (change.table === 'recents') filling.put(change)
      marks = advanceMarks(marks, { ...time, at: event.at }, batch.positions[index]!)
    }
    await filling.room()
  })
  if (found.offset !== position.offset || found.hash !== position.hash) {
    const detail = `the events before ${position.offset} do not lead to it`
    throw new RestoreRefused('HASH_MISMATCH', parts.partition, detail)
  }
  return { position, time, marks }
}
