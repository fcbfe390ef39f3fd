import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ClickHouse, connectClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import { silentLogger } from '../../infra/logger.ts'
import { escapeGlob, scanKeys } from '../../infra/redis/pipeline.ts'
import { connectRedis, type RedisConnection, redisReady } from '../../infra/redis/redis.ts'
import { type GroupId, groupSessionId, singleSessionId, type UserId } from '../../schemas/ids.ts'
import type { Difference } from '../../verify/difference.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { runCommand } from '../run-command.ts'
import { testStack } from '../stack.ts'
import { person, say } from './people.ts'

/** Nine damages in the stores of a whole product: the command ends with 1 and names session and seq of each. */

const CHAT = singleSessionId('ann' as UserId, 'bo' as UserId)
const TEAM = groupSessionId('team' as GroupId)
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

async function chat(): Promise<void> {
  const ann = await person(product, 'ann', { sessions: [] })
  const created = await ann.client.submit({
    type: 'createGroup',
    groupId: 'team',
    info: { name: 'The team' },
    members: ['bo', 'cy'] as UserId[],
  }).answer
  expect(created).toMatchObject({ kind: 'Accepted', seq: 1 })
  const cy = await person(product, 'cy', { sessions: [] })
  expect(await cy.client.submit({ type: 'quitGroup', sessionId: TEAM }).answer).toMatchObject({ seq: 2 })
  for (let n = 1; n <= MESSAGES; n++) await say(ann, CHAT, `message ${n}`)
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

const session = () => keyOf('history', `{${CHAT}}:session`)
const stays = () => keyOf('membership', `{${TEAM}}:stays`)
const present = () => keyOf('membership', `{${TEAM}}:present`)

interface Damage {
  name: string
  /** Keys that the damage changes; they are put back afterwards. */
  keys(): Promise<string[]>
  plant(...keys: string[]): Promise<unknown>
  found: Partial<Difference>
}

const DAMAGES: Damage[] = [
  {
    name: 'a lost message',
    keys: async () => [await session()],
    plant: key => redis.client.hdel(key, 'e3'),
    found: { view: 'history', sessionId: CHAT, seq: 3, found: 'nothing' },
  },
  {
    name: 'a doubled message',
    keys: async () => [await session()],
    plant: async key => redis.client.hset(key, 'e6', (await redis.client.hget(key, 'e5'))!),
    found: { view: 'history', sessionId: CHAT, seq: 6, expected: 'nothing' },
  },
  {
    name: 'a changed message',
    keys: async () => [await session()],
    plant: async key =>
      redis.client.hset(key, 'e4', (await redis.client.hget(key, 'e4'))!.replace('message', 'massage')),
    found: { view: 'history', sessionId: CHAT, seq: 4, what: 'event' },
  },
  {
    name: 'two messages in the wrong order',
    keys: async () => [await session()],
    plant: async key => {
      const [two, three] = await redis.client.hmget(key, 'e2', 'e3')
      return redis.client.hset(key, 'e2', three!, 'e3', two!)
    },
    found: { view: 'history', sessionId: CHAT, seq: 2, what: 'event' },
  },
  {
    name: 'a wrong head',
    keys: async () => [await session()],
    // The head is lastSeq/count/...: the second number is the count.
    plant: async key => redis.client.hset(key, 'h', (await redis.client.hget(key, 'h'))!.replace(/\/\d+/, '/99')),
    found: { view: 'history', sessionId: CHAT, seq: 5, what: 'head' },
  },
  {
    name: 'a wrong member',
    keys: async () => [await stays(), await present()],
    plant: (staysKey, presentKey) =>
      redis.client.multi().zadd(presentKey!, 0, 'eve').hset(staysKey, 'eve', '+2').exec(),
    found: { view: 'membership', sessionId: TEAM, seq: 2, userId: 'eve' as UserId, expected: 'nothing' },
  },
  {
    name: 'a member who has left',
    keys: async () => [await stays(), await present()],
    plant: (staysKey, presentKey) => redis.client.multi().zadd(presentKey!, 0, 'cy').hset(staysKey, 'cy', '+1').exec(),
    found: { view: 'membership', sessionId: TEAM, seq: 1, userId: 'cy' as UserId, expected: 'nothing' },
  },
  {
    name: 'a missing row of a table that events fill',
    keys: async () => [],
    plant: () =>
      clickhouse.command(
        `ALTER TABLE member_changes DELETE WHERE sessionId = '${TEAM}' AND userId = 'cy' SETTINGS mutations_sync = 1`,
      ),
    found: { view: 'archive', sessionId: TEAM, what: 'rows of member_changes', expected: '2 more', found: 'nothing' },
  },
  {
    name: 'a missing row of the archive',
    keys: async () => [],
    plant: () =>
      clickhouse.command(
        `ALTER TABLE messages DELETE WHERE sessionId = '${CHAT}' AND seq = 2 SETTINGS mutations_sync = 1`,
      ),
    found: { view: 'archive', sessionId: CHAT, seq: 2, what: 'row of messages', found: 'nothing' },
  },
]

test('[VF7] verify ends with 1 and names each of nine damages, and with 0 before them', async () => {
  const before = await runCommand(['verify', '--json'], product.env)
  expect(before, before.stdout + before.stderr).toMatchObject({ code: 0 })
  for (const { name, keys: keysOf, plant, found } of DAMAGES) {
    const keys = await keysOf()
    const kept = await Promise.all(keys.map(key => redis.client.dumpBuffer(key)))
    await plant(...keys)
    const { code, stdout } = await runCommand(['verify', '--json'], product.env)
    expect(code, name).toBe(1)
    const { ok, differences } = JSON.parse(stdout) as { ok: boolean; differences: Difference[] }
    expect(ok, name).toBe(false)
    expect(differences[0], name).toMatchObject(found)
    for (const [index, key] of keys.entries()) await redis.client.restore(key, 0, kept[index]!, 'REPLACE')
  }
  // The last damage is still there: as a person reads it.
  const { code, stdout } = await runCommand(['verify'], product.env)
  expect(code).toBe(1)
  expect(stdout).toMatch(new RegExp(`${CHAT}.*2`))
  const repaired = await runCommand(['verify', '--repair'], product.env)
  expect(repaired, repaired.stdout + repaired.stderr).toMatchObject({ code: 0 })
  expect(repaired.stdout).toMatch(/repairing archive/)
  expect(repaired.stdout).not.toMatch(/repairing (history|membership)/)
}, 300_000)
