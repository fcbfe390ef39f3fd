import { systemRandom } from '../../infra/clock.ts'
import { Generations } from '../../infra/redis/generations.ts'
import { membershipStoreContract } from '../../tests/contract/membership-store.contract.ts'
import { testStack } from '../../tests/stack.ts'
import { GenerationWriter } from '../generation-writer.ts'
import { testRedis } from '../testing/redis.ts'
import { inspectMembership } from './inspect.ts'
import { MEMBERSHIP_FORMAT } from './redis-membership-keys.ts'
import { RedisMembershipReader } from './redis-membership-reader.ts'
import { RedisMembershipStore } from './redis-membership-store.ts'

membershipStoreContract('redis', async () => {
  const { connection, flush } = await testRedis(testStack().redisUrl)
  const generations = () =>
    new Generations({ connection, view: 'membership', format: MEMBERSHIP_FORMAT, random: systemRandom })
  return {
    reader: new RedisMembershipReader(generations()),
    inspector: inspectMembership(generations()),
    openStore: () => new RedisMembershipStore({ connection, writer: new GenerationWriter(generations()) }),
    flush,
    close: async () => {
      await flush()
      await connection.close()
    },
  }
})
