import { createServer } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { testRedis } from '../../processors/testing/redis.ts'
import { testStack } from '../../tests/stack.ts'
import { systemClock } from '../clock.ts'
import { silentLogger } from '../logger.ts'
import { type Guard, GuardedPipes, GuardLost } from './guarded-pipes.ts'
import type { Command } from './pipeline.ts'
import { connectRedis, type RedisConnection } from './redis.ts'

let connection: RedisConnection
let flush: () => Promise<void>
let pipes: GuardedPipes
let guard: Guard

beforeEach(async () => {
  const redis = await testRedis(testStack().redisUrl)
  connection = redis.connection
  flush = redis.flush
  pipes = new GuardedPipes({ connection, clock: systemClock })
  guard = { key: `${connection.prefix}guard`, value: 'mine' }
  await connection.client.set(guard.key, guard.value)
})

afterEach(async () => {
  pipes.close()
  await flush()
  await connection.close()
})

const key = (name: string | number) => `${connection.prefix}${name}`

test('[RN32] every command runs, however many there are', async () => {
  const units = Array.from({ length: 2_000 }, (_, i): Command[] => [
    ['hset', key(i), 'text', 'ü'.repeat(i), 'number', i],
    ['sadd', key('all'), i],
  ])
  await Promise.all([pipes.write(guard, units.slice(0, 900)), pipes.write(guard, units.slice(900))])
  expect(await connection.client.scard(key('all'))).toBe(2_000)
  expect(await connection.client.hgetall(key(1_999))).toEqual({ text: 'ü'.repeat(1_999), number: '1999' })
  await pipes.write(guard, [])
})

test('[RN32] nothing is written any more once somebody else has written the guard', async () => {
  await pipes.write(guard, [[['set', key('a'), 1]]])
  await connection.client.set(guard.key, 'theirs')
  await expect(pipes.write(guard, [[['set', key('a'), 2]]])).rejects.toThrow(GuardLost)
  await expect(pipes.write(guard, [[['set', key('a'), 2]]])).rejects.toThrow(GuardLost)
  expect(await connection.client.get(key('a'))).toBe('1')
  await pipes.write({ ...guard, value: 'theirs' }, [[['set', key('a'), 3]]])
  expect(await connection.client.get(key('a'))).toBe('3')
})

test('[RN32] a block that waits at the server while the guard is written does nothing', async () => {
  await pipes.write(guard, [[['set', key('a'), 1]]])
  const order = connection.client.multi().set(guard.key, 'theirs')
  const [written] = await Promise.allSettled([pipes.write(guard, [[['incr', key('a')]]]), order.exec()])
  // Whichever came first: the write as a whole, or not at all.
  expect(await connection.client.get(key('a'))).toBe(written.status === 'fulfilled' ? '2' : '1')
  await expect(pipes.write(guard, [[['incr', key('a')]]])).rejects.toThrow(GuardLost)
})

test('[RN32] a command that fails is told, and the next call goes on', async () => {
  await connection.client.set(key('text'), 'x')
  await expect(pipes.write(guard, [[['hset', key('text'), 'a', 1]]])).rejects.toThrow(/WRONGTYPE/)
  await expect(pipes.write(guard, [[['nonsense']]])).rejects.toThrow(/unknown command/)
  await pipes.write(guard, [[['set', key('b'), 1]]])
  expect(await connection.client.get(key('b'))).toBe('1')
})

test('[RN13] a server that is away, or silent, is told in time', async () => {
  const silent = createServer(socket => void socket.resume())
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as { port: number }
  const write = async (url: string) => {
    const to = connectRedis({ url, prefix: '', name: 'test', logger: silentLogger })
    const pipes = new GuardedPipes({ connection: to, clock: systemClock, silenceMsMax: 50 })
    try {
      await pipes.write(guard, [[['set', key('a'), 1]]])
    } finally {
      pipes.close()
      await to.close()
    }
  }
  await expect(write(`redis://127.0.0.1:${port}`)).rejects.toThrow(/silent for 50 ms/)
  await new Promise(resolve => silent.close(resolve))
  await expect(write(`redis://127.0.0.1:${port}`)).rejects.toThrow(/ECONNREFUSED|silent/)
})
