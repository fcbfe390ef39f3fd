import { randomUUID } from 'node:crypto'
import kafkajs from 'kafkajs'
import { afterAll, expect, test } from 'vitest'
import { testStack } from '../../tests/stack.ts'
import { makeTestTopics } from '../../tests/topics.ts'
import { makeTopics, type Topic } from '../../topics/topics.ts'
import { deleteTopics, PartitionCountDiffers, setupTopics, withAdmin } from './create-topics.ts'
import { KafkaLog } from './kafka-log.ts'

const made: string[] = []
const client = () => ({ brokers: testStack().kafkaBrokers.split(','), clientId: 'topics-test' })
const setup = (topics: readonly Topic[]) =>
  setupTopics(topics, { ...client(), replicationFactor: 1, minInsyncReplicas: 1 })

afterAll(() => deleteTopics(made, client()))

function makeTopic(settings: Record<string, string> = {}, partitions = 2): Topic {
  const topic = { name: `test-${randomUUID()}`, partitions, settings }
  made.push(topic.name)
  return topic
}

/** The settings that Kafka says the topic has. */
async function settingsOf(name: string): Promise<Record<string, string>> {
  return withAdmin(client(), async admin => {
    const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name }]
    const { resources: described } = await admin.describeConfigs({ includeSynonyms: false, resources })
    return Object.fromEntries(described[0]!.configEntries.map(entry => [entry.configName, entry.configValue]))
  })
}

/** Changes settings behind our back; resolves when Kafka has them in force. */
async function alter(name: string, settings: Record<string, string>): Promise<void> {
  const configEntries = Object.entries(settings).map(([setting, value]) => ({ name: setting, value }))
  const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name, configEntries }]
  await withAdmin(client(), admin => admin.alterConfigs({ validateOnly: false, resources }))
  await expect.poll(() => settingsOf(name), { timeout: 10_000 }).toMatchObject(settings)
}

test('[TP2] every topic of the product is created with its partitions and settings, and a second run changes nothing', async () => {
  const topics = Object.values(makeTopics({ prefix: `test-${randomUUID()}.`, partitions: 2, eventRetentionDays: 30 }))
  made.push(...topics.map(topic => topic.name))
  expect(await setup(topics)).toEqual({ created: topics.map(topic => topic.name), changed: [] })
  for (const topic of topics) {
    expect(await settingsOf(topic.name)).toMatchObject({ ...topic.settings, 'min.insync.replicas': '1' })
  }
  expect(await setup(topics)).toEqual({ created: [], changed: [] })
})

test('[TP3] a setting that differs is put right and said so; settings of others stay', async () => {
  const topic = makeTopic({ 'retention.ms': '1000000' })
  await setup([topic])
  await alter(topic.name, { 'retention.ms': '5', 'segment.bytes': '2000000', 'min.insync.replicas': '1' })
  const wanted = { ...topic, settings: { 'retention.ms': '1000000', 'cleanup.policy': 'compact' } }
  expect(await setup([wanted])).toEqual({
    created: [],
    changed: [
      { topic: topic.name, setting: 'retention.ms', from: '5', to: '1000000' },
      { topic: topic.name, setting: 'cleanup.policy', from: 'delete', to: 'compact' },
    ],
  })
  expect(await settingsOf(topic.name)).toMatchObject({
    'retention.ms': '1000000',
    'cleanup.policy': 'compact',
    'segment.bytes': '2000000',
  })
  expect(await setup([wanted])).toEqual({ created: [], changed: [] })
})

test('[TP4] another number of partitions is refused before anything changes', async () => {
  const topic = makeTopic({ 'retention.ms': '1000000' })
  await setup([topic])
  const fresh = makeTopic()
  const refused = setup([fresh, { ...topic, partitions: 3, settings: { 'retention.ms': '2000000' } }])
  await expect(refused).rejects.toThrow(PartitionCountDiffers)
  await expect(refused).rejects.toThrow(/2 partitions.*says 3.*PACKLOG_PARTITION_COUNT/)
  expect(await settingsOf(topic.name)).toMatchObject({ 'retention.ms': '1000000' })
  expect(await withAdmin(client(), admin => admin.listTopics())).not.toContain(fresh.name)
})

test('[TP2] a topic takes appends and can be read as soon as it is set up', async () => {
  const log = new KafkaLog(client())
  // A broker names itself as leader before it is one; of twenty topics made in a row some met that moment.
  for (let round = 0; round < 20; round++) {
    const topic = makeTopic({}, 3)
    await setup([topic])
    const records = [{ key: null, value: Buffer.from('x'), headers: {} }]
    for (const partition of [0, 1, 2]) {
      expect(await log.append({ topic: topic.name, partition, records })).toEqual({ baseOffset: 0 })
    }
  }
  await log.close()
})

test('[TP4] a topic that another process makes meanwhile with another count is refused at once', async () => {
  const topic = makeTopic()
  const results = await Promise.allSettled([setup([topic]), setup([{ ...topic, partitions: 3 }])])
  const refused = results.filter(result => result.status === 'rejected')
  expect(refused).toHaveLength(1)
  expect(refused[0]!.reason).toBeInstanceOf(PartitionCountDiffers)
})

test('[TP2] two processes that set up at once agree', async () => {
  const topics = [makeTopic(), makeTopic()]
  const [one, other] = await Promise.all([setup(topics), setup(topics)])
  expect([...one.created, ...other.created].sort()).toEqual(topics.map(topic => topic.name).sort())
})

test('[TP2] the topics of a test are there for it and gone afterwards', async () => {
  const own = await makeTestTopics(testStack())
  const names = Object.values(own.topics).map(topic => topic.name)
  const present = () => withAdmin(client(), admin => admin.listTopics())
  expect(await present()).toEqual(expect.arrayContaining(names))
  await own.remove()
  expect((await present()).filter(name => names.includes(name))).toEqual([])
})
