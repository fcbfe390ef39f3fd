import { expect, test } from 'vitest'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import type { EventFrame } from '../../schemas/frames.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { Client } from '../network/client.ts'
import { MemoryStore } from '../storage/memory-store.ts'
import type { Store } from '../storage/store.ts'
import { FakeGateway, notRandom, refused } from '../testing/fake-gateway.ts'
import { CONVERSATION_PAGE_MAX } from './conversation.ts'
import { MARK_MS } from './marks.ts'
import { Messenger } from './messenger.ts'

const AB = 's:alice:bob' as SessionId
const TEAM = 'g:team' as SessionId

interface Scene {
  clock: VirtualClock
  gateway: FakeGateway
  store: Store
  alice: Messenger
  /** Closes the messenger and opens another on the same store. */
  restart(): Promise<Messenger>
}

async function scene(gateway?: FakeGateway): Promise<Scene> {
  const clock = new VirtualClock()
  const made = gateway ?? new FakeGateway(clock)
  const store = new MemoryStore()
  const alice = await open(made, clock, store)
  const restart = async () => {
    await alice.close()
    return open(made, clock, store)
  }
  return { clock, gateway: made, store, alice, restart }
}

async function open(gateway: FakeGateway, clock: VirtualClock, store: Store, user = 'alice'): Promise<Messenger> {
  const options = { url: 'ws://fake/ws', token: user, deviceType: 'web', deviceId: `${user}-1` } as const
  const wire = new Client({ ...options, open: gateway.open, clock, random: notRandom })
  const messenger = new Messenger({ userId: user as UserId, wire, store, clock, random: notRandom })
  await messenger.start()
  await settle(clock, messenger)
  return messenger
}

async function settle(clock: VirtualClock, ...messengers: Messenger[]): Promise<void> {
  for (let round = 0; round < 5; round++) {
    await clock.settle()
    for (const messenger of messengers) await messenger.settled()
  }
}

const text = (text: string) => ({ kind: 'Text', text }) as const
const texts = (events: readonly EventFrame[]) =>
  events.flatMap(({ body }) => {
    if (body.kind !== 'MessageAccepted') return [body.kind]
    return body.content.kind === 'Text' ? [body.content.text] : [body.content.kind]
  })

test('[SDK2] a message is shown at once, and stands at its seq when the log has it', async () => {
  const { clock, alice } = await scene()
  const conversation = alice.open(AB)
  const { answer, packId } = alice.send(AB, text('hello'))
  expect(conversation.view.pending.map(({ frame }) => frame.packId)).toEqual([packId])
  await settle(clock, alice)
  expect(await answer).toMatchObject({ kind: 'Accepted', seq: 1 })
  expect(conversation.view.pending).toEqual([])
  expect(texts(conversation.view.events)).toEqual(['hello'])
  expect(alice.sessions().map(({ sessionId, unread }) => [sessionId, unread])).toEqual([[AB, 0]])
})

test('[SDK3] what is sent without a connection goes out once, also after a restart', async () => {
  const { clock, gateway, alice, restart } = await scene()
  gateway.up = false
  gateway.dropAll()
  alice.send(AB, text('one'))
  alice.send(AB, text('two'))
  await alice.settled()
  const again = await restart()
  expect(again.open(AB).view.pending).toHaveLength(2)
  gateway.up = true
  await clock.pass(10_000)
  await settle(clock, again)
  expect(texts(gateway.timelines.get(AB)!)).toEqual(['one', 'two'])
  expect(again.open(AB).view.pending).toEqual([])
  expect(texts(again.open(AB).view.events)).toEqual(['one', 'two'])
})

