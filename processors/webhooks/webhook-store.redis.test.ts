import { LIMITS, webhookStoreContract } from '../../tests/contract/webhook-store.contract.ts'
import { testStack } from '../../tests/stack.ts'
import { testRedis } from '../testing/redis.ts'
import { RedisWebhookStore } from './redis-webhook-store.ts'

webhookStoreContract('in Redis', async () => {
  const { connection, flush } = await testRedis(testStack().redisUrl)
  return {
    open: () => new RedisWebhookStore(connection, LIMITS),
    lose: flush,
    close: async () => {
      await flush()
      await connection.close()
    },
  }
})
