import type { Millis } from '../../infra/clock.ts'
import {
  countRows,
  makeRowMaps,
  type RowMaps,
  type Rows,
  recentKeyBefore,
  type StoredCheckpoint,
  TABLES,
  type Table,
} from './session.ts'

/**
 * Where the rows of one partition lie (DESIGN 4): synchronous reads, and writes that take rows and checkpoint in one
 * transaction. It is a cache of the log: after a crash im.events is read again from the checkpoint, so it may be
 * behind the log, but never ahead of or beside its own checkpoint.
 *
 * Implementations: MemoryStateStore here and lmdb-state-store.ts; both pass testing/state-store.contract.ts.
 */
export interface StateStore {
  /** The row as of the last write that has resolved; while a write is under way, that one's or the one before. */
  get<T extends Table>(table: T, key: string): Rows[T] | undefined
  /** The largest key of a remembered pack; undefined where there is none. */
  newestRecent(): string | undefined
  /** What the last write stored; undefined in an empty store and after `clear`. */
  checkpoint(): StoredCheckpoint | undefined
  /**
   * Writes rows and checkpoint, all or nothing. Without a checkpoint, only the rows: for filling an empty store, which
   * counts as empty until a write brings the checkpoint. One write at a time. Throws StateTaken.
   */
  write(batch: StateBatch): Promise<void>
  /** Removes everything. Throws StateTaken. */
  clear(): Promise<void>
  /** How much it holds; for metrics. */
  size(): StateSize
  /** Idempotent. */
  close(): Promise<void>
}

export interface StateBatch {
  rows: RowMaps
  checkpoint: StoredCheckpoint | undefined
  /** Remembered packs whose packId is older may be forgotten, oldest first. */
  forgetBefore: Millis
}

export interface StateSize {
  rows: number
  bytes: number
}

/** The state directory was opened by another instance after this one. This one must stop; nothing was harmed. */
export class StateTaken extends Error {
  override readonly name = 'StateTaken'
  constructor(place: string) {
    super(`${place}: another instance has opened this state directory; each instance needs its own PACKLOG_STATE_DIR`)
  }
}

/** Opens the store of a partition. */
export type StateStores = (partition: number) => StateStore

/** How many remembered packs one write forgets at most, besides as many as it adds: so that forgetting keeps up. */
export const FORGET_ROWS_MAX = 2_000

/** What a MemoryStateStore leaves behind for the next one that is opened in the same place. */
export class MemoryStateDir {
  rows: RowMaps = makeRowMaps()
  checkpoint: StoredCheckpoint | undefined
  holder: object | undefined
}

/** For tests and simulations. Two of them on one MemoryStateDir behave as two on one directory. */
export class MemoryStateStore implements StateStore {
  private readonly dir: MemoryStateDir
  private forgotten = ''

  constructor(dir: MemoryStateDir = new MemoryStateDir()) {
    this.dir = dir
    dir.holder = this
  }

  get<T extends Table>(table: T, key: string): Rows[T] | undefined {
    return this.dir.rows[table].get(key)
  }

  newestRecent(): string | undefined {
    let newest: string | undefined
    for (const key of this.dir.rows.recents.keys()) if (newest === undefined || key > newest) newest = key
    return newest
  }

  checkpoint(): StoredCheckpoint | undefined {
    return this.dir.checkpoint
  }

  async write(batch: StateBatch): Promise<void> {
    this.checkHolder()
    for (const table of TABLES) copyInto(this.dir.rows[table] as Map<string, unknown>, batch.rows[table])
    const before = recentKeyBefore(batch.forgetBefore)
    if (before !== this.forgotten) this.forget(before, batch.rows.recents.size + FORGET_ROWS_MAX)
    if (batch.checkpoint !== undefined) this.dir.checkpoint = batch.checkpoint
  }

  async clear(): Promise<void> {
    this.checkHolder()
    this.dir.rows = makeRowMaps()
    this.dir.checkpoint = undefined
  }

  size(): StateSize {
    return { rows: countRows(this.dir.rows), bytes: 0 }
  }

  async close(): Promise<void> {}

  private forget(before: string, limit: number): void {
    const old = [...this.dir.rows.recents.keys()].filter(key => key < before).sort()
    // Until time moves on there is nothing more to forget, and the rows need not be looked through.
    if (old.length <= limit) this.forgotten = before
    for (const key of old.slice(0, limit)) this.dir.rows.recents.delete(key)
  }

  private checkHolder(): void {
    if (this.dir.holder !== this) throw new StateTaken('memory')
  }
}

function copyInto(target: Map<string, unknown>, rows: ReadonlyMap<string, unknown>): void {
  for (const [key, row] of rows) target.set(key, row)
}
