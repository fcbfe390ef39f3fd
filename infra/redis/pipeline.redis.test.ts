import { afterEach, beforeEach, expect, test } from 'vitest'
import { testStack } from '../../tests/stack.ts'
import { systemRandom } from '../clock.ts'
import { silentLogger } from '../logger.ts'
import { promotedBy } from '../testing/promoted.ts'
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

test('[RN5] callers of one tick get the replies of their own commands, which ran in their order', async () => {
  const sizes = [1, 400, 700, 2 * PIPELINE_COMMANDS_MAX + 1, 3, 0]
  const total = sizes.reduce((sum, size) => sum + size, 0)
  let from = 0
  const asked = sizes.map(size => {
    from += size
    return {
      values: Array.from({ length: size }, (_, i) => String(from - size + i)),
      commands: pushes(from - size, size),
    }
  })
  const answers = await Promise.all(asked.map(({ commands }) => runPipeline(connection, commands)))
  const stored = await connection.client.lrange(key, 0, -1)
  expect(stored).toHaveLength(total)
  for (const [index, { values }] of asked.entries()) {
    // The reply of a push is the length of the list after it: where the value stands, from 1.
    const places = answers[index] as number[]
    expect(places.map(place => stored[place - 1])).toEqual(values)
    expect(places).toEqual([...places].sort((a, b) => a - b))
  }
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

test('[RN33] nothing of a batch is kept once it is answered', async () => {
  const commands = Array.from({ length: 500 }, (_, i): Command => ['set', key, 'x'.repeat(100 + i)])
  const promoted = await promotedBy(async () => void (await runPipeline(connection, commands)))
  // Pipelines of ioredis keep nearly eight megabytes of them.
  expect(promoted).toBeLessThan(2_500_000)
})
