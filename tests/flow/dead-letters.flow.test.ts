import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import { KafkaLog } from '../../infra/kafka/kafka-log.ts'
import { silentLogger } from '../../infra/logger.ts'
import { makeDeadLetters } from '../../processors/dead-letter.ts'
import { singleSessionId, type UserId } from '../../schemas/ids.ts'
import { makeTopics, sessionPartition } from '../../topics/topics.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { type CommandResult, runCommand } from '../run-command.ts'
import { person, say } from './people.ts'

/** What an operator does about dead letters, with the commands, on a product that runs. */

const CHAT = singleSessionId('ann' as UserId, 'bo' as UserId)

let product: TestProduct
let log: KafkaLog

beforeAll(async () => {
  product = await startProduct({ together: true })
  const brokers = product.env.KAFKA_BROKERS!.split(',')
  log = new KafkaLog({ brokers, security: {}, clientId: 'letters', clock: systemClock, logger: silentLogger })
}, 180_000)

afterAll(async () => {
  await log?.close()
  await product?.stop()
}, 60_000)

function dead(...words: string[]): Promise<CommandResult> {
  return runCommand(['dead', ...words], product.env)
}

/** Writes letters about records of the chat's partition, as the history processor does. */
async function writeLetters(...offsets: number[]): Promise<string[]> {
  const prefix = product.env.PACKLOG_TOPIC_PREFIX!
  const partitions = Number(product.env.PACKLOG_PARTITION_COUNT)
  const topics = makeTopics({ prefix, partitions, eventRetentionDays: 30 })
  const partition = sessionPartition(topics.events, CHAT)
  const letters = makeDeadLetters({ log, dead: topics.dead, topic: topics.events.name, processor: 'history' })
  for (const offset of offsets) {
    const record = { key: Buffer.from(CHAT), value: Buffer.from('canary'), headers: {}, offset, appendedAt: 0 }
    await letters.write({ partition, record, error: 'not understood by an older build' })
  }
  return offsets.map(offset => `history/${topics.events.name}/${partition}/${offset}`)
}

test('[RN19] dead letters are listed, inspected, tried again and discarded by commands, and leave a trace', async () => {
  expect(await dead('list')).toMatchObject({ code: 0, stdout: 'no dead letters wait\n' })
  for (const words of [[], ['list', 'x'], ['retry'], ['burn', 'it']]) {
    const { code, stderr } = await dead(...words)
    expect({ words, code, explains: stderr.includes('dead inspect ID') }).toEqual({ words, code: 2, explains: true })
  }
  const ann = await person(product, 'ann', { sessions: [] })
  await say(ann, CHAT, 'one')
  // The first record of the partition is what the sequencer says of its rules, or the message itself: it is there.
  const [there, lost, hopeless] = await writeLetters(0, 1_000_000, 2_000_000)
  const listed = await dead('list', '--json')
  expect(JSON.parse(listed.stdout)).toMatchObject([
    { id: there, state: 'open', sessionId: CHAT, error: 'not understood by an older build' },
    { id: lost },
    { id: hopeless },
  ])
  const inspected = JSON.parse((await dead('inspect', there!)).stdout)
  expect(inspected).toMatchObject({ id: there, processor: 'history', offset: 0, record: { cause: { offset: 0 } } })
  expect((await dead('inspect', lost!)).stdout).toContain('the log no longer holds it')
  const retried = await dead('retry', there!, lost!)
  expect(retried).toMatchObject({ code: 1 })
  expect(retried.stdout).toMatch(new RegExp(`${there}  applied`))
  expect(retried.stdout).toMatch(new RegExp(`${lost}  failed .*the log no longer holds the record`))
  expect(await dead('retry', there!)).toMatchObject({ code: 2 })
  expect(await dead('discard', 'history/nowhere/0/0')).toMatchObject({ code: 2 })
  expect(await dead('discard', lost!, hopeless!, '--reason', 'too old')).toMatchObject({ code: 0 })
  expect((await dead('list')).stdout).toBe('no dead letters wait\n')
  const all = JSON.parse((await dead('list', '--all', '--json')).stdout)
  expect(all).toMatchObject([
    { id: there, state: 'applied', by: 'history' },
    { id: lost, state: 'discarded', error: 'too old', by: 'operator' },
    { id: hopeless, state: 'discarded', error: 'too old', by: 'operator' },
  ])
  ann.client.close()
}, 120_000)
