import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { testStack } from '../../tests/stack.ts'
import { systemClock, systemRandom } from '../clock.ts'
import { silentLogger } from '../logger.ts'
import { Generations } from './generations.ts'
import { escapeGlob, scanKeys } from './pipeline.ts'
import { connectRedis, type RedisConnection, redisReady } from './redis.ts'

let connection: RedisConnection
let generations: Generations

beforeEach(async () => {
  const prefix = `test-${systemRandom.bytes(6).toString('hex')}:`
  connection = connectRedis({ url: testStack().redisUrl, prefix, name: 'test', logger: silentLogger })
  await redisReady(connection)
  generations = new Generations({ connection, view: 'toy', random: systemRandom })
})

afterEach(async () => {
  for await (const keys of scanKeys(connection, `${escapeGlob(connection.prefix)}*`)) {
    await connection.client.unlink(...keys)
  }
  await connection.close()
})

const json = (offset: number) => JSON.stringify({ offset, cause: { era: 0, offset }, hash: null })

function store(generation: string, offset: number, before?: number, pointer: 'live' | 'building' = 'live') {
  return generations.storePosition({ pointer, generation, partition: 3, before, offset, json: json(offset) })
}

describe('positions', () => {
  test('[RN9] a position only rises', async () => {
    const generation = await generations.liveOrNew()
    expect(await store(generation, 10)).toBe('STORED')
    expect(await store(generation, 5, 4)).toBe('STORED')
    expect(await generations.position(generation, 3)).toBe(json(10))
    expect(await store(generation, 11, 10)).toBe('STORED')
    expect(await generations.positions(generation)).toEqual(new Map([[3, json(11)]]))
  })

  test('[RN9] a writer whose confirmed position is gone or has fallen is told', async () => {
    const generation = await generations.liveOrNew()
    expect(await store(generation, 20, 10)).toBe('BEHIND')
    expect(await store(generation, 5)).toBe('STORED')
    expect(await store(generation, 20, 10)).toBe('BEHIND')
    expect(await generations.position(generation, 3)).toBe(json(5))
  })

  test('[RN9] partitions that store at once share a call and are answered each for itself', async () => {
    const generation = await generations.liveOrNew()
    await store(generation, 5)
    const of = (partition: number, offset: number, before?: number) =>
      generations.storePosition({ pointer: 'live', generation, partition, before, offset, json: json(offset) })
    const stale = generations.storePosition({
      pointer: 'live',
      generation: 'abcdef',
      partition: 4,
      before: undefined,
      offset: 1,
      json: json(1),
    })
    expect(await Promise.all([of(3, 9, 7), of(1, 4), of(2, 6), stale])).toEqual(['BEHIND', 'STORED', 'STORED', 'MOVED'])
    expect(await generations.positions(generation)).toEqual(
      new Map([
        [3, json(5)],
        [1, json(4)],
        [2, json(6)],
      ]),
    )
  })

  test('[RN9] a writer of another generation than the live one is told', async () => {
    expect(await store('abcdef', 1)).toBe('MOVED')
    const generation = await generations.liveOrNew()
    expect(await generations.liveOrNew()).toBe(generation)
    expect(await store('abcdef', 1)).toBe('MOVED')
    expect(await store(generation, 1, undefined, 'building')).toBe('MOVED')
    expect(await generations.position('abcdef', 3)).toBeUndefined()
  })

  test('[RN11] positions stand still while a switch waits for the new generation, and go on in it', async () => {
    const old = await generations.liveOrNew()
    await store(old, 7)
    const [{ generation: next }] = await generations.beginBuilding()
    const sealed: string[] = []
    const clock = {
      ...systemClock,
      sleep: async () => {
        sealed.push(await store(old, 8, 7))
        await store(next, sealed.length === 1 ? 6 : 7, undefined, 'building')
      },
    }
    await generations.commitBuilding(next, clock)
    expect(sealed).toEqual(['SEALED', 'SEALED'])
    expect(await generations.current('live')).toBe(next)
    expect(await generations.current('building')).toBeUndefined()
    expect(await store(old, 8, 7)).toBe('MOVED')
    expect(await store(next, 8, 7)).toBe('STORED')
  })
})

