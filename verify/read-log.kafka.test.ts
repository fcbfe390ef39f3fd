import { expect, test } from 'vitest'
import { KafkaLog } from '../infra/kafka/kafka-log.ts'
import { Script, single, user } from '../processors/testing/events.ts'
import { eventCodec } from '../schemas/codec.ts'
import { testStack } from '../tests/stack.ts'
import { makeTestTopics } from '../tests/topics.ts'
import { MemoryRegistry } from '../topics/memory-registry.ts'
import { chainHash, chainHeaders, POSITION_START } from '../topics/valid-events.ts'
import { countBehind, PartitionReader, readEventAt } from './read-log.ts'

test('[VF3] the log is read up to an end and then on, junk left out', async () => {
  const test = await makeTestTopics(testStack(), { partitions: 2 })
  const topic = test.topics.events.name
  const log = new KafkaLog({ brokers: test.brokers, clientId: 'verify-test' })
  const codec = await eventCodec(new MemoryRegistry(), 'x')
  const source = { log, topic, codec }
  const script = new Script()
  let hash = POSITION_START.hash!
  let offset = 0
  const append = async (text: string) => {
    const event = script.message(single('alice', 'bob'), user('alice'), text)
    const record = {
      key: Buffer.from(event.sessionId),
      value: codec.encode(event),
      headers: chainHeaders(offset++, hash),
    }
    hash = chainHash(record)
    await log.append({ topic, partition: 1, records: [record] })
  }
  const texts: string[] = []
  const onEvent = (event: Parameters<Parameters<PartitionReader['readTo']>[1]>[0]) => {
    if (event.body.kind === 'MessageAccepted' && event.body.content.kind === 'Text') texts.push(event.body.content.text)
    return undefined
  }
  for (const text of ['one', 'two', 'three']) await append(text)
  const reader = new PartitionReader(source, 1, 0)
  await reader.readTo(2, onEvent)
  expect(texts).toEqual(['one', 'two'])
  const junk = { key: null, value: Buffer.from('junk'), headers: chainHeaders(0, hash) }
  await log.append({ topic, partition: 1, records: [junk] })
  offset++
  await append('four')
  await reader.readTo(5, onEvent)
  expect(texts).toEqual(['one', 'two', 'three', 'four'])
  await reader.readTo(5, onEvent)
  expect(texts).toHaveLength(4)
  expect(await countBehind(source, { partition: 1, position: undefined, start: 0, end: 5 })).toBe(4)
  expect(await countBehind(source, { partition: 1, position: reader.position, start: 0, end: 5 })).toBe(0)
  expect((await readEventAt(source, 1, 4))?.body).toMatchObject({ content: { text: 'four' } })
  await log.close()
  await test.remove()
})
