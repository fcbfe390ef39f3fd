import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connectClickHouse, createDatabase } from '../infra/clickhouse/clickhouse.ts'
import { systemClock, systemRandom } from '../infra/clock.ts'
import { silentLogger } from '../infra/logger.ts'
import { Metrics } from '../infra/metrics.ts'
import { ArchiveView } from '../processors/archive/archive-view.ts'
import { ClickHouseArchiveStore } from '../processors/archive/clickhouse-archive-store.ts'
import { ClickHouseArchiveInspector } from '../processors/archive/inspect.ts'
import { EagerClock } from '../processors/archive/testing/eager-clock.ts'
import { makeTestDatabase, type TestDatabase } from '../processors/archive/testing/test-database.ts'
import { HISTORY_DEFAULTS } from '../processors/history/history-store.ts'
import { historyInspector, makeHistoryView } from '../processors/history/main.ts'
import { makeMembershipView, membershipInspector } from '../processors/membership/main.ts'
import { group, Script, single, user } from '../processors/testing/events.ts'
import { makeEventLog } from '../processors/testing/log.ts'
import { testRedis } from '../processors/testing/redis.ts'
import { testStack } from '../tests/stack.ts'
import type { Difference } from './difference.ts'
import { catchUp } from './testing/views.ts'
import { runVerify, type VerifyOptions } from './verify.ts'

/** Damages planted in real Redis and ClickHouse: each is found, and named with session and seq. */

const CHAT = single('alice', 'bob')
const TEAM = group('team')

let options: VerifyOptions
let database: TestDatabase
let redis: Awaited<ReturnType<typeof testRedis>>
/** Everything in Redis and ClickHouse as it was before the damage. */
let keys: Map<string, Buffer>

function makeScript(): Script {
  const script = new Script()
  script.create(TEAM, user('alice'), ['bob', 'carol'].map(user))
  for (let number = 0; number < 6; number++) {
    script.message(CHAT, user(number % 2 === 0 ? 'alice' : 'bob'), `hello ${number}`)
    script.message(TEAM, user('carol'), `team ${number}`)
  }
  script.change(TEAM, user('carol'), { kind: 'MemberQuit' })
  script.refuse(TEAM, user('mallory'), 30)
  return script
}

beforeAll(async () => {
  redis = await testRedis(testStack().redisUrl)
  database = await makeTestDatabase(testStack().clickhouseUrl)
  const eventLog = await makeEventLog()
  eventLog.append(makeScript().events)
  const { connection } = redis
  const onRedis = { connection: { ...connection, close: async () => {} }, random: systemRandom }
  const store = new ClickHouseArchiveStore(connectClickHouse(database.options), () => createDatabase(database.options))
  const views = [
    makeHistoryView({ ...onRedis, logger: silentLogger, metrics: new Metrics() }),
    makeMembershipView(onRedis),
    new ArchiveView({ store, clock: new EagerClock(), topic: eventLog.topics.events.name, partitions: [0] }),
  ]
  await catchUp(eventLog, views)
  for (const view of views) await view.close()
  options = {
    source: { log: eventLog.log, codec: eventLog.codec },
    topic: eventLog.topics.events,
    history: historyInspector(onRedis),
    membership: membershipInspector(onRedis),
    archive: new ClickHouseArchiveInspector(database.clickhouse),
    limits: HISTORY_DEFAULTS,
    clock: systemClock,
  }
  keys = new Map()
  for (const key of await redis.connection.client.keys(`${redis.connection.prefix}*`)) {
    keys.set(key, (await redis.connection.client.dumpBuffer(key))!)
  }
  for (const table of ['events', 'messages']) {
    await database.clickhouse.command(`CREATE TABLE ${table}_kept AS ${table}`)
    await database.clickhouse.command(`INSERT INTO ${table}_kept SELECT * FROM ${table}`)
  }
})

beforeEach(async () => {
  await redis.flush()
  for (const [key, value] of keys) await redis.connection.client.restore(key, 0, value, 'REPLACE')
  await database.clickhouse.command('DETACH TABLE IF EXISTS messages_from_events SYNC')
  for (const table of ['events', 'messages']) {
    await database.clickhouse.command(`TRUNCATE TABLE ${table}`)
    await database.clickhouse.command(
      `INSERT INTO ${table} SELECT * FROM ${table}_kept SETTINGS insert_deduplicate = 0`,
    )
  }
})

afterAll(async () => {
  await redis.flush()
  await redis.connection.close()
  await database.remove()
})

/** The one key of the history or membership view that ends like this. */
function keyOf(view: 'history' | 'membership', ending: string): string {
  const found = [...keys.keys()].filter(key => key.includes(`${view}:`) && key.endsWith(ending))
  expect(found, ending).toHaveLength(1)
  return found[0]!
}

