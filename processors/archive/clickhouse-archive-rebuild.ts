import { assert } from '../../infra/assert.ts'
import { type ClickHouse, quoteName } from '../../infra/clickhouse/clickhouse.ts'
import type { Clock, Millis, Random } from '../../infra/clock.ts'
import { makePackId, type Offset, type Partition } from '../../schemas/ids.ts'
import type { Rebuildable } from '../rebuild/rebuild.ts'
import { recordStripped, stripShadow } from './archive-stripper.ts'
import { ArchiveView } from './archive-view.ts'
import { ClickHouseArchiveStore, SWITCH_FENCE_SECONDS } from './clickhouse-archive-store.ts'
import { DERIVED_TABLES, derivingSelect, viewOf } from './derived-tables.ts'
import { EVENT_COLUMNS } from './event-row.ts'

/**
 * Builds the archive anew in tables beside the live ones, then puts them in their place with one statement.
 *
 * Problem: the live archive goes on in another process, an exchange of two tables is not one with that of two others,
 * and an insert may be under way at that moment. Order of commit:
 *   0. what was taken back so far is emptied in the new tables: the log still has it;
 *   1. `begun` is written to archive_switches: writers begin no further insert, and repeat one that overlapped (AR8);
 *   2. wait until the new tables have come as far as the live ones in every partition, inserts under way included, for
 *      two looks in a row;
 *   3. hold our own writer still, exchange `events` and what it fills, let our writer go on in the live tables;
 *   4. the live progress takes what the new tables had (it is at least as far), `ended` is written;
 *   5. the old tables, which now carry the other names, are dropped.
 * Readers see the old tables until 3 and the new ones after it; between the two exchanges they may see new events and
 * old messages, each complete. A crash before 3 changes nothing (the mark goes out of date by itself); one between 3
 * and 5 leaves the new tables in place with the old progress, from which writers repeat what is there already.
 */
export class ClickHouseArchiveRebuild implements Rebuildable {
  readonly name = 'archive'
  private readonly options: ArchiveRebuildOptions
  private building: Building | undefined

  constructor(options: ArchiveRebuildOptions) {
    this.options = options
  }

  async begin({ resume = false }: { resume?: boolean } = {}): Promise<ArchiveView> {
    assert(this.building === undefined, 'a rebuild is begun once')
    const { connect, prepareDatabase, topic, partitions, clock } = this.options
    const store = new ClickHouseArchiveStore(connect(), prepareDatabase, SUFFIX)
    const ids = await this.use(async clickhouse => {
      await new ClickHouseArchiveStore(clickhouse, prepareDatabase).prepare()
      if (!resume || !(await isShadowWhole(clickhouse))) {
        await dropShadow(clickhouse)
        await makeShadow(clickhouse)
      }
      return tableIds(clickhouse, SUFFIX)
    })
    const view = new ArchiveView({ store, topic, partitions, clock })
    this.building = { view, store, ids }
    return view
  }

  /** Its own rows, as they are: what was emptied stays so, and so does how long it was. In pieces, each recorded. */
  async copyOlder({ partition, start, signal }: { partition: Partition; start: Offset; signal: AbortSignal }) {
    await this.use(async clickhouse => {
      const store = new ClickHouseArchiveStore(clickhouse, async () => {}, SUFFIX)
      let from = (await store.progress()).done.get(partition)?.last.offset ?? -1
      for (; from < start - 1 && !signal.aborted; from = Math.min(from + COPY_OFFSETS, start - 1)) {
        await copyRows(clickhouse, store, { partition, from, to: Math.min(from + COPY_OFFSETS, start - 1) })
      }
    })
  }

  async commit(): Promise<void> {
    const building = this.building
    assert(building !== undefined, 'commit comes after begin')
    await this.use(async clickhouse => {
      const stripped = await stripShadow(clickhouse, {
        keepsRevoked: this.options.keepsRevoked ?? false,
        suffix: SUFFIX,
      })
      const switchId = this.newId()
      const begun = this.options.clock.monotonic()
      await markSwitch(clickhouse, switchId, 'begun')
      try {
        await this.untilAhead(clickhouse)
        await building.view.pause()
        assertWithinFence(this.options.clock.monotonic() - begun)
        await exchange(clickhouse, building.ids)
        building.store.becomeLive()
        await clickhouse.command(TAKE_PROGRESS)
        await recordStripped(clickhouse, stripped)
      } finally {
        building.view.resume()
        await markSwitch(clickhouse, switchId, 'ended')
      }
      await dropShadow(clickhouse)
    })
    this.building = undefined
  }

