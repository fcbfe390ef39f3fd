import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DeviceType, type DeviceTypeName, LOGIN_POLICIES, type PackBody, RULES_DEFAULT } from '../../schemas/pack.ts'
import { brief, makePack, rulesPack, TestState } from './testing/packs.ts'

type Policy = (typeof LOGIN_POLICIES)[number]

function under(loginPolicy: Policy, loginsMax = 64): TestState {
  const state = new TestState({ partitions: 1 })
  state.run(rulesPack({ ...RULES_DEFAULT, version: 1, loginPolicy, loginsMax }))
  return state
}

const own = (body: PackBody, type: DeviceTypeName = 'web', id = 'laptop') =>
  makePack({ session: 'u:alice', body, flags: 0 }, { device: { type: DeviceType[type], id } })
const login = (state: TestState, connectionId: string, type: DeviceTypeName, id = connectionId) =>
  state.run(own({ kind: 'Login', connectionId }, type, id)).body
const logout = (state: TestState, ...connectionIds: string[]) =>
  state.run(own({ kind: 'Logout', connectionIds, code: 0 })).body
const present = (state: TestState) => (state.rows.logins.get('u:alice') ?? []).map(({ connectionId }) => connectionId)

describe('login policies', () => {
  // What is left of four devices that come one after the other.
  const COMING = [
    ['phone', 'ios'],
    ['pad', 'tablet'],
    ['desk', 'windows'],
    ['tab', 'web'],
    ['phone2', 'ios'],
  ] as const
  const LEFT: Record<Policy, string[]> = {
    all: ['phone', 'pad', 'desk', 'tab', 'phone2'],
    onePerType: ['pad', 'desk', 'tab', 'phone2'],
    one: ['phone2'],
    classes: ['desk', 'tab', 'phone2'],
  }
  test.each(LOGIN_POLICIES)('[US12] %s: a new login comes in, and ends what it does not allow', policy => {
    const state = under(policy)
    for (const [id, type] of COMING) login(state, id, type)
    expect(present(state)).toEqual(LEFT[policy])
  })

  test.each(LOGIN_POLICIES)('[US12] %s: the same device comes anew in place of itself', policy => {
    const state = under(policy)
    login(state, 'c1', 'web', 'laptop')
    expect(login(state, 'c2', 'web', 'laptop')).toEqual({ kind: 'LoggedIn', connectionId: 'c2', kicked: ['c1'] })
    expect(present(state)).toEqual(['c2'])
  })

  test('[US12] beyond the number of logins the oldest end', () => {
    const state = under('all', 3)
    for (const id of ['a', 'b', 'c']) login(state, id, 'web')
    expect(login(state, 'd', 'web')).toMatchObject({ kicked: ['a'] })
    expect(present(state)).toEqual(['b', 'c', 'd'])
  })

  test('[US12] a logout ends those whom it names, or all; those who are not known are told as well', () => {
    const state = under('all')
    for (const id of ['a', 'b', 'c']) login(state, id, 'web')
    expect(logout(state, 'a', 'zz', 'a')).toEqual({ kind: 'LoggedOut', connectionIds: ['a', 'zz'], code: 0 })
    expect(present(state)).toEqual(['b', 'c'])
    logout(state)
    expect(present(state)).toEqual([])
  })

  const malformed: [string, PackBody][] = [
    ['an empty connection id', { kind: 'Login', connectionId: '' }],
    ['a connection id with a blank', { kind: 'Login', connectionId: 'a b' }],
    ['a long client version', { kind: 'Login', connectionId: 'a', clientVersion: 'v'.repeat(65) }],
    ['a logout of nothing valid', { kind: 'Logout', connectionIds: [''], code: 0 }],
    ['a long reason', { kind: 'Logout', connectionIds: [], code: 22, reason: 'r'.repeat(501) }],
  ]
  test.each(malformed)('[US12] %s is refused', (_name, body) => {
    expect(brief(under('one').run(own(body)))).toBe('PARAM')
  })

  const types = Object.keys(DeviceType) as DeviceTypeName[]
  const step = fc.record({ device: fc.nat({ max: 6 }), type: fc.constantFrom(...types), out: fc.boolean() })
  test('[US12] whatever comes and goes, what is left is allowed, and the last login is always among it', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...LOGIN_POLICIES),
        fc.array(step, { minLength: 1, maxLength: 40 }),
        (policy, steps) => {
          const state = under(policy, 4)
          for (const [n, { device, type, out }] of steps.entries()) {
            login(state, `c${n}`, type, `d${device}`)
            const logins = state.rows.logins.get('u:alice')!
            expect(logins.at(-1)!.connectionId).toBe(`c${n}`)
            expect(logins.length).toBeLessThanOrEqual(4)
            const kinds = logins.map(({ deviceType, deviceId }) => {
              if (policy === 'one') return 'one'
              if (policy === 'onePerType') return deviceType
              return deviceId
            })
            expect(new Set(kinds).size).toBe(kinds.length)
            if (policy === 'classes') expect(logins.length).toBeLessThanOrEqual(3)
            if (out) logout(state, `c${n}`)
          }
        },
      ),
    )
  })
})
