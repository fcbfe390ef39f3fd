import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ArchiveInspector } from '../processors/archive/inspect.ts'
import { anyScript, group, Script, single, user } from '../processors/testing/events.ts'
import { makeEventLog } from '../processors/testing/log.ts'
import { Flag } from '../schemas/pack.ts'
import { catchUp, memoryViews } from './testing/views.ts'
import { runVerify, verify } from './verify.ts'

async function world(script: Script, options: Parameters<typeof memoryViews>[1] = {}) {
  const eventLog = await makeEventLog()
  eventLog.append(script.events)
  const made = memoryViews(eventLog, options)
  await catchUp(eventLog, made.views)
  return { eventLog, ...made }
}

test('[VF1] views that hold what the log says are equal, whatever happened', async () => {
  await fc.assert(
    fc.asyncProperty(anyScript, async script => {
      const { verifyOptions } = await world(script)
      const result = await verify(verifyOptions)
      expect(result.differences).toEqual([])
      expect(result.events).toBe(script.events.length)
      expect(result.sessions).toBe(
        new Set(script.events.filter(it => it.event.seq > 0).map(it => it.event.sessionId)).size,
      )
    }),
    { numRuns: 40 },
  )
})

test('[VF1] partitions that are compared side by side are all counted, and what differs in them', async () => {
  const eventLog = await makeEventLog({ partitions: 2 })
  for (const partition of [0, 1]) {
    const script = new Script()
    for (const text of ['a', 'b', 'c']) script.message(single('alice', `peer${partition}`), user('alice'), text)
    eventLog.append(script.events, partition)
  }
  const { views, verifyOptions, servers } = memoryViews(eventLog)
  await catchUp(eventLog, views)
  const { archive } = servers
  const meeting: ArchiveInspector = {
    positions: () => archive.positions(),
    events: (...range) => archive.events(...range),
    eventBytes: (...range) => bothFirst(archive.eventBytes(...range)),
    messages: partition => bothFirst(archive.messages(partition)),
    derived: () => archive.derived(),
    messagesOfEvents: ranges => archive.messagesOfEvents(ranges),
  }
  const result = await verify({ ...verifyOptions, archive: meeting })
  expect(result).toMatchObject({ total: 0, sessions: 2, events: 6, messages: 6, users: 3 })
  for (const row of archive.eventRows) if (row.seq === 1) row.gateway = 'another'
  const damaged = await verify({ ...verifyOptions, archive: meeting })
  expect(damaged).toMatchObject({ total: 2, sessions: 2, events: 6, messages: 6 })
  expect(damaged.differences.map(({ partition }) => partition).sort()).toEqual([0, 1])
})

let waiting: (() => void)[] = []

/** Gives nothing before another one was asked for as well. */
async function* bothFirst<T>(rows: AsyncIterable<T>): AsyncIterable<T> {
  await new Promise<void>(resolve => {
    waiting.push(resolve)
    if (waiting.length < 2) return
    for (const go of waiting) go()
    waiting = []
  })
  yield* rows
}

test('[VF2] what history may have dropped is not missed, what it must keep is', async () => {
  const script = new Script()
  for (let number = 0; number < 30; number++) script.message(single('alice', 'bob'), user('alice'), `${number}`)
  script.wait(1_000_000)
  for (let number = 0; number < 3; number++) script.message(single('alice', 'carol'), user('carol'), `${number}`)
  const small = { eventsPerSessionMax: 10, eventAgeMs: 100_000, sweepEveryMs: 1 }
  const { verifyOptions, servers } = await world(script, small)
  expect((await verify(verifyOptions)).differences).toEqual([])
  const more = await verify({
    ...verifyOptions,
    limits: { ...verifyOptions.limits, eventsPerSessionMax: 1_000, eventAgeMs: 10 ** 9 },
  })
  expect(more.total).toBe(30)
  const kept = servers.history.contents.sessions.get(single('alice', 'carol'))!
  kept.events.delete(1)
  kept.firstSeq = 2
  const [difference] = (await verify(verifyOptions)).differences
  expect(difference).toMatchObject({ view: 'history', sessionId: 's:alice:carol', seq: 1, what: 'event' })
})

