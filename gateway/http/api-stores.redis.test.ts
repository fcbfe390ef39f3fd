import { testRedis } from '../../processors/testing/redis.ts'
import { apiStoresContract } from '../../tests/contract/api-stores.contract.ts'
import { testStack } from '../../tests/stack.ts'
import { RedisDayCounts } from './day-counts.ts'
import { RedisKeyUses } from './redis-key-uses.ts'
import { RedisPackIds } from './redis-pack-ids.ts'

apiStoresContract('in Redis', async () => {
  const { connection, flush } = await testRedis(testStack().redisUrl)
  return {
    open: () => ({
      dayCounts: new RedisDayCounts(connection),
      keyUses: new RedisKeyUses(connection),
      packIds: new RedisPackIds(connection),
    }),
    close: async () => {
      await flush()
      await connection.close()
    },
  }
})
