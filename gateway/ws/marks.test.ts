import { expect, test } from 'vitest'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { MARK_EVERY_MS } from '../limits.ts'
import { refused } from '../testing/script.ts'
import { type TestClient, World } from '../testing/world.ts'

const chat = 's:alice:bob' as SessionId
const crew = 'g:crew' as SessionId

/** Nine messages of bob to alice, of which the odd ones count; the sequencer takes every mark as it comes. */
async function talk() {
  const world = await World.make()
  const gateway = await world.gateway()
  const [alice, bob] = [await world.connect(gateway, 'alice'), await world.connect(gateway, 'bob')]
  for (let n = 1; n <= 9; n++) {
    const content = { kind: 'Text', text: `${n}` } as const
    bob.send({ type: 'send', packId: world.packId(), sessionId: chat, flags: n % 2 === 0 ? 0 : 4, content })
  }
  await world.flow()
  world.sequencer.packs.length = 0
  world.sequencer.dictate = ({ body, stamp }) => {
    const count = stamp?.count ?? 0
    if (stamp?.verdict) return { kind: 'PackRefused', ...stamp.verdict }
    if (body.kind === 'MarkRead') return { kind: 'ReadMarked', seq: body.seq, count }
    if (body.kind === 'MarkDelivered') return { kind: 'DeliveredMarked', seq: body.seq }
    if (body.kind === 'MarkSessionRead') return { ...body, kind: 'SessionReadMarked', count }
    if (body.kind === 'ClearSession') return { ...body, kind: 'SessionCleared', count }
    if (body.kind === 'DeleteForMe') return { kind: 'DeletedForMe', sessionId: body.sessionId, seqs: [1] }
    return undefined
  }
  const mark = (client: TestClient, seq: number, sessionId = chat, type: 'markRead' | 'markDelivered' = 'markRead') => {
    const packId = world.packId()
    client.send({ type, packId, sessionId, seq })
    return packId
  }
  const packs = async () => {
    await world.flow()
    return world.sequencer.packs.splice(0)
  }
  return { world, gateway, alice, bob, mark, packs }
}

const acked = (client: TestClient) => client.of('ack').map(({ packId }) => packId)

test('[GW60] the first mark goes at once; then the highest of those that come within the time, which answers all', async () => {
  const { world, alice, mark, packs } = await talk()
  const first = mark(alice, 2)
  expect(await packs()).toMatchObject([{ body: { kind: 'MarkRead', seq: 2 }, stamp: { count: 1 } }])
  expect(acked(alice)).toEqual([first])
  const later = [5, 9, 4].map(seq => mark(alice, seq))
  const delivered = mark(alice, 9, chat, 'markDelivered')
  expect(await packs()).toMatchObject([{ packId: delivered, body: { kind: 'MarkDelivered', seq: 9 } }])
  await world.clock.pass(MARK_EVERY_MS - 1)
  expect(await packs()).toEqual([])
  await world.clock.pass(1)
  expect(await packs()).toMatchObject([{ packId: later[1], body: { seq: 9 } }])
  expect(acked(alice).sort()).toEqual([first, delivered, ...later].sort())
  expect(alice.of('event').filter(({ seq }) => seq === 0)).toHaveLength(3)
  // Sessions and connections do not wait for one another.
  mark(alice, 9, 's:alice:carol' as SessionId)
  expect(await packs()).toHaveLength(1)
})

test('[GW60] what was marked is said when the connection ends, and a pack that waits is answered once', async () => {
  const { alice, mark, packs, world } = await talk()
  mark(alice, 1)
  await packs()
  const packId = mark(alice, 3)
  alice.send({ type: 'markRead', packId, sessionId: chat, seq: 3 })
  expect(await packs()).toEqual([])
  alice.drop()
  expect(await packs()).toMatchObject([{ packId, body: { seq: 3 }, stamp: { count: 2 } }])
  await world.clock.pass(2 * MARK_EVERY_MS)
  expect(await packs()).toEqual([])
})

test('[GW60] marks that wait while the gateway drains are refused for the moment', async () => {
  const { alice, mark, packs, gateway, world } = await talk()
  mark(alice, 1)
  await packs()
  const packId = mark(alice, 3)
  const drained = gateway.core.drain()
  expect(await packs()).toEqual([])
  expect(alice.of('refused')).toMatchObject([{ packId, name: 'SERVICE_UNAVAILABLE', retry: 'same' }])
  await world.clock.pass(10_000)
  await drained
})

