import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ClickHouse, connectClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import { silentLogger } from '../../infra/logger.ts'
import { escapeGlob, scanKeys } from '../../infra/redis/pipeline.ts'
import { connectRedis, type RedisConnection, redisReady } from '../../infra/redis/redis.ts'
import { type GroupId, groupSessionId, type SessionId, singleSessionId, type UserId } from '../../schemas/ids.ts'
import type { Difference } from '../../verify/difference.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { runCommand } from '../run-command.ts'
import { testStack } from '../stack.ts'
import { person, say } from './people.ts'

/** Nine damages in the stores of a whole product: the command ends with 1 and names session and seq of each. */

const MESSAGES = 5

let product: TestProduct
let redis: RedisConnection
let clickhouse: ClickHouse

beforeAll(async () => {
  product = await startProduct({ together: true })
  const { PACKLOG_REDIS_PREFIX, PACKLOG_CLICKHOUSE_DATABASE, REDIS_URL } = product.env as Record<string, string>
  redis = connectRedis({ url: REDIS_URL!, prefix: PACKLOG_REDIS_PREFIX!, name: 'damages', logger: silentLogger })
  await redisReady(redis)
  clickhouse = connectClickHouse({ url: testStack().clickhouseUrl, database: PACKLOG_CLICKHOUSE_DATABASE! })
  await chat()
}, 180_000)

afterAll(async () => {
  await redis?.close()
  await clickhouse?.close()
  await product?.stop()
}, 60_000)

/** Each damage has a session of its own: a chat with messages, or a group that cy has left. */
async function chat(): Promise<void> {
  const ann = await person(product, 'ann', { sessions: [] })
  const cy = await person(product, 'cy', { sessions: [] })
  for (const { sessionId } of DAMAGES) {
    const groupId = sessionId.startsWith('g:') && sessionId.slice('g:'.length)
    if (groupId === false) {
      for (let n = 1; n <= MESSAGES; n++) await say(ann, sessionId, `message ${n}`)
      continue
    }
    const members = ['bo', 'cy'] as UserId[]
    const created = await ann.client.submit({ type: 'createGroup', groupId, info: { name: 'The team' }, members })
      .answer
    expect(created).toMatchObject({ kind: 'Accepted', seq: 1 })
    expect(await cy.client.submit({ type: 'quitGroup', sessionId }).answer).toMatchObject({ seq: 2 })
  }
  ann.client.close()
  cy.client.close()
}

/** The one key of a view that ends like this. */
async function keyOf(view: 'history' | 'membership', ending: string): Promise<string> {
  const found: string[] = []
  for await (const keys of scanKeys(redis, `${escapeGlob(`${redis.prefix}${view}:`)}*`)) {
    found.push(...keys.filter(key => key.endsWith(ending)))
  }
  expect(found, ending).toHaveLength(1)
  return found[0]!
}

const historyOf = async (sessionId: SessionId) => [await keyOf('history', `{${sessionId}}:session`)]
const membersOf = async (sessionId: SessionId) => [
  await keyOf('membership', `{${sessionId}}:stays`),
  await keyOf('membership', `{${sessionId}}:present`),
]

interface Damage {
  name: string
  sessionId: SessionId
  /** Keys that the damage changes; they are put back afterwards. */
  keys?(sessionId: SessionId): Promise<string[]>
  plant(sessionId: SessionId, ...keys: string[]): Promise<unknown>
  found: Partial<Difference>
}

const chatWith = (name: string) => singleSessionId('ann' as UserId, name as UserId)
const team = (name: string) => groupSessionId(name as GroupId)

