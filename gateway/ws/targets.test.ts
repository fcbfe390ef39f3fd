import { expect, test } from 'vitest'
import { Code } from '../../schemas/codes.ts'
import type { Content, SendExtra, Target } from '../../schemas/content.ts'
import { makePackId, type PackId, type SessionId, type UserId } from '../../schemas/ids.ts'
import type { Pack } from '../../schemas/pack.ts'
import { LOOK_UPS_PER_CONNECTION_MAX, TARGET_FRESH_MS } from '../limits.ts'
import { type TestClient, World } from '../testing/world.ts'

const CHAT = 's:alice:bob' as SessionId
const ALICE = 'alice' as UserId

/** A world in which bob has sent an old message (seq 1) and alice a fresh one (seq 2). */
async function talk(packsPerSecond?: number) {
  const world = await World.make()
  const gateway = await world.gateway('gw', packsPerSecond === undefined ? {} : { packsPerSecond })
  const alice = await world.connect(gateway, 'alice')
  const bob = await world.connect(gateway, 'bob')
  const oldId = makePackId(world.clock.now() - TARGET_FRESH_MS - 1, world.random.bytes(10))
  bob.send({ type: 'send', packId: oldId, sessionId: CHAT, flags: 4, content: { kind: 'Text', text: 'old' } })
  await world.flow()
  const freshId = world.say(alice, CHAT, 'fresh')
  await world.flow()
  world.sequencer.packs.length = 0
  const old = { seq: 1, packId: oldId }
  const fresh = { seq: 2, packId: freshId, from: ALICE }
  const at = alice.of('event')[0]!.at
  return { world, gateway, alice, bob, old, fresh, at }
}

function revoke(world: World, client: TestClient, target: Target, sessionId = CHAT): PackId {
  const packId = world.packId()
  client.send({ type: 'revoke', packId, sessionId, target })
  return packId
}

function say(world: World, client: TestClient, content: Content, extra: SendExtra): PackId {
  const packId = world.packId()
  client.send({ type: 'send', packId, sessionId: CHAT, flags: 0, content, extra })
  return packId
}

async function appended(world: World): Promise<Pack[]> {
  await world.flow()
  return world.sequencer.packs.splice(0)
}

/** The scripted sequencer refuses revokes for good; what the gateway itself refuses may come again. */
function temporary(client: TestClient) {
  return client.of('refused').filter(({ retry }) => retry === 'same')
}

const NOT_EXIST = { verdict: { code: Code.MSG_NOT_EXIST.number } }

test('[GW50] a fresh message of a named sender is left to the sequencer', async () => {
  const { world, alice, fresh } = await talk()
  const before = world.history.pagesRead
  revoke(world, alice, fresh)
  expect(await appended(world)).toMatchObject([{ stamp: null }])
  expect(world.history.pagesRead).toBe(before)
})

test('[GW50] an older one, and one whose sender is not named, is stamped with its facts', async () => {
  const { world, alice, old, fresh, at } = await talk()
  revoke(world, alice, old)
  expect(await appended(world)).toMatchObject([
    { stamp: { verdict: null, target: { from: 'bob', at, counted: true }, quote: null, origin: null } },
  ])
  revoke(world, alice, { seq: fresh.seq, packId: fresh.packId })
  expect(await appended(world)).toMatchObject([{ stamp: { target: { from: 'alice' } } }])
})

test('[GW50] the digest is that of the words, with a stamp or without', async () => {
  const { world, alice, old } = await talk()
  const packId = revoke(world, alice, old)
  const [first] = await appended(world)
  world.history.isDown = true
  expect(first!.stamp).not.toBeNull()
  alice.send({ type: 'revoke', packId, sessionId: CHAT, target: old })
  expect(first!.digest).toHaveLength(16)
})

test('[GW50] another packId at the seq, a seq that is not there, and an event that is no message do not exist', async () => {
  const { world, gateway, alice, fresh } = await talk()
  const other = makePackId(world.clock.now() - 2 * TARGET_FRESH_MS, world.random.bytes(10))
  revoke(world, alice, { seq: 1, packId: other })
  expect(await appended(world)).toMatchObject([{ stamp: NOT_EXIST }])
  revoke(world, alice, { seq: 99, packId: fresh.packId })
  expect(await appended(world)).toMatchObject([{ stamp: NOT_EXIST }])
  const carol = await world.connect(gateway, 'carol')
  const groupId = world.packId()
  carol.send({ type: 'createGroup', packId: groupId, info: { name: 'g' }, members: [] })
  await world.flow()
  world.sequencer.packs.length = 0
  const { sessionId } = carol.of('ack')[0]!
  revoke(world, carol, { seq: 1, packId: groupId }, sessionId)
  expect(await appended(world)).toMatchObject([{ stamp: NOT_EXIST }])
})

