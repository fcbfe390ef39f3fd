import { describe, expect, test } from 'vitest'
import { CloseCode } from '../schemas/close-codes.ts'
import type { EventBody } from '../schemas/event.ts'
import type { SessionId } from '../schemas/ids.ts'
import type { PackBody } from '../schemas/pack.ts'
import { Flag } from '../schemas/pack.ts'
import { USER_SETTINGS_DEFAULT } from '../schemas/settings.ts'
import {
  DEVICE_CLAIM_MS_MAX,
  ONLINE,
  ONLINE_BYTES_MAX,
  PRESENCE_MS,
  PRESENCE_REFRESH_MS,
  PRESENCE_WATCHED_MAX,
  TYPING,
} from './limits.ts'
import { type TestClient, World } from './testing/world.ts'

const [alice, bob] = ['alice', 'bob'] as [never, never]
const chat = 's:alice:bob' as SessionId

async function twoGateways() {
  const world = await World.make()
  const answers = new Map<PackBody['kind'], EventBody>()
  world.sequencer.dictate = pack => answers.get(pack.body.kind)
  const gateways = [await world.gateway('gw-1'), await world.gateway('gw-2')] as const
  const connect = (user: string, gateway: 0 | 1, deviceId = user, deviceType = 6) =>
    world.connect(gateways[gateway], user, { deviceId, deviceType })
  const settle = async () => {
    await world.clock.pass(1)
    await world.settle()
  }
  const watch = async (client: TestClient, ...userIds: string[]) => {
    client.send({ type: 'presence', requestId: 1, userIds: userIds as never[], subscribe: true })
    await world.clock.pass(20)
    return client.of('presence').at(-1)?.users
  }
  /** Lets time pass for clients that answer pings. */
  const pass = async (ms: number, ...clients: TestClient[]) => {
    for (let left = ms; left > 0; left -= PRESENCE_REFRESH_MS / 2) {
      await world.clock.pass(Math.min(left, PRESENCE_REFRESH_MS / 2))
      for (const client of clients) client.connection.state.heard()
    }
  }
  const told = (client: TestClient) => client.of('presenceChanged').map(({ user }) => `${user.userId} ${user.online}`)
  return { world, answers, gateways, connect, settle, watch, told, pass }
}

