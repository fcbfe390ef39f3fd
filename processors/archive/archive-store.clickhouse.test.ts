import { afterAll, expect, test } from 'vitest'
import { onCluster } from '../../infra/clickhouse/cluster.ts'
import { type ArchiveHarness, archiveStoreContract } from '../../tests/contract/archive-store.contract.ts'
import { archiveViewContract } from '../../tests/contract/archive-view.contract.ts'
import { testStack } from '../../tests/stack.ts'
import { Script, single, user } from '../testing/events.ts'
import { ClickHouseArchiveReader } from './archive-reader.ts'
import { recordStripped, stripOnce } from './archive-stripper.ts'
import { DERIVED_TABLES } from './derived-tables.ts'
import { ClickHouseArchiveInspector } from './inspect.ts'
import { loadMigrations, makeMigration, migrate, statementsOf } from './migrate.ts'
import { projectEvent } from './project.ts'
import { parseSearchWords } from './search-words.ts'
import { makeTestDatabase, type TestDatabase } from './testing/test-database.ts'

/** Databases that have their tables already: making them takes ten times as long as most tests. */
const emptied: TestDatabase[] = []

afterAll(async () => {
  for (const database of emptied) await database.remove()
})

async function makeHarness(): Promise<ArchiveHarness> {
  const database = emptied.pop() ?? (await makeTestDatabase(testStack().clickhouseUrl))
  const { clickhouse, store } = database
  return {
    open: store,
    inspector: new ClickHouseArchiveInspector(clickhouse),
    reader: new ClickHouseArchiveReader(clickhouse),
    rawRows: database.rawRows,
    insertHalf: async (load, rows) => {
      // Without its view an insert ends where a server that dies between the two tables would have ended.
      await clickhouse.command('DETACH TABLE messages_from_events SYNC')
      await store().insert(load, rows)
      await clickhouse.command('ATTACH TABLE messages_from_events')
    },
    remove: async () => {
      await database.empty()
      emptied.push(database)
    },
  }
}

archiveStoreContract(makeHarness)
archiveViewContract(makeHarness)

test('[AR10] every table and every column says what it is, and drops what it has seen', async () => {
  const database = await makeTestDatabase(testStack().clickhouseUrl)
  await database.store().prepare()
  const bare = await database.clickhouse.rows(
    `SELECT table, name FROM system.columns WHERE database = currentDatabase() AND comment = ''
      AND table NOT LIKE '%_from_events%'
    UNION ALL SELECT name, '' FROM system.tables WHERE database = currentDatabase() AND comment = ''
      AND engine != 'MaterializedView'`,
  )
  expect(bare).toEqual([])
  const careless = await database.clickhouse.rows(
    `SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'
      AND NOT match(create_table_query, 'non_replicated_deduplication_window = [1-9]')`,
  )
  expect(careless).toEqual([])
  await database.remove()
})

test('[AR43] what takes loads keeps no statistics of columns, merges ten parts at least, and leaves large ones alone', async () => {
  const database = await makeTestDatabase(testStack().clickhouseUrl)
  await database.store().prepare()
  const growing = ['events', ...DERIVED_TABLES, 'pushes', 'webhook_attempts']
  const names = [...growing, 'archive_progress']
  const costly = await database.clickhouse.rows(
    `SELECT name FROM system.tables WHERE database = currentDatabase() AND name IN {names: Array(String)}
      AND NOT (create_table_query LIKE '%min_parts_to_merge_at_once = 10%'
        AND (create_table_query LIKE '%merge_selector_base = 12%' OR name NOT IN {growing: Array(String)}))
    UNION ALL SELECT concat(table, '.', name) FROM system.columns
      WHERE database = currentDatabase() AND table IN {names: Array(String)} AND statistics != ''`,
    { names, growing },
  )
  expect(costly).toEqual([])
  await database.remove()
})

