import { silentLogger } from '../../infra/logger.ts'
import { testRedis } from '../../processors/testing/redis.ts'
import { presenceContract } from '../../tests/contract/presence.contract.ts'
import { testStack } from '../../tests/stack.ts'
import { RedisPresence, RedisSignals } from './redis-presence.ts'

presenceContract('redis', async () => {
  const { connection, flush } = await testRedis(testStack().redisUrl)
  const subscribers: Awaited<ReturnType<typeof testRedis>>['connection'][] = []
  return {
    store: new RedisPresence(connection),
    signals: async () => {
      const { connection: subscriber } = await testRedis(testStack().redisUrl)
      subscribers.push(subscriber)
      return new RedisSignals({ connection, subscriber, logger: silentLogger })
    },
    close: async () => {
      for (const subscriber of subscribers) await subscriber.close()
      await flush()
      await connection.close()
    },
  }
})