describe('readers', () => {
  const keyOf = (generation: string) => `${generations.keyPrefix(generation)}{a}:value`
  const readValue = async () => (await generations.read(prefix => [['get', `${prefix}{a}:value`]]))?.[0]

  test('[RN10] a reader that has seen the old generation gets the new one after the switch, never a deleted key', async () => {
    expect(await readValue()).toBeUndefined()
    const old = await generations.liveOrNew()
    await connection.client.set(keyOf(old), 'old')
    expect(await readValue()).toBe('old')
    const other = new Generations({ connection, view: 'toy', random: systemRandom })
    const [{ generation: next }] = await other.beginBuilding()
    await connection.client.set(keyOf(next), 'new')
    expect(await readValue()).toBe('old')
    await other.commitBuilding(next, systemClock)
    await other.sweep()
    expect(await connection.client.exists(keyOf(old))).toBe(0)
    expect(await readValue()).toBe('new')
  })

  test('[RN10] the filling stays over a rebuild, and is another one after the server was emptied', async () => {
    expect(await generations.filling()).toBeUndefined()
    await generations.liveOrNew()
    const first = await generations.filling()
    expect(first).toBeDefined()
    await generations.commitBuilding((await generations.beginBuilding())[0].generation, systemClock)
    expect(await generations.filling()).toBe(first)
    for (const key of ['live', 'filling']) await connection.client.del(`${connection.prefix}toy:{toy}:${key}`)
    expect(await generations.filling()).toBeUndefined()
    await generations.liveOrNew()
    expect(await generations.filling()).not.toBe(first)
  })

  test('[RN10] a reader of an emptied server knows nothing instead of something wrong', async () => {
    const old = await generations.liveOrNew()
    await connection.client.set(keyOf(old), 'old')
    await store(old, 4)
    expect(await generations.readPosition(3)).toBe(json(4))
    await connection.client.del(`${connection.prefix}toy:{toy}:live`)
    expect(await readValue()).toBeUndefined()
    expect(await generations.readPosition(3)).toBeUndefined()
    expect(await generations.readPositions()).toEqual(new Map())
  })
})

describe('a server that is away', () => {
  test('[RN13] calls reject at once while there is no connection', async () => {
    const url = 'redis://127.0.0.1:1'
    const away = connectRedis({ url, prefix: '', name: 'test', logger: silentLogger })
    onTestFinished(() => away.close())
    await expect(redisReady(away)).rejects.toThrow()
    const lost = new Generations({ connection: away, view: 'toy', random: systemRandom })
    await expect(lost.readPosition(0)).rejects.toThrow()
    await expect(lost.read(() => [])).rejects.toThrow()
  })

  test('[RN13] a server that falls silent is given up within the limit', async () => {
    const { url, mute } = await silentServer()
    const silent = connectRedis({ url, prefix: '', name: 'test', logger: silentLogger, silenceMsMax: 200 })
    onTestFinished(() => silent.close())
    await redisReady(silent)
    mute()
    const startedAt = systemClock.monotonic()
    await expect(silent.client.get('x')).rejects.toThrow()
    expect(systemClock.monotonic() - startedAt).toBeLessThan(2_000)
  })
})

/** Passes everything on to the real server until it is muted. */
async function silentServer(): Promise<{ url: string; mute: () => void }> {
  const real = new URL(testStack().redisUrl)
  let muted = false
  const mute = () => {
    muted = true
  }
  const server: Server = createServer(socket => {
    const upstream = connect(Number(real.port), real.hostname)
    upstream.on('data', data => void (muted || socket.write(data)))
    socket.on('data', data => void (muted || upstream.write(data)))
    const end = () => {
      upstream.destroy()
      socket.destroy()
    }
    for (const side of [socket, upstream]) side.on('error', end).on('close', end)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`, mute }
}

describe('formats', () => {
  const ofFormat = (format: string) => new Generations({ connection, view: 'toy', format, random: systemRandom })

  test('[RN14] a generation of another format counts as none, and goes when a writer of this one begins', async () => {
    const old = await generations.liveOrNew()
    await store(old, 7)
    const next = ofFormat('2')
    expect(await next.current('live')).toBeUndefined()
    expect(await next.readPositions()).toEqual(new Map())
    const generation = await next.liveOrNew()
    expect(generation).toMatch(/^2-[0-9a-f]+$/)
    expect(await next.liveOrNew()).toBe(generation)
    expect(await next.current('live')).toBe(generation)
    expect(await next.positions(generation)).toEqual(new Map())
    expect(await generations.positions(old)).toEqual(new Map())
    expect(await store(old, 8)).toBe('MOVED')
  })

  test('[RN14] a rebuild in another format takes the place of the live one when it is as far', async () => {
    const old = await generations.liveOrNew()
    await store(old, 7)
    const next = ofFormat('2')
    const [{ generation: building }] = await next.beginBuilding()
    expect(await generations.position(old, 3)).toBe(json(7))
    const request = { pointer: 'building', generation: building, partition: 3, before: undefined } as const
    await next.storePosition({ ...request, offset: 7, json: json(7) })
    await next.commitBuilding(building, systemClock)
    await next.sweep()
    expect(await next.current('live')).toBe(building)
    expect(await generations.positions(old)).toEqual(new Map())
  })
})

test('[RN34] of those who build together each has a guard of its own; whoever begins after them takes all', async () => {
  const shares = await generations.beginBuilding()
  const values = () => connection.client.mget(shares.map(({ guard }) => guard.key))
  expect(await values()).toEqual(shares.map(({ guard }) => guard.value))
  const [own, second] = [shares[0], shares[1]!]
  const renewed = generations.guardAfter(second.guard)
  expect(await generations.renewGuard(second.guard, renewed)).toBe(true)
  expect((await values()).slice(0, 2)).toEqual([own.guard.value, renewed.value])
  const later = await generations.beginBuilding({ resume: true })
  expect(later[0].generation).toBe(own.generation)
  expect(await values()).toEqual(later.map(({ guard }) => guard.value))
  await generations.commitBuilding(own.generation, systemClock)
  expect(new Set(await values())).toEqual(new Set([null]))
})
