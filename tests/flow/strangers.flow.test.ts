import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import { KafkaLog } from '../../infra/kafka/kafka-log.ts'
import { HttpSchemaRegistry } from '../../infra/registry/registry.ts'
import { eventSchema, IncompatibleSchema } from '../../schemas/codec.ts'
import { singleSessionId, type UserId } from '../../schemas/ids.ts'
import { makeTopics, sessionPartition, valueSubject } from '../../topics/topics.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { runCommand, runNode } from '../run-command.ts'
import { testStack } from '../stack.ts'
import { person, say, until } from './people.ts'

/** Programs that are not ours read and write our topics; nobody is disturbed. */

const READ_EVENTS = fileURLToPath(new URL('../../infra/tools/read-events.mjs', import.meta.url))
const session = singleSessionId('ann' as UserId, 'bo' as UserId)

let product: TestProduct

beforeAll(async () => {
  product = await startProduct({ together: true })
}, 120_000)

afterAll(() => product?.stop(), 60_000)

function topics() {
  const { PACKLOG_TOPIC_PREFIX: prefix = '', PACKLOG_PARTITION_COUNT: partitions } = product.env
  return makeTopics({ prefix, partitions: Number(partitions), eventRetentionDays: 30 })
}

test('[E2E2] a registry-aware consumer that is not ours decodes events', async () => {
  const ann = await person(product, 'ann', { sessions: [session] })
  await say(ann, session, 'for strangers')
  const { code, stdout, stderr } = await runNode([
    READ_EVENTS,
    ...['--brokers', testStack().kafkaBrokers, '--registry', testStack().registryUrl],
    // The other one is the key of the app `admin`, which setup has made.
    ...['--topic', topics().events.name, '--max', '2'],
  ])
  expect(code, stderr).toBe(0)
  const records = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  expect(records.map(({ key }) => key).sort()).toEqual(['a:admin', session])
  const record = records.find(({ key }) => key === session)
  expect(record.value).toMatchObject({ sessionId: session, from: 'ann', seq: 1 })
  expect(JSON.stringify(record.value)).toContain('for strangers')
  ann.client.close()
})

test('[E2E3] poison on im.packs and foreign records on im.events are refused or counted, everyone goes on', async () => {
  const [ann, bo] = await Promise.all(['ann', 'bo'].map(name => person(product, name, { sessions: [session] })))
  const log = new KafkaLog({ brokers: testStack().kafkaBrokers.split(','), clientId: 'stranger' })
  const { packs, events } = topics()
  const partition = sessionPartition(packs, session)
  const poison = [
    { key: Buffer.from(session), value: Buffer.from('not Avro at all'), headers: {} },
    { key: Buffer.from(session), value: Buffer.from([0, 0, 0, 0, 99, 1, 2, 3]), headers: {} },
    { key: null, value: null, headers: {} },
  ]
  await log.append({ topic: packs.name, partition, records: poison })
  await log.append({ topic: events.name, partition, records: poison })
  await log.close()

  const before = bo!.received.get(session)?.length ?? 0
  const outcome = await say(ann!, session, 'still here')
  expect(outcome).toMatchObject({ kind: 'Accepted', seq: before + 1 })
  await until([ann!, bo!], () => bo!.received.get(session)?.length === before + 1)
  const verified = await runCommand(['verify'], product.env)
  expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 0 })
  ann!.client.close()
  bo!.client.close()
}, 60_000)

test('[E2E4] setup can be run again and refuses an incompatible schema', async () => {
  const again = await runCommand(['setup'], product.env)
  expect(again, again.stderr).toMatchObject({ code: 0 })
  expect(again.stdout).toContain('topics: 0 created, 0 settings changed')

  const registry = new HttpSchemaRegistry({ url: testStack().registryUrl, clock: systemClock })
  const prefix = `t${randomUUID().slice(0, 8)}.`
  const subject = valueSubject(makeTopics({ prefix, partitions: 1, eventRetentionDays: 1 }).events)
  const later = structuredClone(eventSchema) as { fields: object[] }
  later.fields.push({ name: 'withoutDefault', type: 'string' })
  await registry.register(subject, eventSchema)
  await expect(registry.register(subject, later)).rejects.toThrow(IncompatibleSchema)
  // The other way round: what a newer product registered is not what this one can follow.
  const newer = `${prefix}newer`
  await registry.register(newer.concat('im.events-value'), { type: 'string' })
  const refused = await runCommand(['setup'], { ...product.env, PACKLOG_TOPIC_PREFIX: newer })
  expect(refused.code).not.toBe(0)
  expect(refused.stderr).toContain('IncompatibleSchema')
}, 60_000)

test('[E2E5] a role names what its environment lacks and ends with 2', async () => {
  const { code, stderr } = await runNode(['dist/main.js', '--role', 'gateway'], {
    env: { ...product.env, REDIS_URL: '', KAFKA_BROKERS: 'nowhere' },
  })
  expect(code).toBe(2)
  expect(stderr).toContain('REDIS_URL')
  expect(stderr).toContain('KAFKA_BROKERS')
})
