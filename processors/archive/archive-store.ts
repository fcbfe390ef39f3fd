import type { Offset, Partition } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import type { EventRow } from './event-row.ts'

/**
 * Where the archive is kept: ClickHouse (clickhouse-archive-store.ts) or memory (memory-archive-store.ts); both pass
 * tests/contract/archive-store.contract.ts.
 *
 * Problem: ClickHouse wants few large inserts and has no transactions; an insert whose answer is lost may be stored
 * or not. Order of steps, for a load (the ranges of one or several partitions that go in with one insert):
 *   1. the ranges and their deduplication token are recorded as intent,
 *   2. the rows are inserted under that token,
 *   3. the ranges are recorded as done: this is the position of the view.
 * Whoever finds an intent that is not done, after a crash or a failure, inserts exactly the same ranges under the same
 * token before anything else. The server drops a block whose token it has seen, in `events` and in each table that a
 * materialised view fills on its own, so that a half-stored load is completed and a stored one changes nothing.
 * Invariant: every event at or below a done offset is in `events` once, and in `messages` if it is a message.
 *
 * The progress lies in ClickHouse itself: with the data it is lost, restored and moved together, and the archive needs
 * no other store to be up.
 *
 * Not promised: when the partitions of a load have moved to different processes meanwhile, each repeats its own ranges
 * under a token of their own, and rows may be there twice until they are merged. The order keys of the tables
 * (ReplacingMergeTree) make them one: readers say FINAL.
 */
export interface ArchiveStore {
  /** Makes or completes the tables; can be called again at any time. */
  prepare(): Promise<void>
  progress(): Promise<ArchiveProgress>
  /** Step 1. */
  recordIntent(load: Load): Promise<void>
  /** Step 2. `rows` in the order of the load's ranges. */
  insert(load: Load, rows: readonly EventRow[]): Promise<void>
  /** Step 3. */
  recordDone(load: Load): Promise<void>
  close(): Promise<void>
}

/** Consecutive valid events of a partition. */
export interface Range {
  partition: Partition
  firstOffset: Offset
  /** The position after its last event. */
  last: Position
  rows: number
}

/** What goes in with one insert. */
export interface Load {
  token: string
  /** Ascending by partition, one for each. */
  ranges: readonly Range[]
}

/** A range that was recorded; `partitions` are all that share the token. */
export interface RecordedRange extends Range {
  token: string
  partitions: readonly Partition[]
}

export interface ArchiveProgress {
  done: ReadonlyMap<Partition, RecordedRange>
  intents: ReadonlyMap<Partition, RecordedRange>
  /** How often a rebuild has begun or ended to exchange the tables. */
  switches: number
  /** An exchange is under way: nobody inserts. */
  switching: boolean
}

/** The token of a load: `topic:partition:first-last` and the same for each further partition. */
export function loadToken(topic: string, ranges: readonly Range[]): string {
  return `${topic}:${ranges.map(range => `${range.partition}:${range.firstOffset}-${range.last.offset}`).join(',')}`
}
