import { makeSequencer } from '../../processors/sequencer/main.ts'
import { type MemoryStateDir, MemoryStateStore, type StateStores } from '../../processors/sequencer/state-store.ts'
import { Mortal } from '../../processors/sequencer/testing/faults.ts'
import type { World } from '../../processors/sequencer/testing/world.ts'
import type { Log, ReadOptions } from '../../topics/log.ts'

/**
 * A sequencer that is killed between two steps of its cycle: consume, decide, append, store, changelog. The points lie
 * in its ports, so that the code that runs is the product's own.
 */

export const POINTS = [
  'the packs are fetched',
  'the outcomes are decided, not appended',
  'the append is on its way',
  'the append is stored, not answered',
  'the append is answered, the store has nothing',
  'the store is about to be written',
  'the store has it, im.sessions has not',
  'im.sessions is about to be written',
  'im.sessions has it, the store does not know',
] as const

export type Point = (typeof POINTS)[number]

export interface Crash {
  point: Point
  /** At the nth time that the point is reached. */
  nth: number
  /** Counted from the start of the process, or from the moment at which it works. */
  since: 'start' | 'ready'
}

export class CrashingNode {
  readonly mortal = new Mortal()
  /** Produces that were sent before the crash and arrive after it. */
  readonly underWay: (() => void)[] = []
  private readonly world: World
  private readonly crash: Crash
  private reached = 0
  private isReady = false

  constructor(world: World, crash: Crash) {
    this.world = world
    this.crash = crash
  }

  /** Begins to start; it may be killed before it has. */
  start(dirs: MemoryStateDir[]): void {
    const { mortal, world } = this
    const context = world.context({
      dirs,
      stores: this.stores(dirs),
      clock: mortal.clock(world.clock),
      log: mortal.log(this.log(), request => this.append(request)),
      transactional: mortal.transactional(world.transactional, async (writer, request) => {
        if (this.dies('im.sessions is about to be written')) return
        await writer.append(request)
        this.dies('im.sessions has it, the store does not know')
      }),
    })
    void makeSequencer(context)
      .start()
      .then(() => {
        this.isReady = true
      })
  }

  /** Kills it where the point is reached for the nth time: what it waits for then never comes. */
  private dies(point: Point): boolean {
    const { crash } = this
    if (point !== crash.point || (crash.since === 'ready' && !this.isReady)) return false
    this.reached++
    if (this.reached !== crash.nth) return false
    this.mortal.kill()
    return true
  }

  private log(): Log {
    const { log, topics } = this.world
    const onBatch =
      ({ topic, onBatch }: ReadOptions): ReadOptions['onBatch'] =>
      batch =>
        topic === topics.packs.name && this.dies('the packs are fetched') ? undefined : onBatch(batch)
    return {
      append: request => log.append(request),
      bounds: topic => log.bounds(topic),
      read: options => log.read({ ...options, onBatch: onBatch(options) }),
      close: () => log.close(),
    }
  }

  private readonly append: Log['append'] = async request => {
    const { log, topics, clock } = this.world
    if (request.topic !== topics.events.name) return log.append(request)
    const put = () => log.put(request.topic, request.partition, request.records)
    const never = new Promise<never>(() => {})
    if (this.dies('the outcomes are decided, not appended')) return never
    if (this.dies('the append is on its way')) {
      this.underWay.push(put)
      return never
    }
    if (this.dies('the append is stored, not answered')) put()
    const appended = await log.append(request)
    // The answer is worked on in this turn; in the next one the process is gone.
    if (this.isDyingAfterAnswer()) clock.defer(() => this.mortal.kill())
    return appended
  }

  private isDyingAfterAnswer(): boolean {
    const { crash } = this
    if (crash.point !== 'the append is answered, the store has nothing') return false
    if (crash.since === 'ready' && !this.isReady) return false
    return ++this.reached === crash.nth
  }

  private stores(dirs: MemoryStateDir[]): StateStores {
    return partition => {
      const store = new MemoryStateStore(dirs[partition])
      const write: MemoryStateStore['write'] = async batch => {
        const never = new Promise<never>(() => {})
        if (this.dies('the store is about to be written')) return never
        await store.write(batch)
        if (this.dies('the store has it, im.sessions has not')) return never
      }
      return {
        get: (table, key) => store.get(table, key),
        newestRecent: () => store.newestRecent(),
        checkpoint: () => store.checkpoint(),
        write,
        clear: () => store.clear(),
        size: () => store.size(),
        close: () => store.close(),
      }
    }
  }
}
