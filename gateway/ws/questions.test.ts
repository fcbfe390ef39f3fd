import { describe, expect, test } from 'vitest'
import type { PackId, SessionId, UserId } from '../../schemas/ids.ts'
import { ARCHIVE_BEHIND_MS_MAX, PAGE_BYTES_MAX, QUESTION_MS_MAX, QUESTIONS_MAX } from '../limits.ts'
import { type TestClient, World } from '../testing/world.ts'

const chat = 's:alice:bob' as SessionId
const group = 'g:x' as SessionId
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

async function withMessages(count: number, options = {}) {
  const world = await World.make()
  const gateway = await world.gateway()
  const alice = await world.connect(gateway, 'alice', options)
  for (let i = 0; i < count; i++) world.say(alice, chat)
  await world.flow()
  return { world, gateway, alice }
}

async function history(world: World, client: TestClient, question: object) {
  client.send({ type: 'history', requestId: 1, sessionId: chat, ...question } as Parameters<TestClient['send']>[0])
  await world.clock.pass(50)
  const page = client.of('page').at(-1)
  return page && { seqs: page.events.map(({ seq }) => seq), more: page.more, lastSeq: page.lastSeq }
}

describe.each(['json', 'avro'] as const)('%s', subprotocol => {
  test('[GW30] history is paged both ways, ascending, and says whether there is more', async () => {
    const { world, alice } = await withMessages(10, { subprotocol })
    const asked = (question: object) => history(world, alice, question)
    expect(await asked({ afterSeq: 2, limit: 3 })).toEqual({ seqs: [3, 4, 5], more: true, lastSeq: 10 })
    expect(await asked({ afterSeq: 7, limit: 3 })).toEqual({ seqs: [8, 9, 10], more: false, lastSeq: 10 })
    expect(await asked({ afterSeq: 10, limit: 3 })).toEqual({ seqs: [], more: false, lastSeq: 10 })
    expect(await asked({ beforeSeq: 5, limit: 3 })).toEqual({ seqs: [2, 3, 4], more: true, lastSeq: 10 })
    expect(await asked({ beforeSeq: 4, limit: 3 })).toEqual({ seqs: [1, 2, 3], more: false, lastSeq: 10 })
    expect(await asked({ beforeSeq: 1_000_000 })).toEqual({ seqs: range(1, 10), more: false, lastSeq: 10 })
  })

  test('[LH1] a page goes on in the archive where history ends, both ways, and nobody sees where', async () => {
    const { world, alice } = await withMessages(10, { subprotocol })
    world.history.trim(chat, 6)
    const asked = (question: object) => history(world, alice, question)
    expect(await asked({ beforeSeq: 8, limit: 4 })).toEqual({ seqs: [4, 5, 6, 7], more: true, lastSeq: 10 })
    expect(await asked({ beforeSeq: 6, limit: 4 })).toEqual({ seqs: [2, 3, 4, 5], more: true, lastSeq: 10 })
    expect(await asked({ beforeSeq: 10, limit: 4 })).toEqual({ seqs: [6, 7, 8, 9], more: true, lastSeq: 10 })
    expect(await asked({ beforeSeq: 2, limit: 4 })).toEqual({ seqs: [1], more: false, lastSeq: 10 })
    expect(await asked({ afterSeq: 0, limit: 4 })).toEqual({ seqs: [1, 2, 3, 4], more: true, lastSeq: 10 })
    expect(await asked({ afterSeq: 3, limit: 4 })).toEqual({ seqs: [4, 5, 6, 7], more: true, lastSeq: 10 })
    expect(await asked({ afterSeq: 0 })).toEqual({ seqs: range(1, 10), more: false, lastSeq: 10 })
  })

  test('[GW31] sessions and members are paged; a summary carries its last event', async () => {
    const { world, alice } = await withMessages(2, { subprotocol })
    world.say(alice, 's:alice:zoe')
    const members = ['bob', 'zoe'] as UserId[]
    alice.send({ type: 'createGroup', packId: world.packId(), groupId: 'x', info: { name: 'x' }, members })
    await world.flow()
    alice.send({ type: 'sessions', requestId: 1, limit: 1 })
    alice.send({ type: 'members', requestId: 2, sessionId: group, limit: 2 })
    await world.settle()
    const [first] = alice.of('sessions')
    expect(first).toMatchObject({
      requestId: 1,
      code: 25,
      sessions: [{ sessionId: chat, last: { seq: 2, type: 'event' } }],
    })
    expect(alice.of('members')).toMatchObject([{ members: [{ userId: 'alice' }, { userId: 'bob' }] }])
    alice.send({ type: 'sessions', requestId: 3, cursor: first!.cursor! })
    alice.send({ type: 'members', requestId: 4, sessionId: group, cursor: alice.of('members')[0]!.cursor! })
    await world.settle()
    expect(alice.of('sessions')[1]).toMatchObject({ code: 0, sessions: [{ sessionId: 's:alice:zoe' }] })
    expect(alice.of('sessions')[1]!.cursor).toBeUndefined()
    expect(alice.of('members')[1]).toMatchObject({ members: [{ userId: 'zoe' }] })
  })

  test('[GW32] a ping is answered with the time', async () => {
    const { world, alice } = await withMessages(0, { subprotocol })
    alice.send({ type: 'ping', requestId: 8 })
    await world.settle()
    expect(alice.of('pong')).toEqual([{ type: 'pong', requestId: 8, serverTime: world.clock.now() }])
  })
})