test('[GW51] a view that is behind or down is no reason to say that there is no such message', async () => {
  const { world, alice, fresh } = await talk()
  world.history.isFollowing = false
  const bare = { seq: 3, packId: world.say(alice, CHAT, 'newer') }
  await world.flow()
  world.sequencer.packs.length = 0
  const late = revoke(world, alice, bare)
  await world.settle()
  await world.clock.pass(15_000)
  expect(temporary(alice)).toMatchObject([{ packId: late, name: 'VIEW_BEHIND', retry: 'same' }])
  world.history.isDown = true
  const down = revoke(world, alice, { seq: fresh.seq, packId: fresh.packId })
  await world.settle()
  await world.clock.pass(15_000)
  expect(temporary(alice)[1]).toMatchObject({ packId: down, name: 'HISTORY_ERROR', retry: 'same' })
  expect(await appended(world)).toEqual([])
  world.history.isDown = false
  world.history.follow()
  alice.send({ type: 'revoke', packId: late, sessionId: CHAT, target: bare })
  expect(await appended(world)).toMatchObject([{ packId: late, stamp: { target: { from: 'alice' } } }])
})

test('[GW51] what history keeps no longer is found in the archive, which may be behind or down as well', async () => {
  const { world, alice, old, at } = await talk()
  world.history.trim(CHAT, 2)
  revoke(world, alice, old)
  expect(await appended(world)).toMatchObject([{ stamp: { target: { from: 'bob', at, counted: true } } }])
  world.archive.isDown = true
  revoke(world, alice, old)
  await world.settle()
  await world.clock.pass(15_000)
  expect(temporary(alice)).toMatchObject([{ name: 'DB_ERROR', retry: 'same' }])
  world.archive.isDown = false
  world.archive.empty()
  revoke(world, alice, old)
  await world.settle()
  await world.clock.pass(15_000)
  expect(temporary(alice)[1]).toMatchObject({ name: 'VIEW_BEHIND', retry: 'same' })
})

test('[GW50] quotes are stamped in the same way', async () => {
  const { world, alice, old, at } = await talk()
  say(world, alice, { kind: 'Text', text: 'yes' }, { quote: old })
  expect(await appended(world)).toMatchObject([{ stamp: { quote: { from: 'bob', at, counted: true }, target: null } }])
  say(world, alice, { kind: 'Text', text: 'yes' }, { quote: { seq: 7, packId: old.packId } })
  expect(await appended(world)).toMatchObject([{ stamp: NOT_EXIST }])
})

test('[GW52] a forward has its author where the sender may read the message and says its content', async () => {
  const { world, gateway, alice, old, at } = await talk()
  const forward = { sessionId: CHAT, ...old }
  const content: Content = { kind: 'Text', text: 'old' }
  say(world, alice, content, { forward })
  expect(await appended(world)).toMatchObject([{ stamp: { origin: { from: 'bob', at } } }])
  say(world, alice, { kind: 'Text', text: 'forged' }, { forward })
  expect(await appended(world)).toMatchObject([{ stamp: NOT_EXIST }])
  const carol = await world.connect(gateway, 'carol')
  const packId = world.packId()
  const sessionId = 's:bob:carol' as SessionId
  carol.send({ type: 'send', packId, sessionId, flags: 0, content, extra: { forward } })
  expect(await appended(world)).toMatchObject([{ stamp: NOT_EXIST }])
})

test('[GW53] packs of a session keep their order while one of them waits; other sessions do not wait', async () => {
  const { world, alice, old } = await talk()
  world.history.isSilent = true
  const first = revoke(world, alice, old)
  const second = world.say(alice, CHAT, 'behind it')
  const other = world.say(alice, 's:alice:zoe', 'elsewhere')
  expect((await appended(world)).map(({ packId }) => packId)).toEqual([other])
  world.history.isSilent = false
  await world.clock.pass(5_500)
  expect(temporary(alice)).toMatchObject([{ packId: first, retry: 'same' }])
  expect((await appended(world)).map(({ packId }) => packId)).toEqual([second])
})

test('[GW53] a connection has a bounded number of packs that wait for look-ups', async () => {
  const { world, alice, old } = await talk(LOOK_UPS_PER_CONNECTION_MAX)
  world.history.isSilent = true
  for (let n = 0; n < LOOK_UPS_PER_CONNECTION_MAX; n++) revoke(world, alice, old)
  const tooMuch = revoke(world, alice, old)
  await world.settle()
  expect(temporary(alice)).toMatchObject([{ packId: tooMuch, name: 'OVERLOADED', retry: 'same' }])
  await world.clock.pass(15_000)
  expect(temporary(alice)).toHaveLength(LOOK_UPS_PER_CONNECTION_MAX + 1)
  world.history.isSilent = false
  revoke(world, alice, old)
  expect(await appended(world)).toHaveLength(1)
})
