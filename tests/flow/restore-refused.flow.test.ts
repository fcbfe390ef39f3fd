import { afterAll, beforeAll, expect, test } from 'vitest'
import { deleteTopics } from '../../infra/kafka/create-topics.ts'
import { singleSessionId, type UserId } from '../../schemas/ids.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { runSetup } from '../run-command.ts'
import { testStack } from '../stack.ts'
import { person, say } from './people.ts'

let product: TestProduct

beforeAll(async () => {
  // In a group the partition stands still and the others go on (OW6); where partitions are fixed the process ends.
  product = await startProduct({ together: true, env: { PACKLOG_PARTITIONS: 'all' } })
}, 180_000)

afterAll(() => product?.stop(), 60_000)

test('[ST5] a sequencer whose log was replaced ends, and says what was found and what to do', async () => {
  const ann = await person(product, 'ann', { sessions: [] })
  const answer = await say(ann, singleSessionId('ann' as UserId, 'bo' as UserId), 'hello')
  expect(answer.kind).toBe('Accepted')
  ann.client.close()
  // Drained: its checkpoint is on the disk and on im.sessions.
  await product.roles.sequencer!.stop()
  const kafka = { brokers: testStack().kafkaBrokers.split(','), clientId: 'packlog-test' }
  await deleteTopics([`${product.env.PACKLOG_TOPIC_PREFIX}im.events`], kafka)
  await runSetup(product.env)
  await expect(product.restart('sequencer')).rejects.toThrow(
    /sequencer ended with code 1[\s\S]*partition \d+: MARKER_AHEAD: position 0, im\.events ends at 0; .*Bring the log back/,
  )
}, 120_000)
