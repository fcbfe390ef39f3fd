import { describe, expect, test } from 'vitest'
import { Code, type CodeName } from '../../schemas/codes.ts'
import type { SessionId } from '../../schemas/ids.ts'
import { Flag, type Pack, type PackBody, RULES_DEFAULT, type Rules } from '../../schemas/pack.ts'
import { decide } from './decide.ts'
import { PUSH_INFO_BYTES_MAX } from './decide-message.ts'
import { countRows, LOG_TIME_START } from './session.ts'
import {
  brief,
  chess,
  inChess,
  JOIN,
  makePack,
  packIdAt,
  partitionOfSession,
  QUIT,
  rulesPack,
  T0,
  TestState,
  text,
} from './testing/packs.ts'

const HOUR = 3_600_000
describe('routing and form', () => {
  const here = partitionOfSession('s:alice:bob')
  const misrouted: [string, Pack, Parameters<TestState['run']>[2]][] = [
    ['another key', makePack(), { key: Buffer.from('s:alice:bop') }],
    ['no key', makePack(), { key: null }],
    ['a key that only begins alike', makePack(), { key: Buffer.from('s:alice:bob ') }],
    ['another partition', makePack(), { partition: (here + 1) % 12 }],
    ['users in the wrong order', makePack({ session: 's:bob:alice' }), {}],
    ['a session of an unknown kind', makePack({ session: 'x:alice' }), {}],
    ['no session id', makePack({ session: '' }), {}],
    ['one user twice', makePack({ session: 's:alice:alice' }), {}],
    ['the rules in a session of users', makePack({ session: '#rulez' }), {}],
  ]
  test.each(misrouted)('[SQ4] %s: MISROUTED, and no state is touched', (_name, pack, place) => {
    const state = new TestState()
    expect(brief(state.run(pack, T0, place))).toBe('MISROUTED')
    expect(countRows(state.rows)).toBe(0)
  })

  const malformed: [string, Pack, CodeName][] = [
    ['no UUID', makePack({ packId: 'x' }), 'PARAM'],
    ['a UUID of version 4', makePack({ packId: '0193a5c0-0000-4000-8000-000000000001' }), 'PARAM'],
    ['upper case', makePack({ packId: '0193A5C0-0000-7000-8000-000000000001' }), 'PARAM'],
    ['a malformed sender', makePack({ from: 'al ice' }), 'BAD_CLIENT_IDENTITY'],
    ['an empty sender', makePack({ from: '' }), 'BAD_CLIENT_IDENTITY'],
    ['a malformed actor', makePack({}, { actor: { kind: 'APP', id: 'a:b' } }), 'BAD_CLIENT_IDENTITY'],
    ['a user in another name', makePack({}, { actor: { kind: 'USER', id: 'mallory' } }), 'BAD_CLIENT_IDENTITY'],
    ['a long device id', makePack({}, { device: { type: 1, id: 'd'.repeat(129) } }), 'BAD_CLIENT_IDENTITY'],
    ['a long gateway name', makePack({}, { gateway: 'g'.repeat(129) }), 'BAD_CLIENT_IDENTITY'],
  ]
  test.each(malformed)('[SQ5] %s is refused and not remembered', (_name, pack, code) => {
    const state = new TestState()
    expect(brief(state.run(pack))).toBe(code)
    expect(state.rows.recents.size).toBe(0)
  })

  test('[SQ5] an app acts in the name of a user', () => {
    expect(brief(new TestState().run(makePack({}, { actor: { kind: 'APP', id: 'shop' } })))).toBe(
      'MessageAccepted seq 1 count 1',
    )
  })

  test('[SQ5] a refusal carries no push text, and no field longer than a gateway writes', () => {
    const long = 'x'.repeat(500_000)
    const pack = makePack(
      { session: long, from: long, packId: long },
      {
        actor: { kind: 'USER', id: long },
        device: { type: 1, id: long },
        gateway: long,
        pushInfo: { title: long, summary: long, url: long },
      },
    )
    const event = new TestState().run(pack, T0, { key: Buffer.from(long), partition: 0 })
    expect(brief(event)).toBe('MISROUTED')
    expect(JSON.stringify({ ...event, digest: '' }).length).toBeLessThan(600)
  })

  test('[SQ2] a record that could not be read is UNREADABLE', () => {
    const state = new TestState()
    const request = { cause: { era: 0, offset: 7 }, appendedAt: T0, key: Buffer.from('x'), pack: undefined }
    const event = decide(state, LOG_TIME_START, request, { partition: 0, partitions: 12 })
    expect(brief(event)).toBe('UNREADABLE')
    expect(event.cause).toEqual({ era: 0, offset: 7 })
  })
})