test('[GW33] history shows a leaver their stays only, and strangers nothing', async () => {
  const { world, gateway, alice } = await withMessages(0)
  const bob = await world.connect(gateway, 'bob')
  const zoe = await world.connect(gateway, 'zoe')
  const members = ['bob' as UserId]
  const change = async (type: 'addMembers' | 'removeMembers') => {
    alice.send({ type, packId: world.packId(), sessionId: group, userIds: members })
    await world.flow()
  }
  alice.send({ type: 'createGroup', packId: world.packId(), groupId: 'x', info: { name: 'x' }, members })
  await world.flow()
  for (let i = 0; i < 3; i++) world.say(alice, group) // 2-4
  await world.flow()
  await change('removeMembers') // 5
  for (let i = 0; i < 10; i++) world.say(alice, group) // 6-15
  await world.flow()
  await change('addMembers') // 16
  await change('removeMembers') // 17
  world.say(alice, group) // 18
  await world.flow()
  const asked = (question: object) => history(world, bob, { sessionId: group, ...question })
  expect(await asked({ afterSeq: 0 })).toEqual({ seqs: [...range(1, 5), 16, 17], more: false, lastSeq: 17 })
  expect(await asked({ afterSeq: 3, limit: 4 })).toEqual({ seqs: [4, 5], more: true, lastSeq: 17 })
  expect(await asked({ afterSeq: 5, limit: 4 })).toEqual({ seqs: [16, 17], more: false, lastSeq: 17 })
  expect(await asked({ beforeSeq: 100, limit: 1 })).toEqual({ seqs: [17], more: true, lastSeq: 17 })
  expect(await asked({ beforeSeq: 12, limit: 2 })).toEqual({ seqs: [4, 5], more: true, lastSeq: 17 })
  world.history.trim(group, 8)
  expect(await asked({ afterSeq: 2, limit: 2 })).toEqual({ seqs: [3, 4], more: true, lastSeq: 17 })
  expect(await asked({ beforeSeq: 12, limit: 2 })).toEqual({ seqs: [4, 5], more: true, lastSeq: 17 })
  world.archive.trim(group, 8)
  expect(await asked({ afterSeq: 2, limit: 2 })).toEqual({ seqs: [16, 17], more: false, lastSeq: 17 })
  await history(world, zoe, { sessionId: group, afterSeq: 0 })
  await history(world, zoe, { afterSeq: 0 })
  zoe.send({ type: 'members', requestId: 3, sessionId: group })
  bob.send({ type: 'members', requestId: 4, sessionId: group })
  await world.settle()
  expect(zoe.of('failed').map(({ name }) => name)).toEqual(['HISTORY_DENIED', 'HISTORY_DENIED', 'GROUP_USER_NOT_EXIST'])
  expect(bob.of('failed').map(({ name }) => name)).toEqual(['GROUP_USER_NOT_EXIST'])
})

test('[GW34] what became of a pack: found, not found, and "not yet" while nobody can know', async () => {
  const { world, alice } = await withMessages(0)
  const known = world.say(alice, chat)
  await world.flow()
  const ask = (packId: PackId) => alice.send({ type: 'outcome', requestId: 1, sessionId: chat, packId })
  ask(known)
  ask(world.packId())
  await world.clock.pass(50)
  expect(alice.of('outcome').map(({ found, seq, code }) => ({ found, seq, code }))).toEqual([
    { found: true, seq: 1, code: 0 },
    { found: false, seq: 0, code: 0 },
  ])
  const pending = world.say(alice, chat)
  await world.settle()
  ask(pending)
  await world.settle()
  expect(alice.of('failed')).toMatchObject([{ name: 'VIEW_BEHIND', retry: 'same' }])
  world.history.isFollowing = false
  await world.flow()
  ask(pending)
  await world.clock.pass(10_500)
  expect(alice.of('failed')).toHaveLength(2)
  world.history.follow()
  ask(pending)
  await world.settle()
  expect(alice.of('outcome').at(-1)).toMatchObject({ found: true, seq: 2 })
})

