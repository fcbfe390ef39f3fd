import { describe, expect, test } from 'vitest'
import type { CodeName } from '../../schemas/codes.ts'
import type { PackBody } from '../../schemas/pack.ts'
import {
  add,
  brief,
  chess,
  create,
  DISMISS,
  inChess,
  JOIN,
  makePack,
  QUIT,
  remove,
  TestState,
  text,
} from './testing/packs.ts'

describe('groups', () => {
  test('[SQ14] the sender owns a new group; members are named once, without the owner', () => {
    const state = new TestState()
    const event = state.run(makePack({ session: 'g:chess', body: create(['bob', 'alice', 'bob', 'carol']) }))
    expect(event.seq).toBe(1)
    expect(event.body).toMatchObject({ kind: 'GroupCreated', members: ['bob', 'carol'] })
    expect(state.rows.heads.get('g:chess')).toMatchObject({ owner: 'alice', memberCount: 3, dismissed: false })
  })

  const info = (changes: object) => ({
    ...(create(['bob']) as Extract<PackBody, { kind: 'CreateGroup' }>),
    info: { name: 'n', avatar: '', notice: '', ...changes },
  })
  const refusals: [string, PackBody, CodeName][] = [
    ['no name', info({ name: ' ' }), 'PARAM'],
    ['a name of 101 characters', info({ name: '棋'.repeat(101) }), 'PARAM'],
    ['a long avatar link', info({ avatar: 'x'.repeat(2_049) }), 'PARAM'],
    ['a long notice', info({ notice: 'x'.repeat(8_193) }), 'PARAM'],
    ['a malformed member', create(['b:b']), 'PARAM'],
    ['too many members', create(Array.from({ length: 1_000 }, (_, n) => `u${n}`)), 'MEMBER_LIMIT'],
    ['a longer list than a pack may have', create(Array.from({ length: 5_001 }, () => 'bob')), 'PARAM'],
  ]
  test.each(refusals)('[SQ14] a group with %s is refused', (_name, body, code) => {
    expect(brief(new TestState().run(makePack({ session: 'g:x', body })))).toBe(code)
  })

  test('[SQ14] a name of 100 characters and as many members as allowed are accepted', () => {
    const members = Array.from({ length: 999 }, (_, n) => `u${n}`)
    const body = create(members, '😀'.repeat(100))
    expect(brief(new TestState().run(makePack({ session: 'g:x', body })))).toBe('GroupCreated seq 1 count 0')
  })

  test('[SQ14] a group id is used once, also after the group was dismissed', () => {
    const state = chess()
    const again = () => brief(state.run(inChess('bob', create([]))))
    expect(again()).toBe('GROUP_EXISTS')
    state.run(inChess('alice', DISMISS))
    expect(again()).toBe('GROUP_EXISTS')
  })

  const steps: [rule: string, name: string, from: string, body: PackBody, expected: string][] = [
    ['SQ15', 'anyone joins', 'dave', JOIN, 'MemberJoined seq 2 count 0'],
    ['SQ15', 'a member joins again', 'bob', JOIN, 'ALREADY_MEMBER'],
    ['SQ15', 'a member quits', 'bob', QUIT, 'MemberQuit seq 2 count 0'],
    ['SQ15', 'a stranger quits', 'dave', QUIT, 'GROUP_USER_NOT_EXIST'],
    ['SQ15', 'the owner quits while others stay', 'alice', QUIT, 'CREATOR_ERROR'],
    ['SQ16', 'a member adds', 'bob', add('dave', 'bob', 'dave'), 'MembersAdded seq 2 count 0'],
    ['SQ16', 'a stranger adds', 'dave', add('erin'), 'GROUP_USER_NOT_EXIST'],
    ['SQ16', 'nobody is added', 'bob', add(), 'GROUP_EMPTY'],
    ['SQ16', 'only members are added', 'bob', add('carol', 'alice'), 'ALREADY_MEMBER'],
    ['SQ16', 'a malformed user is added', 'bob', add('d d'), 'PARAM'],
    ['SQ16', 'more are added than fit', 'bob', add(...Array.from({ length: 998 }, (_, n) => `u${n}`)), 'MEMBER_LIMIT'],
    [
      'SQ16',
      'as many are added as fit',
      'bob',
      add(...Array.from({ length: 997 }, (_, n) => `u${n}`)),
      'MembersAdded seq 2 count 0',
    ],
    ['SQ16', 'the owner removes', 'alice', remove('bob', 'zoe', 'bob'), 'MembersRemoved seq 2 count 0'],
    ['SQ16', 'a member removes', 'bob', remove('carol'), 'GROUP_NO_PRIVILEGE'],
    ['SQ16', 'a stranger removes', 'dave', remove('carol'), 'GROUP_USER_NOT_EXIST'],
    ['SQ16', 'the owner is removed', 'alice', remove('bob', 'alice'), 'CREATOR_ERROR'],
    ['SQ16', 'nobody is removed', 'alice', remove(), 'GROUP_EMPTY'],
    ['SQ16', 'only strangers are removed', 'alice', remove('zoe'), 'GROUP_USER_NOT_EXIST'],
    ['SQ16', 'a malformed user is removed', 'alice', remove('d d'), 'PARAM'],
    ['SQ17', 'the owner dismisses', 'alice', DISMISS, 'GroupDismissed seq 2 count 0'],
    ['SQ17', 'a member dismisses', 'bob', DISMISS, 'GROUP_NO_PRIVILEGE'],
    ['SQ17', 'a stranger dismisses', 'dave', DISMISS, 'GROUP_USER_NOT_EXIST'],
  ]
  test.each(steps)('[%s] %s', (_rule, _name, from, body, expected) => {
    expect(brief(chess().run(inChess(from, body)))).toBe(expected)
  })

  test('[SQ15] a full group lets nobody in', () => {
    const state = chess()
    state.run(inChess('bob', add(...Array.from({ length: 997 }, (_, n) => `u${n}`))))
    expect(brief(state.run(inChess('dave', JOIN)))).toBe('MEMBER_LIMIT')
    state.run(inChess('u5', QUIT))
    expect(brief(state.run(inChess('dave', JOIN)))).toBe('MemberJoined seq 4 count 0')
  })

  test('[SQ15, SQ17] the owner who quits as the last member ends the group', () => {
    const state = chess()
    state.run(inChess('alice', remove('bob', 'carol')))
    expect(brief(state.run(inChess('alice', QUIT)))).toBe('GroupDismissed seq 3 count 0')
    expect(brief(state.run(inChess('alice', text('anyone?'))))).toBe('GROUP_NOT_EXIST')
  })

  test('[SQ16] the lists name each of those concerned once', () => {
    const state = chess()
    expect(state.run(inChess('bob', add('dave', 'bob', 'dave'))).body).toMatchObject({ userIds: ['dave'] })
    expect(state.run(inChess('alice', remove('zoe', 'dave', 'dave'))).body).toMatchObject({ userIds: ['dave'] })
  })

  test.each([JOIN, QUIT, DISMISS, text('hi'), add('x'), remove('x')])(
    '[SQ17] a dismissed group answers GROUP_NOT_EXIST to %o',
    body => {
      const state = chess()
      state.run(inChess('alice', DISMISS))
      expect(brief(state.run(inChess('bob', body)))).toBe('GROUP_NOT_EXIST')
    },
  )
})