describe('who is there', () => {
  test('[US15] a watcher sees the types of devices that are connected anywhere, and what changes', async () => {
    const { connect, settle, watch, told } = await twoGateways()
    const a = await connect('alice', 0)
    expect(await watch(a, 'bob', 'nobody')).toEqual([
      { userId: 'bob', online: [] },
      { userId: 'nobody', online: [] },
    ])
    const phone = await connect('bob', 1, 'phone', 1)
    await settle()
    const laptop = await connect('bob', 0, 'laptop', 5)
    await settle()
    phone.drop()
    await settle()
    laptop.drop()
    await settle()
    expect(told(a)).toEqual(['bob 1', 'bob 1,5', 'bob 5', 'bob '])
    expect(a.of('presenceChanged').at(-1)!.user.lastSeenAt).toBeGreaterThan(0)
  })

  test('[US15] who watches no longer, or asks once, is told nothing more', async () => {
    const { world, connect, settle, watch, told } = await twoGateways()
    const a = await connect('alice', 0)
    a.send({ type: 'presence', requestId: 2, userIds: [bob] })
    const b = await connect('bob', 1)
    await settle()
    expect(told(a)).toEqual([])
    expect(await watch(a, 'bob')).toEqual([{ userId: 'bob', online: [6] }])
    a.send({ type: 'presence', requestId: 3, userIds: [bob], subscribe: false })
    await world.clock.pass(20)
    b.drop()
    await settle()
    expect(told(a)).toEqual([])
  })

  test('[US15] users of a gateway that was killed are gone after a while, and watchers are told', async () => {
    const { world, gateways, connect, watch, told, pass } = await twoGateways()
    const a = await connect('alice', 0)
    await connect('bob', 1)
    await watch(a, 'bob')
    await gateways[1].core.stop()
    await pass(PRESENCE_MS - PRESENCE_REFRESH_MS, a)
    expect(told(a)).toEqual([])
    await pass(2 * PRESENCE_REFRESH_MS, a)
    expect(told(a)).toEqual(['bob '])
    expect((await world.presence.online([alice], world.clock.now()))[0]!.connections).toHaveLength(1)
  })

  test('[US15] connections are entered again a few at a time, each once in a period', async () => {
    const { world, connect, pass } = await twoGateways()
    const users = Array.from({ length: 40 }, (_, i) => `user-${i}`)
    const clients: TestClient[] = []
    for (const user of users) clients.push(await connect(user, 0))
    await world.clock.pass(1)
    const calls: number[] = []
    const enter = world.presence.enter.bind(world.presence)
    world.presence.enter = async (entries, now) => {
      if (entries.length > 0) calls.push(entries.length)
      await enter(entries, now)
    }
    await pass(PRESENCE_REFRESH_MS, ...clients)
    expect(calls.reduce((sum, entries) => sum + entries, 0)).toBe(users.length)
    expect(Math.max(...calls)).toBeLessThanOrEqual(users.length / 8)
  })

  test('[US16] who hides or blocks looks away, from the moment on; to themselves they never do', async () => {
    const { world, answers, connect, settle, watch, told } = await twoGateways()
    const a = await connect('alice', 0)
    const b = await connect('bob', 1)
    await settle()
    await watch(a, 'bob')
    const choose = async (presenceShown: boolean) => {
      answers.set('UpdateSettings', { kind: 'SettingsUpdated', settings: { ...USER_SETTINGS_DEFAULT, presenceShown } })
      b.send({ type: 'updateSettings', packId: world.packId(), settings: { presenceShown } })
      await world.flow()
      await settle()
    }
    await choose(false)
    expect(told(a)).toEqual(['bob '])
    expect(a.of('presenceChanged')[0]!.user).toEqual({ userId: 'bob', online: [] })
    expect(await watch(b, 'bob')).toEqual([{ userId: 'bob', online: [6] }])
    await choose(true)
    answers.set('BlockUser', { kind: 'UserBlocked' })
    b.send({ type: 'blockUser', packId: world.packId(), userId: alice })
    await world.flow()
    await settle()
    expect(told(a)).toEqual(['bob ', 'bob 6', 'bob '])
  })

  test('[US15] one connection watches a bounded number of users', async () => {
    const { connect, watch, pass } = await twoGateways()
    const a = await connect('alice', 0)
    const b = await connect('bob', 0)
    for (let n = 0; n < PRESENCE_WATCHED_MAX / 200; n++) {
      // Looking users up has a limit as well.
      await pass(20_000, a, b)
      await watch(a, ...Array.from({ length: 200 }, (_, i) => `u${n}-${i}`))
    }
    expect(a.of('failed')).toEqual([])
    await pass(20_000, a, b)
    await watch(a, 'one-more')
    expect(a.of('failed')).toMatchObject([{ name: 'LIMIT_REACHED' }])
    expect(await watch(b, 'one-more')).toHaveLength(1)
  })

  test('[US15] while the store is away the question is a temporary failure, and everything else goes on', async () => {
    const { world, connect } = await twoGateways()
    const a = await connect('alice', 0)
    world.presence.isDown = true
    a.send({ type: 'presence', requestId: 1, userIds: [bob] })
    await world.clock.pass(1_000)
    expect(a.of('failed')).toMatchObject([{ requestId: 1, name: 'REDIS_ERROR', retry: 'same' }])
    world.say(a, chat)
    await world.flow()
    expect(a.of('ack')).toHaveLength(1)
    await connect('bob', 1)
    world.presence.isDown = false
    await world.clock.pass(PRESENCE_REFRESH_MS)
    expect((await world.presence.online([bob], world.clock.now()))[0]!.connections).toHaveLength(1)
  })

  test('[US15] a user sees where they are connected', async () => {
    const { world, connect } = await twoGateways()
    const phone = await connect('alice', 0, 'phone', 1)
    await world.clock.pass(5)
    const laptop = await connect('alice', 1, 'laptop', 5)
    laptop.send({ type: 'logins', requestId: 4 })
    await world.clock.pass(20)
    expect(laptop.of('logins')).toMatchObject([
      {
        requestId: 4,
        logins: [
          { connectionId: phone.connection.id, device: { type: 1, id: 'phone' }, gateway: 'gw-1' },
          { connectionId: laptop.connection.id, device: { type: 5, id: 'laptop' }, gateway: 'gw-2' },
        ],
      },
    ])
  })
})

