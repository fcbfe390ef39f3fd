import { pushStoreContract } from '../../tests/contract/push-store.contract.ts'
import { testStack } from '../../tests/stack.ts'
import { testRedis } from '../testing/redis.ts'
import { RedisPushStore } from './redis-push-store.ts'

pushStoreContract('redis', async () => {
  const { connection, flush } = await testRedis(testStack().redisUrl)
  const close = async () => {
    await flush()
    await connection.close()
  }
  const store = new RedisPushStore(connection)
  store.close = close
  return store
})
