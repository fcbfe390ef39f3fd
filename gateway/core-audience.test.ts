import { describe, expect, test } from 'vitest'
import type { EventBody } from '../schemas/event.ts'
import type { SessionId } from '../schemas/ids.ts'
import type { PackBody } from '../schemas/pack.ts'
import { World } from './testing/world.ts'

/** Live delivery of events that take no seq, and of a user's own. */

const chat = 's:alice:bob' as SessionId
const group = 'g:climbers' as SessionId

/** Connects each user with a laptop, and alice with a phone as well. */
async function people(names: string[]) {
  const world = await World.make()
  const gateway = await world.gateway()
  const phone = await world.connect(gateway, 'alice', { deviceId: 'phone' })
  const laptops = new Map<string, Awaited<ReturnType<World['connect']>>>()
  for (const name of names) laptops.set(name, await world.connect(gateway, name, { deviceId: 'laptop' }))
  const answers = new Map<PackBody['kind'], EventBody>()
  world.sequencer.dictate = pack => answers.get(pack.body.kind)
  return { world, gateway, phone, laptops, answers }
}

describe('events without a seq', () => {
  test('[GW46] a read mark goes to the reader and the peer; whoever made it gets the event, then the ack', async () => {
    const { world, phone, laptops, answers } = await people(['alice', 'bob', 'carol'])
    answers.set('MarkRead', { kind: 'ReadMarked', seq: 4, count: 3 })
    phone.send({ type: 'markRead', packId: world.packId(), sessionId: chat, seq: 4 })
    await world.flow()
    expect(phone.frames.map(({ type }) => type)).toEqual(['welcome', 'event', 'ack'])
    expect(phone.of('ack')).toMatchObject([{ seq: 0, count: 0 }])
    for (const name of ['alice', 'bob']) {
      expect(laptops.get(name)!.of('event')).toMatchObject([
        { sessionId: chat, seq: 0, from: 'alice', body: { kind: 'ReadMarked', seq: 4, count: 3 } },
      ])
    }
    expect(laptops.get('carol')!.of('event')).toEqual([])
  })

  test('[GW46] what is nobody else’s business goes to the devices of the sender', async () => {
    const { world, phone, laptops, answers } = await people(['alice', 'bob'])
    answers.set('BlockUser', { kind: 'UserBlocked' })
    phone.send({ type: 'blockUser', packId: world.packId(), userId: 'bob' as never })
    await world.flow()
    expect(laptops.get('alice')!.of('event')).toMatchObject([{ sessionId: chat, seq: 0, from: 'alice' }])
    expect(laptops.get('bob')!.of('event')).toEqual([])
  })

  test('[GW46] a mark comes through while the session is resumed, and leaves its seqs alone', async () => {
    const { world, phone, laptops, answers } = await people(['alice', 'bob'])
    answers.set('MarkRead', { kind: 'ReadMarked', seq: 1, count: 1 })
    const [alice, bob] = [laptops.get('alice')!, laptops.get('bob')!]
    world.say(bob, chat)
    await world.flow()
    world.history.isFollowing = false
    world.say(bob, chat)
    await world.flow()
    alice.send({ type: 'resume', requestId: 1, sessions: [{ sessionId: chat, seq: 1 }] })
    await world.flow()
    phone.send({ type: 'markRead', packId: world.packId(), sessionId: chat, seq: 1 })
    await world.flow()
    expect(alice.seqs(chat)).toEqual([1, 2, 0])
    world.history.follow()
    await world.clock.pass(50)
    expect(alice.seqs(chat)).toEqual([1, 2, 0, 2])
    expect(alice.of('resumed')).toMatchObject([{ sessions: [{ sessionId: chat, lastSeq: 2 }] }])
  })

  test('[GW46] a member whose joining this gateway has yet to read gets no mark from before it', async () => {
    const { world, gateway, phone, answers } = await people([])
    phone.send({ type: 'createGroup', packId: world.packId(), groupId: 'climbers', info: { name: 'C' }, members: [] })
    await world.flow()
    answers.set('MarkRead', { kind: 'ReadMarked', seq: 1, count: 0 })
    gateway.log.hold()
    phone.send({ type: 'markRead', packId: world.packId(), sessionId: group, seq: 1 })
    await world.flow()
    // Through another gateway dave comes in; the membership view knows before this gateway does.
    const other = await world.connect(await world.gateway('other'), 'dave')
    other.send({ type: 'joinGroup', packId: world.packId(), sessionId: group })
    await world.flow()
    const dave = await world.connect(gateway, 'dave')
    gateway.log.letGo()
    await world.flow()
    expect(phone.of('event').filter(({ body }) => body.kind === 'ReadMarked')).toHaveLength(1)
    expect(dave.of('event').map(({ body }) => body.kind)).toEqual(['MemberJoined'])
  })
})

test('[GW46] what happens in a user’s own session goes to all of their devices and to nobody else', async () => {
  const { world, phone, laptops, answers } = await people(['alice', 'bob'])
  answers.set('SetUserAttributes', { kind: 'UserAttributesSet', attributes: [{ name: 'theme', value: 'dark' }] })
  phone.send({ type: 'setUserAttributes', packId: world.packId(), attributes: [{ name: 'theme', value: 'dark' }] })
  await world.flow()
  for (const client of [phone, laptops.get('alice')!]) {
    expect(client.of('event')).toMatchObject([{ sessionId: 'u:alice', seq: 1, body: { kind: 'UserAttributesSet' } }])
  }
  expect(phone.of('ack')).toMatchObject([{ sessionId: 'u:alice', seq: 1 }])
  expect(laptops.get('bob')!.of('event')).toEqual([])
})
