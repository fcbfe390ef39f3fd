import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Code } from '../../schemas/codes.ts'
import type { Event, EventBody } from '../../schemas/event.ts'
import type { PackId, SessionId, UserId } from '../../schemas/ids.ts'
import { type PackBody, RULES_DEFAULT } from '../../schemas/pack.ts'
import { EVENT_BODIES, each } from '../../schemas/testing/samples.ts'
import { evolve, evolveTime, seqFault } from './evolve.ts'
import { type Change, isMember, LOG_TIME_START, MEMBER_INTERVALS_MAX, MEMBER_PLAIN, memberKey } from './session.ts'
import { makePack, packIdAt, T0, TestState } from './testing/packs.ts'

const group = 'g:chess' as SessionId
const run = (state: TestState, from: string, body: PackBody) =>
  state.run(makePack({ session: group, from, body, flags: 0 }))
const created = () => {
  const state = new TestState()
  const info = { name: 'Chess', avatar: '', notice: '' }
  run(state, 'alice', { kind: 'CreateGroup', info, members: ['bob' as UserId] })
  return state
}
const memberOf = (state: TestState, userId: string) => state.rows.members.get(memberKey(group, userId as UserId))

test('[SQ20] membership is a list of intervals between seqs', () => {
  const state = created()
  run(state, 'alice', { kind: 'RemoveMembers', userIds: ['bob' as UserId] })
  run(state, 'alice', { kind: 'AddMembers', userIds: ['bob' as UserId, 'carol' as UserId] })
  run(state, 'carol', { kind: 'QuitGroup' })
  expect(memberOf(state, 'alice')).toEqual({
    ...MEMBER_PLAIN,
    owner: true,
    intervals: [{ joinSeq: 1, leaveSeq: 0 }],
  })
  expect(memberOf(state, 'bob')?.intervals).toEqual([
    { joinSeq: 1, leaveSeq: 2 },
    { joinSeq: 3, leaveSeq: 0 },
  ])
  expect(memberOf(state, 'carol')?.intervals).toEqual([{ joinSeq: 3, leaveSeq: 4 }])
  expect(state.rows.heads.get(group)).toMatchObject({ memberCount: 2, lastSeq: 4 })
})

test('[SQ20] the dismissal ends every membership with one row', () => {
  const state = created()
  const event = run(state, 'alice', { kind: 'DismissGroup' })
  expect(evolve(state, event).map(change => change.table)).toEqual(['heads', 'recents'])
  const head = state.rows.heads.get(group)
  expect(head).toMatchObject({ dismissed: true, memberCount: 0, lastSeq: 2 })
  expect(isMember(head, memberOf(state, 'bob'))).toBe(false)
})

test('[SQ20] a user who comes and goes keeps a bounded number of intervals', () => {
  const state = created()
  for (let round = 0; round < MEMBER_INTERVALS_MAX + 5; round++) {
    run(state, 'dave', { kind: 'JoinGroup' })
    run(state, 'dave', { kind: 'QuitGroup' })
  }
  run(state, 'dave', { kind: 'JoinGroup' })
  const intervals = memberOf(state, 'dave')!.intervals
  expect(intervals).toHaveLength(MEMBER_INTERVALS_MAX)
  expect(intervals.at(-1)).toEqual({ joinSeq: state.rows.heads.get(group)!.lastSeq, leaveSeq: 0 })
})

test('[SQ20] a refusal leaves the session as it was', () => {
  const state = created()
  const before = structuredClone([...state.rows.heads, ...state.rows.members, ...state.rows.infos])
  run(state, 'zoe', { kind: 'QuitGroup' })
  expect([...state.rows.heads, ...state.rows.members, ...state.rows.infos]).toEqual(before)
})

const anyString = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.constantFrom('alice', 'bob', 's:alice:bob', 'g:chess', '', '__proto__', packIdAt(T0, 1)),
)
const anyUsers = fc.array(anyString as fc.Arbitrary<UserId>, { maxLength: 5 })
const anyNumber = fc.oneof(fc.integer(), fc.constantFrom(0, -1, 2 ** 53, 1, 2))
const anyBody: fc.Arbitrary<EventBody> = fc.oneof(
  fc.record({
    kind: fc.constant('MessageAccepted' as const),
    content: fc.constant({ kind: 'Text' as const, text: '' }),
  }),
  fc.record({
    kind: fc.constant('GroupCreated' as const),
    info: fc.constant({ name: '', avatar: '', notice: '' }),
    members: anyUsers,
  }),
  fc.constantFrom<EventBody>({ kind: 'MemberJoined' }, { kind: 'MemberQuit' }, { kind: 'GroupDismissed' }),
  fc.record({ kind: fc.constantFrom('MembersAdded' as const, 'MembersRemoved' as const), userIds: anyUsers }),
  fc.record({ kind: fc.constant('RulesSet' as const), rules: fc.constant({ ...RULES_DEFAULT, version: 4 }) }),
  fc.record({ kind: fc.constant('PackRefused' as const), code: anyNumber, reason: anyString }),
  fc.constant<EventBody>({ kind: 'PackRepeated', code: 0, seq: 1, count: 1, at: 0 }),
)
const anyEvent: fc.Arbitrary<Event> = fc.record({
  cause: fc.constant({ era: 0, offset: 0 }),
  at: anyNumber,
  sessionId: anyString as fc.Arbitrary<SessionId>,
  packId: anyString as fc.Arbitrary<PackId>,
  from: anyString as fc.Arbitrary<UserId>,
  actor: fc.constant({ kind: 'USER' as const, id: '' }),
  device: fc.constant({ type: 0, id: '' }),
  gateway: fc.constant(''),
  flags: anyNumber,
  seq: anyNumber,
  count: anyNumber,
  digest: fc.constant(Buffer.alloc(16)),
  pushInfo: fc.constant(null),
  body: anyBody,
})

