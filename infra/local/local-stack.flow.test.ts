import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PartName } from './part.ts'
import { type LocalStack, startStack } from './stack.ts'

const START_MS_MAX = 180_000
const dataDir = mkdtempSync(join(tmpdir(), 'packlog-local-stack-'))
const NAMES: readonly PartName[] = ['kafka', 'registry', 'redis', 'clickhouse']
let stack: LocalStack

beforeAll(async () => {
  stack = await startStack({ dataDir, ports: 'free', log: () => {} })
}, START_MS_MAX)

afterAll(async () => {
  await stack.stop()
  rmSync(dataDir, { recursive: true, force: true })
}, START_MS_MAX)

test('a second starter on the same data is refused while this one runs', async () => {
  await expect(startStack({ dataDir, ports: 'free', log: () => {} })).rejects.toThrow('already runs')
})

test(
  'what every part has acknowledged is there after kill -9 of all of them',
  async () => {
    const mark = `mark-${randomUUID()}`
    await writeEverywhere(mark)
    const pids = NAMES.map(name => stack.parts[name].pid)
    for (const name of NAMES) stack.parts[name].kill('SIGKILL')
    await Promise.all(NAMES.map(name => stack.parts[name].exited))
    await Promise.all(NAMES.map(name => stack.parts[name].start()))
    expect(NAMES.map(name => stack.parts[name].pid)).not.toEqual(pids)
    expect(await readEverywhere(mark)).toEqual({ kafka: true, registry: true, redis: true, clickhouse: true })
  },
  START_MS_MAX,
)

test(
  'after an orderly stop the same data starts on other ports',
  async () => {
    const mark = `mark-${randomUUID()}`
    await writeEverywhere(mark)
    const before = stack.kafkaBrokers
    await stack.stop()
    expect(NAMES.map(name => stack.parts[name].pid)).toEqual([undefined, undefined, undefined, undefined])
    expect(existsSync(join(dataDir, 'pids.json'))).toBe(false)
    stack = await startStack({ dataDir, ports: 'free', log: () => {} })
    expect(stack.kafkaBrokers).not.toBe(before)
    expect(await readEverywhere(mark)).toEqual({ kafka: true, registry: true, redis: true, clickhouse: true })
  },
  START_MS_MAX,
)

const subjects = () => `${stack.registryUrl}/subjects`

async function writeEverywhere(mark: string): Promise<void> {
  await withKafka(async kafka => {
    const producer = kafka.producer()
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: mark, numPartitions: 1 }], waitForLeaders: true })
    await admin.disconnect()
    await producer.connect()
    await producer.send({ topic: mark, acks: -1, messages: [{ value: mark }] })
    await producer.disconnect()
  })
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ schema: '"string"' })
  const registered = await fetch(`${subjects()}/${mark}/versions`, { method: 'POST', headers, body })
  expect(registered.status).toBe(200)
  await withRedis(async redis => {
    await redis.set(mark, mark)
    // A write may be held back in the process while an earlier sync is under way; only what is written outlives it.
    await expect.poll(() => redis.info('persistence')).toMatch(/aof_buffer_length:0[\s\S]*aof_pending_bio_fsync:0/)
  })
  await query('CREATE DATABASE IF NOT EXISTS marks')
  await query('CREATE TABLE IF NOT EXISTS marks.marks (mark String) ENGINE = MergeTree ORDER BY mark')
  await query(`INSERT INTO marks.marks VALUES ('${mark}')`)
}

async function readEverywhere(mark: string): Promise<Record<PartName, boolean>> {
  let kafkaHas = false
  await withKafka(async kafka => {
    const admin = kafka.admin()
    await admin.connect()
    const [offsets] = await admin.fetchTopicOffsets(mark)
    kafkaHas = offsets?.high === '1'
    await admin.disconnect()
  })
  let redisHas = false
  await withRedis(async redis => {
    redisHas = (await redis.get(mark)) === mark
  })
  const response = await fetch(subjects())
  const registered = (await response.json()) as string[]
  const count = await query(`SELECT count() FROM marks.marks WHERE mark = '${mark}'`)
  return { kafka: kafkaHas, redis: redisHas, registry: registered.includes(mark), clickhouse: count === '1' }
}

async function withKafka(work: (kafka: Kafka) => Promise<void>): Promise<void> {
  await work(new Kafka({ brokers: stack.kafkaBrokers.split(','), logLevel: logLevel.NOTHING }))
}

async function withRedis(work: (redis: Redis) => Promise<void>): Promise<void> {
  const redis = new Redis(stack.redisUrl)
  await work(redis)
  redis.disconnect()
}

async function query(sql: string): Promise<string> {
  const response = await fetch(stack.clickhouseUrl, { method: 'POST', body: sql })
  const text = await response.text()
  expect(text, text).not.toContain('DB::Exception')
  return text.trim()
}