describe('the same device at two gateways', () => {
  const isOpen = (client: TestClient) => !client.connection.isClosed
  const code = (client: TestClient) => client.closed?.code

  test('[US23] the newer connection stays, wherever it is, and the older one is closed', async () => {
    const { connect, settle } = await twoGateways()
    const older = await connect('alice', 0, 'phone')
    const other = await connect('alice', 0, 'laptop')
    await settle()
    const newer = await connect('alice', 1, 'phone')
    await settle()
    expect([older, other, newer].map(isOpen)).toEqual([false, true, true])
    expect(code(older)).toBe(CloseCode.KICKED.code)
    const newest = await connect('alice', 0, 'phone')
    await settle()
    expect([newer, newest].map(isOpen)).toEqual([false, true])
  })

  test('[US23] of connections that come at the same moment exactly one stays', async () => {
    const { connect, settle } = await twoGateways()
    const all = await Promise.all([0, 1, 0, 1].map(gateway => connect('alice', gateway as 0 | 1, 'phone')))
    await settle()
    expect(all.filter(isOpen)).toHaveLength(1)
  })

  test('[US23] a claim that comes very late ends its own connection, not the newer one', async () => {
    const { world, connect, settle } = await twoGateways()
    world.presence.isDown = true
    const older = await connect('alice', 0, 'phone')
    await settle()
    world.presence.isDown = false
    await world.clock.pass(DEVICE_CLAIM_MS_MAX + 1)
    const newer = await connect('alice', 1, 'phone')
    await settle()
    expect([older, newer].map(isOpen)).toEqual([true, true])
    await world.clock.pass(PRESENCE_REFRESH_MS)
    expect([older, newer].map(isOpen)).toEqual([false, true])
  })

  test('[US23] whoever was not told, or is not remembered, finds out with the next refresh', async () => {
    const { world, gateways, connect, settle, pass } = await twoGateways()
    const older = await connect('alice', 0, 'phone')
    await settle()
    const { claim } = world.presence
    world.presence.claim = async entries => {
      await claim.call(world.presence, entries)
      return entries.map(() => undefined)
    }
    const newer = await connect('alice', 1, 'phone')
    await settle()
    expect([older, newer].map(isOpen)).toEqual([true, true])
    world.presence.claim = claim
    await pass(PRESENCE_REFRESH_MS, older, newer)
    expect([older, newer].map(isOpen)).toEqual([false, true])
    world.presence.forgetDevices()
    await pass(PRESENCE_REFRESH_MS, newer)
    expect(isOpen(newer)).toBe(true)
    expect(gateways).toHaveLength(2)
    await connect('alice', 0, 'phone')
    await settle()
    expect(isOpen(newer)).toBe(false)
  })

  test('[US23] a claim that is lost is made again, and the one before it does not count as later', async () => {
    const { world, connect, settle, pass } = await twoGateways()
    const older = await connect('alice', 0, 'phone')
    await settle()
    const { claim } = world.presence
    world.presence.claim = () => Promise.reject(new Error('lost'))
    await world.clock.pass(1)
    const newer = await connect('alice', 1, 'phone')
    await settle()
    world.presence.claim = claim
    await pass(PRESENCE_REFRESH_MS, older, newer)
    expect([older, newer].map(isOpen)).toEqual([false, true])
  })

  test('[US23, US13] under a login policy the log decides', async () => {
    const world = await World.make()
    const gateways = [
      await world.gateway('gw-1', { loginPolicy: 'one' }),
      await world.gateway('gw-2', { loginPolicy: 'one' }),
    ]
    let claims = 0
    const { claim } = world.presence
    world.presence.claim = entries => {
      claims += entries.length
      return claim.call(world.presence, entries)
    }
    await world.connect(gateways[0]!, 'alice', { deviceId: 'phone' })
    await world.clock.pass(PRESENCE_REFRESH_MS)
    expect(claims).toBe(0)
  })
})