test('[SDK3] a message that was accepted before the crash is not sent twice', async () => {
  const { clock, gateway, store, alice } = await scene()
  // The outcome is in the log, the ack is lost, and the process dies.
  gateway.intercept = (frame, connection) => {
    if (frame.type === 'send') connection.end(1006)
    return false
  }
  alice.send(AB, text('once'))
  await settle(clock, alice)
  gateway.intercept = () => false
  const again = await open(gateway, clock, store)
  await clock.pass(10_000)
  await settle(clock, again)
  expect(texts(gateway.timelines.get(AB)!)).toEqual(['once'])
  await run(clock, again.open(AB).loadOlder())
  expect(texts(again.open(AB).view.events)).toEqual(['once'])
  expect(again.open(AB).view.pending).toEqual([])
})

test('[SDK3] what is kept is readable without a connection', async () => {
  const { clock, gateway, alice, restart } = await scene()
  gateway.say(AB, 'bob', 'kept')
  await settle(clock, alice)
  gateway.up = false
  const again = await restart()
  const conversation = again.open(AB)
  await conversation.loadOlder()
  expect(texts(conversation.view.events)).toEqual(['kept'])
  expect(again.sessions()[0]).toMatchObject({ sessionId: AB, unread: 1 })
})

test('[SDK4] a refused message stays until it is tried again or dropped', async () => {
  const { clock, gateway, alice } = await scene()
  gateway.intercept = (frame, connection) => {
    if (frame.type !== 'send') return false
    connection.push(refused(frame, 'MUTED'))
    return true
  }
  const told: string[] = []
  alice.on('refused', ({ answer }) => told.push(answer.name))
  const { packId } = alice.send(AB, text('no'))
  await settle(clock, alice)
  expect(told).toEqual(['MUTED'])
  expect(alice.open(AB).view.pending[0]?.refusal).toMatchObject({ name: 'MUTED' })
  gateway.intercept = () => false
  const retried = alice.retry(packId)
  expect(retried?.packId).not.toBe(packId)
  await settle(clock, alice)
  expect(await retried?.answer).toMatchObject({ kind: 'Accepted' })
  expect(alice.open(AB).view.pending).toEqual([])
  expect(alice.discard(packId)).toBe(false)
})

test('[SDK5] unread counts what others say and ends with what one reads or says', async () => {
  const { clock, gateway, alice } = await scene()
  for (const word of ['1', '2', '3']) gateway.say(AB, 'bob', word)
  await settle(clock, alice)
  expect(alice.unread()).toBe(3)
  alice.markRead(AB, 2)
  await settle(clock, alice)
  alice.markRead(AB, 3)
  await settle(clock, alice)
  expect(alice.unread()).toBe(0)
  await clock.pass(MARK_MS)
  const marks = gateway.connectionOf('alice').received.filter(({ type }) => type === 'markRead')
  expect(marks.map(frame => 'seq' in frame && frame.seq)).toEqual([2, 3])
  gateway.say(AB, 'bob', '4')
  await settle(clock, alice)
  expect(alice.unread()).toBe(1)
  alice.send(AB, text('5'))
  await settle(clock, alice)
  expect(alice.unread()).toBe(0)
})

test('[SDK5] a message that is taken back unread no longer counts', async () => {
  const { clock, gateway, alice } = await scene()
  const event = gateway.say(AB, 'bob', 'oops')
  await settle(clock, alice)
  const target = { seq: event.seq, packId: event.packId, from: event.from, at: event.at, counted: true }
  gateway.append(AB, 'bob' as UserId, gateway.newPackId(), { kind: 'MessageRevoked', target })
  await settle(clock, alice)
  expect(alice.unread()).toBe(0)
  await alice.open(AB).loadOlder()
  expect(texts(alice.open(AB).view.events)).toEqual(['Removed', 'MessageRevoked'])
  expect(alice.open(AB).view.events[0]?.state).toMatchObject({ change: 'revoked', by: 'bob' })
})