test('[GW34] what history has forgotten is found in the archive', async () => {
  const { world, alice } = await withMessages(0)
  const forgotten = world.say(alice, chat)
  world.say(alice, chat)
  await world.flow()
  world.history.trim(chat, 2)
  alice.send({ type: 'outcome', requestId: 1, sessionId: chat, packId: forgotten })
  await world.clock.pass(50)
  expect(alice.of('outcome')).toMatchObject([{ found: true, code: 0, seq: 1, count: 1 }])
})

test('[GW34] "not found" waits for the archive, and is not said while it is behind, down or emptied', async () => {
  const { world, alice } = await withMessages(0)
  world.archive.isFollowing = false
  const forgotten = world.say(alice, chat)
  world.say(alice, chat)
  await world.flow()
  world.history.trim(chat, 2)
  const ask = () => alice.send({ type: 'outcome', requestId: 1, sessionId: chat, packId: forgotten })
  ask()
  await world.clock.pass(ARCHIVE_BEHIND_MS_MAX + 500)
  expect(alice.of('failed').map(({ name, retry }) => ({ name, retry }))).toEqual([
    { name: 'VIEW_BEHIND', retry: 'same' },
  ])
  ask()
  await world.clock.pass(ARCHIVE_BEHIND_MS_MAX / 2)
  world.archive.follow()
  await world.clock.pass(500)
  expect(alice.of('outcome')).toMatchObject([{ found: true, seq: 1 }])
  world.archive.isDown = true
  ask()
  await world.clock.pass(QUESTION_MS_MAX)
  expect(alice.of('failed').at(-1)).toMatchObject({ name: 'DB_ERROR', retry: 'same' })
  world.archive.isDown = false
  const { outcome } = world.archive
  world.archive.outcome = request => {
    world.archive.empty()
    return outcome.call(world.archive, request)
  }
  ask()
  await world.clock.pass(500)
  expect(alice.of('failed').at(-1)).toMatchObject({ name: 'VIEW_BEHIND', reason: 'the archive is being rebuilt' })
})

test('[GW35] with the stores down questions get temporary codes; sending and receiving go on', async () => {
  const { world, gateway, alice } = await withMessages(1)
  const bob = await world.connect(gateway, 'bob')
  alice.send({ type: 'createGroup', packId: world.packId(), groupId: 'x', info: { name: 'x' }, members: [] })
  await world.flow()
  world.history.isDown = true
  world.membership.isDown = true
  alice.send({ type: 'history', requestId: 1, sessionId: chat, afterSeq: 0 })
  alice.send({ type: 'history', requestId: 2, sessionId: group, afterSeq: 0 })
  alice.send({ type: 'sessions', requestId: 3 })
  alice.send({ type: 'members', requestId: 4, sessionId: group })
  alice.send({ type: 'outcome', requestId: 5, sessionId: chat, packId: world.packId() })
  world.say(alice, chat)
  await world.flow()
  expect(bob.seqs(chat)).toEqual([2])
  await world.clock.pass(1_000)
  const failed = alice.of('failed').sort((a, b) => a.requestId - b.requestId)
  expect(failed.map(({ requestId, name, retry }) => [requestId, name, retry])).toEqual([
    [1, 'HISTORY_ERROR', 'same'],
    [2, 'REDIS_ERROR', 'same'],
    [3, 'HOTSESSION_FAILED', 'same'],
    [4, 'REDIS_ERROR', 'same'],
    [5, 'HISTORY_ERROR', 'same'],
  ])
})

test('[GW36] questions at once are bounded per connection', async () => {
  const { world, alice } = await withMessages(1)
  world.history.isSilent = true
  for (let requestId = 0; requestId <= QUESTIONS_MAX; requestId++) alice.send({ type: 'sessions', requestId })
  expect(alice.connection.questions).toBe(QUESTIONS_MAX)
  await world.settle()
  expect(alice.of('failed')).toMatchObject([{ requestId: QUESTIONS_MAX, name: 'RATE_LIMITED', retry: 'same' }])
  await world.clock.pass(6_000)
  expect(alice.of('failed')).toHaveLength(QUESTIONS_MAX + 1)
  expect(alice.connection.questions).toBe(0)
})

test('[GW36] a page is bounded in bytes and says that there is more', async () => {
  const { world, alice } = await withMessages(0)
  const text = 'x'.repeat(60_000)
  for (let i = 0; i < 40; i++) {
    world.say(alice, chat, text)
    await world.flow()
  }
  const fit = Math.floor(PAGE_BYTES_MAX / 60_250)
  expect(await history(world, alice, { afterSeq: 0 })).toEqual({ seqs: range(1, fit), more: true, lastSeq: 40 })
  expect(await history(world, alice, { beforeSeq: 41 })).toEqual({ seqs: range(41 - fit, 40), more: true, lastSeq: 40 })
})

