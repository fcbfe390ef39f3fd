import { randomUUID } from 'node:crypto'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { transactionalContract } from '../../tests/contract/transactional.contract.ts'
import { testStack } from '../../tests/stack.ts'
import { APPEND_RECORDS_MAX, type LogRecord } from '../../topics/log.ts'
import { Fenced } from '../../topics/transactional-log.ts'
import { systemClock } from '../clock.ts'
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

async function makeTopic(settings: Record<string, string> = {}): Promise<string> {
  const name = `test-${randomUUID()}`
  made.push(name)
  await setupTopics([{ name, partitions: 3, settings }], { ...client(), replicationFactor: 1, minInsyncReplicas: 1 })
  return name
}

transactionalContract(() => ({
  log,
  writers: kafkaTransactionalWriters(client()),
  makeTopic,
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

const record = (value: string): LogRecord => ({ key: Buffer.from('k'), value: Buffer.from(value), headers: {} })

/** The coordinator looks for transactions that are too old every ten seconds. */
const GIVEN_UP_MS_MAX = 60_000
const PAUSED_MS = 13_000

/** A writer whose transaction was left open in the middle: its first batch is stored, its second one was refused. */
async function leftOpen() {
  const topic = await makeTopic({ 'max.message.bytes': '20000' })
  const transactionalId = `seq-${randomUUID()}`
  const writers = kafkaTransactionalWriters({ ...client(), transactionMsMax: 1_000 })
  const writer = writers(transactionalId)
  await writer.init()
  const append = (...values: string[]) => writer.append({ topic, partition: 0, records: values.map(record) })
  const small = Array.from({ length: APPEND_RECORDS_MAX }, (_, number) => `small ${number}`)
  await expect(append(...small, 'x'.repeat(100_000))).rejects.toMatchObject({
    name: 'AppendFailed',
    maybeStored: false,
  })
  return { topic, writer, append, successor: () => writers(transactionalId) }
}

/** What committed readers see, up to a record that is appended now: it shows when the open transaction has ended. */
async function whenGivenUp(topic: string): Promise<string[]> {
  await log.append({ topic, partition: 0, records: [record('end')] })
  const values: string[] = []
  await new Promise<void>(resolve => {
    const reader = log.read({
      topic,
      from: new Map([[0, 0]]),
      isolation: 'committed',
      onBatch: ({ records }) => {
        values.push(...records.map(({ value }) => String(value)))
        if (values.includes('end')) void reader.close().then(resolve)
      },
    })
  })
  return values
}

test(
  '[LOG16] a writer whose transaction was given up goes on when nobody came after it',
  async () => {
    const { topic, writer, append } = await leftOpen()
    expect(await whenGivenUp(topic)).toEqual(['end'])
    await append('on', 'and on')
    expect(await whenGivenUp(topic)).toEqual(['end', 'on', 'and on', 'end'])
    await writer.close()
  },
  GIVEN_UP_MS_MAX,
)

test(
  '[LOG16] a process that was paused inside a transaction until that was given up goes on',
  async () => {
    const topic = await makeTopic()
    let isPausing = true
    // The clock is asked when a batch is made, which is after the coordinator knows of the transaction. Nothing of this
    // process runs meanwhile, as if it had been stopped.
    const now = () => {
      if (isPausing) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSED_MS)
      isPausing = false
      return systemClock.now()
    }
    const options = { ...client(), transactionMsMax: 1_000, clock: { ...systemClock, now } }
    const writer = kafkaTransactionalWriters(options)(`seq-${randomUUID()}`)
    await writer.init()
    const append = (value: string) => writer.append({ topic, partition: 0, records: [record(value)] })
    await expect(append('too late')).rejects.toMatchObject({ name: 'AppendFailed', maybeStored: false })
    expect(isPausing).toBe(false)
    await append('on')
    expect(await whenGivenUp(topic)).toEqual(['on', 'end'])
    await writer.close()
  },
  GIVEN_UP_MS_MAX,
)

test(
  '[LOG16] a writer whose transaction was given up is fenced when somebody came after it',
  async () => {
    const { topic, writer, append, successor } = await leftOpen()
    await whenGivenUp(topic)
    const next = successor()
    await next.init()
    await expect(append('late')).rejects.toBeInstanceOf(Fenced)
    await next.append({ topic, partition: 0, records: [record('next')] })
    await expect(append('still late')).rejects.toBeInstanceOf(Fenced)
    expect(await whenGivenUp(topic)).toEqual(['end', 'next', 'end'])
    await Promise.all([writer.close(), next.close()])
  },
  GIVEN_UP_MS_MAX,
)

test(
  '[LOG16] a successor that came while the transaction was open is never fenced by its writer',
  async () => {
    const { topic, writer, append, successor } = await leftOpen()
    const next = successor()
    await next.init()
    await expect(append('late')).rejects.toBeInstanceOf(Fenced)
    await next.append({ topic, partition: 0, records: [record('next')] })
    expect(await whenGivenUp(topic)).toEqual(['next', 'end'])
    await Promise.all([writer.close(), next.close()])
  },
  GIVEN_UP_MS_MAX,
)
