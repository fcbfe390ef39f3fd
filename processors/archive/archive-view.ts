import { assert } from '../../infra/assert.ts'
import type { Clock } from '../../infra/clock.ts'
import type { Partition } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import { type View, type ViewBatch, ViewMoved } from '../view.ts'
import type { ArchiveStore, Load } from './archive-store.ts'
import { GATHER_MS, type GatheredRange, Gatherer, LOADS_APART_MS } from './gather.ts'
import { projectEvent } from './project.ts'

/**
 * The archive as a view: the shell around gather.ts (what goes together) and the store (how it goes in).
 *
 * `apply` resolves when the batch is stored; see gather.ts for pieces of a range that is owed since a crash. It
 * rejects when the load that holds the batch failed: the load stays owed, and the runner's next try goes on with it.
 * Two loads may be under way, over different partitions: the rows of one are made while the server takes the other.
 */
export class ArchiveView implements View {
  readonly name = 'archive'
  readonly pauseMs = ARCHIVE_PAUSE_MS
  private readonly store: ArchiveStore
  private readonly clock: Clock
  private readonly gatherer: Gatherer
  private readonly onHeld: (events: number) => void
  private readonly waiting = new Map<Partition, Waiter>()
  private readonly running = new Set<Promise<void>>()
  private opening: Promise<void> | undefined
  private isPrepared = false
  private isClosed = false
  private isPaused = false
  private cancelTimer: (() => void) | undefined

  constructor(options: ArchiveViewOptions) {
    this.store = options.store
    this.clock = options.clock
    this.gatherer = new Gatherer(options.topic, options.partitions)
    this.onHeld = options.onHeld ?? (() => {})
  }

  async position(partition: Partition): Promise<Position | undefined> {
    if (this.gatherer.isLost()) {
      this.opening ??= this.open().finally(() => {
        this.opening = undefined
      })
      await this.opening
    }
    return this.gatherer.locate(partition)
  }

  async apply(batch: ViewBatch): Promise<void> {
    assert(!this.isClosed, 'a closed archive takes nothing')
    const { waits } = this.gatherer.offer(batch, this.clock.monotonic())
    this.onHeld(this.gatherer.held())
    if (!waits) return
    const arrived = new Promise<void>((resolve, reject) => this.waiting.set(batch.partition, { resolve, reject }))
    this.begin()
    await arrived
  }

  /** Begins no further load, and resolves when none is under way; `resume` goes on. For the moment of a switch. */
  async pause(): Promise<void> {
    this.isPaused = true
    await Promise.all(this.running)
  }

  resume(): void {
    this.isPaused = false
    this.begin()
  }

  async close(): Promise<void> {
    if (this.isClosed) return
    this.isClosed = true
    this.cancelTimer?.()
    this.reject(this.gatherer.forgetWaiting(), new Error('the archive is closed'))
    await Promise.all(this.running)
    this.onHeld(0)
    await this.store.close()
  }

  /** Reads where the store is. What an earlier run intended and did not finish is owed from here on. */
  private async open(): Promise<void> {
    await Promise.all(this.running)
    await this.prepare()
    this.gatherer.restore(await this.store.progress())
  }

  /** The tables may be gone after a failure (another server, an emptied one): they are then made again. */
  private async prepare(): Promise<void> {
    if (!this.isPrepared) await this.store.prepare()
    this.isPrepared = true
  }

  /** Begins every load that is due, and sets the timer for the next one. */
  private begin(): void {
    this.cancelTimer?.()
    this.cancelTimer = undefined
    while (this.running.size < LOADS_MAX && !this.isPaused && !this.isClosed) {
      const next = this.nextLoad()
      if (next === undefined) {
        this.beginLater()
        return
      }
      const run = this.run(next.load, next.events).finally(() => {
        this.running.delete(run)
        this.begin()
      })
      this.running.add(run)
    }
  }

  /** A broken invariant is told to everyone who waits: the runner ends with it. */
  private nextLoad(): ReturnType<Gatherer['next']> {
    try {
      return this.gatherer.next(this.clock.monotonic())
    } catch (error) {
      this.reject(this.gatherer.forgetWaiting(), error)
      return undefined
    }
  }

  private beginLater(): void {
    const dueAt = this.gatherer.dueAt()
    if (dueAt === undefined) return
    this.cancelTimer = this.clock.schedule(Math.max(1, dueAt - this.clock.monotonic()), () => this.begin())
  }

  private async run(load: Load, ranges: readonly GatheredRange[]): Promise<void> {
    try {
      await this.prepare()
      await this.put(load, ranges)
      for (const partition of this.gatherer.stored(load)) this.resolve(partition)
    } catch (error) {
      this.isPrepared = false
      this.reject(this.gatherer.failed(load), error)
      if (!(error instanceof ViewMoved)) return
      this.gatherer.lose()
      this.reject(this.gatherer.forgetWaiting(), error)
    } finally {
      this.onHeld(this.gatherer.held())
    }
  }

  /** The three steps of archive-store.ts, and the look before and after whether the tables are still the same. */
  private async put(load: Load, ranges: readonly GatheredRange[]): Promise<void> {
    const before = await this.store.progress()
    if (before.switching) throw new TablesSwitching('a rebuild is exchanging the tables')
    for (const { partition } of load.ranges) {
      const stored = before.done.get(partition)?.last.offset ?? -1
      if (stored < (this.gatherer.position(partition)?.offset ?? -1)) {
        throw new ViewMoved(`the archive has lost what it had of partition ${partition} above ${stored}`)
      }
    }
    await this.store.recordIntent(load)
    await this.store.insert(
      load,
      ranges.flatMap(({ partition, events }) => events.map(event => projectEvent(partition, event))),
    )
    // An insert that overlapped an exchange may be in the tables that went away, or half: it is repeated (AR8).
    const after = await this.store.progress()
    if (after.switches !== before.switches) throw new TablesSwitching('the tables were exchanged during an insert')
    await this.store.recordDone(load)
  }

  private resolve(partition: Partition): void {
    this.waiting.get(partition)?.resolve()
    this.waiting.delete(partition)
  }

  private reject(partitions: readonly Partition[], error: unknown): void {
    for (const partition of partitions) {
      this.waiting.get(partition)?.reject(error)
      this.waiting.delete(partition)
    }
  }
}

export interface ArchiveViewOptions {
  store: ArchiveStore
  clock: Clock
  /** Name of the topic that the events come from; part of the deduplication tokens. */
  topic: string
  /** The partitions that this process archives. */
  partitions: readonly Partition[]
  /** Told how many events are held in memory whenever that changes: one batch of each partition at most (AR17). */
  onHeld?: (events: number) => void
}

/**
 * How long events gather in the log before they are read, so that one insert takes many: analysts see an event within
 * that, GATHER_MS and an insert.
 */
export const ARCHIVE_PAUSE_MS = 900
assert(GATHER_MS + LOADS_APART_MS <= ARCHIVE_PAUSE_MS, 'loads of what one fetch brought hold up nothing of the next')

/** Loads under way at once. One per core of a small server; each takes up to LOAD_ROWS_MAX rows. */
export const LOADS_MAX = 2

/** Nothing was recorded as done; the same batch again later is right. */
export class TablesSwitching extends Error {
  override readonly name = 'TablesSwitching'
}

interface Waiter {
  resolve(): void
  reject(error: unknown): void
}