describe('seq, count and time', () => {
  test('[SQ3] messages take seq 1, 2, 3; only those with COUNTER count', () => {
    const state = new TestState()
    const flags = [Flag.COUNTER, 0, Flag.COUNTER | Flag.HIGH_PRIORITY]
    expect(flags.map(each => brief(state.run(makePack({ flags: each }))))).toEqual([
      'MessageAccepted seq 1 count 1',
      'MessageAccepted seq 2 count 1',
      'MessageAccepted seq 3 count 2',
    ])
  })

  test('[SQ3] member changes take a seq and leave the count; refusals and repeats take none', () => {
    const state = chess()
    const message = inChess('bob', text('hi'), { flags: Flag.COUNTER })
    expect(brief(state.run(message))).toBe('MessageAccepted seq 2 count 1')
    expect(brief(state.run(inChess('dave', JOIN)))).toBe('MemberJoined seq 3 count 1')
    expect(brief(state.run(inChess('dave', JOIN)))).toBe('ALREADY_MEMBER')
    expect(brief(state.run(message))).toBe('repeated 0 2 1')
    expect(brief(state.run(inChess('dave', QUIT, { flags: Flag.COUNTER })))).toBe('MemberQuit seq 4 count 1')
  })

  test('[SQ3] sessions do not share their numbers', () => {
    const state = new TestState()
    state.run(makePack())
    expect(brief(state.run(makePack({ session: 's:alice:carol' })))).toBe('MessageAccepted seq 1 count 1')
  })

  test('[SQ22] log time is the append time of the pack and never falls', () => {
    const state = new TestState()
    const times = [T0, T0 + 5, T0 + 2, T0 + 6].map(at => state.run(makePack(), at).at)
    expect(times).toEqual([T0, T0 + 5, T0 + 5, T0 + 6])
  })
})

describe('idempotency', () => {
  test('[SQ6] a pack resent with the same packId gets the first outcome and no second event', () => {
    const state = new TestState()
    const pack = makePack()
    state.run(pack, T0)
    state.run(makePack(), T0 + 1)
    const again = state.run({ ...pack, flags: pack.flags | Flag.DUP, device: { type: 1, id: 'phone' } }, T0 + 2)
    expect(again.body).toEqual({ kind: 'PackRepeated', code: 0, seq: 1, count: 1, at: T0 })
    expect([again.seq, again.count]).toEqual([0, 0])
    expect(state.rows.heads.get('s:alice:bob')?.lastSeq).toBe(2)
  })

  test('[SQ6] a packId with other content is a conflict, and the first outcome stays', () => {
    const state = new TestState()
    const pack = makePack({ text: 'one' })
    state.run(pack)
    expect(brief(state.run(makePack({ text: 'two', packId: pack.packId })))).toBe('PACK_CONFLICT')
    expect(brief(state.run(pack))).toBe('repeated 0 1 1')
  })

  test('[SQ6] the same packId of another sender or in another session is another pack', () => {
    const state = new TestState()
    const { packId } = makePack()
    const outcomes = [
      makePack({ packId }),
      makePack({ packId, from: 'bob' }),
      makePack({ packId, session: 's:alice:carol' }),
    ].map(pack => brief(state.run(pack)))
    expect(outcomes).toEqual([1, 2, 1].map(number => `MessageAccepted seq ${number} count ${number}`))
  })

  test('[SQ7] a final refusal is remembered', () => {
    const state = new TestState()
    const pack = makePack({ text: '' })
    state.run(pack)
    expect(brief(state.run(pack))).toBe(`repeated ${Code.MSG_TOO_SHORT.number} 0 0`)
  })

  test('[SQ7, SQ10] a packId ahead of the log is refused for the moment, and accepted when its time has come', () => {
    const state = new TestState()
    const pack = makePack({ time: T0 + RULES_DEFAULT.packIdAheadMsMax + 1 })
    expect(brief(state.run(pack, T0))).toBe('PACK_FROM_FUTURE')
    expect(brief(state.run(pack, T0 + 1))).toBe('MessageAccepted seq 1 count 1')
  })

  test('[SQ8] a packId is remembered for the window after its time', () => {
    const ahead = RULES_DEFAULT.packIdAheadMsMax
    for (const [time, at] of [
      [T0 + ahead, T0],
      [T0 - HOUR, T0],
    ] as const) {
      const pack = makePack({ time })
      const lastRemembered = Math.max(time, at) + HOUR
      const state = new TestState()
      expect(brief(state.run(pack, at))).toBe('MessageAccepted seq 1 count 1')
      expect(brief(state.run(pack, lastRemembered))).toBe('repeated 0 1 1')
      expect(brief(state.run(pack, lastRemembered + 1))).toBe('EXPIRED')
    }
  })

  test('[SQ9] a packId older than the window is EXPIRED, which is not remembered', () => {
    const state = new TestState()
    expect(brief(state.run(makePack({ time: T0 - HOUR - 1 }), T0))).toBe('EXPIRED')
    expect(state.rows.recents.size).toBe(0)
  })

  test('[SQ9] a longer window does not let in again what was forgotten under a shorter one', () => {
    const state = new TestState()
    const pack = makePack({ time: T0 })
    state.run(pack, T0)
    state.run(makePack({ time: T0 + HOUR + 1 }), T0 + HOUR + 1)
    expect(brief(state.run(rulesPack({ ...RULES_DEFAULT, version: 1, dedupeWindowMs: 10 * HOUR })))).toBe('EXPIRED')
    const rules = rulesPack(
      { ...RULES_DEFAULT, version: 1, dedupeWindowMs: 10 * HOUR },
      { packId: packIdAt(T0 + HOUR, 1) },
    )
    expect(brief(state.run(rules, T0 + HOUR + 1))).toBe('RulesSet seq 0 count 0')
    state.rows.recents.clear()
    expect(brief(state.run(pack, T0 + HOUR + 2))).toBe('EXPIRED')
  })
})

