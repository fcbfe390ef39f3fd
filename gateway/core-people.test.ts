import { describe, expect, test } from 'vitest'
import type { EventBody } from '../schemas/event.ts'
import type { ClientFrame } from '../schemas/frames.ts'
import type { SessionId } from '../schemas/ids.ts'
import type { PackBody } from '../schemas/pack.ts'
import { USER_SETTINGS_DEFAULT } from '../schemas/settings.ts'
import { FRIENDS_ONLY_MS_MAX, LOOK_UPS } from './limits.ts'
import { World } from './testing/world.ts'

const chat = 's:alice:bob' as SessionId
const [alice, bob] = ['alice', 'bob'] as [never, never]

async function two() {
  const world = await World.make()
  const gateway = await world.gateway()
  const answers = new Map<PackBody['kind'], EventBody>()
  world.sequencer.dictate = pack => answers.get(pack.body.kind)
  const clients = { alice: await world.connect(gateway, 'alice'), bob: await world.connect(gateway, 'bob') }
  const choose = async (messagesFrom: 'anyone' | 'friends') => {
    answers.set('UpdateSettings', { kind: 'SettingsUpdated', settings: { ...USER_SETTINGS_DEFAULT, messagesFrom } })
    clients.bob.send({ type: 'updateSettings', packId: world.packId(), settings: { messagesFrom } })
    await world.flow()
  }
  const stampOfSend = async () => {
    world.say(clients.alice, chat)
    await world.flow()
    return world.sequencer.packs.at(-1)!.stamp?.friendsOnly ?? false
  }
  return { world, gateway, answers, choose, stampOfSend, ...clients }
}

describe('messages of friends only', () => {
  test('[US10] the stamp follows the setting of the receiver, known before or changed since', async () => {
    const { choose, stampOfSend } = await two()
    await choose('friends')
    expect(await stampOfSend()).toBe(true)
    await choose('anyone')
    expect(await stampOfSend()).toBe(false)
    await choose('friends')
    expect(await stampOfSend()).toBe(true)
  })

  test('[US10] the setting is asked for once, and not for groups and other packs', async () => {
    const { world, stampOfSend, alice: client } = await two()
    let asked = 0
    const own = world.people.own.bind(world.people)
    world.people.own = userId => {
      asked++
      return own(userId)
    }
    await stampOfSend()
    await stampOfSend()
    client.send({ type: 'requestFriend', packId: world.packId(), userId: bob })
    await world.flow()
    expect(asked).toBe(1)
  })

  test('[US10] a setting that passes while the view is asked goes before its answer', async () => {
    const { world, choose, alice: client } = await two()
    world.people.isFollowing = false
    let answer = () => {}
    const own = world.people.own.bind(world.people)
    world.people.own = async userId => {
      const known = await own(userId)
      await new Promise<void>(resolve => {
        answer = resolve
      })
      return known
    }
    world.say(client, chat)
    await world.settle()
    await choose('friends')
    answer()
    await world.flow()
    expect(world.sequencer.packs.at(-1)!.stamp?.friendsOnly).toBe(true)
  })

  test('[US10] a view that does not answer holds a message up for a moment only, and keeps the order', async () => {
    const { world, alice: client } = await two()
    world.people.isSilent = true
    world.say(client, chat, 'one')
    world.say(client, chat, 'two')
    await world.flow()
    expect(world.sequencer.packs).toEqual([])
    await world.clock.pass(FRIENDS_ONLY_MS_MAX)
    await world.flow()
    expect(world.sequencer.packs.map(({ body }) => body)).toMatchObject([
      { content: { text: 'one' } },
      { content: { text: 'two' } },
    ])
    expect(client.of('ack').map(({ seq }) => seq)).toEqual([1, 2])
  })
})

describe('questions about people', () => {
  test('[US11] friends, profiles and settings are answered from the view', async () => {
    const { world, answers, alice: client, bob: peer } = await two()
    answers.set('RequestFriend', { kind: 'FriendRequested', message: 'hi' })
    answers.set('UpdateProfile', { kind: 'ProfileUpdated', profile: { name: 'Bobby', avatar: '' } })
    client.send({ type: 'requestFriend', packId: world.packId(), userId: bob, message: 'hi' })
    peer.send({ type: 'updateProfile', packId: world.packId(), profile: { name: 'Bobby' } })
    await world.flow()
    const ask = async (frame: ClientFrame) => {
      client.send(frame)
      await world.clock.pass(10)
      return client.frames.at(-1)
    }
    expect(await ask({ type: 'friends', requestId: 1 })).toMatchObject({
      type: 'friends',
      requestId: 1,
      friends: [{ userId: 'bob', relation: 'requested', message: 'hi' }],
    })
    const profiles = [{ userId: 'bob', seq: 1, profile: { name: 'Bobby', avatar: '' } }]
    const users = [{ userId: bob }, { userId: alice }]
    expect(await ask({ type: 'profiles', requestId: 2, users })).toEqual({ type: 'profiles', requestId: 2, profiles })
    expect(await ask({ type: 'profiles', requestId: 3, users: [{ userId: bob, seq: 1 }] })).toMatchObject({
      requestId: 3,
      profiles: [],
    })
    expect(await ask({ type: 'findUsers', requestId: 4, name: 'bobb' })).toMatchObject({ requestId: 4, profiles })
    expect(await ask({ type: 'settings', requestId: 5 })).toEqual({
      type: 'settings',
      requestId: 5,
      seq: 0,
      settings: USER_SETTINGS_DEFAULT,
      attributes: [],
    })
  })

  test('[US11] a view that is down is told by a temporary code', async () => {
    const { world, alice: client } = await two()
    world.people.isDown = true
    client.send({ type: 'friends', requestId: 1 })
    await world.clock.pass(1_000)
    expect(client.of('failed')).toMatchObject([{ requestId: 1, name: 'REDIS_ERROR', retry: 'same' }])
  })

  test('[US9] who looks up too many users is told to wait, over all devices; others go on', async () => {
    const { world, gateway, alice: client, bob: peer } = await two()
    const phone = await world.connect(gateway, 'alice', { deviceId: 'phone' })
    const users = Array.from({ length: 200 }, (_, n) => ({ userId: `u${n}` as never }))
    for (let n = 0; n < LOOK_UPS.atOnce / users.length; n++) {
      client.send({ type: 'profiles', requestId: n, users })
      await world.clock.pass(10)
    }
    expect(client.of('failed')).toEqual([])
    phone.send({ type: 'findUsers', requestId: 9, name: 'bo' })
    peer.send({ type: 'findUsers', requestId: 9, name: 'al' })
    await world.clock.pass(10)
    expect(phone.of('failed')).toMatchObject([{ requestId: 9, name: 'RATE_LIMITED', retry: 'same' }])
    expect(peer.of('profiles')).toHaveLength(1)
  })
})
