import { describe, expect, test } from 'vitest'
import type { SessionId, UserId } from '../schemas/ids.ts'
import { World } from './testing/world.ts'

const chat = 's:alice:bob' as SessionId

describe('logins', () => {
  test('[GW23] a newer login of the same device replaces the older one, of another device does not', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const old = await world.connect(gateway, 'alice', { deviceId: 'phone' })
    const other = await world.connect(gateway, 'alice', { deviceId: 'laptop' })
    const fresh = await world.connect(gateway, 'alice', { deviceId: 'phone' })
    expect(old.closed).toMatchObject({ code: 4022 })
    expect([other.closed, fresh.closed]).toEqual([undefined, undefined])
    world.say(other, chat)
    await world.flow()
    expect(fresh.seqs(chat)).toEqual([1])
  })

  test('[GW12] with the membership view down logins are refused, and work again later', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const alice = await world.connect(gateway, 'alice')
    world.membership.isDown = true
    const refusedLogin = gateway.core.admit('bob' as UserId)
    await world.clock.pass(1_000)
    expect(await refusedLogin).toBe(false)
    // Who is connected goes on, also on a second device.
    await world.connect(gateway, 'alice', { deviceId: 'd2' })
    world.say(alice, chat)
    await world.flow()
    expect(alice.of('ack')).toHaveLength(1)
    world.membership.isDown = false
    await world.connect(gateway, 'bob')
  })

  test('[GW12] a view that was emptied is not taken for users without groups', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const alice = await world.connect(gateway, 'alice')
    alice.send({
      type: 'createGroup',
      packId: world.packId(),
      groupId: 'x',
      info: { name: '' },
      members: ['bob' as UserId],
    })
    await world.flow()
    await world.clock.pass(2_000)
    world.membership.empty()
    const login = gateway.core.admit('bob' as UserId)
    await world.clock.pass(1_000)
    expect(await login).toBe(false)
  })

  test('[GW12] groups that were read while a view was filled again are not taken over by a gateway that has just started', async () => {
    const world = await World.make()
    const { membership } = world
    const first = await world.gateway('first')
    const alice = await world.connect(first, 'alice')
    const members = ['bob' as UserId]
    alice.send({ type: 'createGroup', packId: world.packId(), groupId: 'x', info: { name: '' }, members })
    await world.flow()
    const second = await world.gateway('second')
    const groupsOf = membership.groupsOf.bind(membership)
    membership.groupsOf = userId => membership.emptyFor(() => groupsOf(userId))
    const login = second.core.admit('bob' as UserId)
    await world.clock.pass(1_000)
    expect(await login).toBe(false)
    membership.groupsOf = groupsOf
    await world.clock.pass(1_000)
    const bob = await world.connect(second, 'bob')
    world.say(alice, 'g:x' as SessionId)
    await world.flow()
    expect(bob.seqs('g:x' as SessionId)).toEqual([2])
  })

  test('[GW24] a gateway serves once it has read what the log held at its start', async () => {
    const world = await World.make()
    const first = await world.gateway('first')
    const alice = await world.connect(first, 'alice')
    world.membership.isFollowing = false
    for (let i = 0; i < 3; i++) {
      alice.send({
        type: 'createGroup',
        packId: world.packId(),
        groupId: `g${i}`,
        info: { name: '' },
        members: ['bob' as UserId],
      })
    }
    await world.flow()
    const second = await world.gateway('second')
    expect(second.core.isOpen).toBe(true)
    // The view has not seen any of it: the trail has.
    const bob = await world.connect(second, 'bob')
    for (let i = 0; i < 3; i++) world.say(alice, `g:g${i}`)
    await world.flow()
    expect(bob.of('event')).toHaveLength(3)
  })

  test('[GW25] a draining gateway answers what it has taken, refuses the rest and says: reconnect', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const alice = await world.connect(gateway, 'alice')
    world.say(alice, chat)
    await world.settle()
    const drained = gateway.core.drain()
    world.say(alice, chat)
    await world.clock.pass(200)
    expect(alice.of('refused')).toMatchObject([{ name: 'SERVICE_UNAVAILABLE', retry: 'same' }])
    expect(alice.closed).toBeUndefined()
    await world.flow()
    await world.clock.pass(200)
    await drained
    expect(alice.of('ack')).toHaveLength(1)
    expect(alice.closed).toMatchObject({ code: 4010 })
    expect(await gateway.core.admit('bob' as UserId)).toBe(false)
    await gateway.core.stop()
    await gateway.core.done
  })
})

