import { describe, expect, test } from 'vitest'
import type { UrgentEvent } from '../../processors/history/history-store.ts'
import { NOTHING_KEPT } from '../../processors/history/session-summary.ts'
import { eventJson } from '../../schemas/frames.ts'
import type { Seq, SessionId, UserId } from '../../schemas/ids.ts'
import { World } from '../testing/world.ts'

const chat = 's:alice:bob' as SessionId
const crew = 'g:crew' as SessionId

/** Alice and bob with `count` messages of bob in their chat. */
async function talk(count: number) {
  const world = await World.make()
  const gateway = await world.gateway()
  const [alice, bob] = [await world.connect(gateway, 'alice'), await world.connect(gateway, 'bob')]
  for (let n = 0; n < count; n++) world.say(bob, chat)
  await world.flow()
  return { world, gateway, alice, bob }
}

describe('what a user hides', () => {
  async function hiding(cleared: Seq, hidden: Seq[]) {
    const made = await talk(9)
    const kept = { ...NOTHING_KEPT, cleared: { seq: cleared, count: cleared }, hidden }
    made.world.history.kept = async ({ userId, sessionIds }) =>
      sessionIds.map(sessionId => (userId === 'alice' && sessionId === chat ? kept : NOTHING_KEPT))
    return made
  }

  test('[GW47] pages hold neither what is cleared nor what is hidden', async () => {
    const { world, alice, bob } = await hiding(3, [5, 9])
    alice.send({ type: 'history', requestId: 1, sessionId: chat, afterSeq: 0 })
    alice.send({ type: 'history', requestId: 2, sessionId: chat, beforeSeq: 7, limit: 10 })
    alice.send({ type: 'history', requestId: 3, sessionId: chat, beforeSeq: 4 })
    alice.send({ type: 'history', requestId: 4, sessionId: chat, beforeSeq: 10, limit: 1 })
    bob.send({ type: 'history', requestId: 5, sessionId: chat, afterSeq: 0 })
    await world.settle()
    const pages = alice.of('page').map(({ requestId, more, lastSeq, events }) => {
      return { requestId, more, lastSeq, seqs: events.map(({ seq }) => seq) }
    })
    expect(pages.sort((a, b) => a.requestId - b.requestId)).toEqual([
      { requestId: 1, more: false, lastSeq: 9, seqs: [4, 6, 7, 8] },
      { requestId: 2, more: false, lastSeq: 9, seqs: [4, 6] },
      { requestId: 3, more: false, lastSeq: 9, seqs: [] },
      { requestId: 4, more: true, lastSeq: 9, seqs: [8] },
    ])
    expect(bob.of('page')[0]!.events).toHaveLength(9)
  })

  test('[GW47] a resume tells it as gaps, and what is cleared whole as well', async () => {
    const { world, gateway } = await hiding(3, [5])
    const phone = await world.connect(gateway, 'alice', { deviceId: 'phone' })
    phone.send({ type: 'resume', requestId: 1, sessions: [{ sessionId: chat, seq: 1 }] })
    await world.settle()
    expect(phone.seqs(chat)).toEqual([4, 6, 7, 8, 9])
    expect(phone.of('gap').map(({ fromSeq, toSeq }) => [fromSeq, toSeq])).toEqual([
      [2, 3],
      [5, 5],
    ])
    const all = await hiding(9, [])
    const laptop = await all.world.connect(all.gateway, 'alice', { deviceId: 'laptop' })
    laptop.send({ type: 'resume', requestId: 1, sessions: [{ sessionId: chat, seq: 0 }] })
    await all.world.settle()
    expect(laptop.of('gap')).toMatchObject([{ fromSeq: 1, toSeq: 9 }])
    expect(laptop.of('resumed')).toMatchObject([{ sessions: [{ sessionId: chat, lastSeq: 9 }] }])
  })
})

