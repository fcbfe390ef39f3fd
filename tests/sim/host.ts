import type { Millis } from '../../infra/clock.ts'
import { Mortal } from '../../processors/sequencer/testing/faults.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import type { Log, LogReader, ReadOptions } from '../../topics/log.ts'
import { SteppedClock } from './broker.ts'
import type { World } from './world.ts'

/** One run of a process. */
export interface Running {
  /** Resolves after a drain, rejects when the process can go on no longer. */
  readonly done: Promise<void>
  isReady(): boolean
  drain(): Promise<void>
}

/** How long a process that ended stays away, in ms. */
const AWAY_MS_MAX = 1_500
/** A process that is not ready for so long, while nothing is wrong, is started again, as a probe would do it. */
export const NOT_READY_MS_MAX = 4_000
/** A drain that takes longer is cut short. */
const DRAIN_MS_MAX = 20_000

/** What a process is given to run with. */
export interface Machine {
  readonly name: string
  readonly clock: SteppedClock
  readonly life: Mortal
  log(): Log
}

/** A machine that runs one process of the product and starts it again when it has ended. */
export class Host<R extends Running = Running> implements Machine {
  readonly name: string
  readonly clock: SteppedClock
  life = new Mortal()
  running: R | undefined
  /** How often it was started. */
  starts = 0
  /** What it reads is held back until this time. */
  heldUntil: Millis = 0
  /** The last event of im.events that this run of the process has handled, by partition. */
  reached = new Map<Partition, Offset>()
  private unreadySince: Millis | undefined
  private readonly world: World
  private readonly boot: (machine: Machine) => R
  private readonly onGone: () => void
  private readonly mayEndWith: (error: unknown) => boolean
  private readonly appendsMax: number

  constructor(
    world: World,
    options: {
      name: string
      boot: (machine: Machine) => R
      /** The process has ended, whatever the reason. */
      onGone?: () => void
      /** True for errors with which a correct process may end. */
      mayEndWith?: (error: unknown) => boolean
      /** Appends to one partition that may be under way at once. */
      appendsMax?: number
    },
  ) {
    this.world = world
    this.name = options.name
    this.boot = options.boot
    this.onGone = options.onGone ?? (() => {})
    this.mayEndWith = options.mayEndWith ?? (() => false)
    this.appendsMax = options.appendsMax ?? 1
    this.clock = new SteppedClock(world.clock)
  }

  start(): void {
    if (this.running !== undefined) return
    const life = new Mortal(where => this.step(life, where))
    this.life = life
    this.starts++
    this.unreadySince = undefined
    this.reached = new Map()
    const running = this.boot(this)
    this.running = running
    running.done.then(
      () => this.ended(life, undefined),
      error => this.ended(life, error),
    )
  }

  private step(life: Mortal, where: string): void {
    if (life !== this.life || !life.isAlive) return
    const { faults, options } = this.world
    if (faults.happens('crash', options.crashProbability)) this.kill(where)
  }

  private ended(life: Mortal, error: unknown): void {
    if (life !== this.life || !life.isAlive) return
    if (error !== undefined && !this.mayEndWith(error)) this.world.processFailed(this.name, error)
    this.kill(error === undefined ? 'drained' : String(error))
  }

  crash(): void {
    if (this.running === undefined) return
    this.world.faults.count('crash')
    this.kill('struck')
  }

  /** Ends it at once; it comes back some time later. */
  kill(why: string): void {
    if (this.running === undefined) return
    this.world.note(`${this.name} ends: ${why}`)
    this.life.kill()
    this.running = undefined
    this.onGone()
    this.world.clock.schedule(this.world.random.next() * AWAY_MS_MAX, () => this.start())
  }

  freeze(forMs: Millis): void {
    const { life } = this
    this.world.note(`${this.name} freezes for ${Math.round(forMs)} ms`)
    life.freeze()
    this.world.clock.schedule(forMs, () => life.thaw())
  }

  drain(): void {
    const { running, life, world } = this
    if (running === undefined) return
    world.note(`${this.name} drains`)
    // What the drain throws comes out of `done` as well.
    running.drain().catch(error => this.ended(life, error))
    world.clock.schedule(DRAIN_MS_MAX, () => {
      if (life === this.life && life.isAlive) this.kill('the drain took too long')
    })
  }

  get isReady(): boolean {
    return this.running?.isReady() ?? false
  }

  /** The readiness probe: a process that is up and never becomes ready is started again. */
  probe(): void {
    const now = this.world.clock.monotonic()
    if (this.running === undefined || this.isReady) this.unreadySince = undefined
    else if (this.unreadySince === undefined) this.unreadySince = now
    else if (now - this.unreadySince > NOT_READY_MS_MAX) this.kill('not ready for too long')
  }

  /** Its way to the log: everything takes a while, and may go wrong. */
  log(): Log {
    const { life, world } = this
    const inFlight = new Map<string, number>()
    const log = life.log(world.log, async request => {
      const place = `${request.topic}/${request.partition}`
      const under = inFlight.get(place) ?? 0
      world.expectLimit(`appends in flight of ${this.name} to ${place}`, under + 1, this.appendsMax)
      inFlight.set(place, under + 1)
      try {
        await world.latency()
        return await world.appends.append(request)
      } finally {
        inFlight.set(place, inFlight.get(place)! - 1)
      }
    })
    return { ...log, read: options => this.reader(log, options) }
  }

  /** Reads with delay, in pieces of other sizes than they were written. */
  private reader(log: Log, options: ReadOptions): LogReader {
    const { world, life } = this
    const { reached } = this
    const isEvents = options.topic === world.topics.events.name
    const clock = life.clock(world.clock)
    const moves = new Map<Partition, number>()
    const moved = (partition: Partition) => moves.set(partition, (moves.get(partition) ?? 0) + 1)
    let isClosed = false
    const reader = log.read({
      ...options,
      onBatch: async batch => {
        const { partition } = batch
        const before = moves.get(partition)
        const isCurrent = () => !isClosed && moves.get(partition) === before
        await clock.sleep(world.delay())
        while (this.heldUntil > world.clock.monotonic()) await clock.sleep(this.heldUntil - world.clock.monotonic())
        for (const records of world.cut(batch.records)) {
          if (!isCurrent()) return
          await options.onBatch({ ...batch, records })
          if (isEvents) reached.set(partition, records.at(-1)!.offset)
        }
      },
    })
    return {
      done: reader.done,
      seek: (partition, offset) => {
        moved(partition)
        reader.seek(partition, offset)
      },
      remove: partition => {
        moved(partition)
        reader.remove(partition)
      },
      close: () => {
        isClosed = true
        return reader.close()
      },
    }
  }
}