describe('the log', () => {
  test('[GW26] junk on im.events is skipped, everyone else undisturbed', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const [alice, bob] = [await world.connect(gateway, 'alice'), await world.connect(gateway, 'bob')]
    world.say(alice, chat)
    await world.flow()
    const partition = world.partitionOf(chat)
    world.log.put(world.topics.events.name, partition, [
      { key: Buffer.from(chat), value: Buffer.from('junk'), headers: {} },
    ])
    world.sequencer.skipOffset(partition)
    world.say(alice, chat)
    await world.flow()
    expect(bob.seqs(chat)).toEqual([1, 2])
  })

  test('[GW26] a corrupt log ends the gateway', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const alice = await world.connect(gateway, 'alice')
    world.say(alice, chat)
    await world.flow()
    world.sequencer.skipCause(world.partitionOf(chat))
    world.say(alice, chat)
    await world.flow()
    await expect(gateway.core.done).rejects.toThrow('does not follow')
  })

  test('[GW27] an event of a kind that this gateway does not know is a gap for its session, and nothing else', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const [alice, bob] = [await world.connect(gateway, 'alice'), await world.connect(gateway, 'bob')]
    const newer = await world.newerSchema()
    world.say(alice, chat)
    await world.flow()
    world.sequencer.rewrite = newer
    const packId = world.say(alice, chat)
    await world.flow()
    world.sequencer.rewrite = undefined
    world.say(alice, chat)
    await world.flow()
    expect(bob.seqs(chat)).toEqual([1, 3])
    expect(bob.of('gap')).toEqual([{ type: 'gap', sessionId: chat, fromSeq: 2, toSeq: 2 }])
    expect(alice.of('ack').map(ack => ack.packId)).not.toContain(packId)
  })

  test('[GW27] a change of membership that cannot be read ends the gateway', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const alice = await world.connect(gateway, 'alice')
    world.sequencer.rewrite = await world.newerSchema()
    alice.send({ type: 'createGroup', packId: world.packId(), groupId: 'x', info: { name: '' }, members: [] })
    await world.flow()
    await expect(gateway.core.done).rejects.toThrow('cannot be read')
  })

  test('[GW28] events of an older schema are read; it is fetched once, also while the registry was away', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const [alice, bob] = [await world.connect(gateway, 'alice'), await world.connect(gateway, 'bob')]
    world.sequencer.rewrite = await world.olderSchema()
    world.registryDown(2)
    world.say(alice, chat)
    await world.flow()
    expect(bob.seqs(chat)).toEqual([])
    await world.clock.pass(1_100)
    expect(bob.seqs(chat)).toEqual([1])
    expect(alice.of('ack')).toHaveLength(1)
  })

  test('[GW29] what concerns nobody here is not decoded', async () => {
    const world = await World.make()
    const [here, there] = [await world.gateway('here'), await world.gateway('there')]
    const [alice, zoe] = [await world.connect(here, 'alice'), await world.connect(there, 'zoe')]
    world.sequencer.rewrite = value => Buffer.concat([value.subarray(0, 5), value.subarray(5, 9), Buffer.from('rest')])
    world.say(alice, chat)
    await world.flow()
    world.sequencer.rewrite = undefined
    world.say(alice, 's:alice:zoe')
    await world.flow()
    expect(zoe.frames.map(({ type }) => type)).toEqual(['welcome', 'event'])
  })
})