test('[GW48] the since of a list is what was true when its first page was read', async () => {
  const { world, alice } = await talk(1)
  let minute = 28_000_000
  world.history.times = async partitions => new Map(partitions.map(partition => [partition, minute * 60_000]))
  const asked: (number | undefined)[] = []
  const hotSessions = world.history.hotSessions.bind(world.history)
  world.history.hotSessions = request => {
    asked.push(request.since?.times.get(0))
    return hotSessions(request)
  }
  for (const to of ['carol', 'dave']) world.say(alice, ['s:alice', to].join(':'))
  await world.flow()
  alice.send({ type: 'sessions', requestId: 1, limit: 2 })
  await world.settle()
  minute++
  const { cursor, since: none } = alice.of('sessions')[0]!
  expect(none).toBeUndefined()
  alice.send({ type: 'sessions', requestId: 2, limit: 2, cursor: cursor! })
  await world.settle()
  const { since, cursor: end } = alice.of('sessions')[1]!
  expect(end).toBeUndefined()
  alice.send({ type: 'sessions', requestId: 3, since: since! })
  alice.send({ type: 'sessions', requestId: 4, since: 'MTIz' })
  await world.settle()
  expect(asked).toEqual([undefined, undefined, 28_000_000 * 60_000])
  expect(alice.of('failed')).toMatchObject([{ requestId: 4, name: 'PARAM' }])
})

test('[GW49] who has read: members since before the message, without its sender', async () => {
  const { world, alice, bob, gateway } = await talk(0)
  const members = ['bob', 'carol'] as UserId[]
  alice.send({ type: 'createGroup', packId: world.packId(), groupId: 'crew', info: { name: 'C' }, members })
  world.say(alice, crew)
  bob.send({ type: 'addMembers', packId: world.packId(), sessionId: crew, userIds: ['dave' as UserId] })
  await world.flow()
  world.history.readSeqs = async ({ userIds }) => userIds.map(userId => (userId === 'carol' ? 1 : 9))
  const eve = await world.connect(gateway, 'eve')
  for (const client of [bob, eve]) client.send({ type: 'receipts', requestId: 1, sessionId: crew, seq: 2 })
  bob.send({ type: 'receipts', requestId: 2, sessionId: crew, seq: 9 })
  alice.send({ type: 'receipts', requestId: 3, sessionId: chat, seq: 0 })
  await world.settle()
  expect(bob.of('receipts')).toMatchObject([{ readCount: 1, memberCount: 2, readers: ['bob'] }])
  expect(bob.of('failed')).toMatchObject([{ requestId: 2, name: 'MSG_NOT_EXIST' }])
  expect(eve.of('failed')).toMatchObject([{ name: 'HISTORY_DENIED' }])
  expect(alice.of('failed')).toMatchObject([{ requestId: 3, name: 'HISTORY_DENIED' }])
})

test('[GW56] what must not be missed comes by time over partitions, in pages, without what is not for the user', async () => {
  const { world, alice } = await talk(6)
  const other = 's:alice:carol' as SessionId
  const now = world.clock.now()
  const event = (sessionId: SessionId, seq: Seq, at: number, partition: number, offset: number): UrgentEvent => {
    return { sessionId, seq, at, partition, offset }
  }
  const urgent = [
    event(chat, 1, 10, 0, 1),
    event(chat, 2, 20, 0, 5),
    event(other, 1, 15, 1, 7),
    event(other, 2, 25, 1, 9),
    event(crew, 3, 12, 1, 4),
    event(chat, 4, 26, 0, 6),
  ].map(one => ({ ...one, at: now + one.at }))
  world.history.urgent = async ({ after }) =>
    urgent.filter(({ partition, offset }) => offset > (after.offsets.get(partition) ?? -1))
  const frame = (seq: Seq) => eventJson({ seq, sessionId: chat, body: { kind: 'GroupDismissed' } } as never)
  world.history.urgentTexts = async events => events.map(({ seq }) => frame(seq)) as never
  world.history.kept = async ({ sessionIds }) =>
    sessionIds.map(id => (id === other ? { ...NOTHING_KEPT, hidden: [2] } : NOTHING_KEPT))
  const seqs: number[][] = []
  let cursor: string | undefined
  for (let more = true; more; ) {
    alice.send({ type: 'priority', requestId: 1, limit: 2, ...(cursor === undefined ? {} : { cursor }) })
    await world.settle()
    const answer = alice.of('priority').at(-1)!
    seqs.push(answer.events.map(({ seq }) => seq))
    ;({ cursor, more } = answer)
  }
  expect(seqs).toEqual([
    [1, 1],
    [2, 4],
  ])
  alice.send({ type: 'priority', requestId: 2, cursor: cursor! })
  alice.send({ type: 'priority', requestId: 3, cursor: 'MTIz' })
  await world.settle()
  expect(alice.of('priority').at(-1)).toMatchObject({ events: [], more: false, cursor })
  expect(alice.of('failed')).toMatchObject([{ requestId: 3, name: 'PARAM' }])
})