async function alter(statement: string): Promise<void> {
  await database.clickhouse.command(`${statement} SETTINGS mutations_sync = 1`)
}

/** Runs verify as the command does and gives its exit code and what it found. */
async function run(): Promise<{ code: number; differences: Difference[]; result: Record<string, unknown> }> {
  let printed = ''
  const print = (line: string) => {
    printed = line
  }
  const code = await runVerify({ ...options, json: true, print })
  const result = JSON.parse(printed) as { differences: Difference[] }
  return { code, differences: result.differences, result: { ...result } }
}

test('[VF1] undamaged, all is equal', async () => {
  const { code, differences, result } = await run()
  expect(differences).toEqual([])
  expect(code).toBe(0)
  expect(result).toMatchObject({ ok: true, sessions: 2, events: 15, messages: 12, total: 0 })
})

interface Damage {
  name: string
  plant(client: typeof redis.connection.client): Promise<unknown>
  found: Partial<Difference>
}

const session = () => keyOf('history', `{${CHAT}}:session`)

function membershipDamages(): Damage[] {
  const stays = () => keyOf('membership', `{${TEAM}}:stays`)
  const present = () => keyOf('membership', `{${TEAM}}:present`)
  return [
    {
      name: 'a lost member',
      plant: client => client.zrem(present(), 'bob'),
      found: { view: 'membership', sessionId: TEAM, seq: 1, userId: user('bob'), what: 'member', found: 'nothing' },
    },
    {
      name: 'a wrong member',
      plant: client => client.multi().zadd(present(), 0, 'eve').hset(stays(), 'eve', '+2').exec(),
      found: { view: 'membership', sessionId: TEAM, seq: 2, userId: user('eve'), what: 'member', expected: 'nothing' },
    },
    {
      name: 'a member who has left and is still in',
      plant: client => client.multi().zadd(present(), 0, 'carol').hset(stays(), 'carol', '+1').exec(),
      found: {
        view: 'membership',
        sessionId: TEAM,
        seq: 1,
        userId: user('carol'),
        what: 'member',
        expected: 'nothing',
      },
    },
    {
      name: 'a stay that ended elsewhere',
      plant: client => client.hset(stays(), 'carol', '+1-6'),
      found: { view: 'membership', sessionId: TEAM, seq: 8, userId: user('carol'), what: 'stays' },
    },
    {
      name: 'a wrong owner',
      plant: client => client.hset(keyOf('membership', `{${TEAM}}:head`), 'owner', 'bob'),
      found: { view: 'membership', sessionId: TEAM, seq: 1, what: 'group' },
    },
    {
      name: 'a group missing in the list of a user',
      plant: client => client.hdel(keyOf('membership', '{u:bob}:groups'), TEAM),
      found: { view: 'membership', sessionId: TEAM, seq: 1, userId: user('bob'), what: 'groups of a user' },
    },
    {
      name: 'a member in history only',
      plant: client => client.sadd(keyOf('history', `{${TEAM}}:members`), 'eve'),
      found: { view: 'history', sessionId: TEAM, userId: user('eve'), what: 'member', expected: 'nothing' },
    },
  ]
}

