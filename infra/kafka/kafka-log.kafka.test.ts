import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll } from 'vitest'
import { logContract } from '../../tests/contract/log.contract.ts'
import { testStack } from '../../tests/stack.ts'
import { deleteTopics, setupTopics, withAdmin } from './create-topics.ts'
import { KafkaLog } from './kafka-log.ts'

const made: string[] = []
let log: KafkaLog
const admin = () => ({ brokers: testStack().kafkaBrokers.split(','), clientId: 'log-test' })

beforeAll(() => {
  log = new KafkaLog(admin())
})

afterAll(async () => {
  await log.close()
  await deleteTopics(made, admin())
})

logContract(() => ({
  log,
  async makeTopic(settings = {}) {
    const name = `test-${randomUUID()}`
    made.push(name)
    await setupTopics([{ name, partitions: 3, settings }], { ...admin(), replicationFactor: 1, minInsyncReplicas: 1 })
    return name
  },
  async deleteBefore(topic, partition, offset) {
    await withAdmin(admin(), async client => {
      // kafkajs looks the leader up in what it has of the topic by then.
      await client.fetchTopicOffsets(topic)
      await client.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] })
    })
  },
}))
