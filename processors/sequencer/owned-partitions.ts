import { BrokenInvariant } from '../../infra/assert.ts'
import type { Millis } from '../../infra/clock.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import { Fenced } from '../../topics/transactional-log.ts'
import { LogCorrupt } from '../../topics/valid-events.ts'
import { askForRules } from './configured-rules.ts'
import { RestoreRefused } from './failures.ts'
import { untilUnanswered } from './lost-partition.ts'
import type { SequencerContext } from './main.ts'
import type { SequencerMetrics } from './metrics.ts'
import { PartitionOwner } from './partition-owner.ts'

/** How many partitions are restored at a time. */
const RESTORES_MAX = 4
/** A partition that is given away is let go after this long at the latest; its next owner replays what was not written. */
export const RELEASE_MS_MAX: Millis = 5_000
/** Wait before a partition whose restore failed for the moment is tried again. */
const RETRY_MS: Millis = 1_000

export interface OwnedPartitionsParts {
  metrics: SequencerMetrics
  readFrom(partition: Partition, offset: Offset): void
  readNoMore(partition: Partition): void
  /** One that was ours is not ours any more. */
  released(): void
  /** It cannot be worked on: RestoreRefused, LogCorrupt, or a bug. */
  stopped(partition: Partition, error: unknown): void
  /** Another instance has taken one. */
  lost(error: Error): void
}

/** A partition from being wanted to being let go. */
interface Place {
  owner: PartitionOwner
  /** Its end of im.packs when it was taken: below it, it is not ready. */
  behind: Offset
  isRunning: boolean
}

/**
 * The partitions that this instance works on, made to follow what is wanted: what is new is restored and run, what is
 * wanted no more is drained. Each partition does one thing after the other; partitions do not wait for each other,
 * except that only RESTORES_MAX are restored at a time.
 */
export class OwnedPartitions {
  private readonly context: SequencerContext
  private readonly parts: OwnedPartitionsParts
  private readonly places = new Map<Partition, Place>()
  private readonly work = new Map<Partition, Promise<void>>()
  private wanted: ReadonlySet<Partition> = new Set()
  private restoring = 0
  private readonly waitingToRestore: (() => void)[] = []
  private readonly draining = new AbortController()
  private readonly lookingOn = new Set<Promise<void>>()

  constructor(context: SequencerContext, parts: OwnedPartitionsParts) {
    this.context = context
    this.parts = parts
  }

  get partitions(): Partition[] {
    return [...this.places.keys()]
  }

  get isEmpty(): boolean {
    return this.places.size === 0
  }

  get(partition: Partition): PartitionOwner | undefined {
    const place = this.places.get(partition)
    return place?.isRunning ? place.owner : undefined
  }

  /** What is to be owned from now on. Returns at once. */
  want(partitions: readonly Partition[]): void {
    if (this.draining.signal.aborted) return
    this.wanted = new Set(partitions)
    for (const partition of partitions) this.follow(partition)
    for (const [partition, { owner, isRunning }] of this.places) {
      if (this.wanted.has(partition)) continue
      // What is being restored is broken off.
      if (!isRunning) void owner.drain()
      this.follow(partition)
    }
  }

  /** Resolves when what is wanted now is there. */
  async settled(): Promise<void> {
    await Promise.all(this.work.values())
  }

  /** True when every wanted partition has answered what was there when it was taken. */
  ready(): boolean {
    for (const partition of this.wanted) {
      const place = this.places.get(partition)
      if (place === undefined || !place.isRunning || !place.owner.isOwned) return false
      if (place.owner.next < place.behind) return false
    }
    return true
  }

  measure(): void {
    for (const { owner, isRunning } of this.places.values()) {
      if (!isRunning) continue
      owner.measure()
      this.parts.metrics.lag(owner.partition, owner.waiting)
    }
  }

  /** Lets everything go. */
  async drain(): Promise<void> {
    this.draining.abort()
    this.wanted = new Set()
    await Promise.all([...this.places.values()].map(({ owner }) => owner.drain()))
    await Promise.all(this.lookingOn)
    await this.settled()
    this.places.clear()
  }

  /** Brings one partition to what is wanted of it. */
  private follow(partition: Partition): void {
    this.inTurn(partition, async () => {
      const place = this.places.get(partition)
      const isWanted = this.wanted.has(partition)
      if (isWanted && place === undefined) await this.take(partition)
      else if (!isWanted && place !== undefined) await this.release(place)
    })
  }

  /** After what is done with the partition now. */
  private inTurn(partition: Partition, task: () => Promise<void>): void {
    const before = this.work.get(partition) ?? Promise.resolve()
    const done = before
      .then(task)
      .catch(error => this.parts.stopped(partition, error))
      .finally(() => {
        if (this.work.get(partition) === done) this.work.delete(partition)
      })
    this.work.set(partition, done)
  }