const anyRole = fc.constantFrom('admin' as const, 'member' as const)
const somebody = fc.constantFrom('alice', 'bob', 'carol') as fc.Arbitrary<UserId>
const anyKind: fc.Arbitrary<Event> = anyEvent.chain(event =>
  fc.record({
    ...Object.fromEntries(Object.entries(event).map(([name, value]) => [name, fc.constant(value)])),
    sessionId: fc.constantFrom('g:chess', 's:alice:bob', 'u:alice') as fc.Arbitrary<SessionId>,
    from: somebody,
    body: fc.oneof(
      fc.constantFrom(...each(EVENT_BODIES)),
      fc.record({ kind: fc.constant('RolesSet' as const), userIds: fc.array(somebody), role: anyRole }),
      fc.record({ kind: fc.constant('MembersRemoved' as const), userIds: fc.array(somebody) }),
    ),
  }),
) as fc.Arbitrary<Event>

test('[ST17] which rows an event writes follows from the event alone', () => {
  const keys = (changes: readonly Change[]) => changes.map(({ table, key }) => `${table} ${key}`).sort()
  fc.assert(
    fc.property(fc.array(anyKind, { maxLength: 20 }), events => {
      const state = new TestState()
      for (const event of events) {
        expect(keys(evolve(state, event)), event.body.kind).toEqual(keys(evolve(new TestState(), event)))
        state.apply(event)
      }
    }),
  )
})

test('[SQ20] evolve takes any events in any order', () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 30 }), events => {
      const state = new TestState()
      let time = LOG_TIME_START
      for (const event of events) {
        state.apply(event)
        seqFault(state, event)
        const after = evolveTime(time, event)
        expect(after.at).toBeGreaterThanOrEqual(time.at)
        expect(after.horizon).toBeGreaterThanOrEqual(time.horizon)
        time = after
      }
      for (const { intervals } of state.rows.members.values()) {
        expect(intervals.length).toBeLessThanOrEqual(MEMBER_INTERVALS_MAX)
      }
    }),
  )
})

test('[SQ7] every code is either final and remembered, or not', () => {
  const remembered = Object.entries(Code)
    .filter(([, { number }]) => {
      const event = { ...makeRefusal(), body: { kind: 'PackRefused' as const, code: number, reason: '' } }
      return evolve(new TestState(), event).length === 1
    })
    .map(([name]) => name)
  const final = Object.entries(Code).filter(([, { retry }]) => retry === 'never')
  const never = ['UNREADABLE', 'MISROUTED', 'BAD_CLIENT_IDENTITY', 'PACK_CONFLICT']
  expect(remembered.sort()).toEqual(
    final
      .map(([name]) => name)
      .filter(name => !never.includes(name))
      .sort(),
  )
})

function makeRefusal(): Event {
  return new TestState().run(makePack({ text: '' }))
}

/** What may happen in a group: enough for every branch, little enough that members meet. */
const anyStep = fc.record({
  from: fc.constantFrom('alice', 'bob', 'carol', 'dave'),
  body: fc.oneof(
    fc.constantFrom<PackBody>(
      { kind: 'JoinGroup' },
      { kind: 'QuitGroup' },
      { kind: 'SendMessage', content: { kind: 'Text', text: 'x' } },
    ),
    fc.record({
      kind: fc.constantFrom('AddMembers' as const, 'RemoveMembers' as const),
      userIds: fc.array(fc.constantFrom('alice', 'bob', 'carol', 'dave') as fc.Arbitrary<UserId>, { maxLength: 3 }),
    }),
  ),
  resend: fc.boolean(),
})

test('[SQ3, SQ6] in any history seqs are dense, members are counted right, and a resend changes nothing', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60 }), steps => {
      const state = created()
      let lastSeq = 1
      for (const { from, body, resend } of steps) {
        const pack = makePack({ session: group, from, body, flags: 0 })
        const event = state.run(pack)
        if (event.seq > 0) expect(event.seq).toBe(++lastSeq)
        if (resend) {
          const again = state.run(pack)
          const code = event.body.kind === 'PackRefused' ? event.body.code : 0
          expect(again.body).toEqual({ kind: 'PackRepeated', code, seq: event.seq, count: event.count, at: event.at })
        }
        const head = state.rows.heads.get(group)!
        const members = [...state.rows.members.values()].filter(member => isMember(head, member))
        expect(head.lastSeq).toBe(lastSeq)
        if (!head.dismissed) expect(members).toHaveLength(head.memberCount)
      }
    }),
  )
})
