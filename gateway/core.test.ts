import { describe, expect, test } from 'vitest'
import type { SessionId, UserId } from '../schemas/ids.ts'
import { refused } from './testing/script.ts'
import { World } from './testing/world.ts'

const chat = 's:alice:bob' as SessionId

describe('sends', () => {
  test('[GW17] a send is answered once, with its own outcome, and the others get the event', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const [alice, phone, bob] = [
      await world.connect(gateway, 'alice'),
      await world.connect(gateway, 'alice', { deviceId: 'phone' }),
      await world.connect(gateway, 'bob'),
    ]
    const packId = world.say(alice, chat)
    await world.settle()
    // Not before the log has the outcome.
    expect(alice.of('ack')).toEqual([])
    await world.flow()
    expect(alice.of('ack')).toEqual([{ type: 'ack', packId, sessionId: chat, seq: 1, count: 1, at: world.clock.now() }])
    expect(alice.of('event')).toEqual([])
    for (const client of [phone, bob]) {
      expect(client.of('event')).toMatchObject([{ sessionId: chat, seq: 1, packId, from: 'alice' }])
      expect(client.of('ack')).toEqual([])
    }
  })

  test('[GW17] the pack says who sent it from where, whatever the subprotocol', async () => {
    const world = await World.make()
    const gateway = await world.gateway('gw-7')
    const json = await world.connect(gateway, 'alice', { deviceId: 'a' })
    const avro = await world.connect(gateway, 'alice', { deviceId: 'b', subprotocol: 'avro' })
    for (const client of [json, avro]) world.say(client, chat, 'same')
    await world.flow()
    const [first, second] = world.sequencer.packs
    expect(first).toMatchObject({
      from: 'alice',
      actor: { kind: 'USER', id: 'alice' },
      device: { type: 6, id: 'a' },
      gateway: 'gw-7',
      flags: 4,
    })
    expect(second!.digest).toEqual(first!.digest)
    expect(avro.of('ack')).toHaveLength(1)
    expect(avro.of('event')).toHaveLength(1)
  })

  test('[GW17] a refusal reaches its sender only, with code and what to do next', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const [alice, bob] = [await world.connect(gateway, 'alice'), await world.connect(gateway, 'bob')]
    world.sequencer.dictate = () => refused('MSG_TOO_LONG')
    const packId = world.say(alice, chat)
    await world.flow()
    expect(alice.of('refused')).toMatchObject([
      { packId, sessionId: chat, code: 41, name: 'MSG_TOO_LONG', retry: 'never' },
    ])
    expect(bob.frames.map(({ type }) => type)).toEqual(['welcome'])
  })

  test('[GW18] a resend of a pending pack joins it without a second append; both are answered once', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const [one, other] = [
      await world.connect(gateway, 'alice'),
      await world.connect(gateway, 'alice', { deviceId: 'd2' }),
    ]
    const packId = world.packId()
    const frame = { type: 'send' as const, packId, sessionId: chat, content: { kind: 'Text' as const, text: 'x' } }
    one.send(frame)
    one.send({ ...frame, flags: 2 })
    await world.settle()
    other.send(frame)
    await world.flow()
    expect(world.sequencer.packs).toHaveLength(1)
    expect(one.of('ack')).toHaveLength(1)
    expect(other.of('ack')).toHaveLength(1)
    expect([...one.of('event'), ...other.of('event')]).toEqual([])
  })

  test('[GW18] the same packId with other content is a pack of its own, with its own answer', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const alice = await world.connect(gateway, 'alice')
    const packId = world.packId()
    for (const text of ['one', 'other'])
      alice.send({ type: 'send', packId, sessionId: chat, content: { kind: 'Text', text } })
    await world.flow()
    expect(alice.of('ack')).toHaveLength(1)
    expect(alice.of('refused')).toMatchObject([{ packId, name: 'PACK_CONFLICT' }])
  })

  test('[GW18] a pack sent again after its answer is answered with the first outcome, marked repeated', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const [alice, bob] = [await world.connect(gateway, 'alice'), await world.connect(gateway, 'bob')]
    const packId = world.packId()
    const frame = { type: 'send' as const, packId, sessionId: chat, content: { kind: 'Text' as const, text: 'x' } }
    for (let i = 0; i < 2; i++) {
      alice.send(frame)
      await world.flow()
    }
    expect(alice.of('ack')).toMatchObject([{ seq: 1 }, { seq: 1, repeated: true }])
    expect(bob.seqs(chat)).toEqual([1])
  })

  test('[GW18] a temporary refusal of another gateway does not answer the pack that waits here', async () => {
    const world = await World.make()
    const [here, there] = [await world.gateway('here'), await world.gateway('there')]
    const one = await world.connect(here, 'alice', { deviceId: 'one' })
    const other = await world.connect(there, 'alice', { deviceId: 'other' })
    const packId = world.packId()
    const frame = { type: 'send' as const, packId, sessionId: chat, content: { kind: 'Text' as const, text: 'x' } }
    other.send(frame)
    await world.settle()
    one.send(frame)
    await world.settle()
    world.sequencer.dictate = () => refused('PACK_FROM_FUTURE')
    world.sequencer.run(1)
    await world.settle()
    expect(other.of('refused')).toHaveLength(1)
    expect(one.of('refused')).toEqual([])
    world.sequencer.dictate = () => undefined
    await world.flow()
    expect(one.of('ack')).toHaveLength(1)
    expect(other.of('event')).toHaveLength(1)
  })

  test('[GW19] without an outcome in time a send is answered MSG_TIMEOUT; what comes later is an event', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const alice = await world.connect(gateway, 'alice')
    const packId = world.say(alice, chat)
    await world.clock.pass(10_500)
    expect(alice.of('refused')).toMatchObject([{ packId, name: 'MSG_TIMEOUT', retry: 'same' }])
    await world.flow()
    expect(alice.of('ack')).toEqual([])
    expect(alice.of('event')).toMatchObject([{ packId, seq: 1 }])
  })

  test('[GW20] groups: creating, joining, leaving; the group id defaults to the packId', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const [alice, bob, carol] = [
      await world.connect(gateway, 'alice'),
      await world.connect(gateway, 'bob'),
      await world.connect(gateway, 'carol'),
    ]
    const packId = world.packId()
    alice.send({ type: 'createGroup', packId, info: { name: 'n' }, members: ['bob' as UserId] })
    await world.flow()
    const group = `g:${packId.replaceAll('-', '')}` as SessionId
    expect(alice.of('ack')).toMatchObject([{ sessionId: group, seq: 1 }])
    expect(bob.seqs(group)).toEqual([1])

    carol.send({ type: 'joinGroup', packId: world.packId(), sessionId: group })
    await world.flow()
    world.say(alice, group)
    await world.flow()
    expect(carol.of('ack')).toMatchObject([{ seq: 2 }])
    expect([bob.seqs(group), carol.seqs(group)]).toEqual([[1, 2, 3], [3]])

    alice.send({ type: 'removeMembers', packId: world.packId(), sessionId: group, userIds: ['bob' as UserId] })
    await world.flow()
    world.say(alice, group)
    world.say(bob, group)
    await world.flow()
    // The event that says so is the last one that bob gets.
    expect([bob.seqs(group), carol.seqs(group)]).toEqual([
      [1, 2, 3, 4],
      [3, 4, 5],
    ])
    expect(bob.of('refused')).toMatchObject([{ name: 'GROUP_USER_NOT_EXIST' }])

    alice.send({ type: 'dismissGroup', packId: world.packId(), sessionId: group })
    await world.flow()
    expect(carol.seqs(group)).toEqual([3, 4, 5, 6])
  })
})

