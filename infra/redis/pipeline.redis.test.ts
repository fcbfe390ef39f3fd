import { afterEach, beforeEach, expect, test } from 'vitest'
import { testStack } from '../../tests/stack.ts'
import { systemRandom } from '../clock.ts'
import { silentLogger } from '../logger.ts'
import { type Command, PIPELINE_COMMANDS_MAX, runPipeline } from './pipeline.ts'
import { connectRedis, type RedisConnection, redisReady } from './redis.ts'

let connection: RedisConnection
let key: string

beforeEach(async () => {
  key = `test-${systemRandom.bytes(6).toString('hex')}`
  connection = connectRedis({ url: testStack().redisUrl, prefix: '', name: 'test', logger: silentLogger })
  await redisReady(connection)
})

afterEach(async () => {
  await connection.client.unlink(key)
  await connection.close()
})

const pushes = (from: number, count: number) =>
  Array.from({ length: count }, (_, i): Command => ['rpush', key, from + i])

test('[RN5] callers of one tick get their own replies, in the order in which they asked', async () => {
  const sizes = [1, 400, 700, 2 * PIPELINE_COMMANDS_MAX + 1, 3, 0]
  let from = 0
  const answers = await Promise.all(
    sizes.map(size => {
      from += size
      return runPipeline(connection, pushes(from - size, size))
    }),
  )
  expect(answers.map(replies => replies.length)).toEqual(sizes)
  expect(answers.flat()).toEqual(Array.from({ length: from }, (_, i) => i + 1))
  expect(await connection.client.lrange(key, 0, -1)).toEqual(Array.from({ length: from }, (_, i) => String(i)))
})

test('[RN5] a command that fails fails its caller and nobody else', async () => {
  const results = await Promise.allSettled([
    runPipeline(connection, pushes(0, 2)),
    runPipeline(connection, [['incr', key], ...pushes(2, 1)]),
    runPipeline(connection, pushes(3, 1)),
  ])
  expect(results.map(result => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(results[2]).toMatchObject({ value: [4] })
})
