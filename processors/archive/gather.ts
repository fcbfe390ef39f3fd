import { assert } from '../../infra/assert.ts'
import type { Millis } from '../../infra/clock.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import { type PlacedEvent, type ViewBatch, ViewMoved } from '../view.ts'
import { type ArchiveProgress, type Load, loadToken, type Range } from './archive-store.ts'
import { estimateBytes } from './project.ts'

/**
 * Gathers the batches of all partitions into few large loads (archive-store.ts says what a load goes through).
 *
 * Each partition has a lane. A lane waits with what it was offered until a load takes it; from then on it owes that
 * load: exactly these events, under this token, until they are stored, whatever fails meanwhile. After a restart the
 * lanes owe what was recorded as intent and not as done; the events come again from the log, in batches of other
 * sizes, and are collected until the recorded range is complete. Those pieces count as taken at once (their sender
 * waits for nothing, and sends the next piece), although the position does not move before the whole is stored.
 *
 * Invariant: a lane takes each event once, in order, without a hole; causes tell a hole (LOG2).
 * Memory: a lane holds one offered batch and one owed range; loads are limited in rows and bytes.
 */
export class Gatherer {
  private readonly topic: string
  private readonly lanes = new Map<Partition, Lane>()
  private lost = true
  /** When the last load of what waited began. */
  private beganAt = Number.NEGATIVE_INFINITY

  constructor(topic: string, partitions: readonly Partition[]) {
    this.topic = topic
    for (const partition of partitions) this.lanes.set(partition, new Lane())
  }

  /** Puts every lane where the store says that it is; it owes what was intended and not done. No load is under way. */
  restore(progress: ArchiveProgress): void {
    for (const [partition, lane] of this.lanes) {
      assert(!lane.running, 'lanes are moved while a load is under way')
      lane.restore(progress.done.get(partition)?.last)
    }
    for (const load of owedLoads(this.topic, progress, [...this.lanes.keys()])) {
      for (const range of load.ranges) this.lane(range.partition).owed = { load, range, rested: true }
    }
    this.lost = false
  }

  /** The stored position; undefined where nothing is stored. */
  position(partition: Partition): Position | undefined {
    return this.lane(partition).stored
  }

  /** The same for a reader that goes on from there: from now on the lane takes what it is offered. */
  locate(partition: Partition): Position | undefined {
    const lane = this.lane(partition)
    lane.isLocated = true
    return lane.stored
  }

  /** The store is not where the lanes are: nothing is taken, and no load begins, before they are restored. */
  lose(): void {
    this.lost = true
  }

  /** True before the first restore, and after `lose`. */
  isLost(): boolean {
    return this.lost
  }

  /**
   * Takes a batch. `waits` false: nothing of it has to be waited for. Throws ViewMoved when it does not follow what
   * the lane has, or when the lane must be restored first.
   */
  offer({ partition, events, position }: ViewBatch, now: Millis): { waits: boolean } {
    const lane = this.lane(partition)
    // Its reader may be anywhere: above a stored position that is gone, a hole could not be told.
    if (this.lost || !lane.isLocated) throw new ViewMoved('the archive is not where it was')
    assert(lane.waiting === undefined, 'a partition offers one batch at a time')
    const rest = lane.collect(events, partition)
    const owed = lane.owed
    if (owed === undefined && rest.length === 0) return { waits: false }
    if (owed !== undefined && !lane.isComplete()) {
      assert(rest.length === 0, 'events after a range that is not complete')
      return { waits: false }
    }
    if (owed !== undefined) owed.rested = true
    lane.waiting = {
      events: rest,
      position,
      since: now,
      bytes: rest.reduce((sum, it) => sum + estimateBytes(it.event), 0),
    }
    return { waits: true }
  }

  /** The next load that should begin now, with its events; undefined when nothing is due. It is under way from here on. */
  next(now: Millis): { load: Load; events: readonly GatheredRange[] } | undefined {
    const load = this.lost ? undefined : (this.owedLoad() ?? this.newLoad(now))
    if (load === undefined) return undefined
    const events = load.ranges.map(({ partition, rows }) => {
      const lane = this.lane(partition)
      assert(
        lane.collected.length === rows,
        `the log holds ${lane.collected.length} events where ${rows} were recorded`,
      )
      lane.running = true
      return { partition, events: lane.collected }
    })
    return { load, events }
  }