  async abort(): Promise<boolean> {
    await this.building?.view.close()
    this.building = undefined
    return this.use(async clickhouse => {
      const isThere = (await tableIds(clickhouse, SUFFIX)).size > 0
      await dropShadow(clickhouse)
      return isThere
    })
  }

  /** Rejects when the new tables have not caught up in time; nothing has changed then. */
  private async untilAhead(clickhouse: ClickHouse): Promise<void> {
    const { clock } = this.options
    const deadline = clock.monotonic() + CATCH_UP_MS_MAX
    let before = ''
    for (;;) {
      const live = JSON.stringify(await clickhouse.rows(LIVE_POSITIONS))
      const behind = await clickhouse.rows<{ partition: Partition }>(BEHIND)
      if (behind.length === 0 && live === before) return
      before = live
      if (clock.monotonic() > deadline) {
        const partitions = behind.map(({ partition }) => partition).join(', ')
        throw new Error(`the rebuilt archive did not catch up with the live one: partitions ${partitions}`)
      }
      await clock.sleep(CATCH_UP_POLL_MS)
    }
  }

  private newId(): string {
    return makePackId(this.options.clock.now(), this.options.random.bytes(10))
  }

  private async use<T>(work: (clickhouse: ClickHouse) => Promise<T>): Promise<T> {
    const clickhouse = this.options.connect()
    try {
      return await work(clickhouse)
    } finally {
      await clickhouse.close()
    }
  }
}

interface Building {
  view: ArchiveView
  store: ClickHouseArchiveStore
  /** What the server calls the new tables, whatever their names are now. */
  ids: ReadonlyMap<string, string>
}

export interface ArchiveRebuildOptions {
  /** A client of the archive's database; each call makes one of its own. */
  connect(): ClickHouse
  prepareDatabase(): Promise<void>
  topic: string
  partitions: readonly Partition[]
  clock: Clock
  random: Random
  /** As of the stripper; default false. */
  keepsRevoked?: boolean
}

const SUFFIX = '_rebuild'
/** Offsets of one piece of what is copied: well within the time limit of a request. */
const COPY_OFFSETS = 200_000
/** How long commit waits for the new tables to be as far as the live ones. */
export const CATCH_UP_MS_MAX: Millis = 20_000
/** Two looks that agree, this far apart: longer than a writer that has not seen the mark needs to write down its intent. */
const CATCH_UP_POLL_MS: Millis = 500

const EXCHANGED = ['events', ...DERIVED_TABLES] as const

/** How far readers may see the live tables: what is only intended may be in them already. */
const LIVE_POSITIONS = `SELECT partition, max(lastOffset) AS lastOffset FROM archive_progress FINAL
GROUP BY partition ORDER BY partition`

const BEHIND = `SELECT live.partition AS partition
FROM (${LIVE_POSITIONS}) AS live
LEFT JOIN (SELECT partition, lastOffset, 1 AS found FROM archive_progress${SUFFIX} FINAL WHERE step = 'done') AS built
  ON live.partition = built.partition
WHERE built.found = 0 OR built.lastOffset < live.lastOffset
ORDER BY partition`

const TAKE_PROGRESS = `INSERT INTO archive_progress SELECT * FROM archive_progress${SUFFIX} FINAL
SETTINGS async_insert = 0, insert_deduplicate = 0`

/** The exchange must come well before writers stop minding the mark. */
function assertWithinFence(elapsedMs: Millis): void {
  assert(elapsedMs < (SWITCH_FENCE_SECONDS * 1_000) / 2, 'the exchange of tables came too late: writers may go on')
}

/** Exchanges those tables whose new ones are not in place yet: an answer may have been lost the first time. */
async function exchange(clickhouse: ClickHouse, built: ReadonlyMap<string, string>): Promise<void> {
  const live = await tableIds(clickhouse, '')
  const pairs = EXCHANGED.filter(table => live.get(table) !== built.get(table))
  if (pairs.length === 0) return
  await clickhouse.command(`EXCHANGE TABLES ${pairs.map(table => `${table} AND ${table}${SUFFIX}`).join(', ')}`)
}

