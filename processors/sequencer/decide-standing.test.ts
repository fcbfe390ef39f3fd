import { describe, expect, test } from 'vitest'
import type { PackBody } from '../../schemas/pack.ts'
import { brief, chess, inChess, makePack, TestState } from './testing/packs.ts'

const app = { actor: { kind: 'APP', id: 'admin' } } as const
const system = { actor: { kind: 'SYSTEM', id: 'erase' } } as const
const hold = (held: boolean): PackBody => ({ kind: 'SetHold', held, reason: 'case 12' })
const own = (state: TestState, body: PackBody, actor: object = app) =>
  state.run(makePack({ session: 'u:alice', body, flags: 0 }, actor))
const inChat = (state: TestState, from: string, body: PackBody, actor: object = {}) =>
  state.run(makePack({ session: 's:alice:bob', from, body }, actor))
const eraseAlice: PackBody = { kind: 'EraseFrom', userId: 'alice' as never }

describe('who comes in', () => {
  test('[SQ50] a disabled user does not come in, and everything else goes on; enabled, they do', () => {
    const state = new TestState()
    const login: PackBody = { kind: 'Login', connectionId: 'c1' }
    expect(brief(own(state, login, {}))).toBe('LoggedIn seq 1 count 0')
    expect(brief(own(state, { kind: 'DisableUser', reason: 'spam' }))).toBe('UserDisabled seq 2 count 0')
    expect(state.rows.logins.get('u:alice')).toEqual([])
    expect(brief(own(state, login, {}))).toBe('ACCESS_DENIED')
    expect(brief(own(state, { kind: 'UpdateProfile', profile: { name: 'A' } }))).toMatch(/^ProfileUpdated/)
    expect(brief(own(state, { kind: 'EnableUser' }))).toBe('UserEnabled seq 4 count 0')
    expect(brief(own(state, login, {}))).toBe('LoggedIn seq 5 count 0')
  })

  test('[SQ50] only operators and apps decide that, in the session that it is about', () => {
    const state = new TestState()
    for (const body of [{ kind: 'DisableUser' }, { kind: 'EraseUser' }, hold(true)] as PackBody[]) {
      expect(brief(own(state, body, {}))).toBe('NO_PRIVILEGE')
      const elsewhere = makePack({ session: 'u:bob', body, flags: 0 }, app)
      expect(brief(state.run(elsewhere))).toBe('MSG_FORBIDDEN')
    }
    expect(brief(inChat(state, 'alice', { kind: 'EraseUser' }, app))).toBe('PARAM')
    expect(brief(own(state, eraseAlice))).toBe('PARAM')
    expect(brief(own(state, { kind: 'DisableUser', reason: 'x'.repeat(501) }))).toBe('PARAM')
  })
})

describe('erasing', () => {
  test('[SQ51] an erased user has no profile, settings, attributes and devices, and does nothing more', () => {
    const state = new TestState()
    own(state, { kind: 'UpdateProfile', profile: { name: 'Alice' } }, {})
    own(state, { kind: 'SetUserAttributes', attributes: [{ name: 'city', value: 'Rome' }] }, {})
    expect(brief(own(state, { kind: 'EraseUser', reason: 'asked for' }))).toBe('UserErased seq 3 count 0')
    expect(state.rows.profiles.get('u:alice')).toEqual({ name: '', avatar: '' })
    expect(state.rows.attributes.get('u:alice')).toEqual([])
    for (const body of [
      { kind: 'UpdateProfile', profile: { name: 'Alice' } },
      { kind: 'Login', connectionId: 'c1' },
    ] as PackBody[]) {
      expect(brief(own(state, body, {}))).toBe('ACCESS_DENIED')
    }
    expect(brief(own(state, { kind: 'EnableUser' }))).toBe('ACCESS_DENIED')
    expect(brief(own(state, { kind: 'EraseUser' }))).toBe('UserErased seq 4 count 0')
  })

  test('[SQ52] what a user said in a session is erased by one event; nobody changes it afterwards', () => {
    const state = new TestState()
    const said = inChat(state, 'alice', { kind: 'SendMessage', content: { kind: 'Text', text: 'secret' } })
    inChat(state, 'bob', { kind: 'RequestFriend' })
    expect(brief(inChat(state, 'alice', eraseAlice, system))).toBe('ContentErased seq 2 count 1')
    expect(state.rows.heads.get('s:alice:bob')?.relation).toBeUndefined()
    const target = { seq: 1, packId: said.packId, from: said.from }
    expect(brief(inChat(state, 'bob', { kind: 'AddReaction', target, emoji: '👍' }))).toBe('MSG_NOT_EXIST')
    const override: PackBody = { kind: 'OverrideMessage', target, content: { kind: 'Text', text: 'again' } }
    expect(brief(inChat(state, 'alice', override))).toBe('MSG_NOT_EXIST')
    expect(brief(inChat(state, 'bob', { kind: 'SendMessage', content: { kind: 'Text', text: 'hm' } }))).toMatch(/seq 3/)
    const none = makePack({ session: 's:alice:carol', body: eraseAlice }, system)
    expect(brief(state.run(none))).toBe('MSG_NOT_EXIST')
  })

  test('[SQ53] a legal hold goes before every erasure, and says so; ended, it keeps nothing', () => {
    const state = chess()
    expect(brief(own(state, hold(true)))).toBe('HoldSet seq 0 count 0')
    expect(brief(own(state, { kind: 'EraseUser' }))).toBe('LEGAL_HOLD')
    own(state, hold(false))
    expect(brief(own(state, { kind: 'EraseUser' }))).toMatch(/^UserErased/)
    expect(brief(state.run(inChess('operator', hold(true), app)))).toBe('HoldSet seq 0 count 0')
    expect(brief(state.run(inChess('alice', eraseAlice, system)))).toBe('LEGAL_HOLD')
    state.run(inChess('operator', hold(false), app))
    expect(brief(state.run(inChess('alice', eraseAlice, system)))).toMatch(/^ContentErased/)
    // A session that nobody has begun may be held as well.
    expect(brief(state.run(makePack({ session: 's:dan:eve', body: hold(true) }, app)))).toBe('HoldSet seq 0 count 0')
  })
})