const DAMAGES: Damage[] = [
  {
    name: 'a lost message in history',
    plant: client => client.hdel(session(), 'e3'),
    found: { view: 'history', sessionId: CHAT, seq: 3, what: 'event', found: 'nothing' },
  },
  {
    name: 'a doubled message in history',
    plant: async client => client.hset(session(), 'e7', (await client.hget(session(), 'e6'))!),
    found: { view: 'history', sessionId: CHAT, seq: 7, what: 'event', expected: 'nothing' },
  },
  {
    name: 'a changed message in history',
    plant: async client =>
      client.hset(session(), 'e3', (await client.hget(session(), 'e3'))!.replace('hello', 'adieu')),
    found: { view: 'history', sessionId: CHAT, seq: 3, what: 'event' },
  },
  {
    name: 'two messages in the wrong order in history',
    plant: async client => {
      const [two, three] = await client.hmget(session(), 'e2', 'e3')
      return client.hset(session(), 'e2', three!, 'e3', two!)
    },
    found: { view: 'history', sessionId: CHAT, seq: 2, what: 'event' },
  },
  {
    name: 'a wrong head',
    plant: async client => {
      const head = (await client.hget(session(), 'h'))!.split('/')
      return client.hset(session(), 'h', head.with(1, '7').join('/'))
    },
    found: { view: 'history', sessionId: CHAT, seq: 6, what: 'head' },
  },
  {
    name: 'a wrong mark, and so a wrong number of unread',
    plant: client => client.hset(session(), 'mbob', '5/5'),
    found: { view: 'history', sessionId: CHAT, seq: 6, userId: user('bob'), what: 'mark' },
  },
  {
    name: 'a message that does not count any more',
    plant: client => client.zadd(session().replace(/session$/, 'stopped'), 3, '3'),
    found: { view: 'history', sessionId: CHAT, what: 'messages that stopped counting' },
  },
  {
    name: 'attributes that nobody has set',
    plant: client => {
      const own = keyOf('history', '{u:bob}:hot').replace(/hot$/, 'own')
      return client.hset(own, `a${CHAT}`, '1/{"pinned":true,"notify":"all","hidden":false}')
    },
    found: { view: 'history', sessionId: CHAT, userId: user('bob'), what: 'kept by a user' },
  },
  {
    name: 'a wrong outcome of a pack',
    plant: async client => {
      const packs = (await client.hkeys(session())).filter(field => field.startsWith('p'))
      return client.hdel(session(), packs[0]!)
    },
    found: { view: 'history', sessionId: CHAT, found: 'nothing' },
  },
  {
    name: 'a wrong entry in a session list',
    plant: client => client.zadd(keyOf('history', '{u:bob}:hot'), 1, CHAT),
    found: { view: 'history', sessionId: CHAT, userId: user('bob'), what: 'session list' },
  },
  {
    name: 'a forgotten refusal',
    plant: client => client.del(keyOf('history', '{u:mallory}:refusals')),
    found: { view: 'history', sessionId: TEAM, userId: user('mallory'), what: 'refusal', found: 'nothing' },
  },
  {
    name: 'a lost session',
    plant: client => client.del(session()),
    found: { view: 'history', sessionId: CHAT, seq: 6, what: 'session', found: 'nothing' },
  },
  {
    name: 'a session that the log does not have',
    plant: async client => {
      const key = session()
      return client.copy(key, key.replace(CHAT, 's:eve:zoe'), 'REPLACE')
    },
    found: { view: 'history', sessionId: 's:eve:zoe', what: 'session', expected: 'nothing' },
  },
  ...membershipDamages(),
  {
    name: 'a lost row of events',
    plant: () => alter(`ALTER TABLE events DELETE WHERE sessionId = '${CHAT}' AND seq = 4`),
    found: { view: 'archive', sessionId: CHAT, seq: 4, what: 'row of events', found: 'nothing' },
  },
  {
    name: 'a doubled row of events',
    plant: () =>
      database.clickhouse.command(
        `INSERT INTO events SELECT * REPLACE (offset + 100 AS offset) FROM events WHERE sessionId = '${CHAT}' AND seq = 4`,
      ),
    found: { view: 'archive', sessionId: CHAT, seq: 4, what: 'row of events', expected: 'nothing' },
  },
  {
    name: 'a changed row of events',
    plant: () => alter(`ALTER TABLE events UPDATE text = 'x' WHERE sessionId = '${CHAT}' AND seq = 4`),
    found: { view: 'archive', sessionId: CHAT, seq: 4, what: 'body of events' },
  },
  {
    name: 'a lost row of messages',
    plant: () => alter(`ALTER TABLE messages DELETE WHERE sessionId = '${TEAM}' AND seq = 5`),
    found: { view: 'archive', sessionId: TEAM, seq: 5, what: 'row of messages', found: 'nothing' },
  },
  {
    name: 'a doubled row of messages',
    plant: () =>
      database.clickhouse.command(
        `INSERT INTO messages SELECT * REPLACE (50 AS seq) FROM (SELECT * FROM messages WHERE sessionId = '${TEAM}' AND seq = 5)`,
      ),
    found: { view: 'archive', sessionId: TEAM, seq: 50, what: 'row of messages', expected: 'nothing' },
  },
  {
    name: 'a changed row of messages',
    plant: () => alter(`ALTER TABLE messages UPDATE text = 'x' WHERE sessionId = '${TEAM}' AND seq = 5`),
    found: { view: 'archive', sessionId: TEAM, seq: 5, what: 'row of messages' },
  },
  {
    name: 'a message that says it was revoked',
    plant: () => alter(`ALTER TABLE messages UPDATE revokedBy = 'eve' WHERE sessionId = '${TEAM}' AND seq = 5`),
    found: { view: 'archive', sessionId: TEAM, seq: 5, what: 'edits of messages' },
  },
]

describe('[VF7] a damage is found and named', () => {
  for (const { name, plant, found } of DAMAGES) {
    test(name, async () => {
      await plant(redis.connection.client)
      const { code, differences } = await run()
      expect(code).toBe(1)
      expect(differences[0]).toMatchObject(found)
    })
  }

  test('a difference says what the log has and where', async () => {
    await redis.connection.client.hset(session(), 'e3', '{}')
    const { differences } = await run()
    expect(differences.find(({ what }) => what === 'event')).toMatchObject({
      expected: JSON.stringify({ kind: 'MessageAccepted', content: { kind: 'Text', text: 'hello 2' } }),
      found: '{}',
      offset: 5,
    })
  })
})
