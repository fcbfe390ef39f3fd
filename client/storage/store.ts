/**
 * The port to what a device keeps: tables of JSON rows with ordered text keys. An adapter needs four calls, so that
 * IndexedDB, SQLite, a phone's database or memory do equally well; what rows mean is the logic layer's.
 */

export const TABLES = ['messages', 'sessions', 'outbox', 'groups', 'members', 'friends', 'profiles', 'meta'] as const
/** Names of the tables. */
export type Table = (typeof TABLES)[number]

/** A row of a table. */
export interface Row {
  key: string
  /** Anything that JSON can carry. */
  value: unknown
}

/** Both ends included. Keys compare as UTF-16 text; ours are ASCII, where all platforms agree. */
export interface KeyRange {
  from?: string
  to?: string
  limit?: number
  /** The highest keys first. */
  descending?: boolean
}

/** Sets a row, or removes it where the value is undefined. */
export interface Write {
  table: Table
  key: string
  value: unknown
}

/** Where a device keeps its rows: memory, IndexedDB, SQLite, or what an app has. */
export interface Store {
  get(table: Table, key: string): Promise<unknown>
  range(table: Table, range: KeyRange): Promise<Row[]>
  /** All of them or none, in order. */
  write(writes: readonly Write[]): Promise<void>
  /** Removes everything. */
  clear(): Promise<void>
  close(): Promise<void>
}

/** Writes that remove these rows. */
export function removals(table: Table, keys: Iterable<string>): Write[] {
  return Array.from(keys, key => ({ table, key, value: undefined }))
}