test('[VF2] what others have made of a friendship, in a bounded list', async () => {
  const script = new Script()
  const chat = single('alice', 'bob')
  for (let number = 0; number < 5; number++) {
    script.unplaced(chat, user('alice'), { kind: 'FriendRequested' })
    script.unplaced(chat, user('bob'), { kind: 'FriendRefused' })
  }
  const { verifyOptions, servers } = await world(script, { urgentMax: 3 })
  expect((await verify(verifyOptions)).differences).toEqual([])
  const { told } = servers.history.contents.users.get(user('alice'))!
  const [first] = told.keys()
  told.delete(first!)
  const [missing] = (await verify({ ...verifyOptions, limits: { ...verifyOptions.limits, urgentMax: 2 } })).differences
  expect(missing).toBeUndefined()
  told.set(first!.replace('FriendRefused', 'FriendAccepted'), 1)
  const [changed] = (await verify(verifyOptions)).differences
  expect(changed).toMatchObject({ view: 'history', userId: 'alice', what: 'what must not be missed' })
})

test('[VF2] large groups and refusals, bounded lists included', async () => {
  const script = new Script()
  script.create(group('g1'), user('alice'), ['bob', 'carol'].map(user))
  script.change(group('g1'), user('carol'), { kind: 'MemberQuit' })
  script.change(group('g1'), user('dave'), { kind: 'MemberJoined' })
  script.change(group('g1'), user('eve'), { kind: 'MemberJoined' })
  script.change(group('g1'), user('carol'), { kind: 'MemberJoined' })
  script.change(group('g1'), user('bob'), { kind: 'MemberQuit' })
  for (let number = 0; number < 5; number++) script.refuse(group('g1'), user('frank'), 30)
  script.refuse(group('g1'), user('frank'), 102)
  script.refuse(group('g1'), user('frank'), 108)
  for (let number = 0; number < 6; number++) script.message(single('alice', `u${number}`), user('alice'), 'x')
  const { verifyOptions } = await world(script, { hotGroupMembersMax: 3, refusalsPerUserMax: 3, hotSessionsMax: 4 })
  expect((await verify(verifyOptions)).differences).toEqual([])
})

test('[VF2] where the log has lost its beginning, what it still says is compared', async () => {
  const script = new Script()
  const chat = single('alice', 'bob')
  script.create(group('g1'), user('alice'), [user('bob')])
  for (let number = 0; number < 6; number++) script.message(chat, user('alice'), `${number}`)
  script.message(group('g1'), user('bob'), 'x')
  const { eventLog, verifyOptions, servers } = await world(script)
  eventLog.log.deleteBefore(eventLog.topics.events.name, 0, 4)
  const result = await verify(verifyOptions)
  expect(result).toMatchObject({ differences: [], partialPartitions: [0], sessions: 2, events: 4, messages: 4 })
  servers.history.contents.sessions.get(chat)!.events.delete(5)
  servers.history.contents.sessions.get(chat)!.events.delete(2)
  const { differences } = await verify(verifyOptions)
  expect(differences.map(({ view, sessionId, seq, what }) => [view, sessionId, seq, what])).toEqual([
    ['history', chat, 5, 'event'],
  ])
})

test('[VF3] a log that breaks its own rules is told, with session and seq', async () => {
  const script = new Script()
  const session = single('alice', 'bob')
  const first = script.message(session, user('alice'), 'one')
  script.put(
    session,
    user('bob'),
    { kind: 'MessageAccepted', content: { kind: 'Text', text: 'gap' } },
    { seq: 3, count: 1, flags: 0 },
  )
  const again = script.put(session, user('alice'), first.body, { seq: 4, count: 2, flags: Flag.COUNTER })
  again.packId = first.packId
  script.put(session, user('bob'), { kind: 'MemberJoined' }, { seq: 5, count: 9, flags: 0 })
  const eventLog = await makeEventLog()
  eventLog.append(script.events)
  const { verifyOptions } = memoryViews(eventLog)
  const { source, topic, limits, clock } = verifyOptions
  const { differences } = await verify({ source, topic, limits, clock })
  expect(differences.map(({ view, sessionId, seq, what }) => [view, sessionId, seq, what])).toEqual([
    ['log', session, 3, 'seq that is not dense'],
    ['log', session, 4, 'pack accepted twice'],
    ['log', session, 5, 'count'],
  ])
})

