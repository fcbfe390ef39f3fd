import { afterEach, expect, test } from 'vitest'
import { FakeGateway } from '../../client/testing/fake-gateway.ts'
import { type FakeGatewayServer, serveFakeGateway } from '../../client/testing/fake-gateway-server.ts'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { runFair } from './fair.ts'
import { isFairClean } from './report.ts'

let server: FakeGatewayServer | undefined

afterEach(() => server?.close())

async function fair() {
  server = await serveFakeGateway(new FakeGateway(systemClock))
  return runFair({
    limit: 20,
    ratePerSecond: 100,
    pairs: 2,
    seconds: 0.3,
    warmupSeconds: 0.1,
    bytes: 20,
    repeat: 2,
    gatewayUrl: server.url,
    token: async userId => userId,
    clock: systemClock,
    random: systemRandom,
    log: () => {},
  })
}

test('[BN15] others are measured without and beside the user; a gateway that refuses nothing is not clean', async () => {
  const pairs = await fair()
  expect(pairs.length).toBe(2)
  for (const { without, beside, greedy, ratio } of pairs) {
    expect([without.sent, beside.sent]).toEqual([30, 30])
    expect(greedy).toMatchObject({ sent: 80, refused: {} })
    expect(ratio).toBeGreaterThan(0)
  }
  expect(isFairClean(pairs)).toBe(false)
  const refused = pairs.map(pair => ({ ...pair, greedy: { ...pair.greedy, refused: { RATE_LIMITED: 1 } } }))
  expect(isFairClean(refused)).toBe(true)
  const [first] = refused
  expect(isFairClean([{ ...first!, beside: { ...first!.beside, lost: 1 } }])).toBe(false)
})
