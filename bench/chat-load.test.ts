import { afterEach, expect, test } from 'vitest'
import { FakeGateway } from '../client/testing/fake-gateway.ts'
import { type FakeGatewayServer, serveFakeGateway } from '../client/testing/fake-gateway-server.ts'
import { systemClock, systemRandom } from '../infra/clock.ts'
import { type ChatLoadOptions, runChatLoad } from './chat-load.ts'
import { ConnectFailed } from './raw-client.ts'

const servers: FakeGatewayServer[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

async function load(gateway: FakeGateway, change: Partial<ChatLoadOptions> = {}) {
  const server = await serveFakeGateway(gateway)
  servers.push(server)
  const phases: string[] = []
  const result = await runChatLoad({
    gatewayUrl: server.url,
    ratePerSecond: 200,
    pairs: 5,
    seconds: 0.5,
    warmupSeconds: 0.1,
    bytes: 70_000,
    newSessionsPercent: 20,
    token: async userId => userId,
    clock: systemClock,
    random: systemRandom,
    log: () => {},
    onMeasure: phase => void phases.push(phase),
    ...change,
  })
  return { ...result, phases }
}

test('[BN5] over real sockets every message is followed to its ack and its receiver, long frames too', async () => {
  const result = await load(new FakeGateway(systemClock))
  expect(result).toMatchObject({
    sent: 100,
    acked: 100,
    delivered: 100,
    lost: 0,
    duplicated: 0,
    outOfOrder: 0,
    unanswered: 0,
    refused: {},
    newSessions: 20,
    connectionsLost: 0,
    phases: ['begin', 'end'],
  })
  expect(result.endToEndMs.max).toBeGreaterThan(0)
})

test('[BN4] a gateway that delivers twice is caught', async () => {
  const gateway = new FakeGateway(systemClock)
  const append = gateway.append.bind(gateway)
  let delivered = 0
  gateway.append = (...args) => {
    const event = append(...args)
    const receiver = gateway.connections.find(({ userId }) => event.sessionId.includes(userId) && userId !== event.from)
    if (++delivered % 10 === 0) receiver?.push(event)
    return event
  }
  expect(await load(gateway, { bytes: 20, warmupSeconds: 0 })).toMatchObject({ delivered: 100, duplicated: 10 })
})

test('[BN5] a connection that breaks is counted, one that cannot be made ends the run with the reason', async () => {
  const gateway = new FakeGateway(systemClock)
  const lost = await load(gateway, { onMeasure: phase => (phase === 'end' ? gateway.dropAll() : undefined), bytes: 20 })
  expect(lost.connectionsLost).toBe(10)
  const refused = load(gateway, { token: async () => 'wrong' })
  await expect(refused).rejects.toThrow(ConnectFailed)
  await expect(refused).rejects.toThrow('the token is wrong')
})