  /** When `next` should be asked again, if nothing else happens; undefined when nothing waits. */
  dueAt(): Millis | undefined {
    const free = this.freeLanes()
    if (free.length === 0) return undefined
    const rows = free.reduce((sum, [, lane]) => sum + lane.waiting!.events.length, 0)
    const since = Math.min(...free.map(([, lane]) => lane.waiting!.since))
    if (rows >= LOAD_ROWS_MAX) return since
    const isBehind = free.some(([, lane]) => lane.waiting!.events.length >= GATHER_ROWS_BEHIND)
    return isBehind ? since + GATHER_MS_BEHIND : Math.max(since + GATHER_MS, this.beganAt + LOADS_APART_MS)
  }

  /** The load is stored and recorded as done. Gives the partitions whose batch has wholly arrived. */
  stored(load: Load): Partition[] {
    const arrived: Partition[] = []
    for (const { partition, last } of load.ranges) {
      const lane = this.lane(partition)
      lane.settle(last)
      if (lane.waiting !== undefined && lane.waiting.events.length === 0) {
        lane.waiting = undefined
        arrived.push(partition)
      }
    }
    return arrived
  }

  /** The load failed: it is still owed, and tried again when one of its partitions offers again. Gives its partitions that waited. */
  failed(load: Load): Partition[] {
    const waited: Partition[] = []
    for (const { partition } of load.ranges) {
      const lane = this.lane(partition)
      lane.running = false
      if (lane.owed !== undefined) lane.owed.rested = false
      if (lane.waiting !== undefined) waited.push(partition)
      lane.waiting = undefined
    }
    return waited
  }

  /** Events that are held in memory: what waits, and what is owed or under way. */
  held(): number {
    let events = 0
    for (const { waiting, collected } of this.lanes.values()) events += (waiting?.events.length ?? 0) + collected.length
    return events
  }

  /** Forgets what waits (nobody waits for it any more) and gives the partitions. */
  forgetWaiting(): Partition[] {
    const waiting = [...this.lanes].filter(([, lane]) => lane.waiting !== undefined)
    for (const [, lane] of waiting) lane.waiting = undefined
    return waiting.map(([partition]) => partition)
  }

  private lane(partition: Partition): Lane {
    const lane = this.lanes.get(partition)
    assert(lane !== undefined, `partition ${partition} is not one of this archive`)
    return lane
  }

  private owedLoad(): Load | undefined {
    for (const { owed, running } of this.lanes.values()) {
      if (owed === undefined || running) continue
      const lanes = owed.load.ranges.map(range => this.lane(range.partition))
      const isReady = lanes.every(lane => lane.owed?.load === owed.load && lane.isComplete())
      if (isReady && lanes.some(lane => lane.owed?.rested)) return owed.load
    }
    return undefined
  }

  private newLoad(now: Millis): Load | undefined {
    const dueAt = this.dueAt()
    if (dueAt === undefined || dueAt > now) return undefined
    const ranges: Range[] = []
    let rows = 0
    let bytes = 0
    for (const [partition, lane] of this.freeLanes()) {
      const waiting = lane.waiting!
      const isTooMuch = rows + waiting.events.length > LOAD_ROWS_MAX || bytes + waiting.bytes > LOAD_BYTES_MAX
      if (ranges.length === LOAD_PARTITIONS_MAX || (ranges.length > 0 && isTooMuch)) break
      rows += waiting.events.length
      bytes += waiting.bytes
      ranges.push(waitingRange(partition, lane))
    }
    ranges.sort((a, b) => a.partition - b.partition)
    const load = { token: loadToken(this.topic, ranges), ranges }
    for (const range of ranges) this.lane(range.partition).owe({ load, range, rested: true })
    this.beganAt = now
    return load
  }

  /** Lanes that wait with events and owe nothing, longest waiting first. */
  private freeLanes(): [Partition, Lane][] {
    return [...this.lanes]
      .filter(([, { waiting, owed }]) => owed === undefined && (waiting?.events.length ?? 0) > 0)
      .sort(([, a], [, b]) => a.waiting!.since - b.waiting!.since)
  }
}

/**
 * How long a lane waits for others to share its insert, in ms: for those that were read with it, no longer. What comes
 * meanwhile has to wait for the next load, so that the long wait is before reading (ARCHIVE_PAUSE_MS).
 */
export const GATHER_MS = 100
/**
 * Between the beginnings of two loads, in ms, wherever the events come from: every insert makes parts that are merged
 * again and again, so that fewer and larger ones cost less.
 */
