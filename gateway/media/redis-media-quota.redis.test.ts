import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import { testRedis } from '../../processors/testing/redis.ts'
import { testStack } from '../../tests/stack.ts'
import { RedisMediaQuota } from './redis-media-quota.ts'

const DAY_MS = 86_400_000
const NOON = 20_000 * DAY_MS + DAY_MS / 2

let connection: RedisConnection
let flush: () => Promise<void>
beforeAll(async () => {
  ;({ connection, flush } = await testRedis(testStack().redisUrl))
})
afterAll(async () => {
  await flush()
  await connection.close()
})

test('[MD2] a user uploads so much in a day, over all gateways; what is too much counts nothing', async () => {
  const [one, other] = [new RedisMediaQuota(connection, 100), new RedisMediaQuota(connection, 100)]
  expect(await one.take('ann', 60, NOON)).toBe(true)
  expect(await other.take('ann', 41, NOON)).toBe(false)
  expect(await other.take('ann', 40, NOON)).toBe(true)
  expect(await one.take('ann', 1, NOON)).toBe(false)
  expect(await one.take('bob', 100, NOON)).toBe(true)
  expect(await one.take('ann', 100, NOON + DAY_MS)).toBe(true)
})

test('[MD2] of many uploads at once only as many are let in as fit', async () => {
  const quota = new RedisMediaQuota(connection, 10)
  const taken = await Promise.all(Array.from({ length: 30 }, () => quota.take('cat', 1, NOON)))
  expect(taken.filter(Boolean)).toHaveLength(10)
})
