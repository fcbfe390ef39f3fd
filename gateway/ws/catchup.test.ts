import { describe, expect, test } from 'vitest'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { BUFFER_EVENTS_MAX } from '../limits.ts'
import { type TestClient, type TestGateway, World } from '../testing/world.ts'

const chat = 's:alice:bob' as SessionId
const group = 'g:x' as SessionId

async function withMessages(count: number) {
  const world = await World.make()
  const gateway = await world.gateway('one')
  const alice = await world.connect(gateway, 'alice')
  for (let i = 0; i < count; i++) world.say(alice, chat)
  await world.flow()
  return { world, gateway, alice }
}

async function withGroup(members: string[]) {
  const world = await World.make()
  const gateway = await world.gateway('one')
  const alice = await world.connect(gateway, 'alice')
  const userIds = members as UserId[]
  alice.send({ type: 'createGroup', packId: world.packId(), groupId: 'x', info: { name: 'x' }, members: userIds })
  await world.flow()
  return { world, gateway, alice }
}

function resume(client: TestClient, sessionId: SessionId, seq: number, requestId = 1) {
  client.send({ type: 'resume', requestId, sessions: [{ sessionId, seq }] })
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

async function reconnected(world: World, gateway: TestGateway, user: string, subprotocol: 'json' | 'avro' = 'json') {
  return world.connect(gateway, user, { held: true, subprotocol })
}

describe.each(['json', 'avro'] as const)('%s', subprotocol => {
  test('[RS3] a resume gives everything above the named seq, then live, without gap or repeat', async () => {
    const { world, gateway, alice } = await withMessages(450)
    const bob = await reconnected(world, gateway, 'bob', subprotocol)
    // One before the resume, one while history is still on its way.
    world.history.isFollowing = false
    world.say(alice, chat)
    await world.flow()
    resume(bob, chat, 10)
    world.say(alice, chat)
    await world.flow()
    expect(bob.seqs(chat)).toEqual([])
    world.history.follow()
    await world.clock.pass(100)
    world.say(alice, chat)
    await world.flow()
    expect(bob.seqs(chat)).toEqual(range(11, 453))
    expect(bob.of('resumed')).toEqual([
      { type: 'resumed', requestId: 1, sessions: [{ sessionId: chat, lastSeq: 452 }] },
    ])
    expect([...bob.of('gap'), ...bob.of('reset')]).toEqual([])
  })
})

test('[RS3] a session without anything new goes live without a page being read', async () => {
  const { world, gateway, alice } = await withMessages(3)
  const bob = await reconnected(world, gateway, 'bob')
  resume(bob, chat, 3)
  await world.clock.pass(100)
  expect(bob.of('resumed')).toHaveLength(1)
  expect(world.history.pagesRead).toBe(0)
  world.say(alice, chat)
  await world.flow()
  expect(bob.seqs(chat)).toEqual([4])
})

test('[RS2] a resume that was overtaken does not say that it has brought the session', async () => {
  const { world, gateway } = await withMessages(3)
  const bob = await reconnected(world, gateway, 'bob')
  for (const requestId of [1, 2]) bob.send({ type: 'resume', requestId, sessions: [{ sessionId: chat, seq: 0 }] })
  await world.clock.pass(100)
  const answers = bob
    .of('resumed')
    .map(({ requestId, sessions }) => [requestId, sessions.map(({ lastSeq }) => lastSeq)])
  expect(Object.fromEntries(answers)).toEqual({ 1: [], 2: [3] })
  expect(bob.seqs(chat)).toEqual([1, 2, 3])
})

test('[RS4] live events wait for the resume that follows a welcome; other sessions go on after the hold', async () => {
  const { world, gateway, alice } = await withMessages(3)
  const zoe = await world.connect(gateway, 'zoe')
  const bob = await reconnected(world, gateway, 'bob')
  world.say(alice, chat)
  world.say(zoe, 's:bob:zoe')
  await world.flow()
  expect(bob.of('event')).toEqual([])
  resume(bob, chat, 1)
  await world.clock.pass(50)
  expect(bob.seqs(chat)).toEqual([2, 3, 4])
  expect(bob.seqs('s:bob:zoe' as SessionId)).toEqual([])
  await world.clock.pass(600)
  expect(bob.seqs('s:bob:zoe' as SessionId)).toEqual([1])
})

test('[RS4] whoever sends without a resume gets live events at once', async () => {
  const { world, gateway, alice } = await withMessages(1)
  const bob = await reconnected(world, gateway, 'bob')
  world.say(alice, chat)
  await world.flow()
  expect(bob.seqs(chat)).toEqual([])
  world.say(bob, chat)
  await world.settle()
  expect(bob.seqs(chat)).toEqual([2])
})

test('[RS5] a gateway behind another repeats nothing after a move, and says no reset before it has caught up', async () => {
  const { world, alice } = await withMessages(3)
  const behind = await world.gateway('behind')
  const early = await world.connect(behind, 'bob', { deviceId: 'early' })
  behind.log.hold()
  for (let i = 0; i < 5; i++) world.say(alice, chat)
  await world.flow()
  // Bob has seen 8 elsewhere; this gateway has read 3.
  const bob = await reconnected(world, behind, 'bob')
  resume(bob, chat, 8)
  await world.clock.pass(1_000)
  expect(bob.frames.map(({ type }) => type)).toEqual(['welcome'])
  behind.log.letGo()
  await world.clock.pass(100)
  world.say(alice, chat)
  await world.flow()
  expect(bob.seqs(chat)).toEqual([9])
  expect(bob.of('reset')).toEqual([])
  expect(early.seqs(chat)).toEqual(range(4, 9))
})

test('[RS6] a client above the last seq is told to begin anew', async () => {
  const { world, gateway, alice } = await withMessages(3)
  const bob = await reconnected(world, gateway, 'bob')
  resume(bob, chat, 8)
  await world.clock.pass(100)
  expect(bob.of('reset')).toEqual([{ type: 'reset', sessionId: chat, lastSeq: 3 }])
  world.say(alice, chat)
  await world.flow()
  expect(bob.seqs(chat)).toEqual([4])
  resume(bob, chat, 0, 2)
  await world.clock.pass(100)
  expect(bob.seqs(chat)).toEqual([4, 1, 2, 3, 4])
})

test('[RS7] what history no longer keeps is an explicit gap', async () => {
  const { world, gateway } = await withMessages(20)
  world.history.trim(chat, 15)
  const bob = await reconnected(world, gateway, 'bob')
  resume(bob, chat, 3)
  await world.clock.pass(100)
  expect(bob.of('gap')).toEqual([{ type: 'gap', sessionId: chat, fromSeq: 4, toSeq: 14 }])
  expect(bob.seqs(chat)).toEqual(range(15, 20))
  world.history.trim(chat, 21)
  resume(bob, chat, 18, 2)
  await world.clock.pass(100)
  expect(bob.of('gap').at(-1)).toEqual({ type: 'gap', sessionId: chat, fromSeq: 19, toSeq: 20 })
})

test('[RS8] a session of others is denied with a code; the rest of the resume is served', async () => {
  const { world, gateway } = await withMessages(3)
  const bob = await reconnected(world, gateway, 'bob')
  const [foreign, unknown] = ['s:alice:zoe', 'g:nobody'] as SessionId[]
  bob.send({
    type: 'resume',
    requestId: 5,
    sessions: [foreign!, unknown!, chat].map(sessionId => ({ sessionId, seq: 0 })),
  })
  await world.clock.pass(100)
  expect(bob.of('resumed')).toMatchObject([
    {
      sessions: [
        { sessionId: foreign, code: 28 },
        { sessionId: unknown, code: 28 },
        { sessionId: chat, lastSeq: 3 },
      ],
    },
  ])
  expect(bob.seqs(chat)).toEqual([1, 2, 3])
})

test('[RS9] who left a group gets what happened inside the stays, and gaps between them', async () => {
  const { world, gateway, alice } = await withGroup(['bob'])
  const change = async (type: 'addMembers' | 'removeMembers') => {
    alice.send({ type, packId: world.packId(), sessionId: group, userIds: ['bob' as UserId] })
    await world.flow()
  }
  const say = async () => {
    world.say(alice, group)
    await world.flow()
  }
  await say() // 2
  await change('removeMembers') // 3
  await say() // 4
  await say() // 5
  await change('addMembers') // 6
  await say() // 7
  await change('removeMembers') // 8
  await say() // 9
  const bob = await reconnected(world, gateway, 'bob')
  resume(bob, group, 0)
  await world.clock.pass(100)
  expect(bob.seqs(group)).toEqual([1, 2, 3, 6, 7, 8])
  expect(bob.of('gap')).toEqual([{ type: 'gap', sessionId: group, fromSeq: 4, toSeq: 5 }])
  await say() // 10
  expect(bob.seqs(group)).toEqual([1, 2, 3, 6, 7, 8])
})

test('[RS9] history that is ahead of the gateway shows nobody what came after they left', async () => {
  const { world, alice } = await withGroup(['bob'])
  const behind = await world.gateway('behind')
  const bob = await reconnected(world, behind, 'bob')
  behind.log.hold()
  world.membership.isFollowing = false
  world.say(alice, group) // 2
  alice.send({ type: 'removeMembers', packId: world.packId(), sessionId: group, userIds: ['bob' as UserId] }) // 3
  world.say(alice, group) // 4
  await world.flow()
  resume(bob, group, 1)
  bob.send({ type: 'history', requestId: 9, sessionId: group, beforeSeq: 100 })
  await world.clock.pass(500)
  expect(bob.frames.map(({ type }) => type)).toEqual(['welcome'])
  behind.log.letGo()
  await world.clock.pass(500)
  expect(bob.seqs(group)).toEqual([2, 3])
  expect(bob.of('page')[0]!.events.map(({ seq }) => seq)).toEqual([1, 2, 3])
})

test('[RS9] nor when they leave while the heads are being read', async () => {
  const { world, alice } = await withGroup(['bob'])
  const behind = await world.gateway('behind')
  const bob = await reconnected(world, behind, 'bob')
  world.say(alice, group) // 2
  await world.flow()
  const heads = world.history.heads.bind(world.history)
  world.history.heads = async ids => {
    behind.log.hold()
    alice.send({ type: 'removeMembers', packId: world.packId(), sessionId: group, userIds: ['bob' as UserId] }) // 3
    world.say(alice, group) // 4
    await world.flow()
    return heads(ids)
  }
  resume(bob, group, 1)
  await world.clock.pass(500)
  expect(bob.seqs(group)).toEqual([])
  behind.log.letGo()
  await world.clock.pass(500)
  expect(bob.seqs(group)).toEqual([2, 3])
  expect(bob.of('gap')).toEqual([])
})

test('[RS10] a history view that stays behind: VIEW_BEHIND, and live goes on; a later resume fills the hole', async () => {
  const { world, gateway, alice } = await withMessages(3)
  const bob = await reconnected(world, gateway, 'bob')
  world.history.isFollowing = false
  world.say(alice, chat)
  await world.flow()
  resume(bob, chat, 1)
  world.say(alice, chat)
  await world.flow()
  expect(bob.seqs(chat)).toEqual([])
  await world.clock.pass(10_500)
  expect(bob.of('failed')).toMatchObject([{ requestId: 1, name: 'VIEW_BEHIND', retry: 'same' }])
  expect(bob.seqs(chat)).toEqual([4, 5])
  world.history.follow()
  resume(bob, chat, 1, 2)
  await world.clock.pass(100)
  expect(bob.seqs(chat)).toEqual([4, 5, 2, 3, 4, 5])
})

test.each(['isDown', 'isSilent'] as const)(
  '[RS10] a history store that %s: HISTORY_ERROR, and live goes on',
  async how => {
    const { world, gateway, alice } = await withMessages(3)
    const bob = await reconnected(world, gateway, 'bob')
    world.history[how] = true
    resume(bob, chat, 1)
    await world.clock.pass(6_000)
    expect(bob.of('failed')).toMatchObject([{ name: 'HISTORY_ERROR', retry: 'same' }])
    world.say(alice, chat)
    await world.flow()
    expect(bob.seqs(chat)).toEqual([4])
  },
)

test('[RS10] an emptied history is not taken for a session without events', async () => {
  const { world, gateway } = await withMessages(3)
  const bob = await reconnected(world, gateway, 'bob')
  const heads = world.history.heads.bind(world.history)
  world.history.heads = ids => {
    world.history.empty()
    return heads(ids)
  }
  resume(bob, chat, 2)
  await world.clock.pass(1_000)
  expect(bob.of('failed')).toMatchObject([{ name: 'VIEW_BEHIND' }])
  expect([...bob.of('reset'), ...bob.of('gap')]).toEqual([])
})

test('[RS10] a history that was emptied and filled again while it was read is not believed either', async () => {
  const { world, gateway } = await withMessages(3)
  const bob = await reconnected(world, gateway, 'bob')
  const heads = world.history.heads.bind(world.history)
  world.history.heads = ids => world.history.emptyFor(() => heads(ids))
  resume(bob, chat, 2)
  await world.clock.pass(1_000)
  expect(bob.of('failed')).toMatchObject([{ name: 'VIEW_BEHIND' }])
  expect([...bob.of('reset'), ...bob.of('gap')]).toEqual([])
  world.history.heads = heads
  resume(bob, chat, 2, 2)
  await world.clock.pass(1_000)
  expect(bob.seqs(chat)).toEqual([3])
})

test('[RS10] without the log a resume fails temporarily', async () => {
  const { world, gateway } = await withMessages(3)
  const bob = await reconnected(world, gateway, 'bob')
  gateway.log.isDown = true
  resume(bob, chat, 2)
  await world.clock.pass(100)
  expect(bob.of('failed')).toMatchObject([{ name: 'SERVICE_UNAVAILABLE', retry: 'same' }])
})

test('[GW7] own packs that are acked while history is read are not sent again as events', async () => {
  const { world, gateway, alice } = await withMessages(3)
  const bob = await reconnected(world, gateway, 'bob')
  world.history.isFollowing = false
  resume(bob, chat, 1)
  world.say(bob, chat)
  await world.settle()
  world.say(alice, chat)
  world.say(bob, chat)
  await world.flow()
  expect(bob.of('ack').map(({ seq }) => seq)).toEqual([4, 6])
  world.history.follow()
  await world.clock.pass(100)
  expect(bob.seqs(chat)).toEqual([2, 3, 5])
  world.say(alice, chat)
  await world.flow()
  expect(bob.seqs(chat)).toEqual([2, 3, 5, 7])
})

test('[GW7] a later resume brings from history what was acked during an earlier one that it takes over', async () => {
  const { world, gateway } = await withMessages(3)
  const bob = await reconnected(world, gateway, 'bob')
  world.history.isFollowing = false
  resume(bob, chat, 3)
  world.say(bob, chat)
  await world.flow()
  resume(bob, chat, 2)
  world.history.follow()
  await world.clock.pass(100)
  expect(bob.of('ack').map(({ seq }) => seq)).toEqual([4])
  expect(bob.seqs(chat)).toEqual([3, 4])
})

test('[GW8] more live events than may wait for history close the connection with "reconnect and resume"', async () => {
  const { world, gateway, alice } = await withMessages(1)
  const bob = await reconnected(world, gateway, 'bob')
  world.history.isFollowing = false
  world.say(alice, chat)
  await world.flow()
  resume(bob, chat, 0)
  for (let sent = 0; sent <= BUFFER_EVENTS_MAX; sent += 1_000) {
    for (let i = 0; i < 1_000; i++) world.say(alice, chat)
    await world.flow()
    await world.clock.pass(500)
  }
  expect(bob.closed).toMatchObject({ code: 4008 })
  expect(alice.closed).toBeUndefined()
})

test('[RS11] a slow client makes its own resume slow, and loses nothing', async () => {
  const { world, gateway, alice } = await withMessages(0)
  for (let i = 0; i < 200; i++) {
    world.say(alice, chat, 'x'.repeat(60_000))
    await world.flow()
  }
  const bob = await reconnected(world, gateway, 'bob')
  bob.isFrozen = true
  resume(bob, chat, 0)
  await world.clock.pass(1_000)
  expect(bob.of('resumed')).toEqual([])
  expect(bob.closed).toBeUndefined()
  for (let i = 0; i < 30; i++) {
    bob.connection.drained()
    await world.clock.pass(50)
  }
  expect(bob.seqs(chat)).toEqual(range(1, 200))
  expect(bob.of('resumed')).toHaveLength(1)
})
