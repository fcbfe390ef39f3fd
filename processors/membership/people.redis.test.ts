import { systemRandom } from '../../infra/clock.ts'
import { Generations } from '../../infra/redis/generations.ts'
import { peopleContract } from '../../tests/contract/people.contract.ts'
import { testStack } from '../../tests/stack.ts'
import { GenerationWriter } from '../generation-writer.ts'
import { testRedis } from '../testing/redis.ts'
import { inspectMembership } from './inspect.ts'
import { RedisMembershipStore } from './redis-membership-store.ts'
import { RedisPeopleReader } from './redis-people.ts'

peopleContract('redis', async () => {
  const { connection, flush } = await testRedis(testStack().redisUrl)
  const generations = () => new Generations({ connection, view: 'membership', random: systemRandom })
  return {
    reader: new RedisPeopleReader(generations()),
    inspector: inspectMembership(generations()),
    openStore: () => new RedisMembershipStore({ connection, writer: new GenerationWriter(generations()) }),
    flush,
    close: async () => {
      await flush()
      await connection.close()
    },
  }
})