test('[SDK6] edits and reactions change the message where it stands', async () => {
  const { clock, gateway, alice } = await scene()
  const { answer } = alice.send(AB, text('helo'))
  await settle(clock, alice)
  const sent = await answer
  await run(clock, alice.open(AB).loadOlder())
  const event = alice.open(AB).view.events[0]!
  alice.submit({ type: 'override', sessionId: AB, target: alice.target(event), content: text('hello') })
  alice.submit({ type: 'addReaction', sessionId: AB, target: alice.target(event), emoji: '👍' })
  await settle(clock, alice)
  expect(sent.kind).toBe('Accepted')
  const [shown] = alice.open(AB).view.events
  expect(texts([shown!])).toEqual(['hello'])
  expect(shown).toMatchObject({
    state: { change: 'edited' },
    reactions: [{ emoji: '👍', count: 1, userIds: ['alice'] }],
  })
  alice.submit({ type: 'removeReaction', sessionId: AB, target: alice.target(event), emoji: '👍' })
  await settle(clock, alice)
  expect(alice.open(AB).view.events[0]?.reactions).toBeUndefined()
  expect(gateway.timelines.get(AB)).toHaveLength(4)
})

test('[SDK7] a long history opens at its end and grows in both directions', async () => {
  const clock = new VirtualClock()
  const gateway = new FakeGateway(clock)
  for (let seq = 1; seq <= 200; seq++) gateway.say(AB, 'bob', String(seq))
  const alice = await open(gateway, clock, new MemoryStore())
  const conversation = alice.open(AB)
  await run(clock, conversation.loadOlder())
  expect(conversation.view.events.at(-1)?.seq).toBe(200)
  expect(conversation.view.events).toHaveLength(CONVERSATION_PAGE_MAX)
  while (conversation.view.hasOlder) await run(clock, conversation.loadOlder())
  expect(conversation.view.events.map(({ seq }) => seq)).toEqual(Array.from({ length: 200 }, (_, index) => index + 1))
  alice.release(AB)
  const jumped = alice.open(AB)
  await run(clock, jumped.jumpTo(30))
  expect(jumped.view.isAtEnd).toBe(false)
  expect(jumped.view.events.map(({ seq }) => seq)).toContain(30)
  while (!jumped.view.isAtEnd) await run(clock, jumped.loadNewer())
  gateway.say(AB, 'bob', '201')
  await settle(clock, alice)
  expect(jumped.view.events.map(({ seq }) => seq)).toEqual(Array.from({ length: 201 }, (_, index) => index + 1))
})

test('[SDK6] what a message said before an edit, and reactions to one that is gone, are not kept', async () => {
  const { clock, gateway, store, alice } = await scene()
  const { seq, packId, from, at } = gateway.say(AB, 'bob', 'one')
  const target = { seq, packId, from, at, counted: true }
  const edit = (words: string, version: number) =>
    gateway.append(AB, from, gateway.newPackId(), { kind: 'MessageOverridden', target, content: text(words), version })
  edit('two', 1)
  edit('three', 2)
  alice.submit({ type: 'addReaction', sessionId: AB, target, emoji: '👍' })
  await settle(clock, alice)
  const kept = async () => JSON.stringify(await store.range('messages', {}))
  expect(await kept()).not.toMatch(/"one"|"two"/)
  expect(await kept()).toContain('"three"')
  gateway.append(AB, from, gateway.newPackId(), { kind: 'MessageRevoked', target })
  await settle(clock, alice)
  expect(await kept()).not.toContain('"three"')
  expect(alice.open(AB).view.events[0]?.reactions).toBeUndefined()
})

test('[SDK6] a page that is behind what came live does not undo it', async () => {
  const clock = new VirtualClock()
  const gateway = new FakeGateway(clock)
  const { seq, packId, from, at } = gateway.say(AB, 'bob', 'old')
  const alice = await open(gateway, clock, new MemoryStore())
  gateway.pagesBehind = 1
  const target = { seq, packId, from, at, counted: true }
  const body = { kind: 'MessageOverridden', target, content: text('new'), version: 1 } as const
  gateway.append(AB, from, gateway.newPackId(), body)
  await settle(clock, alice)
  const conversation = alice.open(AB)
  await run(clock, conversation.jumpToEnd())
  while (conversation.view.hasOlder) await run(clock, conversation.loadOlder())
  expect(texts(conversation.view.events)).toEqual(['new', 'MessageOverridden'])
})

