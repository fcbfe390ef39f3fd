import fc from 'fast-check'
import kafkajs, { type PartitionMetadata } from 'kafkajs'
import { expect, test } from 'vitest'
import { partitionOf } from './partition.ts'
import { makeTopics, sessionPartition } from './topics.ts'

test("[TP1] a key lies where Kafka's default partitioner puts it", () => {
  const partitioner = kafkajs.Partitioners.DefaultPartitioner()
  const theirs = (key: Buffer, partitions: number) => {
    const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
      partitionId,
      leader: 0,
      partitionErrorCode: 0,
      replicas: [],
      isr: [],
    })) satisfies PartitionMetadata[]
    return partitioner({ topic: 't', partitionMetadata, message: { key, value: null } })
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 200 }), (array, partitions) => {
      const key = Buffer.from(array)
      expect(partitionOf(key, partitions)).toBe(theirs(key, partitions))
    }),
    { numRuns: 500 },
  )
})

test('[TP1] the values that Java gives', () => {
  // From org.apache.kafka.common.utils.UtilsTest.testMurmur2, with the sign bit cleared.
  const known: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ]
  for (const [key, hash] of known) expect(partitionOf(Buffer.from(key), 2 ** 31)).toBe(hash & 0x7fffffff)
})

test('[TP1] packs and events of a session have the same partition number', () => {
  const topics = makeTopics({ prefix: 'x.', partitions: 12, eventRetentionDays: 30 })
  for (const sessionId of ['s:alice:bob', 'g:team', 'u:你好']) {
    expect(sessionPartition(topics.events, sessionId)).toBe(sessionPartition(topics.packs, sessionId))
    expect(sessionPartition(topics.sessions, sessionId)).toBe(sessionPartition(topics.packs, sessionId))
  }
})
