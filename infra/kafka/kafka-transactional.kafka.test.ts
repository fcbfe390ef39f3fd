import { randomUUID } from 'node:crypto'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll } from 'vitest'
import { transactionalContract } from '../../tests/contract/transactional.contract.ts'
import { testStack } from '../../tests/stack.ts'
import { deleteTopics, setupTopics } from './create-topics.ts'
import { KafkaLog } from './kafka-log.ts'
import { kafkaTransactionalWriters } from './kafka-transactional.ts'

const made: string[] = []
let log: KafkaLog
const client = () => ({ brokers: testStack().kafkaBrokers.split(','), clientId: 'transactional-test' })

beforeAll(() => {
  log = new KafkaLog(client())
})

afterAll(async () => {
  await log.close()
  await deleteTopics(made, client())
})

transactionalContract(() => ({
  log,
  writers: kafkaTransactionalWriters(client()),
  async makeTopic(settings = {}) {
    const name = `test-${randomUUID()}`
    made.push(name)
    await setupTopics([{ name, partitions: 3, settings }], { ...client(), replicationFactor: 1, minInsyncReplicas: 1 })
    return name
  },
  // Through kafkajs' own producer: an independent writer shows that the reader follows Kafka's rules, not ours.
  async leaveOpen(topic, partition, records) {
    const kafka = new kafkajs.Kafka({ ...client(), logLevel: kafkajs.logLevel.NOTHING })
    const producer = kafka.producer({
      transactionalId: `open-${randomUUID()}`,
      maxInFlightRequests: 1,
      idempotent: true,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    })
    await producer.connect()
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: records.map(({ key, value }) => ({ partition, key, value })) })
    return {
      async abort() {
        await transaction.abort()
        await producer.disconnect()
      },
    }
  },
}))