describe('typing', () => {
  test('[US17] the peer is told, over gateways, and nobody else; nothing enters the log', async () => {
    const { world, gateways, connect, settle } = await twoGateways()
    const a = await connect('alice', 0)
    const laptop = await connect('alice', 0, 'laptop')
    const b = await connect('bob', 1)
    const c = await connect('carol', 1)
    a.send({ type: 'typing', sessionId: chat, on: true })
    await settle()
    expect(b.of('typing')).toEqual([{ type: 'typing', sessionId: chat, from: 'alice', on: true }])
    for (const client of [a, laptop, c]) expect(client.of('typing')).toEqual([])
    expect(gateways[0].log.appends).toBe(0)
    expect(world.sequencer.packs).toEqual([])
  })

  test('[US17] members of a group are told; who is not in it, and who is blocked, is not heard', async () => {
    const { world, answers, connect, settle } = await twoGateways()
    const [a, b, c] = [await connect('alice', 0), await connect('bob', 1), await connect('carol', 0)]
    const group = 'g:climbers' as SessionId
    a.send({ type: 'createGroup', packId: world.packId(), groupId: 'climbers', info: { name: 'C' }, members: [bob] })
    await world.flow()
    a.send({ type: 'typing', sessionId: group, on: true })
    c.send({ type: 'typing', sessionId: group, on: true })
    c.send({ type: 'typing', sessionId: chat, on: true })
    await settle()
    expect(b.of('typing')).toMatchObject([{ sessionId: group, from: 'alice' }])
    expect(c.of('error').map(({ name }) => name)).toEqual(['GROUP_USER_NOT_EXIST', 'MSG_FORBIDDEN'])
    answers.set('BlockUser', { kind: 'UserBlocked' })
    b.send({ type: 'blockUser', packId: world.packId(), userId: alice })
    await world.flow()
    a.send({ type: 'typing', sessionId: chat, on: true })
    await settle()
    expect(b.of('typing')).toHaveLength(1)
  })

  test('[US9] who types too often is told so', async () => {
    const { connect, settle } = await twoGateways()
    const [a, b] = [await connect('alice', 0), await connect('bob', 1)]
    for (let n = 0; n <= TYPING.atOnce; n++) a.send({ type: 'typing', sessionId: chat, on: true })
    await settle()
    expect(b.of('typing')).toHaveLength(TYPING.atOnce)
    expect(a.of('error')).toMatchObject([{ name: 'RATE_LIMITED', retry: 'same', retryAfterMs: 1_000 }])
  })
})

