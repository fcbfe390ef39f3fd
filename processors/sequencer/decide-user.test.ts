import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { PackBody } from '../../schemas/pack.ts'
import { type Attribute, USER_SETTINGS_DEFAULT, type UserSettings } from '../../schemas/settings.ts'
import { ATTRIBUTES_MAX } from './attributes.ts'
import { brief, makePack, TestState } from './testing/packs.ts'

const run = (state: TestState, body: PackBody, from = 'alice') =>
  state.run(makePack({ session: 'u:alice', from, body, flags: 0 }))
const profile = (patch: Extract<PackBody, { kind: 'UpdateProfile' }>['profile']): PackBody => ({
  kind: 'UpdateProfile',
  profile: patch,
})
const settings = (patch: Partial<UserSettings>): PackBody => ({ kind: 'UpdateSettings', settings: patch })
const attributes = (...pairs: [string, string][]): PackBody => ({
  kind: 'SetUserAttributes',
  attributes: pairs.map(([name, value]) => ({ name, value })),
})
const many = (count: number) =>
  Array.from({ length: count }, (_, n): Attribute => ({ name: `n${String(n).padStart(3, '0')}`, value: 'v' }))

describe("a user's own session", () => {
  test('[US2] every accepted event takes a seq, and holds the whole of what applies', () => {
    const state = new TestState()
    expect(run(state, profile({ name: 'Alice' }))).toMatchObject({
      seq: 1,
      body: { kind: 'ProfileUpdated', profile: { name: 'Alice', avatar: '' } },
    })
    expect(run(state, settings({ messagesFrom: 'friends' }))).toMatchObject({
      seq: 2,
      body: { kind: 'SettingsUpdated', settings: { ...USER_SETTINGS_DEFAULT, messagesFrom: 'friends' } },
    })
    expect(run(state, profile({ avatar: 'https://a/1', fields: [{ name: 'city', value: 'Turin' }] }))).toMatchObject({
      seq: 3,
      body: { profile: { name: 'Alice', avatar: 'https://a/1', fields: [{ name: 'city', value: 'Turin' }] } },
    })
    expect(run(state, attributes(['theme', 'dark'], ['a', '1']))).toMatchObject({
      seq: 4,
      body: {
        attributes: [
          { name: 'a', value: '1' },
          { name: 'theme', value: 'dark' },
        ],
      },
    })
    expect(state.rows.heads.get('u:alice')).toMatchObject({ lastSeq: 4, count: 0 })
  })

  test('[US2] nobody else writes there, not even in its own name', () => {
    for (const body of [profile({ name: 'x' }), settings({}), attributes(['a', 'b'])]) {
      expect(brief(run(new TestState(), body, 'bob'))).toBe('MSG_FORBIDDEN')
    }
    expect(brief(run(new TestState(), { kind: 'QuitGroup' }))).toBe('MSG_FORBIDDEN')
  })

  const night = { fromMinute: 1_320, toMinute: 420, timeZone: 'Europe/Rome' }
  const refusals: [string, PackBody, string][] = [
    ['a name of 101 characters', profile({ name: '名'.repeat(101) }), 'PARAM'],
    ['a long avatar link', profile({ avatar: 'x'.repeat(2_049) }), 'PARAM'],
    ['too many fields', profile({ fields: many(ATTRIBUTES_MAX + 1) }), 'USER_ATTRIBUTE'],
    ['a field without a name', profile({ fields: [{ name: '', value: 'x' }] }), 'USER_ATTRIBUTE'],
    ['a minute past the day', settings({ quietHours: { ...night, toMinute: 1_440 } }), 'PARAM'],
    ['a minute before the day', settings({ quietHours: { ...night, fromMinute: -1 } }), 'PARAM'],
    ['no time zone', settings({ quietHours: { ...night, timeZone: '' } }), 'PARAM'],
    ['a time zone with a blank', settings({ quietHours: { ...night, timeZone: 'Europe Rome' } }), 'PARAM'],
    ['no attribute', attributes(), 'PARAM'],
    ['a long attribute name', attributes(['n'.repeat(65), 'v']), 'USER_ATTRIBUTE'],
    ['a long attribute', attributes(['n', 'v'.repeat(4_097)]), 'USER_ATTRIBUTE'],
    ['too many attributes', { kind: 'SetUserAttributes', attributes: many(ATTRIBUTES_MAX + 1) }, 'USER_ATTRIBUTE'],
  ]
  test.each(refusals)('[US3] %s: refused, and nothing changes', (_name, body, code) => {
    const state = new TestState()
    run(state, profile({ name: 'Alice' }))
    expect(brief(run(state, body))).toBe(code)
    expect(state.rows.heads.get('u:alice')?.lastSeq).toBe(1)
    expect(state.rows.settings.size + state.rows.attributes.size).toBe(0)
    expect(state.rows.profiles.get('u:alice')).toEqual({ name: 'Alice', avatar: '' })
  })

  test('[US3] attributes add up to the limit; an empty value makes room', () => {
    const state = new TestState()
    run(state, { kind: 'SetUserAttributes', attributes: many(ATTRIBUTES_MAX) })
    expect(brief(run(state, attributes(['one more', 'v'])))).toBe('USER_ATTRIBUTE')
    expect(brief(run(state, attributes(['n000', ''], ['one more', 'v'])))).toBe('UserAttributesSet seq 2 count 0')
    expect(state.rows.attributes.get('u:alice')).toHaveLength(ATTRIBUTES_MAX)
  })

  const patch = fc.record(
    {
      messagesFrom: fc.constantFrom('anyone' as const, 'friends' as const),
      notify: fc.constantFrom('all' as const, 'mentions' as const, 'none' as const),
      findable: fc.boolean(),
      presenceShown: fc.boolean(),
      quietHours: fc.constant(night),
    },
    { requiredKeys: [] },
  )
  test('[US2] any patches in any order give what they say together', () => {
    fc.assert(
      fc.property(fc.array(patch, { minLength: 1, maxLength: 10 }), patches => {
        const state = new TestState()
        for (const one of patches) run(state, settings(one))
        const expected = Object.assign({}, USER_SETTINGS_DEFAULT, ...patches)
        expect(state.rows.settings.get('u:alice')).toEqual(expected)
      }),
    )
  })
})