const DAMAGES: Damage[] = [
  {
    name: 'a lost message',
    sessionId: chatWith('lost'),
    keys: historyOf,
    plant: (_, key) => redis.client.hdel(key!, 'e3'),
    found: { view: 'history', seq: 3, found: 'nothing' },
  },
  {
    name: 'a doubled message',
    sessionId: chatWith('doubled'),
    keys: historyOf,
    plant: async (_, key) => redis.client.hset(key!, 'e6', (await redis.client.hget(key!, 'e5'))!),
    found: { view: 'history', seq: 6, expected: 'nothing' },
  },
  {
    name: 'a changed message',
    sessionId: chatWith('changed'),
    keys: historyOf,
    plant: async (_, key) =>
      redis.client.hset(key!, 'e4', (await redis.client.hget(key!, 'e4'))!.replace('message', 'massage')),
    found: { view: 'history', seq: 4, what: 'event' },
  },
  {
    name: 'two messages in the wrong order',
    sessionId: chatWith('order'),
    keys: historyOf,
    plant: async (_, key) => {
      const [two, three] = await redis.client.hmget(key!, 'e2', 'e3')
      return redis.client.hset(key!, 'e2', three!, 'e3', two!)
    },
    found: { view: 'history', seq: 2, what: 'event' },
  },
  {
    name: 'a wrong head',
    sessionId: chatWith('head'),
    keys: historyOf,
    // The head is lastSeq/count/...: the second number is the count.
    plant: async (_, key) =>
      redis.client.hset(key!, 'h', (await redis.client.hget(key!, 'h'))!.replace(/\/\d+/, '/99')),
    found: { view: 'history', seq: 5, what: 'head' },
  },
  {
    name: 'a wrong member',
    sessionId: team('stranger'),
    keys: membersOf,
    plant: (_, stays, present) => redis.client.multi().zadd(present!, 0, 'eve').hset(stays!, 'eve', '+2').exec(),
    found: { view: 'membership', seq: 2, userId: 'eve' as UserId, expected: 'nothing' },
  },
  {
    name: 'a member who has left',
    sessionId: team('left'),
    keys: membersOf,
    plant: (_, stays, present) => redis.client.multi().zadd(present!, 0, 'cy').hset(stays!, 'cy', '+1').exec(),
    found: { view: 'membership', seq: 1, userId: 'cy' as UserId, expected: 'nothing' },
  },
  {
    name: 'a missing row of a table that events fill',
    sessionId: team('changes'),
    plant: sessionId => deleteRows('member_changes', `sessionId = '${sessionId}' AND userId = 'cy'`),
    found: { view: 'archive', what: 'rows of member_changes', expected: '2 more', found: 'nothing' },
  },
  {
    name: 'a missing row of the archive',
    sessionId: chatWith('row'),
    plant: sessionId => deleteRows('messages', `sessionId = '${sessionId}' AND seq = 2`),
    found: { view: 'archive', seq: 2, what: 'row of messages', found: 'nothing' },
  },
]

const deleteRows = (table: string, where: string) =>
  clickhouse.command(`ALTER TABLE ${table} DELETE WHERE ${where} SETTINGS mutations_sync = 1`)

test('[VF7] verify ends with 1 and names each of nine damages, and with 0 before them', async () => {
  const before = await runCommand(['verify', '--json'], product.env)
  expect(before, before.stdout + before.stderr).toMatchObject({ code: 0 })
  const kept = new Map<string, Buffer>()
  for (const { sessionId, keys: keysOf, plant } of DAMAGES) {
    const keys = (await keysOf?.(sessionId)) ?? []
    for (const key of keys) kept.set(key, await redis.client.dumpBuffer(key))
    await plant(sessionId, ...keys)
  }
  const damaged = await runCommand(['verify', '--json'], product.env)
  expect(damaged.code).toBe(1)
  const { ok, differences } = JSON.parse(damaged.stdout) as { ok: boolean; differences: Difference[] }
  expect(ok).toBe(false)
  for (const { name, sessionId, found } of DAMAGES) {
    expect(
      differences.find(difference => difference.sessionId === sessionId),
      name,
    ).toMatchObject(found)
  }
  // Those of the archive stay: as a person reads it.
  for (const [key, value] of kept) await redis.client.restore(key, 0, value, 'REPLACE')
  const { code, stdout } = await runCommand(['verify'], product.env)
  expect(code).toBe(1)
  expect(stdout).toMatch(new RegExp(`${chatWith('row')}.*2`))
  const repaired = await runCommand(['verify', '--repair'], product.env)
  expect(repaired, repaired.stdout + repaired.stderr).toMatchObject({ code: 0 })
  expect(repaired.stdout).toMatch(/repairing archive/)
  expect(repaired.stdout).not.toMatch(/repairing (history|membership)/)
}, 300_000)