export const LOADS_APART_MS = 800
/** How long a lane waits where one is behind, which a full batch of the runner tells (APPLY_EVENTS_MAX). */
export const GATHER_MS_BEHIND = 20
export const GATHER_ROWS_BEHIND = 1_000
/** A load is cut between batches: one batch alone may be larger. */
export const LOAD_ROWS_MAX = 20_000
export const LOAD_BYTES_MAX = 32 * 1024 * 1024
/** Keeps the token short. */
export const LOAD_PARTITIONS_MAX = 100

export interface GatheredRange {
  partition: Partition
  events: readonly PlacedEvent[]
}

interface Owed {
  load: Load
  range: Range
  /** False from a failure on, until the partition offers again: the caller's backoff is the pace. */
  rested: boolean
}

class Lane {
  stored: Position | undefined
  isLocated = false
  running = false
  owed: Owed | undefined
  /** Events of the owed range that are there. */
  collected: PlacedEvent[] = []
  waiting: { events: readonly PlacedEvent[]; position: Position; since: Millis; bytes: number } | undefined

  restore(stored: Position | undefined): void {
    this.stored = stored
    this.isLocated = false
    this.owed = undefined
    this.collected = []
    this.waiting = undefined
  }

  /** Takes what the owed range still lacks and gives the events after it. */
  collect(events: readonly PlacedEvent[], partition: Partition): readonly PlacedEvent[] {
    const before = this.collected.at(-1)?.position ?? this.stored
    const fresh = after(events, before?.offset ?? -1)
    const first = fresh[0]
    if (first !== undefined && before !== undefined && isHole(before, first)) {
      throw new ViewMoved(
        `events are missing between ${before.offset} and ${first.position.offset} of partition ${partition}`,
      )
    }
    if (this.owed === undefined) return fresh
    const rest = after(fresh, this.owed.range.last.offset)
    for (const event of fresh.slice(0, fresh.length - rest.length)) this.collected.push(event)
    return rest
  }

  isComplete(): boolean {
    return this.owed !== undefined && this.collected.at(-1)?.position.offset === this.owed.range.last.offset
  }

  owe(owed: Owed): void {
    assert(this.owed === undefined && this.waiting !== undefined, 'a lane owes one load at a time')
    this.owed = owed
    this.collected = [...this.waiting.events]
    this.waiting.events = []
  }

  settle(last: Position): void {
    this.stored = last
    this.running = false
    this.owed = undefined
    this.collected = []
  }
}

function waitingRange(partition: Partition, { waiting }: Lane): Range {
  const events = waiting!.events
  return { partition, firstOffset: events[0]!.position.offset, last: events.at(-1)!.position, rows: events.length }
}

/** The events above an offset; they are ascending. */
function after(events: readonly PlacedEvent[], offset: Offset): readonly PlacedEvent[] {
  const first = events.findIndex(event => event.position.offset > offset)
  if (first === 0) return events
  return first < 0 ? [] : events.slice(first)
}

/** True when valid events lie between the two: causes rise one by one (LOG2). */
function isHole(before: Position, { position }: PlacedEvent): boolean {
  if (before.cause === null || position.cause === null || before.cause.era !== position.cause.era) return false
  return position.cause.offset !== before.cause.offset + 1
}

/**
 * Loads that were intended and not done. One whose partitions are not all ours and open is owed range by range. A
 * range into which another process has meanwhile got is owed by nobody: what lies above that goes in anew, and rows
 * that are there twice are read once.
 */
function owedLoads(topic: string, progress: ArchiveProgress, partitions: readonly Partition[]): Load[] {
  const open = new Map(
    partitions.flatMap(partition => {
      const intent = progress.intents.get(partition)
      const done = progress.done.get(partition)?.last.offset ?? -1
      return intent !== undefined && intent.firstOffset > done ? [[partition, intent] as const] : []
    }),
  )
  const loads = new Map<string, Load>()
  for (const { token, partitions: sharing, ...range } of open.values()) {
    const isWhole = sharing.every(partition => open.get(partition)?.token === token)
    const ranges = isWhole ? sharing.map(partition => withoutToken(open.get(partition)!)) : [range]
    const load = { token: isWhole ? token : loadToken(topic, ranges), ranges }
    loads.set(load.token, load)
  }
  return [...loads.values()]
}

function withoutToken({ partition, firstOffset, last, rows }: Range): Range {
  return { partition, firstOffset, last, rows }
}
