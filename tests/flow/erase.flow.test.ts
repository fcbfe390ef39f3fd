import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ClickHouse, connectClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import { systemClock } from '../../infra/clock.ts'
import { KafkaLog } from '../../infra/kafka/kafka-log.ts'
import { silentLogger } from '../../infra/logger.ts'
import { escapeGlob, scanKeys } from '../../infra/redis/pipeline.ts'
import { connectRedis, type RedisConnection, redisReady } from '../../infra/redis/redis.ts'
import { type GroupId, groupSessionId, singleSessionId, type UserId } from '../../schemas/ids.ts'
import { readRecords } from '../../topics/read-range.ts'
import { Device } from '../e2e/device.ts'
import { pause } from '../pause.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { type CommandResult, runCommand } from '../run-command.ts'
import { RawClient } from './gateway-raw-client.ts'

/** A user is erased on a product that runs: a canary in everything that they said is looked for everywhere. */

const CANARY = 'CANARY'
const CHAT = singleSessionId('ann' as UserId, 'bo' as UserId)
const HELD = singleSessionId('ann' as UserId, 'cy' as UserId)
const CLUB = groupSessionId('club' as GroupId)
const TEAM = groupSessionId('team' as GroupId)

const MINE = { kind: 'Message', sessionId: CHAT, seq: 2, content: { kind: 'Text', text: 'mine' }, edits: 0 }

let product: TestProduct
let redis: RedisConnection
let clickhouse: ClickHouse
let log: KafkaLog

beforeAll(async () => {
  product = await startProduct({ together: true })
  const { PACKLOG_REDIS_PREFIX, PACKLOG_CLICKHOUSE_DATABASE, REDIS_URL, CLICKHOUSE_URL, KAFKA_BROKERS } =
    product.env as Record<string, string>
  redis = connectRedis({ url: REDIS_URL!, prefix: PACKLOG_REDIS_PREFIX!, name: 'erase', logger: silentLogger })
  await redisReady(redis)
  clickhouse = connectClickHouse({ url: CLICKHOUSE_URL!, database: PACKLOG_CLICKHOUSE_DATABASE! })
  const clientId = 'canary'
  log = new KafkaLog({
    brokers: KAFKA_BROKERS!.split(','),
    security: {},
    clientId,
    clock: systemClock,
    logger: silentLogger,
  })
}, 180_000)

afterAll(async () => {
  await redis?.close()
  await clickhouse?.close()
  await log?.close()
  await product?.stop()
}, 60_000)

const run = (...words: string[]): Promise<CommandResult> => runCommand(words, product.env)

/** An export has what the archive has by then. */
async function untilArchived(text: string): Promise<void> {
  const sql = 'SELECT seq FROM events WHERE text = {text: String}'
  while ((await clickhouse.rows(sql, { text })).length === 0) await pause()
}

/** Where the canary is: tables, keys and topics by name. */
async function whereIsIt(): Promise<string[]> {
  return [...(await inTables()), ...(await inRedis()), ...(await inDeadLetters())]
}

async function inTables(): Promise<string[]> {
  const columns = await clickhouse.rows<{ table: string; name: string }>(
    `SELECT table, name FROM system.columns WHERE database = currentDatabase() AND type LIKE '%String%'
      AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree')`,
  )
  const queries = [...new Set(columns.map(({ table }) => table))].map(table => {
    const own = columns.filter(column => column.table === table)
    const texts = own.map(({ name }) => `position(toString(\`${name}\`), '${CANARY}') > 0`)
    return `SELECT '${table}' AS table FROM \`${table}\` WHERE ${texts.join(' OR ')} LIMIT 1`
  })
  return (await clickhouse.rows<{ table: string }>(queries.join(' UNION ALL '))).map(({ table }) => table)
}

async function inRedis(): Promise<string[]> {
  const found: string[] = []
  for await (const keys of scanKeys(redis, `${escapeGlob(redis.prefix)}*`)) {
    for (const key of keys) {
      const value = `${key} ${JSON.stringify(await contentOf(key))}`
      if (value.includes(CANARY)) found.push(key)
    }
  }
  return found
}

async function contentOf(key: string): Promise<unknown> {
  switch (await redis.client.type(key)) {
    case 'hash':
      return redis.client.hgetall(key)
    case 'zset':
      return redis.client.zrange(key, '0', '-1')
    case 'set':
      return redis.client.smembers(key)
    default:
      return redis.client.get(key)
  }
}

async function inDeadLetters(): Promise<string[]> {
  const topic = `${product.env.PACKLOG_TOPIC_PREFIX}im.dead`
  const found: string[] = []
  for (const [partition, { start, end }] of await log.bounds(topic)) {
    await readRecords({ log, topic }, { partition, from: start, to: end }, async records => {
      for (const { value } of records) if (value?.includes(CANARY)) found.push(topic)
    })
  }
  return found
}