describe('who may write', () => {
  const forbidden: [string, Pack, CodeName][] = [
    ['a third user in a single chat', makePack({ from: 'carol' }), 'MSG_FORBIDDEN'],
    ['a group pack in a single chat', makePack({ body: JOIN }), 'PARAM'],
    ['rules in a single chat', makePack({ body: { kind: 'SetRules', rules: RULES_DEFAULT } }), 'PARAM'],
    ['rules in a group', makePack({ session: 'g:x', body: { kind: 'SetRules', rules: RULES_DEFAULT } }), 'PARAM'],
    ['a notification session', makePack({ session: 'b:shop:alice' }), 'MSG_FORBIDDEN'],
    ["a user's own session", makePack({ session: 'u:alice' }), 'MSG_FORBIDDEN'],
    ["an app's session", makePack({ session: 'a:alice' }), 'MSG_FORBIDDEN'],
    ['a group that does not exist', makePack({ session: 'g:none' }), 'GROUP_NOT_EXIST'],
  ]
  test.each(forbidden)('[SQ11] %s', (_name, pack, code) => {
    expect(brief(new TestState().run(pack))).toBe(code)
  })

  test('[SQ11] both users of a single chat write to it', () => {
    const state = new TestState()
    expect(brief(state.run(makePack({ from: 'alice' })))).toBe('MessageAccepted seq 1 count 1')
    expect(brief(state.run(makePack({ from: 'bob' })))).toBe('MessageAccepted seq 2 count 2')
  })

  test('[SQ11] only members write to a group, from joining to leaving', () => {
    const state = chess()
    const dave = () => brief(state.run(inChess('dave', text('hi'))))
    expect(dave()).toBe('GROUP_USER_NOT_EXIST')
    state.run(inChess('dave', JOIN))
    expect(dave()).toBe('MessageAccepted seq 3 count 0')
    state.run(inChess('dave', QUIT))
    expect(dave()).toBe('GROUP_USER_NOT_EXIST')
    state.run(inChess('dave', JOIN))
    expect(dave()).toBe('MessageAccepted seq 6 count 0')
  })

  test.each([
    ['ONLINE_ONLY', Flag.ONLINE_ONLY],
    ['an unknown flag', 256],
    ['a negative number', -1],
  ])('[SQ13] flags with %s never enter the log', (_name, flags) => {
    expect(brief(new TestState().run(makePack({ flags })))).toBe('PARAM')
  })
})

