import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectClickHouse, createDatabase } from '../../infra/clickhouse/clickhouse.ts'
import { type Clock, systemClock, systemRandom } from '../../infra/clock.ts'
import { testStack } from '../../tests/stack.ts'
import type { View } from '../view.ts'
import { ArchiveView, TablesSwitching } from './archive-view.ts'
import { ClickHouseArchiveRebuild } from './clickhouse-archive-rebuild.ts'
import { ClickHouseArchiveInspector } from './inspect.ts'
import { EagerClock } from './testing/eager-clock.ts'
import { sampleBatch } from './testing/sample-events.ts'
import { makeTestDatabase, type TestDatabase } from './testing/test-database.ts'

const PARTITIONS = [0, 1]
let database: TestDatabase
let views: View[]

beforeEach(async () => {
  database = await makeTestDatabase(testStack().clickhouseUrl)
  views = []
})

afterEach(async () => {
  for (const view of views) await view.close()
  await database.remove()
})

async function openLive(store = database.store()): Promise<ArchiveView> {
  const options = { clock: new EagerClock(), topic: 'im.events', partitions: PARTITIONS }
  const view = new ArchiveView({ store, ...options })
  views.push(view)
  for (const partition of PARTITIONS) await view.position(partition)
  return view
}

function makeRebuild(clock: Clock): ClickHouseArchiveRebuild {
  return new ClickHouseArchiveRebuild({
    connect: () => connectClickHouse(database.options),
    prepareDatabase: () => createDatabase(database.options),
    topic: 'im.events',
    partitions: PARTITIONS,
    clock,
    random: systemRandom,
  })
}

async function beginRebuild(rebuild: ClickHouseArchiveRebuild): Promise<ArchiveView> {
  const view = await rebuild.begin()
  views.push(view)
  for (const partition of PARTITIONS) expect(await view.position(partition)).toBeUndefined()
  return view
}

async function applyAll(view: View, first: number, last: number): Promise<void> {
  await Promise.all(PARTITIONS.map(partition => view.apply(sampleBatch(partition, first, last))))
}

async function numbersOf(partition: number) {
  const inspector = new ClickHouseArchiveInspector(database.clickhouse)
  const events: number[] = []
  const messages: number[] = []
  for await (const row of inspector.events(partition)) events.push(row.causeOffset)
  for await (const row of inspector.messages(partition)) messages.push(row.seq - 1)
  return { events, messages, position: (await inspector.positions()).get(partition)!.offset / 2 }
}

function upTo(last: number) {
  const all = Array.from({ length: last + 1 }, (_, number) => number)
  return { events: all, messages: all, position: last }
}

async function tableNames(): Promise<string[]> {
  return (await database.clickhouse.rows<{ name: string }>('SHOW TABLES')).map(({ name }) => name)
}

test('[AR8] a damaged archive is built anew beside the live one, under load, and nothing is missing', async () => {
  const live = await openLive()
  await applyAll(live, 0, 49)
  for (const table of ['events', 'messages']) {
    await database.clickhouse.command(
      `ALTER TABLE ${table} DELETE WHERE seq BETWEEN 10 AND 12 SETTINGS mutations_sync = 1`,
    )
  }
  const tables = await tableNames()
  const rebuild = makeRebuild(systemClock)
  const view = await beginRebuild(rebuild)
  await applyAll(view, 0, 49)
  await applyAll(live, 50, 59)
  expect((await numbersOf(0)).events).toHaveLength(57)
  const committed = rebuild.commit()
  await applyAll(view, 50, 59)
  await committed
  for (const partition of PARTITIONS) expect(await numbersOf(partition)).toEqual(upTo(59))
  expect(await tableNames()).toEqual(tables)
  // Both go on in the same tables: the rebuild's own runner is closed only after commit.
  await Promise.all([applyAll(live, 60, 64), applyAll(view, 60, 62)])
  await rebuild.abort()
  for (const partition of PARTITIONS) expect(await numbersOf(partition)).toEqual(upTo(64))
})

test('[AR8] the live writer holds still from the mark on, and goes on when it has ended or is too old', async () => {
  const live = await openLive()
  await applyAll(live, 0, 4)
  const mark = (step: string, age: number) =>
    database.clickhouse.command(
      `INSERT INTO archive_switches (switchId, step, recordedAt) SELECT '0193a5c0-0000-7000-8000-000000000001',
      '${step}', now64(3) - ${age}`,
    )
  await mark('begun', 0)
  await expect(live.apply(sampleBatch(0, 5, 6))).rejects.toThrow(TablesSwitching)
  await mark('ended', 0)
  await live.apply(sampleBatch(0, 5, 6))
  await database.clickhouse.command('TRUNCATE TABLE archive_switches')
  await mark('begun', 3_600)
  await live.apply(sampleBatch(0, 7, 8))
  expect(await numbersOf(0)).toEqual(upTo(8))
})

test('[AR8] a rebuild that does not catch up changes nothing, and commit may be called again', async () => {
  const live = await openLive()
  await applyAll(live, 0, 9)
  const rebuild = makeRebuild(new EagerClock())
  const view = await beginRebuild(rebuild)
  await view.apply(sampleBatch(0, 0, 9))
  await expect(rebuild.commit()).rejects.toThrow('did not catch up with the live one: partitions 1')
  expect(await numbersOf(1)).toEqual(upTo(9))
  await applyAll(live, 10, 11)
  await view.apply(sampleBatch(0, 10, 11))
  await view.apply(sampleBatch(1, 0, 11))
  await rebuild.commit()
  expect(await numbersOf(1)).toEqual(upTo(11))
})

test('[AR8] what readers see of an insert that is not recorded yet is in the new tables before they take over', async () => {
  const live = await openLive()
  await applyAll(live, 0, 9)
  const rebuild = makeRebuild(new EagerClock())
  const view = await beginRebuild(rebuild)
  await applyAll(view, 0, 9)
  const store = database.store()
  store.recordDone = () => Promise.reject(new Error('not yet'))
  const slow = await openLive(store)
  await expect(slow.apply(sampleBatch(0, 10, 11))).rejects.toThrow('not yet')
  await expect(rebuild.commit()).rejects.toThrow('did not catch up with the live one: partitions 0')
  await view.apply(sampleBatch(0, 10, 11))
  await rebuild.commit()
  expect(await numbersOf(0)).toEqual(upTo(11))
})

test('[AR8] a rebuild given up, or left by a process that died, leaves the live tables alone', async () => {
  const live = await openLive()
  await applyAll(live, 0, 9)
  const tables = await tableNames()
  const dead = makeRebuild(systemClock)
  await (await beginRebuild(dead)).apply(sampleBatch(0, 0, 3))
  const rebuild = makeRebuild(systemClock)
  await applyAll(await beginRebuild(rebuild), 0, 5)
  expect(await rebuild.abort()).toBe(true)
  expect(await makeRebuild(systemClock).abort()).toBe(false)
  expect(await tableNames()).toEqual(tables)
  expect(await numbersOf(0)).toEqual(upTo(9))
})
