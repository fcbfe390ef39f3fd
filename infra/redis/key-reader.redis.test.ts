import { expect, test } from 'vitest'
import { testRedis } from '../../processors/testing/redis.ts'
import { testStack } from '../../tests/stack.ts'
import { systemRandom } from '../clock.ts'
import { Generations } from './generations.ts'
import { KeyReader } from './key-reader.ts'

async function filled(things: number, fieldsEach: number) {
  const { connection, flush } = await testRedis(testStack().redisUrl)
  const generations = new Generations({ connection, view: 'things', random: systemRandom })
  const keyPrefix = generations.keyPrefix(await generations.liveOrNew())
  const keysOf = (prefix: string, id: number) => [`${prefix}{${id}}:hash`, `${prefix}{${id}}:names`]
  for (let id = 0; id < things; id++) {
    const [hash, names] = keysOf(keyPrefix, id)
    const fields = Array.from({ length: fieldsEach }, (_, field) => [`f${field}`, `${id}`]).flat()
    await connection.client.hset(hash!, ...fields)
    await connection.client.zadd(names!, 2, 'b', 1, `a${id}`)
  }
  const reader = new KeyReader<number>(generations, { kinds: 'hz', keysOf })
  const remove = async () => {
    await flush()
    await connection.close()
  }
  return { connection, reader, remove }
}

test('[RN31] each of many askers gets what its own keys hold, however much that is', async () => {
  // More than one call, and calls that end for their values before they have come to all of their things.
  const { reader, remove } = await filled(150, 300)
  const answers = await Promise.all(Array.from({ length: 151 }, (_, id) => reader.read(id)))
  for (const [id, answer] of answers.entries()) {
    if (id === 150) {
      expect(answer).toEqual([[], []])
      continue
    }
    expect(answer?.[0]).toHaveLength(600)
    expect(answer?.[0]?.[1]).toBe(String(id))
    expect(answer?.[1]).toEqual([`a${id}`, '1', 'b', '2'])
  }
  await remove()
})

test('[RN31] where there is no generation there is nothing; where there is no server, all who asked are told', async () => {
  const { connection, flush } = await testRedis(testStack().redisUrl)
  const generations = new Generations({ connection, view: 'none', random: systemRandom })
  const reader = new KeyReader<number>(generations, { kinds: 'h', keysOf: prefix => [`${prefix}x`] })
  expect(await Promise.all([reader.read(1), reader.read(2)])).toEqual([undefined, undefined])
  await generations.liveOrNew()
  await flush()
  await connection.close()
  const failed = await Promise.allSettled([reader.read(1), reader.read(2)])
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
})