async function tableIds(clickhouse: ClickHouse, suffix: string): Promise<ReadonlyMap<string, string>> {
  const rows = await clickhouse.rows<{ name: string; uuid: string }>(
    'SELECT name, uuid FROM system.tables WHERE database = currentDatabase() AND name IN {names: Array(String)}',
    { names: EXCHANGED.map(table => table + suffix) },
  )
  return new Map(rows.map(({ name, uuid }) => [name.slice(0, name.length - suffix.length), uuid]))
}

async function markSwitch(clickhouse: ClickHouse, switchId: string, step: 'begun' | 'ended'): Promise<void> {
  await clickhouse.command(
    'INSERT INTO archive_switches (switchId, step) SETTINGS async_insert = 0 VALUES ({switchId: UUID}, {step: String})',
    { switchId, step },
  )
}

/** Tables like the live ones, with everything that migrations have added to those. */
async function makeShadow(clickhouse: ClickHouse): Promise<void> {
  for (const table of [...EXCHANGED, 'archive_progress']) {
    await clickhouse.command(`CREATE TABLE ${table}${SUFFIX} AS ${table}`)
  }
  for (const table of DERIVED_TABLES) await makeShadowView(clickhouse, table)
}

async function makeShadowView(clickhouse: ClickHouse, table: string): Promise<void> {
  const select = await derivingSelect(clickhouse, table, `events${SUFFIX}`)
  await clickhouse.command(`CREATE MATERIALIZED VIEW ${viewOf(table)}${SUFFIX} TO ${table}${SUFFIX} AS ${select}`)
}

/** What an earlier rebuild has left can be gone on with: every table is there, with the columns that the live ones have. */
async function isShadowWhole(clickhouse: ClickHouse): Promise<boolean> {
  const tables = [...EXCHANGED, 'archive_progress']
  const columns = await clickhouse.rows<{ table: string; names: string[] }>(
    `SELECT table, groupArray(name) AS names FROM (
      SELECT table, concat(name, ' ', type) AS name FROM system.columns
      WHERE database = currentDatabase() ORDER BY table, position) GROUP BY table`,
  )
  const known = new Map(columns.map(({ table, names }) => [table, names.join()]))
  const isSame = (table: string) => known.get(table) !== undefined && known.get(table) === known.get(table + SUFFIX)
  return tables.every(isSame) && DERIVED_TABLES.every(table => known.has(viewOf(table) + SUFFIX))
}

/** Copies the rows of `from` (excluded) to `to`; the same again adds what is one row after FINAL. */
async function copyRows(
  clickhouse: ClickHouse,
  store: ClickHouseArchiveStore,
  { partition, from, to }: { partition: Partition; from: Offset; to: Offset },
): Promise<void> {
  const columns = EVENT_COLUMNS.map(({ name }) => quoteName(name)).join(', ')
  const range = 'FINAL WHERE partition = {partition: UInt16} AND offset > {from: Int64} AND offset <= {to: Int64}'
  await clickhouse.command(
    `INSERT INTO events${SUFFIX} (${columns}) SELECT ${columns} FROM events ${range}
    SETTINGS async_insert = 0, insert_deduplicate = 0, optimize_on_insert = 0, max_threads = 1`,
    { partition, from, to },
  )
  const [copied] = await clickhouse.rows<{ rows: number; first: Offset; last: Offset; era: number; cause: Offset }>(
    `SELECT count() AS rows, min(offset) AS first, max(offset) AS last, argMax(causeEra, offset) AS era,
      argMax(causeOffset, offset) AS cause FROM events${SUFFIX} ${range}`,
    { partition, from, to },
  )
  if (copied === undefined || copied.rows === 0) return
  const last = { offset: copied.last, cause: { era: copied.era, offset: copied.cause }, hash: null }
  const ranges = [{ partition, firstOffset: copied.first, last, rows: copied.rows }]
  await store.recordDone({ token: `copy:${partition}:${from}-${to}`, ranges })
}

async function dropShadow(clickhouse: ClickHouse): Promise<void> {
  const tables = [...DERIVED_TABLES.map(viewOf), ...EXCHANGED, 'archive_progress']
  for (const table of tables) await clickhouse.command(`DROP TABLE IF EXISTS ${table}${SUFFIX} SYNC`)
}
