import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemRandom } from '../../infra/clock.ts'
import { type Balancer, startBalancer } from '../../infra/local/balancer.ts'
import { freePorts } from '../../infra/local/ports.ts'
import { type SessionId, singleSessionId, type UserId } from '../../schemas/ids.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { misdelivered, more, type Person, person, talk, until } from './people.ts'

/** Two gateways behind one address, as `npm start -- --gateways 2` runs them, and one of them is killed. */

const NAMES = ['ann', 'bo', 'cy', 'di']
const ROUND = 60

let product: TestProduct
let balancer: Balancer
let wsUrl: string

beforeAll(async () => {
  product = await startProduct({ together: true })
  const second = await product.add('gateway-2', ['gateway'])
  const backends = [product.wsUrl, second.wsUrl].map(url => Number(new URL(url).port))
  const [port] = (await freePorts(1, systemRandom.next)) as [number]
  balancer = await startBalancer({ port, backends })
  wsUrl = `ws://127.0.0.1:${port}/v1/ws`
}, 120_000)

afterAll(async () => {
  await balancer?.close()
  await product?.stop()
}, 60_000)

function sessionsOf(name: string): SessionId[] {
  return NAMES.filter(other => other !== name).map(other => singleSessionId(name as UserId, other as UserId))
}

/** How many people each gateway has, by its own metrics. */
async function connections(name: string): Promise<number> {
  const port = product.roles[name]!.env.PACKLOG_METRICS_PORT
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  return Number(/^packlog_gateway_connections\S* (\d+)/m.exec(text)?.[1])
}

test('[LS3, E2E1] a gateway is killed while its users move to the other: nothing is lost, doubled or out of order', async () => {
  // One after the other, so that they come to the gateways in turn.
  const people: Person[] = []
  for (const name of NAMES) people.push(await person(product, name, { sessions: sessionsOf(name), wsUrl }))
  expect([await connections('gateway'), await connections('gateway-2')]).toEqual([2, 2])

  const talking = talk(people, sessionsOf)
  for (const victim of ['gateway', 'gateway-2']) {
    await more(people, ROUND)
    product.roles[victim]!.kill('SIGKILL')
    await product.roles[victim]!.exited
    // With this gateway away, everybody is served by the other.
    await Promise.all(people.map(someone => more([someone], 1)))
    await more(people, ROUND)
    await product.restart(victim)
  }
  await talking.stop()

  const lastSeqs = new Map<SessionId, number>()
  for (const { accepted, refused } of people) {
    expect(refused).toEqual([])
    for (const { sessionId, seq } of accepted.values()) {
      lastSeqs.set(sessionId, Math.max(seq, lastSeqs.get(sessionId) ?? 0))
    }
  }
  const acked = people.flatMap(({ accepted }) =>
    [...accepted.values()].map(({ sessionId, seq }) => `${sessionId} ${seq}`),
  )
  expect(new Set(acked).size).toBe(acked.length)
  expect([...lastSeqs.values()].reduce((sum, seq) => sum + seq, 0)).toBe(acked.length)
  const last = (sessionId: SessionId) => lastSeqs.get(sessionId) ?? 0
  await until(people, () =>
    people.every(({ name, received }) =>
      sessionsOf(name).every(sessionId => (received.get(sessionId)?.length ?? 0) >= last(sessionId)),
    ),
  )
  for (const someone of people) {
    expect(someone.losses).toEqual([])
    for (const sessionId of sessionsOf(someone.name)) {
      expect(misdelivered(someone, sessionId, last(sessionId))).toEqual([])
    }
    someone.client.close()
  }
}, 180_000)
