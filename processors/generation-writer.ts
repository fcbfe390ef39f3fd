import type { Clock } from '../infra/clock.ts'
import type { BuildShare, Generations, Pointer } from '../infra/redis/generations.ts'
import type { Guard } from '../infra/redis/guarded-pipes.ts'
import type { Partition } from '../schemas/ids.ts'
import type { Position } from '../topics/valid-events.ts'
import type { Rebuildable } from './rebuild/rebuild.ts'
import type { Gather } from './runner.ts'
import { type View, ViewMoved, ViewStopped } from './view.ts'

/**
 * The writer's side of a Redis view's generations: which generation each partition writes to, and the position that
 * is known to be stored there. Calls of one partition come one at a time (the runner sees to that).
 */
export class GenerationWriter {
  private readonly generations: Generations
  private pointer: Pointer
  private readonly building: string | undefined
  private guarded: Guard | undefined
  /** The value that the guard is to have next: what was sent under the present one may still come. */
  private nextGuard: Guard | undefined
  /** From the first try on: what it has done may be known in the store before it is known here. */
  private isCommitting = false
  private readonly places = new Map<Partition, { generation: string; before: number | undefined }>()

  /** Without `building` it writes to the live generation, with it to that one. */
  constructor(generations: Generations, building?: BuildShare) {
    this.generations = generations
    this.building = building?.generation
    this.guarded = building?.guard
    this.pointer = building === undefined ? 'live' : 'building'
  }

  /** Says that the generation that was built may become the live one from now on. */
  committing(): void {
    this.isCommitting = true
  }

  /** Says that the generation that was built is the live one now. */
  committed(): void {
    this.pointer = 'live'
  }

  /**
   * Where the partition goes on: chooses its generation anew and reads its stored position. Throws ViewStopped where what
   * is being built is not there any more.
   */
  async position(partition: Partition): Promise<Position | undefined> {
    const generation = await this.chooseGeneration()
    const json = await this.generations.position(generation, partition)
    const position = json === undefined ? undefined : (JSON.parse(json) as Position)
    // Before anything is written again: a reader cannot see by positions alone that there was less in between.
    if (this.isSetBack(partition, generation, position)) await this.generations.noteSetBack()
    this.places.set(partition, { generation, before: position?.offset })
    return position
  }

  private isSetBack(partition: Partition, generation: string, position: Position | undefined): boolean {
    const known = this.places.get(partition)
    if (this.pointer !== 'live' || known?.generation !== generation || known.before === undefined) return false
    return (position?.offset ?? -1) < known.before
  }

  private async chooseGeneration(): Promise<string> {
    if (this.pointer === 'live') return this.generations.liveOrNew()
    if (this.isCommitting || (await this.generations.current('building')) === this.building) return this.building!
    throw new ViewStopped('what was built is nowhere: another rebuild has ended, or the store was emptied')
  }

  /** What says that this writer is the only one; undefined where it has company. */
  async guard(): Promise<Guard | undefined> {
    if (this.pointer === 'live' || this.guarded === undefined) return undefined
    if (this.nextGuard !== undefined) await this.renewGuard(this.guarded, this.nextGuard)
    return this.guarded
  }

  /** Says that what was sent under a guard has failed: some of it may still be on its way. */
  guardFailed(guard: Guard): void {
    if (guard.value === this.guarded?.value) this.nextGuard ??= this.generations.guardAfter(guard)
  }

  private async renewGuard(before: Guard, after: Guard): Promise<void> {
    const isOurs = await this.generations.renewGuard(before, after)
    if (!isOurs || this.guarded !== before) return
    this.guarded = after
    this.nextGuard = undefined
  }

  /** Throws where the guard, as it was just read, is not the writer's any more. */
  checkGuard(guard: Guard, value: string | null): void {
    if (value === guard.value) return
    if (value === null) throw new ViewMoved('what was built is live now, or was thrown away')
    if (value === this.guarded?.value || value === this.nextGuard?.value) throw new Error('the guard was renewed')
    throw new ViewStopped('another rebuild has begun meanwhile: this one has come to its end')
  }

  /** What the partition's keys begin with. Throws ViewMoved before its position was read. */
  keyPrefix(partition: Partition): string {
    const place = this.places.get(partition)
    if (place === undefined) throw new ViewMoved(`partition ${partition}: the position was not read yet`)
    return this.generations.keyPrefix(place.generation)
  }

  /** True when the store still holds what this writer knows to be stored. */
  async inPlace(partition: Partition): Promise<boolean> {
    const place = this.places.get(partition)
    if (place === undefined || (await this.generations.current(this.pointer)) !== place.generation) return false
    if (place.before === undefined) return true
    const json = await this.generations.position(place.generation, partition)
    return json !== undefined && (JSON.parse(json) as Position).offset >= place.before
  }

  /** Stores the position after all data is confirmed. Throws ViewMoved, or an error after which to repeat the batch. */
  async storePosition(partition: Partition, position: Position): Promise<void> {
    const place = this.places.get(partition)!
    const answer = await this.generations.storePosition({
      pointer: this.pointer,
      ...place,
      partition,
      offset: position.offset,
      json: JSON.stringify(position),
    })
    if (answer === 'SEALED') throw new Error('a rebuild is switching generations: the position stands still')
    if (answer === 'MOVED') throw new ViewMoved(`partition ${partition}: the store was emptied or switched`)
    if (answer === 'BEHIND') throw new ViewMoved(`partition ${partition}: the store lost what it had confirmed`)
    place.before = position.offset
  }
}

/**
 * What a session or a user has in many events is written once: the more events, the fewer writes. An event takes about
 * 1.5 KiB of memory besides its bytes.
 */
export const REDIS_GATHER: Gather = { eventsMax: 32_000, bytesMax: 16 * 1024 * 1024, partitionsMax: 2 }

/** The Rebuildable of a Redis view; `makeView` gives a view that writes through the writer. */
export function redisRebuildable(request: {
  name: string
  generations: Generations
  clock: Clock
  makeView: (writer: GenerationWriter) => View
}): Rebuildable {
  const { name, generations, clock, makeView } = request
  let building: { generation: string; writer: GenerationWriter; others: readonly BuildShare[] } | undefined
  return {
    name,
    gather: REDIS_GATHER,
    begin: async ({ resume = false } = {}) => {
      const [own, ...others] = await generations.beginBuilding({ resume })
      building = { generation: own.generation, writer: new GenerationWriter(generations, own), others }
      return makeView(building.writer)
    },
    shares: () => building?.others ?? [],
    join: share => {
      const writer = new GenerationWriter(generations, share)
      return { view: makeView(writer), committing: () => writer.committing() }
    },
    commit: async () => {
      if (building === undefined) throw new Error(`${name}: commit without begin`)
      building.writer.committing()
      await generations.commitBuilding(building.generation, clock)
      building.writer.committed()
      building = undefined
    },
    tidy: () => generations.sweep(),
    abort: async () => {
      const generation = building?.generation ?? (await generations.current('building'))
      building = undefined
      if (generation === undefined) return false
      await generations.abortBuilding(generation)
      return true
    },
  }
}
