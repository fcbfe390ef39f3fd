import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectClickHouse, createDatabase } from '../../infra/clickhouse/clickhouse.ts'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { testStack } from '../../tests/stack.ts'
import { group, Script, single, user } from '../testing/events.ts'
import { stripOnce } from './archive-stripper.ts'
import { ArchiveView } from './archive-view.ts'
import { ClickHouseArchiveRebuild } from './clickhouse-archive-rebuild.ts'
import { emptyExpired } from './retention.ts'
import { EagerClock } from './testing/eager-clock.ts'
import { makeTestDatabase, type TestDatabase } from './testing/test-database.ts'

const [alice, bob] = [user('alice'), user('bob')]
const chat = single('alice', 'bob')
let database: TestDatabase
let views: ArchiveView[]

beforeEach(async () => {
  database = await makeTestDatabase(testStack().clickhouseUrl)
  views = []
})

afterEach(async () => {
  for (const view of views) await view.close()
  await database.remove()
})

async function open(): Promise<ArchiveView> {
  const view = new ArchiveView({
    store: database.store(),
    clock: new EagerClock(),
    topic: 'im.events',
    partitions: [0],
  })
  views.push(view)
  await view.position(0)
  return view
}

/** Which tables hold a text, in any row and any column, replaced rows included. */
async function tablesWith(canary: string): Promise<string[]> {
  const columns = await database.clickhouse.rows<{ table: string; name: string }>(
    `SELECT table, name FROM system.columns WHERE database = currentDatabase() AND type LIKE '%String%'
      AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree')`,
  )
  const tables = [...new Set(columns.map(({ table }) => table))]
  const hits = tables.map(table => {
    const own = columns.filter(column => column.table === table)
    const texts = own.map(({ name }) => `position(toString(\`${name}\`), {canary: String}) > 0`)
    return `SELECT '${table}' AS table FROM \`${table}\` WHERE ${texts.join(' OR ')} LIMIT 1`
  })
  const rows = await database.clickhouse.rows<{ table: string }>(hits.join(' UNION ALL '), { canary })
  return rows.map(({ table }) => table).sort()
}

const strip = (keepsRevoked = false) => stripOnce(database.clickhouse, { keepsRevoked })

test('[AR15] what was revoked or erased is gone from every table, with its edits, and stays gone after a rebuild', async () => {
  const script = new Script()
  const first = script.message(chat, alice, 'CANARY one')
  script.message(chat, bob, 'stays')
  script.revise(alice, first, 'edit', 'CANARY edit')
  script.message(chat, alice, 'CANARY two')
  script.unplaced(chat, alice, { kind: 'FriendRequested', message: 'CANARY please' })
  script.own(alice, { kind: 'ProfileUpdated', profile: { name: 'CANARY name', avatar: '' } })
  const view = await open()
  await view.apply(script.batch())
  await strip()
  expect(await tablesWith('CANARY')).toContain('messages')
  script.revise(alice, first, 'revoke')
  await view.apply(script.batch(6))
  await strip()
  const left = await database.clickhouse.rows<{ text: string; contentBytes: number }>(
    'SELECT text, contentBytes FROM messages FINAL ORDER BY seq',
  )
  expect(left).toEqual([
    { text: '', contentBytes: 10 },
    { text: 'stays', contentBytes: 5 },
    { text: 'CANARY two', contentBytes: 10 },
  ])
  script.erase(chat, alice)
  script.own(alice, { kind: 'UserErased' })
  await view.apply(script.batch(7))
  await strip()
  expect(await tablesWith('CANARY')).toEqual([])
  expect(await tablesWith('stays')).toContain('messages')
  // A rebuild reads the log, which still has everything.
  const rebuild = new ClickHouseArchiveRebuild({
    connect: () => connectClickHouse(database.options),
    prepareDatabase: () => createDatabase(database.options),
    topic: 'im.events',
    partitions: [0],
    clock: systemClock,
    random: systemRandom,
  })
  const built = await rebuild.begin()
  views.push(built)
  await built.position(0)
  await built.apply(script.batch())
  await rebuild.commit()
  expect(await tablesWith('CANARY')).toEqual([])
  expect(await tablesWith('stays')).toContain('messages')
}, 180_000)

test('[AR21] what is held stays until the hold ends, and revoked content where the archive is to keep it', async () => {
  const script = new Script()
  const first = script.message(chat, alice, 'CANARY one')
  script.unplaced(chat, alice, { kind: 'HoldSet', held: true, reason: 'case' })
  script.revise(alice, first, 'revoke')
  const view = await open()
  await view.apply(script.batch())
  await strip()
  expect(await tablesWith('CANARY')).toContain('events')
  script.unplaced(chat, alice, { kind: 'HoldSet', held: false, reason: 'closed' })
  await view.apply(script.batch(3))
  await strip(true)
  expect(await tablesWith('CANARY')).toContain('events')
  // A hold on the user is a hold on what they said, wherever.
  const second = script.message(chat, bob, 'KANARIE')
  script.unplaced(single('bob', 'carol'), bob, { kind: 'HoldSet', held: true, reason: 'other' })
  script.put('u:bob' as never, bob, { kind: 'HoldSet', held: true, reason: 'case' }, { seq: 0, count: 0, flags: 0 })
  script.revise(bob, second, 'delete')
  await view.apply(script.batch(4))
  await strip()
  expect(await tablesWith('KANARIE')).toContain('messages')
  script.put('u:bob' as never, bob, { kind: 'HoldSet', held: false, reason: 'closed' }, { seq: 0, count: 0, flags: 0 })
  await view.apply(script.batch(8))
  await strip()
  expect(await tablesWith('KANARIE')).toEqual([])
}, 180_000)

test('[AR20] messages whose time is over are emptied by the kind of their session, held ones when the hold ends', async () => {
  const script = new Script()
  const crew = group('crew')
  script.create(crew, alice, [bob])
  script.revise(alice, script.message(chat, alice, 'OLD chat'), 'edit', 'OLD edit')
  script.message(crew, bob, 'OLD crew')
  script.message(single('bob', 'carol'), bob, 'HELD')
  const hold = (held: boolean) => script.unplaced(single('bob', 'carol'), bob, { kind: 'HoldSet', held, reason: '' })
  hold(true)
  script.wait(40 * DAY_MS)
  script.message(chat, alice, 'YOUNG')
  const view = await open()
  await view.apply(script.batch())
  await emptyExpired(database.clickhouse, { Single: 38 }, script.now)
  const rows = () =>
    database.clickhouse.rows('SELECT sessionId, seq, text, contentBytes FROM messages FINAL ORDER BY sessionId, seq')
  expect(await rows()).toEqual([
    { sessionId: crew, seq: 2, text: 'OLD crew', contentBytes: 8 },
    { sessionId: chat, seq: 1, text: '', contentBytes: 8 },
    { sessionId: chat, seq: 3, text: 'YOUNG', contentBytes: 5 },
    { sessionId: 's:bob:carol', seq: 1, text: 'HELD', contentBytes: 4 },
  ])
  expect(await tablesWith('OLD edit')).toEqual([])
  const changed = script.events.length
  hold(false)
  await view.apply(script.batch(changed))
  await emptyExpired(database.clickhouse, { Single: 38, Group: 100 }, script.now)
  expect(await tablesWith('HELD')).toEqual([])
  expect(await tablesWith('OLD crew')).toContain('messages')
}, 180_000)

const DAY_MS = 86_400_000