test('[GW45] a list of sessions is not answered before history has everything that the log has', async () => {
  const { world, alice } = await withMessages(1)
  world.history.isFollowing = false
  world.say(alice, 's:alice:zoe')
  await world.flow()
  alice.send({ type: 'sessions', requestId: 1 })
  await world.clock.pass(100)
  expect(alice.of('sessions')).toEqual([])
  world.history.follow()
  await world.clock.pass(100)
  expect(alice.of('sessions')[0]!.sessions.map(({ sessionId }) => sessionId)).toContain('s:alice:zoe')
})

test('[GW45] while an emptied history is filled again, a list of sessions is refused for the moment', async () => {
  const { world, alice } = await withMessages(1)
  world.history.empty()
  alice.send({ type: 'sessions', requestId: 1 })
  await world.clock.pass(11_000)
  expect(alice.of('sessions')).toEqual([])
  expect(alice.of('failed')).toMatchObject([{ requestId: 1, name: 'VIEW_BEHIND', retry: 'same' }])
})

test('[GW33] nor what came after they left, also where they left while the page was read', async () => {
  const world = await World.make()
  const gateway = await world.gateway()
  const alice = await world.connect(gateway, 'alice')
  const bob = await world.connect(gateway, 'bob')
  alice.send({
    type: 'createGroup',
    packId: world.packId(),
    groupId: 'x',
    info: { name: 'x' },
    members: ['bob' as UserId],
  })
  await world.flow()
  world.membership.isFollowing = false
  const page = world.history.page.bind(world.history)
  world.history.page = async request => {
    alice.send({ type: 'removeMembers', packId: world.packId(), sessionId: group, userIds: ['bob' as UserId] })
    await world.flow()
    world.say(alice, group)
    await world.flow()
    return page(request)
  }
  bob.send({ type: 'history', requestId: 1, sessionId: group, afterSeq: 0 })
  await world.clock.pass(1_000)
  expect(bob.of('page')[0]!.events.map(({ seq }) => seq)).toEqual([1, 2])
})

test('[LH2] a page that needs an archive that is down, behind or being rebuilt fails for the moment', async () => {
  const { world, alice } = await withMessages(10)
  world.history.trim(chat, 6)
  const failures = async (question: object) => {
    await history(world, alice, question)
    await world.clock.pass(ARCHIVE_BEHIND_MS_MAX + QUESTION_MS_MAX)
    return alice.of('failed').map(({ name, retry }) => `${name} ${retry}`)
  }
  world.archive.isDown = true
  expect(await failures({ afterSeq: 0, limit: 4 })).toEqual(['DB_ERROR same'])
  // Towards the past the part that history has comes first; the rest is the next question's.
  await history(world, alice, { beforeSeq: 8, limit: 4 })
  await world.clock.pass(QUESTION_MS_MAX)
  expect(alice.of('page').at(-1)).toMatchObject({ events: [{ seq: 6 }, { seq: 7 }], more: true })
  expect(await history(world, alice, { afterSeq: 5 })).toEqual({ seqs: range(6, 10), more: false, lastSeq: 10 })
  expect(await failures({ beforeSeq: 6 })).toEqual(['DB_ERROR same', 'DB_ERROR same'])
  world.archive.isDown = false
  world.archive.empty()
  expect((await failures({ beforeSeq: 6 })).at(-1)).toBe('VIEW_BEHIND same')
  expect((await failures({ afterSeq: 0 })).at(-1)).toBe('VIEW_BEHIND same')
})

test('[LH1] what history has dropped before this gateway has read it and the archive has it is waited for', async () => {
  const { world, gateway, alice } = await withMessages(2)
  const bob = await world.connect(await world.gateway('gw-2'), 'bob')
  gateway.log.hold()
  world.archive.isFollowing = false
  for (let i = 3; i <= 10; i++) world.say(bob, chat)
  await world.flow()
  world.history.trim(chat, 6)
  expect(await history(world, alice, { afterSeq: 0, limit: 4 })).toBeUndefined()
  gateway.log.letGo()
  world.archive.follow()
  await world.clock.pass(500)
  expect(alice.of('page').map(({ events }) => events.map(({ seq }) => seq))).toEqual([range(1, 4)])
})

test('[LH3] what a retention has dropped from the archive is passed over', async () => {
  const { world, alice } = await withMessages(10)
  world.history.trim(chat, 8)
  world.archive.trim(chat, 5)
  const asked = (question: object) => history(world, alice, question)
  expect(await asked({ afterSeq: 0, limit: 4 })).toEqual({ seqs: [5, 6, 7, 8], more: true, lastSeq: 10 })
  expect(await asked({ beforeSeq: 8, limit: 9 })).toEqual({ seqs: [5, 6, 7], more: false, lastSeq: 10 })
  expect(await asked({ beforeSeq: 5 })).toEqual({ seqs: [], more: false, lastSeq: 10 })
})