test('[SQ50] an erased user is kept out, and nothing that they said is left anywhere, also after rebuilds', async () => {
  for (const words of [
    ['export'],
    ['export', 's:a:b'],
    ['erase'],
    ['erase', 'a b'],
    ['disable', 's:a:b'],
    ['hold', 'x:y'],
    ['release'],
  ]) {
    expect(await run(...words), words.join(' ')).toMatchObject({ code: 2 })
  }
  const [ann, bo] = [await Device.connect(product, 'ann'), await Device.connect(product, 'bo')]
  const text = (words: string) => ({ kind: 'Text', text: `${CANARY} ${words}` }) as const
  expect(
    await ann.outcome({ type: 'createGroup', groupId: 'team', info: { name: 'Team' }, members: ['bo' as UserId] }),
  ).toBe('ack')
  for (const sessionId of [CHAT, HELD, TEAM]) {
    expect(await ann.outcome({ type: 'send', sessionId, flags: 4, content: text('hello') })).toBe('ack')
  }
  expect(await bo.outcome({ type: 'send', sessionId: CHAT, flags: 4, content: { kind: 'Text', text: 'mine' } })).toBe(
    'ack',
  )
  expect(await ann.outcome({ type: 'updateProfile', profile: { name: `${CANARY} Ann` } })).toBe('ack')
  const asks = { type: 'requestFriend', userId: 'dee' as UserId, message: `${CANARY} friend` } as const
  expect(await ann.outcome(asks)).toBe('ack')
  const settings = { joinPolicy: 'approval' } as const
  const info = { name: 'Club' }
  expect(await bo.outcome({ type: 'createGroup', groupId: 'club', info, members: [], settings })).toBe('ack')
  expect(await ann.outcome({ type: 'joinGroup', sessionId: CLUB, message: `${CANARY} let me in` })).toBe('ack')
  const attributes = { draft: `${CANARY} draft` }
  expect(await ann.outcome({ type: 'setSessionAttributes', sessionId: CHAT, attributes })).toBe('ack')
  await bo.history(CHAT, events => events.length === 2)
  await untilArchived('mine')
  expect(await run('hold', HELD, '--reason', 'case 12')).toMatchObject({ code: 0 })
  const exported = await run('export', 'bo')
  expect(exported, exported.stderr).toMatchObject({ code: 0 })
  const lines = exported.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  expect(lines.filter(({ kind }) => kind !== 'Group')).toMatchObject([{ kind: 'Profile', userId: 'bo' }, MINE])
  expect(lines.flatMap(({ kind, sessionId }) => (kind === 'Group' ? [sessionId] : []))).toEqual([CLUB, TEAM])
  // What is held stays, and whoever asked is told so.
  const first = await run('erase', 'ann', '--reason', 'asked for')
  expect(first, first.stdout + first.stderr).toMatchObject({ code: 1 })
  expect(first.stdout).toContain(`${HELD}: kept, a legal hold is on it (LEGAL_HOLD)`)
  expect(first.stdout).toMatch(/im\.packs for 7 days, until \d{4}-/)
  expect(await ann.closed).toMatchObject({ code: 4024 })
  const wsUrl = product.wsUrl
  const again = new RawClient({ wsUrl, token: await product.token('ann'), deviceId: 'new', subprotocol: 'json' })
  expect(await again.closed).toMatchObject({ code: 4024 })
  const page = await bo.history(CHAT, events => events.length === 3)
  expect(page.map(({ body }) => body)).toMatchObject([
    { kind: 'MessageAccepted', content: { kind: 'Removed' } },
    { kind: 'MessageAccepted', content: { kind: 'Text', text: 'mine' } },
    { kind: 'ContentErased', userId: 'ann' },
  ])
  // The hold ends: what it kept is erased without being asked for again.
  expect(await run('release', HELD)).toMatchObject({ code: 0 })
  const second = await run('erase', 'ann')
  expect(second, second.stdout + second.stderr).toMatchObject({ code: 0 })
  expect(second.stdout).toContain('5 of 5 sessions erased, 0 messages')
  while ((await whereIsIt()).length > 0) await systemClock.sleep(500)
  for (const view of ['history', 'archive']) {
    const rebuilt = await run('rebuild', view)
    expect(rebuilt, rebuilt.stdout + rebuilt.stderr).toMatchObject({ code: 0 })
  }
  expect(await whereIsIt()).toEqual([])
  const verified = await run('verify')
  expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 0 })
  // A hold on a user goes before their erasure; a disabled user comes back.
  expect(await run('hold', 'bo', '--reason', 'case 13')).toMatchObject({ code: 0 })
  const held = await run('erase', 'bo')
  expect(held).toMatchObject({ code: 1 })
  expect(held.stdout).toContain('refused: LEGAL_HOLD')
  expect(await run('disable', 'bo')).toMatchObject({ code: 0 })
  expect(await bo.closed).toMatchObject({ code: 4024 })
  expect(await run('enable', 'bo')).toMatchObject({ code: 0 })
  for (;;) {
    const back = new RawClient({ wsUrl, token: await product.token('bo'), deviceId: 'back', subprotocol: 'json' })
    const isIn = await Promise.race([
      back.until(() => back.of('welcome').length > 0).then(() => true),
      back.closed.then(() => false),
    ])
    back.drop()
    if (isIn) break
    await pause()
  }
}, 300_000)
