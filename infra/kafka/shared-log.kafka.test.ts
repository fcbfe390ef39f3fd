import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { logContract } from '../../tests/contract/log.contract.ts'
import { Seen } from '../../tests/contract/seen.ts'
import { testStack } from '../../tests/stack.ts'
import { SHARED_PAUSE_MS } from '../../topics/common-reading.ts'
import type { Log, ReadOptions, StoredRecord } from '../../topics/log.ts'
import { SharedLog } from '../../topics/shared-log.ts'
import { systemClock } from '../clock.ts'
import { deleteTopics, setupTopics, withAdmin } from './create-topics.ts'
import { KafkaLog } from './kafka-log.ts'

const made: string[] = []
let shared: SharedLog
let log: Log
const admin = () => ({ brokers: testStack().kafkaBrokers.split(','), clientId: 'shared-log-test' })

beforeAll(() => {
  shared = new SharedLog(new KafkaLog(admin()), { clock: systemClock })
  // Every reader shares.
  log = Object.assign(Object.create(shared), {
    read: (options: ReadOptions) => shared.read({ pauseMs: SHARED_PAUSE_MS, ...options }),
  })
})

afterAll(async () => {
  await shared.close()
  await deleteTopics(made, admin())
})

async function makeTopic(settings = {}): Promise<string> {
  const name = `test-${randomUUID()}`
  made.push(name)
  await setupTopics([{ name, partitions: 3, settings }], { ...admin(), replicationFactor: 1, minInsyncReplicas: 1 })
  return name
}

describe('alone', () => {
  logContract(() => ({
    log,
    makeTopic,
    async deleteBefore(topic, partition, offset) {
      await withAdmin(admin(), async client => {
        // kafkajs looks the leader up in what it has of the topic by then.
        await client.fetchTopicOffsets(topic)
        await client.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] })
      })
    },
  }))
})

/** How many records were decoded for readers with these pauses, which read the same in the meantime. */
async function decodedFor(pauses: readonly number[], log: Log, topic: string): Promise<number> {
  const ends = new Map([...(await log.bounds(topic))].map(([partition, { end }]) => [partition, end]))
  const readers = pauses.map(pauseMs => {
    const seen = new Seen()
    return { seen, reader: log.read({ topic, from: ends, pauseMs, onBatch: seen.onBatch }) }
  })
  const text = (value: string) => ({ key: null, value: Buffer.from(value), headers: {} })
  for (let round = 0; round < ROUNDS; round++) {
    for (const partition of ends.keys()) {
      await log.append({ topic, partition, records: [text(`${round} a`), text(`${round} b`)] })
    }
  }
  const decoded = new Set<StoredRecord>()
  for (const { seen } of readers) {
    for (const partition of ends.keys()) {
      await seen.count(partition, 2 * ROUNDS)
      const records = seen.records(partition)
      expect(records.map(({ value }) => String(value))).toEqual(
        Array.from({ length: ROUNDS }, (_, round) => [`${round} a`, `${round} b`]).flat(),
      )
      for (const record of records) decoded.add(record)
    }
  }
  await Promise.all(readers.map(({ reader }) => reader.close()))
  return decoded.size
}

const ROUNDS = 100

test('[LOG22] what five readers read is fetched and decoded about once, where each had fetched it for itself', async () => {
  const topic = await makeTopic()
  const kafka = new KafkaLog(admin())
  const pauses = [20, 40, 40, 50, 100]
  const appended = 3 * 2 * ROUNDS
  expect(await decodedFor(pauses, kafka, topic)).toBe(5 * appended)
  expect(await decodedFor(pauses, shared, topic)).toBeLessThan(1.1 * appended)
  await kafka.close()
})
