import { expect, onTestFinished, test } from 'vitest'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { Generations } from '../../infra/redis/generations.ts'
import { GuardedPipes } from '../../infra/redis/guarded-pipes.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import type { WireCommand } from '../../infra/redis/wire-command.ts'
import { historyReadingContract } from '../../tests/contract/history-reading.contract.ts'
import { dump, type HistoryUnderTest, historyStoreContract } from '../../tests/contract/history-store.contract.ts'
import { testStack } from '../../tests/stack.ts'
import { GenerationWriter } from '../generation-writer.ts'
import { group, Script, single, user } from '../testing/events.ts'
import { testRedis } from '../testing/redis.ts'
import { HISTORY_DEFAULTS } from './history-store.ts'
import { inspectHistory } from './inspect.ts'
import { historyView } from './main.ts'
import { HISTORY_FORMAT } from './redis-history-keys.ts'
import { RedisHistoryReader } from './redis-history-reader.ts'
import { RedisHistoryStore } from './redis-history-store.ts'

/** The tag that decides where a cluster puts a key. */
const tagOf = (key: string) => key.slice(key.indexOf('{') + 1, key.indexOf('}'))

test('[HI2] in a cluster no script gets keys of two sessions or users, and the rows are the same', async () => {
  const { connection, flush } = await testRedis(testStack().redisUrl)
  onTestFinished(async () => {
    await flush()
    await connection.close()
  })
  const tags: string[] = []
  const calls: number[] = []
  const client = new Proxy(connection.client, {
    get: (target, name) => {
      const value = Reflect.get(target, name, target)
      if (name !== 'sendCommand') return typeof value === 'function' ? value.bind(target) : value
      return (command: WireCommand, batch: Parameters<typeof target.sendCommand>[1]) => {
        const [name, , keyCount, ...rest] = command.words
        if (name === 'evalsha') calls.push(new Set(rest.slice(0, Number(keyCount)).map(key => tagOf(`${key}`))).size)
        return target.sendCommand(command, batch)
      }
    },
  })
  const slotOf = (key: string) => {
    if (!tags.includes(tagOf(key))) tags.push(tagOf(key))
    return tags.indexOf(tagOf(key))
  }
  const script = new Script()
  script.create(group('crew'), user('alice'), [user('bob')])
  for (const name of ['bob', 'carol', 'dave']) script.message(single('alice', name), user(name), 'hi')
  script.message(group('crew'), user('bob'), 'all')
  const rows = async (slots: Pick<RedisConnection, 'slotOf'>) => {
    await flush()
    const generations = new Generations({ connection, view: 'history', format: HISTORY_FORMAT, random: systemRandom })
    const store = new RedisHistoryStore({
      connection: { ...connection, ...slots, client },
      writer: new GenerationWriter(generations),
      options: HISTORY_DEFAULTS,
      onGap: () => expect.unreachable('a gap'),
    })
    await store.position(0)
    await historyView(store).apply(script.batch())
    return dump(inspectHistory(generations))
  }
  const together = await rows({ slotOf: () => 0 })
  expect(Math.max(...calls)).toBeGreaterThan(1)
  calls.length = 0
  expect(await rows({ slotOf })).toEqual(together)
  expect(new Set(calls)).toEqual(new Set([1]))
})

const make = async (): Promise<HistoryUnderTest> => {
  const { connection, flush } = await testRedis(testStack().redisUrl)
  const generations = () =>
    new Generations({ connection, view: 'history', format: HISTORY_FORMAT, random: systemRandom })
  return {
    reader: new RedisHistoryReader(generations()),
    inspector: inspectHistory(generations()),
    openStore: (options, onGap) => {
      return new RedisHistoryStore({ connection, writer: new GenerationWriter(generations()), options, onGap })
    },
    flush,
    close: async () => {
      await flush()
      await connection.close()
    },
  }
}

/** The store of a rebuild, in a generation that is live at the same time, so that it can be read. */
const makeBuilding = async (): Promise<HistoryUnderTest> => {
  const { connection, flush } = await testRedis(testStack().redisUrl)
  const generations = new Generations({ connection, view: 'history', format: HISTORY_FORMAT, random: systemRandom })
  let pipes = new GuardedPipes({ connection, clock: systemClock })
  const [building] = await generations.beginBuilding()
  const pointers = `${connection.prefix}history:{history}:`
  const name = async () => {
    const { generation, guard } = building
    await connection.client.mset(
      `${pointers}live`,
      generation,
      `${pointers}building`,
      generation,
      guard.key,
      guard.value,
    )
  }
  await name()
  return {
    reader: new RedisHistoryReader(generations),
    inspector: inspectHistory(generations),
    openStore: (options, onGap) => {
      const writer = new GenerationWriter(generations, building)
      const shared: Pick<GuardedPipes, 'write' | 'close'> = {
        write: (...args) => pipes.write(...args),
        close: () => {},
      }
      return new RedisHistoryStore({ connection, writer, options, onGap, pipes: shared })
    },
    flush: async () => {
      await flush()
      await name()
      // What the others watch was written.
      pipes.close()
      pipes = new GuardedPipes({ connection, clock: systemClock })
    },
    close: async () => {
      pipes.close()
      await flush()
      await connection.close()
    },
  }
}

historyStoreContract('redis', make)
historyStoreContract('redis, as a rebuild writes it', makeBuilding)
historyReadingContract('redis', make)