describe('limits', () => {
  test('[GW10] more packs than the rate allows are refused temporarily', async () => {
    const world = await World.make()
    const gateway = await world.gateway('gw', { packsPerSecond: 2 })
    const alice = await world.connect(gateway, 'alice')
    for (let i = 0; i < 6; i++) world.say(alice, chat)
    await world.flow()
    expect(alice.of('ack')).toHaveLength(4)
    expect(alice.of('refused')).toMatchObject([
      { name: 'RATE_LIMITED', retry: 'same' },
      { name: 'RATE_LIMITED', retry: 'same' },
    ])
  })

  test('[GW21] sends are refused while the oldest pending one is too old; receiving goes on', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const alice = await world.connect(gateway, 'alice')
    world.say(alice, chat)
    await world.clock.pass(5_500)
    world.say(alice, chat)
    await world.settle()
    expect(alice.of('refused')).toMatchObject([{ name: 'OVERLOADED', retry: 'same' }])
    await world.flow()
    expect(alice.of('ack')).toHaveLength(1)
    world.say(alice, chat)
    await world.flow()
    expect(alice.of('ack')).toHaveLength(2)
  })

  test('[GW22] a failed append is tried again with the same records, in order; the copy takes no second effect', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const [alice, bob] = [await world.connect(gateway, 'alice'), await world.connect(gateway, 'bob')]
    let failures = 2
    gateway.log.onAppended = () => {
      if (failures-- > 0) throw world.lostAnswer()
    }
    world.say(alice, chat, 'first')
    await world.settle()
    world.say(alice, chat, 'second')
    await world.clock.pass(1_000)
    await world.flow()
    expect(world.sequencer.packs.map(({ body }) => body.kind === 'SendMessage' && body.content)).toEqual(
      ['first', 'first', 'first', 'second'].map(text => ({ kind: 'Text', text })),
    )
    expect(bob.seqs(chat)).toEqual([1, 2])
    expect(alice.of('ack').map(({ seq }) => seq)).toEqual([1, 2])
  })

  test('[GW22] after the named number of tries the senders are told to try again; later packs go on', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const alice = await world.connect(gateway, 'alice')
    gateway.log.onAppend = () => {
      throw world.refusedAppend()
    }
    const packId = world.say(alice, chat)
    await world.clock.pass(4_900)
    expect(alice.of('refused')).toMatchObject([{ packId, name: 'SERVICE_UNAVAILABLE', retry: 'same' }])
    expect(gateway.log.appends).toBe(6)
    gateway.log.onAppend = () => {}
    world.say(alice, chat)
    await world.flow()
    expect(alice.of('ack')).toMatchObject([{ seq: 1 }])
  })

  test('[GW22] packs that arrive while a batch is under way go together in the next one', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const alice = await world.connect(gateway, 'alice')
    for (let i = 0; i < 50; i++) world.say(alice, chat)
    await world.flow()
    expect(gateway.log.appends).toBe(1)
    expect(alice.of('ack').map(({ seq }) => seq)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
  })

  test('[GW15] frames of one tick to one socket are one write', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const [alice, bob] = [await world.connect(gateway, 'alice'), await world.connect(gateway, 'bob')]
    const before = bob.writes.length
    for (let i = 0; i < 50; i++) world.say(alice, chat)
    await world.flow()
    expect(bob.seqs(chat)).toHaveLength(50)
    expect(bob.writes.length - before).toBe(1)
  })

  test('[GW16] a client that does not read is closed with "reconnect and resume", alone', async () => {
    const world = await World.make()
    const gateway = await world.gateway('gw', { packsPerSecond: 100_000 })
    const [alice, bob, slow] = [
      await world.connect(gateway, 'alice'),
      await world.connect(gateway, 'bob'),
      await world.connect(gateway, 'bob', { deviceId: 'slow' }),
    ]
    slow.isFrozen = true
    const text = 'x'.repeat(60_000)
    for (let i = 0; i < 200; i++) {
      world.say(alice, chat, text)
      await world.flow()
    }
    expect(slow.closed).toMatchObject({ code: 4008 })
    expect(slow.seqs(chat).length).toBeLessThan(10)
    expect(bob.seqs(chat)).toHaveLength(200)
    expect(bob.closed).toBeUndefined()
    // What it missed is there when it comes back.
    const again = await world.connect(gateway, 'bob', { deviceId: 'slow', held: true })
    again.send({ type: 'resume', requestId: 1, sessions: [{ sessionId: chat, seq: slow.seqs(chat).at(-1)! }] })
    await world.clock.pass(100)
    expect([...slow.seqs(chat), ...again.seqs(chat)]).toEqual(bob.seqs(chat))
  })

  test('[GW9] a connection that answers no ping is closed; one that does stays', async () => {
    const world = await World.make()
    const gateway = await world.gateway('gw', { heartbeatMs: 1_000 })
    const [dead, alive] = [await world.connect(gateway, 'alice'), await world.connect(gateway, 'bob')]
    for (let i = 0; i < 40; i++) {
      await world.clock.pass(100)
      alive.connection.state.heard()
    }
    expect(dead.closed).toMatchObject({ code: 4011 })
    expect(dead.pings).toBe(2)
    expect(alive.closed).toBeUndefined()
    expect(alive.pings).toBeGreaterThanOrEqual(3)
  })

  test('[GW4] broken frames are answered, then the connection is closed', async () => {
    const world = await World.make()
    const gateway = await world.gateway()
    const alice = await world.connect(gateway, 'alice')
    alice.sendRaw('{"type":"ping"}')
    alice.sendRaw('{"type":"history","requestId":7}')
    alice.sendRaw(`{"type":"send","packId":"${world.packId()}","sessionId":"${chat}"}`)
    await world.settle()
    expect(alice.frames.slice(1).map(frame => [frame.type, 'name' in frame && frame.name])).toEqual([
      ['error', 'PARAM'],
      ['failed', 'PARAM'],
      ['refused', 'PARAM'],
    ])
    for (let i = 0; i < 20; i++) alice.sendRaw('nonsense')
    expect(alice.closed).toMatchObject({ code: 4001 })
  })
})
