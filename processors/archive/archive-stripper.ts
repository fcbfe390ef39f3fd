import type { ClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import type { Clock, Millis } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Service } from '../../infra/service.ts'
import type { Offset, Partition, SessionId } from '../../schemas/ids.ts'
import { ArchiveWorker } from './archive-worker.ts'
import { ClickHouseArchiveStore } from './clickhouse-archive-store.ts'
import { CONTENT_TABLES, planStrip, stripsOf, TAKING_KINDS, type TakingRow } from './strip.ts'

/**
 * Empties what was taken back, in the tables themselves (strip.ts says what).
 *
 * Per partition it follows the rows of `events` behind the position that is recorded in archive_strips, never further
 * than what is recorded as stored: no repeated insert brings a row back that was emptied. Order of a step: read the
 * events that take content away, empty every table, record the position. A crash in between repeats the step, which
 * changes nothing more. Where tables are exchanged meanwhile (a rebuild) nothing is recorded: the step is repeated on
 * the new ones. What is under a legal hold is passed over, and done when the hold ends.
 *
 * Old parts, with what was in them, are deleted by the server within `old_parts_lifetime` (migration 0009).
 */
export function archiveStripper({ keepsRevoked, ...options }: StripperOptions): Service {
  return new ArchiveWorker({
    ...options,
    name: 'archive-stripper',
    pauseMs: STRIP_MS,
    failure: 'the archive could not be emptied of what was taken back: tried again',
    step: async signal => {
      let hasMore = true
      while (hasMore && !signal.aborted) hasMore = await stripOnce(options.clickhouse, { keepsRevoked })
    },
  })
}

export interface StripperOptions {
  clickhouse: ClickHouse
  keepsRevoked: boolean
  clock: Clock
  logger: Logger
}

/** How often the archive is looked at for what was taken back. */
export const STRIP_MS: Millis = 5_000
/** Events that take content away, in one step. */
export const TAKING_ROWS_MAX = 1_000

/** One step over all partitions; true when there may be more to do. */
export async function stripOnce(clickhouse: ClickHouse, { keepsRevoked }: { keepsRevoked: boolean }): Promise<boolean> {
  const store = new ClickHouseArchiveStore(clickhouse, async () => {})
  const before = await store.progress()
  if (before.switching) return false
  const stripped = await strippedOffsets(clickhouse)
  const upTo = new Map([...before.done].map(([partition, { last }]) => [partition, last.offset]))
  const { rows, reached } = await takingRows(clickhouse, { stripped, upTo, suffix: '' })
  await stripRows(clickhouse, rows, { keepsRevoked, suffix: '' })
  if ((await store.progress()).switches !== before.switches) return true
  await recordStripped(clickhouse, reached, stripped)
  return rows.length >= TAKING_ROWS_MAX
}

/** Empties the tables of a rebuild of everything that was taken back so far; gives up to where. */
export async function stripShadow(
  clickhouse: ClickHouse,
  { keepsRevoked, suffix }: { keepsRevoked: boolean; suffix: string },
): Promise<ReadonlyMap<Partition, Offset>> {
  const { done } = await new ClickHouseArchiveStore(clickhouse, async () => {}, suffix).progress()
  const upTo = new Map([...done].map(([partition, { last }]) => [partition, last.offset]))
  let stripped: ReadonlyMap<Partition, Offset> = new Map()
  for (;;) {
    const { rows, reached } = await takingRows(clickhouse, { stripped, upTo, suffix })
    await stripRows(clickhouse, rows, { keepsRevoked, suffix })
    stripped = reached
    if (rows.length < TAKING_ROWS_MAX) return reached
  }
}

/** Writes down how far the live tables are emptied. */
export async function recordStripped(
  clickhouse: ClickHouse,
  reached: ReadonlyMap<Partition, Offset>,
  before: ReadonlyMap<Partition, Offset> = new Map(),
): Promise<void> {
  const moved = [...reached].filter(([partition, offset]) => before.get(partition) !== offset)
  if (moved.length === 0) return
  await clickhouse.command(
    `INSERT INTO archive_strips (partition, offset)
    SELECT pair.1, pair.2 FROM (SELECT arrayJoin(arrayZip({partitions: Array(UInt16)}, {offsets: Array(Int64)})) AS pair)
    SETTINGS async_insert = 0, insert_deduplicate = 0`,
    { partitions: moved.map(([partition]) => partition), offsets: moved.map(([, offset]) => offset) },
  )
}

