import { afterEach, expect, test } from 'vitest'
import { FakeGateway } from '../../client/testing/fake-gateway.ts'
import { type FakeGatewayServer, serveFakeGateway } from '../../client/testing/fake-gateway-server.ts'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { NoGatewayHere, runIdle } from './idle.ts'

let server: FakeGatewayServer | undefined

afterEach(() => server?.close())

async function idle(gatewayRssKiB: () => number | undefined) {
  const gateway = new FakeGateway(systemClock)
  server = await serveFakeGateway(gateway)
  const result = await runIdle({
    connections: 8,
    seconds: 0.05,
    gatewayUrl: server.url,
    token: async userId => userId,
    clock: systemClock,
    random: systemRandom,
    log: () => {},
    gatewayRssKiB,
    gatewayCpuMs: () => 0,
  })
  return { result, gateway }
}

test('[BN13] what the connections added is divided among them', async () => {
  const memory = [1_000, 1_088]
  const { result, gateway } = await idle(() => memory.shift())
  expect(result).toMatchObject({ connected: 8, connectionsLost: 0, rssKiBPerConnection: 11, gatewayCpuPercent: 0 })
  expect(gateway.connections.length).toBe(8)
})

test('[BN13] without a gateway on this machine it says so before anybody connects', async () => {
  await expect(idle(() => undefined)).rejects.toThrow(NoGatewayHere)
})