test('[VF3] junk on the log counts for nothing, a broken chain is told', async () => {
  const script = new Script()
  for (let number = 0; number < 3; number++) script.message(single('alice', 'bob'), user('alice'), `${number}`)
  const eventLog = await makeEventLog()
  eventLog.append(script.events)
  eventLog.appendJunk()
  const { views, verifyOptions } = memoryViews(eventLog)
  await catchUp(eventLog, views)
  expect(await verify(verifyOptions)).toMatchObject({ total: 0, events: 3 })
  const { event } = script.events[0]!
  eventLog.appendValue(eventLog.codec.encode({ ...event, cause: { era: 0, offset: 9 } }))
  const { source, topic, limits, clock } = verifyOptions
  const result = await verify({ source, topic, limits, clock })
  expect(result.differences).toMatchObject([{ view: 'log', what: 'chain', partition: 0, offset: 4 }])
})

test('[VF4] a view that has moved past the end is compared with what the log says by then', async () => {
  const script = new Script()
  const moving = single('alice', 'bob')
  script.create(group('g1'), user('alice'), [user('bob')])
  for (let number = 0; number < 5; number++) script.message(moving, user('alice'), `${number}`)
  const { eventLog, views, verifyOptions, history, membership } = await world(script)
  let appended = script.events.length
  let asked = 0
  let moves = Promise.resolve()
  const move = async () => {
    if (asked++ > 20) return
    // Between the end that verify took and its look at a row, the log and all views move.
    script.message(moving, user('bob'), 'later')
    if (asked % 5 === 0) script.change(group('g1'), user(`late${asked}`), { kind: 'MemberJoined' })
    if (asked === 3) script.message(single('alice', 'zoe'), user('zoe'), 'a session of its own')
    eventLog.append(script.events.slice(appended))
    appended = script.events.length
    await catchUp(eventLog, views)
  }
  const afterMove = async <T>(read: () => Promise<T>): Promise<T> => {
    moves = moves.then(move)
    await moves
    return read()
  }
  const result = await verify({
    ...verifyOptions,
    history: {
      positions: () => history.positions(),
      sessionIds: () => history.sessionIds(),
      userIds: () => history.userIds(),
      session: id => afterMove(() => history.session(id)),
      user: id => afterMove(() => history.user(id)),
    },
    membership: {
      positions: () => membership.positions(),
      groupIds: () => membership.groupIds(),
      userIds: () => membership.userIds(),
      group: id => afterMove(() => membership.group(id)),
      user: id => afterMove(() => membership.user(id)),
      person: id => afterMove(() => membership.person(id)),
    },
  })
  expect(asked).toBeGreaterThan(5)
  expect(result.differences).toEqual([])
})

test('[VF5] a view that does not catch up, and a store that is away, end with exit code 2', async () => {
  const script = new Script()
  script.message(single('alice', 'bob'), user('alice'), 'x')
  const { eventLog, verifyOptions } = await world(script)
  script.message(single('alice', 'bob'), user('bob'), 'y')
  eventLog.append(script.events.slice(1))
  const lines: string[] = []
  let now = 0
  const sleep = async (delayMs: number) => {
    now += delayMs
  }
  const clock = { ...verifyOptions.clock, monotonic: () => now, sleep }
  const print = (line: string) => lines.push(line)
  expect(await runVerify({ ...verifyOptions, clock, json: false, print })).toBe(2)
  expect(lines).toEqual(['could not verify: history is 1 events behind and did not catch up: is its role running?'])
  const away = { ...verifyOptions.archive!, positions: () => Promise.reject(new Error('connection refused')) }
  const { source, topic, limits } = verifyOptions
  expect(await runVerify({ source, topic, limits, clock, archive: away, json: true, print })).toBe(2)
  expect(JSON.parse(lines.at(-1)!)).toEqual({ ok: false, error: 'connection refused' })
})

test('[VF6] what is printed is bounded, the number of differences is exact', async () => {
  const script = new Script()
  for (let number = 0; number < 300; number++) script.message(single('alice', 'bob'), user('alice'), `${number}`)
  const { verifyOptions, servers } = await world(script)
  servers.history.contents.sessions.get(single('alice', 'bob'))!.events.clear()
  const lines: string[] = []
  const print = (line: string) => lines.push(line)
  expect(await runVerify({ ...verifyOptions, json: false, print })).toBe(1)
  expect(lines).toHaveLength(102)
  expect(lines[0]).toMatch(/^history, session s:alice:bob, seq 1, .*expected .*"text":"0".*found nothing$/)
  expect(lines.at(-2)).toBe('... and 200 more differences')
  expect(lines.at(-1)).toMatch(
    /^compared 1 sessions, 300 events, 300 archived messages, 2 users in .* 300 differences$/,
  )
  expect(await runVerify({ ...verifyOptions, json: true, print })).toBe(1)
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ ok: false, total: 300, sessions: 1, events: 300 })
})
