import { randomUUID } from 'node:crypto'
import { deleteTopics, setupTopics } from '../infra/kafka/create-topics.ts'
import { makeTopics, type Topics } from '../topics/topics.ts'
import type { TestStack } from './stack.ts'

export interface TestTopics {
  topics: Topics
  /** The brokers as a KafkaLog wants them. */
  brokers: string[]
  /** Put before the names of these topics; good as a prefix elsewhere, too. Ends in a dot. */
  prefix: string
  /** Deletes the topics. */
  remove(): Promise<void>
}

/** All topics of the product on the real broker, under a random prefix: no two tests ever meet. */
export async function makeTestTopics(stack: TestStack, { partitions = 3 } = {}): Promise<TestTopics> {
  const prefix = `test-${randomUUID().slice(0, 8)}.`
  const brokers = stack.kafkaBrokers.split(',')
  const topics = makeTopics({ prefix, partitions, eventRetentionDays: 30 })
  const { replicationFactor } = stack
  const options = { brokers, clientId: 'packlog-test' }
  await setupTopics(Object.values(topics), {
    ...options,
    replicationFactor,
    minInsyncReplicas: Math.max(1, replicationFactor - 1),
  })
  return {
    topics,
    brokers,
    prefix,
    remove: () =>
      deleteTopics(
        Object.values(topics).map(topic => topic.name),
        options,
      ),
  }
}
