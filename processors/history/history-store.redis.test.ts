import { systemRandom } from '../../infra/clock.ts'
import { Generations } from '../../infra/redis/generations.ts'
import { historyStoreContract } from '../../tests/contract/history-store.contract.ts'
import { testStack } from '../../tests/stack.ts'
import { GenerationWriter } from '../generation-writer.ts'
import { testRedis } from '../testing/redis.ts'
import { inspectHistory } from './inspect.ts'
import { RedisHistoryReader } from './redis-history-reader.ts'
import { RedisHistoryStore } from './redis-history-store.ts'

historyStoreContract('redis', async () => {
  const { connection, flush } = await testRedis(testStack().redisUrl)
  const generations = () => new Generations({ connection, view: 'history', random: systemRandom })
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
})