  private async take(partition: Partition): Promise<void> {
    const { context, parts } = this
    const leaveRoom = await this.roomToRestore()
    if (!this.wanted.has(partition)) return leaveRoom()
    const onLost = (error: Error) => this.inTurn(partition, () => this.lost(place, error))
    const owner = new PartitionOwner(context, { partition, metrics: parts.metrics, onLost })
    const place: Place = { owner, behind: 0, isRunning: false }
    this.places.set(partition, place)
    try {
      const from = await owner.start()
      // Before the end is taken: it is ready when the rules have had their outcome.
      await askForRules(context, { partition, inForce: owner.rules })
      const bounds = await context.log.bounds(context.topics.packs.name)
      place.behind = bounds.get(partition)?.end ?? 0
      if (!this.wanted.has(partition)) return
      owner.run()
      owner.done.catch(error => this.parts.stopped(partition, error))
      place.isRunning = true
      parts.metrics.stopped(partition, false)
      parts.readFrom(partition, from)
    } catch (error) {
      await this.notTaken(place, error)
    } finally {
      leaveRoom()
    }
  }

  /** Throws what nobody can help but an operator; the place then stays claimed, so that no one else runs into it. */
  private async notTaken(place: Place, error: unknown): Promise<void> {
    const { ownership, clock, logger } = this.context
    const { partition } = place.owner
    await place.owner.drain()
    const isGivenUp = !this.wanted.has(partition)
    const isTaken = ownership.isFixed && error instanceof Fenced && this.places.size > 1
    if (!isGivenUp && !isTaken && (ownership.isFixed || isHopeless(error))) throw error
    this.places.delete(partition)
    if (isGivenUp) return
    if (isTaken) return this.lookOn(partition)
    logger.warn({ err: error, partition }, 'the partition could not be taken now: it is tried again')
    // An agreement that has given it to somebody else meanwhile is heard of by then.
    this.parts.released()
    clock.schedule(RETRY_MS, () => this.follow(partition))
  }

  /** In a group the next agreement says who has it now; it may be this instance again. */
  private async lost(place: Place, error: Error): Promise<void> {
    const { partition } = place.owner
    if (this.places.get(partition) !== place) return
    await this.letGo(place)
    this.parts.lost(error)
    if (this.context.ownership.isFixed && !this.isEmpty) this.lookOn(partition)
  }

  /** Lets a partition that is ours for good be while another instance answers its packs; then takes it again (SQ27). */
  private lookOn(partition: Partition): void {
    const { log, topics, clock, logger } = this.context
    const { signal } = this.draining
    const run = untilUnanswered({ log, topics, partition, clock, signal }).then(isUnanswered => {
      this.lookingOn.delete(run)
      if (!isUnanswered) return
      logger.warn({ partition }, 'nobody answers the packs of a partition that was lost: it is taken back')
      this.follow(partition)
    })
    this.lookingOn.add(run)
  }

  private async release(place: Place): Promise<void> {
    await this.letGo(place)
    this.context.logger.info({ partition: place.owner.partition }, 'partition let go')
  }

  private async letGo(place: Place): Promise<void> {
    const { metrics, readNoMore, released } = this.parts
    const { owner } = place
    const { partition } = owner
    if (place.isRunning) readNoMore(partition)
    place.isRunning = false
    await this.withinRelease(owner)
    this.places.delete(partition)
    metrics.owned(partition, false)
    metrics.lag(partition, 0)
    metrics.stopped(partition, false)
    released()
  }

  private async withinRelease(owner: PartitionOwner): Promise<void> {
    const { clock, logger } = this.context
    const limit = new AbortController()
    const late = clock.sleep(RELEASE_MS_MAX, limit.signal).then(() => {
      if (limit.signal.aborted) return
      logger.error({ partition: owner.partition }, 'the partition did not drain in time: it is let go as it is')
    })
    await Promise.race([owner.drain(), late])
    limit.abort()
  }

  /** Resolves with what ends the stay, once fewer than RESTORES_MAX restore. */
  private async roomToRestore(): Promise<() => void> {
    if (this.restoring >= RESTORES_MAX) await new Promise<void>(resolve => this.waitingToRestore.push(resolve))
    else this.restoring++
    return () => {
      const next = this.waitingToRestore.shift()
      if (next === undefined) this.restoring--
      else next()
    }
  }
}

/** True for what trying again cannot help: the partition's log or state, or a bug. */
function isHopeless(error: unknown): boolean {
  const hopeless = [RestoreRefused, LogCorrupt, BrokenInvariant, TypeError, ReferenceError]
  return hopeless.some(kind => error instanceof kind)
}