async function strippedOffsets(clickhouse: ClickHouse): Promise<ReadonlyMap<Partition, Offset>> {
  const rows = await clickhouse.rows<{ partition: Partition; offset: Offset }>(
    'SELECT partition, offset FROM archive_strips FINAL SETTINGS max_threads = 1',
  )
  return new Map(rows.map(({ partition, offset }) => [partition, offset]))
}

/** The next events that take content away, and up to where that is everything. */
async function takingRows(
  clickhouse: ClickHouse,
  request: { stripped: ReadonlyMap<Partition, Offset>; upTo: ReadonlyMap<Partition, Offset>; suffix: string },
): Promise<{ rows: TakingRow[]; reached: ReadonlyMap<Partition, Offset> }> {
  const { stripped, upTo, suffix } = request
  const rows: TakingRow[] = []
  const reached = new Map(stripped)
  for (const [partition, last] of upTo) {
    const after = stripped.get(partition) ?? -1
    if (after >= last || rows.length >= TAKING_ROWS_MAX) continue
    const limit = TAKING_ROWS_MAX - rows.length
    const found = await clickhouse.rows<TakingRow>(
      `SELECT partition, offset, kind, sessionId, seq, \`from\`, targetSeq, data FROM events${suffix}
      WHERE partition = {partition: UInt16} AND offset > {after: Int64} AND offset <= {last: Int64}
        AND kind IN {kinds: Array(String)}
      ORDER BY offset LIMIT {limit: UInt32} SETTINGS max_threads = 1`,
      { partition, after, last, kinds: TAKING_KINDS, limit },
    )
    rows.push(...found)
    reached.set(partition, found.length < limit ? last : found.at(-1)!.offset)
  }
  return { rows, reached }
}

async function stripRows(
  clickhouse: ClickHouse,
  rows: readonly TakingRow[],
  { keepsRevoked, suffix }: { keepsRevoked: boolean; suffix: string },
): Promise<void> {
  if (rows.length === 0) return
  const held = await heldSessions(clickhouse, suffix)
  const released = rows.filter(row => row.kind === 'HoldSet' && !held.has(row.sessionId)).map(row => row.sessionId)
  const late = released.length === 0 ? [] : await takenWhileHeld(clickhouse, released, suffix)
  const plan = planStrip([...rows, ...late], { keepsRevoked, held })
  const names = new Set(await tableNames(clickhouse))
  const tables = CONTENT_TABLES.filter(({ name }) => names.has(`${name}${suffix}`))
  await Promise.all(
    tables.map(async table => {
      for (const { look, update } of stripsOf(table, plan, suffix)) {
        if ((await clickhouse.rows(look)).length > 0) await clickhouse.command(update)
      }
    }),
  )
}

/** Sessions on which a legal hold is now. */
export async function heldSessions(clickhouse: ClickHouse, suffix: string): Promise<ReadonlySet<string>> {
  const rows = await clickhouse.rows<{ sessionId: SessionId; data: string }>(
    `SELECT sessionId, argMax(data, offset) AS data FROM events${suffix} WHERE kind = 'HoldSet' GROUP BY sessionId`,
  )
  return new Set(rows.filter(({ data }) => (JSON.parse(data) as { held: boolean }).held).map(row => row.sessionId))
}

/** What was taken back in sessions, or of users, whose hold has ended. */
function takenWhileHeld(clickhouse: ClickHouse, sessionIds: readonly string[], suffix: string): Promise<TakingRow[]> {
  const userIds = sessionIds.filter(sessionId => sessionId.startsWith('u:')).map(sessionId => sessionId.slice(2))
  return clickhouse.rows<TakingRow>(
    `SELECT partition, offset, kind, sessionId, seq, \`from\`, targetSeq, data FROM events${suffix}
    WHERE kind IN {kinds: Array(String)} AND kind != 'HoldSet'
      AND (sessionId IN {sessionIds: Array(String)} OR \`from\` IN {userIds: Array(String)}
        OR JSONExtractString(data, 'target', 'from') IN {userIds: Array(String)})`,
    { kinds: TAKING_KINDS, sessionIds, userIds },
  )
}

async function tableNames(clickhouse: ClickHouse): Promise<string[]> {
  const rows = await clickhouse.rows<{ name: string }>(
    'SELECT name FROM system.tables WHERE database = currentDatabase()',
  )
  return rows.map(({ name }) => name)
}