describe('messages', () => {
  const custom = (type: string, data: string): PackBody => ({
    kind: 'SendMessage',
    content: { kind: 'Custom', type, data },
  })
  const bytesMax = RULES_DEFAULT.contentBytesMax
  const contents: [string, PackBody, CodeName | 'accepted'][] = [
    ['an empty text', text(''), 'MSG_TOO_SHORT'],
    ['a text of the largest size', text('x'.repeat(bytesMax)), 'accepted'],
    ['a text one byte larger', text('x'.repeat(bytesMax + 1)), 'MSG_TOO_LONG'],
    ['a text with as many characters but more bytes', text('你'.repeat(bytesMax / 2)), 'MSG_TOO_LONG'],
    ['JSON', custom('poll', '{"a":[1,2]}'), 'accepted'],
    ['no data', custom('poll', ''), 'MSG_TOO_SHORT'],
    ['data that is no JSON', custom('poll', '{a:1}'), 'MSG_INVALID_FORMAT'],
    ['no type', custom('', '{}'), 'MSG_INVALID_FORMAT'],
    ['a long type', custom('t'.repeat(65), '{}'), 'MSG_INVALID_FORMAT'],
    ['data that is too long', custom('poll', `"${'x'.repeat(bytesMax)}"`), 'MSG_TOO_LONG'],
  ]
  test.each(contents)('[SQ12] %s', (_name, body, expected) => {
    const outcome = brief(new TestState().run(makePack({ body })))
    expect(outcome).toBe(expected === 'accepted' ? 'MessageAccepted seq 1 count 1' : expected)
    const inGroup = brief(chess().run(inChess('bob', body)))
    expect(inGroup).toBe(expected === 'accepted' ? 'MessageAccepted seq 2 count 0' : expected)
  })

  test('[SQ12] push text has a limit of its own', () => {
    const pushInfo = { title: 'x'.repeat(PUSH_INFO_BYTES_MAX), summary: '', url: '' }
    expect(brief(new TestState().run(makePack({}, { pushInfo })))).toBe('MessageAccepted seq 1 count 1')
    expect(brief(new TestState().run(makePack({}, { pushInfo: { ...pushInfo, url: 'y' } })))).toBe('MSG_TOO_LONG')
  })
})

describe('rules', () => {
  const rules: Rules = { ...RULES_DEFAULT, version: 2, contentBytesMax: 3 }

  test('[SQ18] rules apply to the packs after them', () => {
    const state = new TestState()
    const long = () => brief(state.run(makePack({ text: 'four' })))
    expect(long()).toBe('MessageAccepted seq 1 count 1')
    expect(brief(state.run(rulesPack(rules)))).toBe('RulesSet seq 0 count 0')
    expect(long()).toBe('MSG_TOO_LONG')
  })

  test('[SQ18] rules of the same or a lower version are refused', () => {
    const state = new TestState()
    state.run(rulesPack(rules))
    expect(brief(state.run(rulesPack(rules)))).toBe('MSG_REPEATED')
    expect(brief(state.run(rulesPack({ ...rules, version: 1 })))).toBe('MSG_REPEATED')
    expect(brief(state.run(rulesPack({ ...rules, version: 3 })))).toBe('RulesSet seq 0 count 0')
  })

  test('[SQ18] rules are taken in every partition, from operators and the system only', () => {
    const state = new TestState()
    expect(brief(state.run(rulesPack(rules), T0, { partition: 11 }))).toBe('RulesSet seq 0 count 0')
    const user = rulesPack({ ...rules, version: 9 }, { actor: { kind: 'USER', id: 'sequencer' } })
    expect(brief(state.run(user))).toBe('ACCESS_DENIED')
    const app = rulesPack({ ...rules, version: 9 }, { actor: { kind: 'APP', id: 'shop' } })
    expect(brief(state.run(app))).toBe('ACCESS_DENIED')
  })

  test('[SQ18] nothing but rules is taken under their key', () => {
    expect(brief(new TestState().run(rulesPack(rules, { body: text('hi') })))).toBe('PARAM')
  })

  const bad: [keyof Rules, number][] = [
    ['version', 0],
    ['dedupeWindowMs', 999],
    ['dedupeWindowMs', 8 * 86_400_000],
    ['packIdAheadMsMax', -1],
    ['packIdAheadMsMax', 600_001],
    ['contentBytesMax', 700_001],
    ['groupMembersMax', 0],
    ['packMembersMax', 10_001],
  ]
  test.each(bad)('[SQ18] rules with %s = %d are refused', (name, value) => {
    expect(brief(new TestState().run(rulesPack({ ...rules, [name]: value })))).toBe('PARAM')
  })
})

test('[SQ11] the session of a pack is the one that it is decided by', () => {
  const state = chess()
  const pack = makePack({ session: 'g:other', from: 'bob' })
  expect(brief(state.run(pack))).toBe('GROUP_NOT_EXIST')
  expect(state.rows.heads.get('g:other' as SessionId)).toBeUndefined()
})