describe('messages that nobody keeps', () => {
  const say = (world: World, client: TestClient, sessionId: SessionId, more: object = {}) => {
    const packId = world.packId()
    client.send({
      type: 'send',
      packId,
      sessionId,
      flags: Flag.ONLINE_ONLY,
      content: { kind: 'Text', text: 'now' },
      ...more,
    })
    return packId
  }

  test('[US22] all devices of both users hear it, over gateways and in both subprotocols, and the sender gets an ack', async () => {
    const { world, gateways, connect, settle } = await twoGateways()
    const [a, laptop] = [await connect('alice', 0), await connect('alice', 1, 'laptop')]
    const [b, c] = [await connect('bob', 1), await connect('carol', 1)]
    const avro = await world.connect(gateways[0], 'bob', { deviceId: 'phone', subprotocol: 'avro' })
    const packId = say(world, a, chat)
    await settle()
    const heard = [expect.objectContaining({ type: 'online', sessionId: chat, packId, from: 'alice' })]
    for (const client of [b, avro, laptop]) expect(client.of('online')).toEqual(heard)
    expect(b.of('online')[0]).toMatchObject({ content: { kind: 'Text', text: 'now' }, at: expect.any(Number) })
    expect(a.of('ack')).toMatchObject([{ packId, sessionId: chat, seq: 0, count: 0 }])
    for (const client of [a, c]) expect(client.of('online')).toEqual([])
    expect(gateways[0].log.appends).toBe(0)
    expect(world.sequencer.packs).toEqual([])
  })

  test('[US22] who may not write is refused: no member, muted, blocked, no friend', async () => {
    const { world, answers, connect, settle } = await twoGateways()
    const [a, b, c] = [await connect('alice', 0), await connect('bob', 1), await connect('carol', 0)]
    const group = 'g:climbers' as SessionId
    a.send({ type: 'createGroup', packId: world.packId(), groupId: 'climbers', info: { name: 'C' }, members: [bob] })
    await world.flow()
    say(world, c, group)
    say(world, c, chat)
    say(world, c, 'u:carol' as SessionId)
    say(world, b, group)
    await settle()
    expect(c.of('refused').map(({ name }) => name)).toEqual(['GROUP_USER_NOT_EXIST', 'MSG_FORBIDDEN', 'MSG_FORBIDDEN'])
    expect(a.of('online')).toMatchObject([{ sessionId: group, from: 'bob' }])
    const until = world.clock.now() + 60_000
    answers.set('MuteMember', { kind: 'MemberMuted', userId: bob, until })
    a.send({ type: 'muteMember', packId: world.packId(), sessionId: group, userId: bob, until })
    await world.flow()
    answers.set('UpdateSettings', {
      kind: 'SettingsUpdated',
      settings: { ...USER_SETTINGS_DEFAULT, messagesFrom: 'friends' },
    })
    a.send({ type: 'updateSettings', packId: world.packId(), settings: { messagesFrom: 'friends' } })
    await world.flow()
    say(world, b, group)
    say(world, b, chat)
    await settle()
    answers.set('BlockUser', { kind: 'UserBlocked' })
    a.send({ type: 'blockUser', packId: world.packId(), userId: bob })
    await world.flow()
    say(world, b, chat)
    await settle()
    expect(b.of('refused')).toMatchObject([
      { name: 'MUTED', retry: 'never', retryAfterMs: expect.any(Number) },
      { name: 'USER_RELATION_INVALID' },
      { name: 'BLACKLIST' },
    ])
    expect(a.of('online')).toHaveLength(1)
  })

  test('[US22] what would have to be kept, counted or found is PARAM, and a content is small', async () => {
    const { world, connect, settle } = await twoGateways()
    const [a, b] = [await connect('alice', 0), await connect('bob', 1)]
    say(world, a, chat, { flags: Flag.ONLINE_ONLY | Flag.COUNTER })
    say(world, a, chat, { pushInfo: { title: 'a', summary: 'b', url: '' } })
    say(world, a, chat, { extra: { quote: { seq: 1, packId: world.packId(), from: bob } } })
    say(world, a, chat, { extra: { mentions: Array.from({ length: 201 }, (_, n) => `u${n}`) } })
    say(world, a, chat, { content: { kind: 'Text', text: '' } })
    say(world, a, chat, { content: { kind: 'Text', text: 'x'.repeat(ONLINE_BYTES_MAX + 1) } })
    await settle()
    const names = ['PARAM', 'PARAM', 'PARAM', 'PARAM', 'MSG_TOO_SHORT', 'MSG_TOO_LONG']
    expect(a.of('refused').map(({ name }) => name)).toEqual(names)
    expect(b.of('online')).toEqual([])
    say(world, a, chat, { extra: { mentions: [bob, bob] } })
    await settle()
    expect(b.of('online')).toMatchObject([{ mentions: ['bob'] }])
  })

  test('[US22, US9] who sends too many is told when the next one may come', async () => {
    const { world, connect, settle } = await twoGateways()
    const [a, b] = [await connect('alice', 0), await connect('bob', 1)]
    for (let n = 0; n <= ONLINE.atOnce; n++) say(world, a, chat)
    await settle()
    expect(b.of('online')).toHaveLength(ONLINE.atOnce)
    expect(a.of('refused')).toMatchObject([{ name: 'RATE_LIMITED', retry: 'same', retryAfterMs: 100 }])
    await world.clock.pass(100)
    say(world, a, chat)
    await settle()
    expect(b.of('online')).toHaveLength(ONLINE.atOnce + 1)
  })
})