test('[GW61] the count is that of the session at the seq; beyond the head there is none to find', async () => {
  const { alice, mark, packs, world } = await talk()
  const stamps = new Map<number, unknown>()
  for (const seq of [4, 9, 30, 0]) {
    mark(alice, seq)
    await world.clock.pass(MARK_EVERY_MS)
    for (const pack of await packs()) stamps.set(seq, pack.stamp?.count)
  }
  expect(stamps).toEqual(
    new Map([
      [4, 2],
      [9, 5],
      [30, undefined],
      [0, undefined],
    ]),
  )
})

test('[GW61] a view that is behind is waited for; what history no longer keeps is found in the archive', async () => {
  const { alice, bob, mark, packs, world } = await talk()
  world.history.isFollowing = false
  world.say(bob, chat)
  await packs()
  mark(alice, 10)
  expect(await packs()).toEqual([])
  world.history.follow()
  await world.clock.pass(50)
  expect(await packs()).toMatchObject([{ body: { seq: 10 }, stamp: { count: 6 } }])
  world.history.trim(chat, 8)
  await world.clock.pass(MARK_EVERY_MS)
  mark(alice, 3)
  expect(await packs()).toMatchObject([{ body: { seq: 3 }, stamp: { count: 2 } }])
  world.history.isDown = true
  await world.clock.pass(MARK_EVERY_MS)
  mark(alice, 4)
  await world.clock.pass(1_000)
  expect(alice.of('refused')).toMatchObject([{ name: 'HISTORY_ERROR', retry: 'same' }])
})

test('[GW62] a mark that the group does not take goes to the user, with all answers, and the next one at once', async () => {
  const { alice, mark, packs, world } = await talk()
  const members = ['bob'] as UserId[]
  alice.send({ type: 'createGroup', packId: world.packId(), groupId: 'crew', info: { name: 'C' }, members })
  await packs()
  const { dictate } = world.sequencer
  world.sequencer.dictate = pack => (pack.body.kind === 'MarkRead' ? refused('LIMIT_REACHED') : dictate(pack))
  const first = mark(alice, 1, crew)
  await packs()
  await packs()
  expect(alice.of('ack').at(-1)).toMatchObject({ packId: first, sessionId: 'u:alice' })
  expect(alice.of('refused')).toEqual([])
  await world.clock.pass(MARK_EVERY_MS)
  mark(alice, 99, crew)
  expect(await packs()).toMatchObject([
    { sessionId: 'u:alice', body: { kind: 'MarkSessionRead', sessionId: crew, seq: 1 }, stamp: { count: 0 } },
  ])
  mark(alice, 1, 'b:shop:alice' as SessionId)
  expect(await packs()).toMatchObject([{ sessionId: 'u:alice', stamp: { verdict: { code: 44 } } }])
  // Nobody marks what they have never seen.
  mark(alice, 1, 'g:none' as SessionId)
  await packs()
  expect(await packs()).toMatchObject([{ stamp: { verdict: { code: 28 } } }])
})

test('[GW61] clearing is clamped to what there is, hiding names messages, both need a session that the user may see', async () => {
  const { alice, bob, packs, world } = await talk()
  alice.send({ type: 'clearSession', packId: world.packId(), sessionId: chat, seq: 50 })
  expect(await packs()).toMatchObject([{ body: { kind: 'ClearSession', seq: 9 }, stamp: { count: 5, verdict: null } }])
  const { packId } = bob.of('ack')[0]!
  alice.send({ type: 'deleteForMe', packId: world.packId(), sessionId: chat, targets: [{ seq: 1, packId }] })
  alice.send({ type: 'deleteForMe', packId: world.packId(), sessionId: chat, targets: [{ seq: 2, packId }] })
  expect((await packs()).map(({ stamp }) => stamp?.verdict?.code)).toEqual([undefined, 44])
  alice.send({ type: 'clearSession', packId: world.packId(), sessionId: 's:bob:carol' as SessionId, seq: 1 })
  const attributes = { pinned: true }
  alice.send({ type: 'setSessionAttributes', packId: world.packId(), sessionId: crew, attributes })
  expect((await packs()).map(({ stamp }) => stamp?.verdict?.code)).toEqual([28, 28])
})
