import type { Clock } from '../../infra/clock.ts'
import { Generations } from '../../infra/generations.ts'
import type { Position } from '../../topics/valid-events.ts'
import { RecentFilter } from './recent-filter.ts'
import {
  type Change,
  type Checkpoint,
  countRows,
  makeRowMaps,
  type RowMaps,
  type Rows,
  type StateView,
  type Table,
} from './session.ts'
import type { StateStore } from './state-store.ts'

/**
 * The rows of one partition in layers, newest first:
 *   overlay   what the batch in flight changes; becomes `dirty` when the log has taken it, or is dropped
 *   dirty     committed, waits for the next write of the store
 *   writing   in the store's transaction that is under way
 *   recent    the rows used last, heads and members only, a bounded number
 *   store     everything else
 * Of remembered packs, which are asked for with every pack and hardly ever there, a filter answers first.
 * So a batch costs no disk access before its ack, and memory does not grow with the number of sessions.
 */

/**
 * Committed rows are written at the latest this long after the first of them, in ms: what a killed process has not
 * written it reads from the log again.
 */
export const STORE_DELAY_MS_MAX = 1_000
/** So many committed rows are written at once, without waiting. */
export const STORE_ROWS_MAX = 5_000
/** With so many rows waiting for a slow disk the sequencer pauses. */
export const DIRTY_ROWS_MAX = 50_000
/** Rows of the cache, per partition and generation. */
export const CACHE_ROWS_MAX = 10_000
type RowCache = Generations<string, unknown>

export class SessionState implements StateView {
  private readonly store: StateStore
  private readonly clock: Clock
  /** A map for each table that the batch changes. */
  private overlay: Partial<RowMaps> = {}
  /** What made the overlay, in order. */
  private changes: Change[] = []
  private dirty = makeRowMaps()
  private writing: RowMaps | undefined
  private readonly cache: Partial<Record<Table, RowCache>> = {
    heads: new Generations(CACHE_ROWS_MAX),
    members: new Generations(CACHE_ROWS_MAX),
  }
  private readonly recentFilter: RecentFilter
  private current: Checkpoint
  private logged: Position | null
  /** Something other than rows waits for the next write as well. */
  private isBehind = false
  private writeRun: Promise<void> | undefined
  private cancelTimer: (() => void) | undefined
  private stopped = false
  private readonly onFailure: (error: unknown) => void

  /** `onFailure` is told once when the store can take no more writes. */
  constructor(options: {
    store: StateStore
    clock: Clock
    checkpoint: Checkpoint
    logged: Position | null
    onFailure: (error: unknown) => void
  }) {
    this.store = options.store
    this.clock = options.clock
    this.recentFilter = new RecentFilter(options.store.newestRecent())
    this.current = options.checkpoint
    this.logged = options.logged
    this.onFailure = options.onFailure
  }

  get checkpoint(): Checkpoint {
    return this.current
  }

  /** Rows that are committed and not yet in the store. */
  get dirtyRows(): number {
    return countRows(this.dirty) + (this.writing === undefined ? 0 : countRows(this.writing))
  }

  /** What is committed goes into the cache as well: a row that is there is never older than one in `dirty`. */
  get<T extends Table>(table: T, key: string): Rows[T] | undefined {
    if (table === 'recents' && !this.recentFilter.mayHold(key)) return undefined
    const cache = this.cache[table]
    return (
      (this.overlay[table] as Map<string, Rows[T]> | undefined)?.get(key) ??
      (cache?.get(key) as Rows[T] | undefined) ??
      (this.dirty[table] as Map<string, Rows[T]>).get(key) ??
      (this.writing?.[table] as Map<string, Rows[T]> | undefined)?.get(key) ??
      this.getStored(table, key, cache)
    )
  }

  /** Puts what an event changes on the overlay. */
  apply(changes: readonly Change[]): void {
    for (const change of changes) {
      const { table, key, row } = change
      this.overlay[table] ??= new Map()
      ;(this.overlay[table] as Map<string, typeof row>).set(key, row)
      this.changes.push(change)
      if (table === 'recents') this.recentFilter.add(key)
    }
  }

  /** The log has the batch: its rows and the checkpoint after it count. Gives its changes, in order. */
  commit(checkpoint: Checkpoint): readonly Change[] {
    const committed = this.changes
    this.rollback()
    for (const { table, key, row } of committed) {
      ;(this.dirty[table] as Map<string, unknown>).set(key, row)
      this.cache[table]?.set(key, row)
    }
    this.current = checkpoint
    this.isBehind = true
    this.scheduleWrite()
    return committed
  }

  /** im.sessions holds everything up to the position: stored with the next write. */
  noteLogged(position: Position): void {
    this.logged = position
    this.isBehind = true
    this.scheduleWrite()
  }

  /** The log does not have the batch: as if it had not been decided. */
  rollback(): void {
    this.overlay = {}
    this.changes = []
  }

  /** Undefined while there is room; otherwise resolves when the store has caught up. */
  room(): Promise<void> | undefined {
    return this.dirtyRows < DIRTY_ROWS_MAX ? undefined : this.write()
  }

  /** Writes everything that is committed. Rejects when the store cannot take it. */
  async flush(): Promise<void> {
    while (this.writeRun !== undefined || this.isBehind) await this.write()
  }

  /** Writes no more; to be called when the partition is given up, or after flush. */
  stop(): void {
    this.stopped = true
    this.cancelTimer?.()
    this.cancelTimer = undefined
  }

  private getStored<T extends Table>(table: T, key: string, cache: RowCache | undefined): Rows[T] | undefined {
    const row = this.store.get(table, key)
    if (row !== undefined) cache?.set(key, row)
    return row
  }

  private scheduleWrite(): void {
    if (this.writeRun !== undefined || this.stopped) return
    if (countRows(this.dirty) >= STORE_ROWS_MAX) this.writeSoon()
    else this.cancelTimer ??= this.clock.schedule(STORE_DELAY_MS_MAX, () => this.writeSoon())
  }

  private writeSoon(): void {
    this.write().catch(error => {
      if (this.stopped) return
      this.stop()
      this.onFailure(error)
    })
  }

  private write(): Promise<void> {
    this.cancelTimer?.()
    this.cancelTimer = undefined
    this.writeRun ??= this.writeDirty().finally(() => {
      this.writeRun = undefined
      if (this.isBehind) this.scheduleWrite()
    })
    return this.writeRun
  }

  private async writeDirty(): Promise<void> {
    const checkpoint = { ...this.current, logged: this.logged }
    this.isBehind = false
    this.writing = this.dirty
    this.dirty = makeRowMaps()
    const { horizon, windowMsMax } = checkpoint.time
    // What was remembered at log time t has a packId of t - windowMsMax or later.
    await this.store.write({ rows: this.writing, checkpoint, forgetBefore: horizon - windowMsMax })
    this.writing = undefined
  }
}
