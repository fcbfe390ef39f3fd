import { expect, onTestFinished, test } from 'vitest'
import { systemRandom } from '../../infra/clock.ts'
import { Generations } from '../../infra/redis/generations.ts'
import { membershipStoreContract } from '../../tests/contract/membership-store.contract.ts'
import { testStack } from '../../tests/stack.ts'
import { GenerationWriter } from '../generation-writer.ts'
import { group, Script, user } from '../testing/events.ts'
import { testRedis } from '../testing/redis.ts'
import { inspectMembership } from './inspect.ts'
import { membershipView } from './main.ts'
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

test('[ME7] an invite that has ended leaves a mark, and its uses at once, and the mark as well once it would be over', async () => {
  const { connection, flush } = await testRedis(testStack().redisUrl)
  onTestFinished(async () => {
    await flush()
    await connection.close()
  })
  const generations = new Generations({
    connection,
    view: 'membership',
    format: MEMBERSHIP_FORMAT,
    random: systemRandom,
  })
  const view = membershipView(new RedisMembershipStore({ connection, writer: new GenerationWriter(generations) }))
  await view.position(0)
  const prefix = generations.keyPrefix((await generations.current('live'))!)
  const key = (name: string) => `${prefix}{g:crew}:${name}`
  const [crew, alice] = [group('crew'), user('alice')]
  const script = new Script()
  const apply = async () => {
    await view.apply(script.batch(applied))
    applied = script.events.length
  }
  const invite = (inviteId: string, ms: number) => {
    const expiresAt = script.now + ms
    script.unplaced(crew, alice, { kind: 'InviteCreated', inviteId, secretHash: 'ab', usesMax: 2, expiresAt })
  }
  let applied = 0
  script.create(crew, alice, [])
  invite('i1', 60_000)
  invite('i2', 60_000)
  script.change(crew, user('bob'), { kind: 'MemberJoined', inviteId: 'i1' })
  await apply()
  expect(await connection.client.scard(key('uses:i1'))).toBe(1)
  script.unplaced(crew, alice, { kind: 'InviteRevoked', inviteId: 'i1' })
  await apply()
  expect(await connection.client.exists(key('uses:i1'))).toBe(0)
  expect(await connection.client.zrange(key('endedInvites'), 0, '-1')).toEqual(['i1'])
  script.wait(90_000)
  invite('i3', 60_000)
  await apply()
  expect(await connection.client.exists(key('endedInvites'))).toBe(0)
})