test('[AR11, AR15] what was there before searches had a table of their own is found, and emptied once more', async () => {
  const database = await makeTestDatabase(testStack().clickhouseUrl)
  const { clickhouse } = database
  const script = new Script()
  const chat = single('alice', 'bob')
  script.message(chat, user('alice'), 'an early train')
  const taken = script.message(chat, user('alice'), 'a train that is taken back')
  script.revise(user('bob'), script.message(chat, user('bob'), 'a bus'), 'edit', 'a late train')
  script.revise(user('alice'), taken, 'revoke')
  await migrate(clickhouse, loadMigrations().slice(0, 12))
  const { partition, events, position } = script.batch()
  const store = database.store()
  const ranges = [{ partition, firstOffset: events[0]!.position.offset, last: position, rows: events.length }]
  const load = { token: 'before', ranges }
  const rows = events.map(event => projectEvent(partition, event))
  await store.insert(load, rows)
  await store.recordDone(load)
  await recordStripped(clickhouse, new Map([[partition, position.offset]]))
  await Promise.all([store.prepare(), database.store().prepare()])
  const reader = new ClickHouseArchiveReader(clickhouse)
  const search = { userId: user('bob'), parts: [], terms: parseSearchWords('train'), limit: 10 }
  const places = await reader.search(search)
  expect(places.map(({ seq }) => seq)).toEqual([3, 1])
  const { events: found, changes } = await reader.messagesAt(places.slice(0, 1))
  expect([...found, ...changes].map(({ seq }) => seq)).toEqual([3, 4])
  await stripOnce(clickhouse, { keepsRevoked: false })
  const texts = await clickhouse.rows<{ text: string }>('SELECT text FROM message_events FINAL ORDER BY seq')
  expect(texts.map(({ text }) => text)).toEqual(['an early train', '', 'a bus', 'a late train', ''])
  await database.remove()
})

test('[SE3] what was taken back is not found, also where an early release left nothing of its target', async () => {
  const database = await makeTestDatabase(testStack().clickhouseUrl)
  const script = new Script()
  const chat = single('alice', 'bob')
  script.message(chat, user('alice'), 'an early train')
  script.revise(user('alice'), script.message(chat, user('alice'), 'a train that is taken back'), 'revoke')
  const { partition, events, position } = script.batch()
  const store = database.store()
  await store.prepare()
  const ranges = [{ partition, firstOffset: events[0]!.position.offset, last: position, rows: events.length }]
  const rows = events.map(event => projectEvent(partition, event))
  const left = rows.map(row => (row.kind === 'MessageRevoked' ? { ...row, data: '' } : row))
  await store.insert({ token: 'left', ranges }, left)
  const reader = new ClickHouseArchiveReader(database.clickhouse)
  const terms = parseSearchWords('train')
  const places = await reader.search({ userId: user('bob'), parts: [], terms, limit: 10 })
  expect(places.map(({ seq }) => seq)).toEqual([1])
  await database.remove()
})

test('[AR16] the server understands the tables as they are made on a cluster', async () => {
  const database = await makeTestDatabase(testStack().clickhouseUrl)
  const statements = loadMigrations().flatMap(({ sql }) => statementsOf(sql))
  for (const statement of statements.filter(sql => !sql.startsWith('INSERT'))) {
    await database.clickhouse.command(`EXPLAIN AST ${onCluster(statement, 'main')}`)
  }
  await database.remove()
})

test('[AR11] migrations run once, survive a crash in the middle, and a changed one is refused', async () => {
  const database = await makeTestDatabase(testStack().clickhouseUrl)
  const { clickhouse } = database
  const table = (name: string) =>
    `CREATE TABLE IF NOT EXISTS ${name} (a UInt8 COMMENT 'a; b') ENGINE = MergeTree ORDER BY a`
  const first = makeMigration('0001-first.sql', `-- why;\n${table('one')};\n${table('two')};\n`)
  const broken = makeMigration('0002-second.sql', `${table('three')};\nCREATE TABLE nonsense;\n`)
  const second = makeMigration('0002-second.sql', `${table('three')};\n${table('four')};\n`)
  expect(await migrate(clickhouse, [first])).toEqual(['0001-first'])
  expect(await migrate(clickhouse, [first])).toEqual([])
  await expect(migrate(clickhouse, [first, broken])).rejects.toThrow('migration 2-second')
  expect(
    await Promise.all([migrate(clickhouse, [first, second]), migrate(clickhouse, [first, second])]),
  ).toContainEqual(['0002-second'])
  const tables = await clickhouse.rows<{ name: string }>('SHOW TABLES')
  expect(tables.map(({ name }) => name)).toEqual(['archive_migrations', 'four', 'one', 'three', 'two'])
  const changed = makeMigration('0001-first.sql', `${table('other')};\n`)
  await expect(migrate(clickhouse, [changed, second])).rejects.toThrow('has changed')
  await expect(migrate(clickhouse, [first])).rejects.toThrow('newer build')
  await database.remove()
})
