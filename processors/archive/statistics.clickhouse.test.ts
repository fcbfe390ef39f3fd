import { afterAll, beforeAll, expect, test } from 'vitest'
import { Traffic } from '../../bench/archive/traffic.ts'
import type { Event } from '../../schemas/event.ts'
import { testStack } from '../../tests/stack.ts'
import { projectEvent } from './project.ts'
import { ClickHouseStatistics } from './statistics.ts'
import { makeTestDatabase, type TestDatabase } from './testing/test-database.ts'

/** Five weeks of generated traffic: what the database says is what is counted here, event by event. */

const DAY_MS = 86_400_000
const FROM = Date.UTC(2026, 1, 26)
const SPAN = { from: FROM, to: FROM + 35 * DAY_MS }

let database: TestDatabase
let statistics: ClickHouseStatistics
const events: Event[] = []

beforeAll(async () => {
  database = await makeTestDatabase(testStack().clickhouseUrl)
  const store = database.store()
  await store.prepare()
  const traffic = new Traffic({
    seed: 7,
    events: 4_000,
    users: 60,
    sessions: 40,
    textBytes: 40,
    startAt: FROM,
    spanMs: 35 * DAY_MS,
    partitionOf: sessionId => sessionId.length % 3,
  })
  // The same rows once more under another token: two owners of a partition may both store them.
  for (let batch = traffic.next(2_000); batch.size > 0; batch = traffic.next(2_000)) {
    const rows = [...batch].flatMap(([partition, placed]) => placed.map(event => projectEvent(partition, event)))
    for (const token of ['one', 'other']) await store.insert({ token: `${token} ${events.length}`, ranges: [] }, rows)
    events.push(...[...batch.values()].flat().map(({ event }) => event))
  }
  events.sort((a, b) => a.at - b.at)
  statistics = new ClickHouseStatistics(database.clickhouse)
})

afterAll(() => database.remove())

const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10)
const mondayOf = (at: number) => dayOf(at - ((new Date(at).getUTCDay() + 6) % 7) * DAY_MS)
const startOf = { day: dayOf, week: mondayOf, month: (at: number) => `${dayOf(at).slice(0, 7)}-01` }
const messages = () => events.filter(({ body }) => body.kind === 'MessageAccepted')
const done = () => events.filter(({ body }) => body.kind !== 'PackRefused')

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1))
}

const users = (of: readonly Event[]) => new Set(of.map(({ from }) => from))
const firstSeen = () => new Map(grouped(done(), ({ from }) => from).map(([user, of]) => [user, of[0]!.at]))

test('[SX1] users in all, and what happened in a span', async () => {
  expect(await statistics.totals(SPAN)).toEqual({
    registeredUsers: users(done()).size,
    activeUsers: users(done()).size,
    messages: messages().length,
    groupsCreated: events.filter(({ body }) => body.kind === 'GroupCreated').length,
  })
  const day = { from: FROM + 3 * DAY_MS, to: FROM + 4 * DAY_MS }
  const within = ({ at }: Event) => at >= day.from && at < day.to
  expect(await statistics.totals(day)).toMatchObject({
    activeUsers: users(done().filter(within)).size,
    messages: messages().filter(within).length,
  })
})

for (const period of ['day', 'week', 'month'] as const) {
  test(`[SX1] active and new users by ${period}`, async () => {
    const first = firstSeen()
    const span = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 11, 31) }
    const expected = grouped(done(), ({ at }) => startOf[period](at)).map(([start, of]) => ({
      start,
      users: users(of).size,
      newUsers: [...users(of)].filter(user => startOf[period](first.get(user)!) === start).length,
    }))
    expect(await statistics.activeUsers({ ...span, period })).toEqual(expected)
  })
}

for (const [step, stepMs] of [
  ['hour', 3_600_000],
  ['day', DAY_MS],
] as const) {
  test(`[SX1] messages by kind and ${step}`, async () => {
    const kindOf = ({ sessionId, body }: Event) => {
      const content = body.kind === 'MessageAccepted' ? body.content.kind : ''
      return `${sessionId.startsWith('g:') ? 'Group' : 'Single'} ${content}`
    }
    const keyOf = (event: Event) => `${String(event.at - (event.at % stepMs)).padStart(14, '0')} ${kindOf(event)}`
    const expected = grouped(messages(), keyOf).map(([key, of]) => {
      const [at, sessionKind, contentKind] = key.split(' ')
      return { at: Number(at), sessionKind, contentKind, messages: of.length }
    })
    const found = await statistics.messages({ ...SPAN, step })
    expect(found.map(({ contentBytes: _, ...rest }) => rest)).toEqual(expected)
    expect(found.every(({ contentBytes }) => contentBytes > 0)).toBe(true)
  })
}

test('[SX1] groups created and active', async () => {
  const days = grouped(
    events.filter(({ sessionId }) => sessionId.startsWith('g:')),
    ({ at }) => dayOf(at),
  ).map(([day, of]) => ({
    day,
    created: of.filter(({ body }) => body.kind === 'GroupCreated').length,
    dismissed: 0,
    active: new Set(of.filter(({ body }) => body.kind === 'MessageAccepted').map(({ sessionId }) => sessionId)).size,
  }))
  expect(await statistics.groups(SPAN)).toEqual(days.filter(({ created, active }) => created + active > 0))
})

test('[SX1] retention by week', async () => {
  const first = firstSeen()
  const weeks = new Map<string, Set<string>>()
  for (const { from, at } of done()) {
    const cohort = mondayOf(first.get(from)!)
    const week = Math.round((Date.parse(mondayOf(at)) - Date.parse(cohort)) / (7 * DAY_MS))
    weeks.set(`${cohort} ${week}`, (weeks.get(`${cohort} ${week}`) ?? new Set()).add(from))
  }
  const expected = [...weeks]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, seen]) => {
      const [cohort, week] = key.split(' ')
      const cohortUsers = [...first.values()].filter(at => mondayOf(at) === cohort).length
      return { cohort, week: Number(week), users: seen.size, cohortUsers }
    })
  expect(await statistics.retention({ ...SPAN, from: SPAN.from - 7 * DAY_MS })).toEqual(expected)
})

test('[SX1] how long messages take to be delivered and read', async () => {
  const reached = (message: Event, kind: 'DeliveredMarked' | 'ReadMarked') =>
    events.find(({ sessionId, from, at, body }) => {
      const isOther = sessionId === message.sessionId && from !== message.from && at >= message.at
      return isOther && body.kind === kind && body.seq >= message.seq
    })?.at
  const singles = messages().filter(({ sessionId }) => sessionId.startsWith('s:'))
  const expected = grouped(singles, ({ at }) => dayOf(at)).map(([day, of]) => ({
    day,
    messages: of.length,
    delivered: of.filter(message => reached(message, 'DeliveredMarked') !== undefined).length,
    read: of.filter(message => reached(message, 'ReadMarked') !== undefined).length,
    readMsP50: median(of.flatMap(message => (reached(message, 'ReadMarked') ?? Number.NaN) - message.at)),
  }))
  const found = await statistics.latency(SPAN)
  const compared = found.map(({ day, messages: sent, delivered, read, readMsP50 }) => ({
    day,
    messages: sent,
    delivered,
    read,
    readMsP50,
  }))
  expect(compared).toEqual(expected)
})

/** As quantileExact takes it: the element behind the middle. */
function median(values: readonly number[]): number | null {
  const sorted = values.filter(value => !Number.isNaN(value)).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? null
}
