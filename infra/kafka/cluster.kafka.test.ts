import { expect, test } from 'vitest'
import { testStack } from '../../tests/stack.ts'
import { systemClock } from '../clock.ts'
import { silentLogger } from '../logger.ts'
import { Cluster } from './cluster.ts'
import { metadataCall } from './protocol.ts'

async function connected() {
  const brokers = testStack().kafkaBrokers.split(',')
  const cluster = new Cluster({ brokers, clientId: 'test', clock: systemClock, logger: silentLogger })
  const nodeId = (await cluster.anyLink()).nodeId!
  return { cluster, nodeId, link: await cluster.link(nodeId) }
}

test('[LOG23] a broken connection that several drop takes no other one with it', async () => {
  const { cluster, nodeId, link } = await connected()
  cluster.drop(link)
  const next = await cluster.link(nodeId)
  expect(next).not.toBe(link)
  cluster.drop(link)
  expect(await cluster.link(nodeId)).toBe(next)
  await cluster.close()
  await expect(next.send(metadataCall([]))).rejects.toMatchObject({ name: 'BrokerUnreachable', sent: false })
})

test('[LOG23] behind a close nothing is connected any more', async () => {
  const { cluster, nodeId, link } = await connected()
  await cluster.close()
  await expect(link.send(metadataCall([]), 'fetches')).rejects.toMatchObject({ name: 'BrokerUnreachable', sent: false })
  await expect(cluster.link(nodeId)).rejects.toMatchObject({ name: 'BrokerUnreachable' })
})
