import { expect, test } from 'vitest'
import { QUESTIONS_RATE, REFUSALS_RATE } from './limits.ts'
import { refused } from './testing/script.ts'
import { type TestClient, World } from './testing/world.ts'

const codes = (client: TestClient) => client.of('refused').map(({ name }) => name)

test('[US9] a user at ten times the limit gets the code, over all devices; another user is not disturbed', async () => {
  const world = await World.make()
  const gateway = await world.gateway('gw', { packsPerSecond: 20, userPacksPerSecond: 20 })
  const [phone, laptop] = [
    await world.connect(gateway, 'alice', { deviceId: 'phone' }),
    await world.connect(gateway, 'alice', { deviceId: 'laptop' }),
  ]
  const other = await world.connect(gateway, 'carol')
  for (let second = 0; second < 5; second++) {
    for (let n = 0; n < 100; n++) {
      world.say(phone, 's:alice:bob')
      world.say(laptop, 's:alice:bob')
      if (n % 10 === 0) world.say(other, 's:bob:carol')
    }
    await world.flow()
    await world.clock.pass(1_000)
  }
  expect(codes(other)).toEqual([])
  expect(other.of('ack')).toHaveLength(50)
  // 40 at once, and 20 for each second after the first.
  const acked = phone.of('ack').length + laptop.of('ack').length
  expect(acked).toBeGreaterThanOrEqual(40 + 4 * 20)
  expect(acked).toBeLessThanOrEqual(40 + 5 * 20)
  expect(new Set([...codes(phone), ...codes(laptop)])).toEqual(new Set(['RATE_LIMITED']))
  expect(phone.of('refused')[0]!.retry).toBe('same')
})

test('[US9] who is refused by the log again and again is kept away from it for a while', async () => {
  const world = await World.make()
  const gateway = await world.gateway('gw')
  const client = await world.connect(gateway, 'alice')
  const other = await world.connect(gateway, 'carol')
  world.sequencer.dictate = pack => (pack.from === 'alice' ? refused('MSG_FORBIDDEN') : undefined)
  for (let n = 0; n < REFUSALS_RATE.atOnce; n++) world.say(client, 's:alice:bob')
  await world.flow()
  expect(new Set(codes(client))).toEqual(new Set(['MSG_FORBIDDEN']))
  world.say(client, 's:alice:bob')
  world.say(other, 's:bob:carol')
  await world.flow()
  expect(codes(client).at(-1)).toBe('RATE_LIMITED')
  expect(other.of('ack')).toHaveLength(1)
  await world.clock.pass(1_000)
  world.say(client, 's:alice:bob')
  await world.flow()
  expect(codes(client).at(-1)).toBe('MSG_FORBIDDEN')
})

test('[US9] who asks too often is told so', async () => {
  const world = await World.make()
  const gateway = await world.gateway('gw')
  const client = await world.connect(gateway, 'alice')
  for (let n = 0; n <= QUESTIONS_RATE.atOnce; n++) {
    client.send({ type: 'outcome', requestId: n, sessionId: 's:alice:bob' as never, packId: world.packId() })
    if (n % 20 === 0) await world.settle()
  }
  await world.settle()
  const limited = client.of('failed').filter(({ reason }) => reason.includes('too many questions'))
  expect(limited.length).toBeGreaterThan(0)
  client.send({ type: 'ping', requestId: 99_999 })
  await world.settle()
  expect(client.of('pong')).toHaveLength(1)
})