test('[SDK7] the end stays in sight when a session begins unseen, and when messages come while others are loaded', async () => {
  const { clock, gateway, alice } = await scene()
  const conversation = alice.open(AB)
  await run(clock, conversation.jumpToEnd())
  gateway.up = false
  gateway.dropAll()
  for (const words of ['one', 'two', 'three']) gateway.say(AB, 'bob', words)
  gateway.up = true
  await clock.pass(10_000)
  await settle(clock, alice)
  expect(texts(conversation.view.events)).toEqual(['one', 'two', 'three'])
  const loading = conversation.loadOlder()
  gateway.say(AB, 'bob', 'four')
  gateway.say(AB, 'bob', 'five')
  await run(clock, loading)
  await settle(clock, alice)
  expect(texts(conversation.view.events)).toEqual(['one', 'two', 'three', 'four', 'five'])
  expect(conversation.view.isAtEnd).toBe(true)
})

test('[SDK7] new messages appear in an open conversation without being asked for', async () => {
  const { clock, gateway, alice } = await scene()
  const conversation = alice.open(TEAM)
  gateway.append(TEAM, 'bob' as UserId, gateway.newPackId(), {
    kind: 'GroupCreated',
    info: { name: 'Team', avatar: '', notice: '' },
    members: ['alice' as UserId],
  })
  gateway.say(TEAM, 'bob', 'hi')
  await settle(clock, alice)
  expect(texts(conversation.view.events)).toEqual(['GroupCreated', 'hi'])
  gateway.append(TEAM, 'bob' as UserId, gateway.newPackId(), { kind: 'MembersRemoved', userIds: ['alice' as UserId] })
  await settle(clock, alice)
  expect(alice.session(TEAM)?.isOut).toBe(true)
})

test('[SDK8] friends follow the events of the single chat', async () => {
  const { clock, gateway, alice } = await scene()
  const say = (from: string, body: EventFrame['body']) => gateway.append(AB, from as UserId, gateway.newPackId(), body)
  say('bob', { kind: 'FriendRequested', message: 'hi' })
  await settle(clock, alice)
  expect(alice.friends()).toMatchObject([{ userId: 'bob', relation: 'asked', message: 'hi' }])
  say('alice', { kind: 'FriendAccepted' })
  say('alice', { kind: 'UserBlocked' })
  await settle(clock, alice)
  expect(alice.friends()).toMatchObject([{ userId: 'bob', relation: 'friend', blocked: true }])
  say('alice', { kind: 'UserUnblocked' })
  say('bob', { kind: 'FriendDeleted' })
  await settle(clock, alice)
  expect(alice.friends()).toEqual([])
})

test('[SDK8] typing is told and ends by itself, profiles are asked for together', async () => {
  const { clock, gateway, alice } = await scene()
  gateway.connectionOf('alice').push({ type: 'typing', sessionId: AB, from: 'bob' as UserId, on: true })
  expect(alice.people.typing(AB)).toEqual(['bob'])
  await clock.pass(7_000)
  expect(alice.people.typing(AB)).toEqual([])
  for (const user of ['bob', 'carol']) alice.people.profile(user as UserId)
  await clock.pass(100)
  await settle(clock, alice)
  expect(alice.people.profile('carol' as UserId)).toMatchObject({ name: 'carol' })
  const asked = gateway.connectionOf('alice').received.filter(({ type }) => type === 'profiles')
  expect(asked).toHaveLength(1)
})

/** Lets the network work while something waits for it. */
async function run(clock: VirtualClock, task: Promise<void>): Promise<void> {
  await clock.settle()
  await task
  await clock.settle()
}
