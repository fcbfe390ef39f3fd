import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import { testRedis } from '../../processors/testing/redis.ts'
import { testStack } from '../../tests/stack.ts'
import { LEASE_MS, RedisJobLeases } from './job-leases.ts'

let connection: RedisConnection
let flush: () => Promise<void>
beforeAll(async () => {
  ;({ connection, flush } = await testRedis(testStack().redisUrl))
})
afterAll(async () => {
  await flush()
  await connection.close()
})

const keys = () => connection.client.keys(`${connection.prefix}*`)

test('[AP21] a job is of one gateway, which keeps it by asking again, until it lets go or is silent', async () => {
  const [one, other] = ['gw1', 'gw2'].map(name => new RedisJobLeases(connection, name)) as [
    RedisJobLeases,
    RedisJobLeases,
  ]
  expect(await one.take('shop/1')).toBe(true)
  expect(await other.take('shop/1')).toBe(false)
  expect(await other.take('shop/2')).toBe(true)
  const [key] = (await keys()).filter(name => name.endsWith('shop/1'))
  await connection.client.pexpire(key!, 100)
  expect(await one.take('shop/1')).toBe(true)
  expect(await connection.client.pttl(key!)).toBeGreaterThan(LEASE_MS - 5_000)
  await other.release('shop/1')
  expect(await other.take('shop/1')).toBe(false)
  // A restarted gateway has the same name: it goes on at once.
  expect(await new RedisJobLeases(connection, 'gw1').take('shop/1')).toBe(true)
  await connection.client.pexpire(key!, 1)
  await expect.poll(() => other.take('shop/1')).toBe(true)
  await other.release('shop/1')
  expect(await one.take('shop/1')).toBe(true)
})

test('[AP21] of many who ask at once one gets it', async () => {
  const holders = Array.from({ length: 8 }, (_, i) => new RedisJobLeases(connection, `at-once-${i}`))
  const taken = await Promise.all(holders.map(leases => leases.take('shop/3')))
  expect(taken.filter(Boolean)).toHaveLength(1)
})
