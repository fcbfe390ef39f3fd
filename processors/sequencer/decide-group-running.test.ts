import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Millis } from '../../infra/clock.ts'
import type { Event } from '../../schemas/event.ts'
import { defaultGroupId, type SessionId, type UserId } from '../../schemas/ids.ts'
import { Flag, type PackBody, RULES_DEFAULT } from '../../schemas/pack.ts'
import { GROUP_SETTINGS_DEFAULT, type GroupSettings } from '../../schemas/settings.ts'
import { INVITE_MS_MAX, INVITES_MAX } from './decide-group-invite.ts'
import { JOIN_REQUESTS_MAX } from './decide-group-members.ts'
import { memberKey } from './session.ts'
import {
  add,
  brief,
  chess,
  create,
  inChess,
  JOIN,
  makePack,
  packIdAt,
  QUIT,
  remove,
  rulesPack,
  T0,
  TestState,
  text,
} from './testing/packs.ts'

const group = 'g:chess' as SessionId
const users = (...ids: string[]) => ids as UserId[]
const role = (to: 'admin' | 'member', ...ids: string[]): PackBody => ({
  kind: 'SetRole',
  userIds: users(...ids),
  role: to,
})
const settings = (patch: Partial<GroupSettings>): PackBody => ({ kind: 'UpdateGroupSettings', settings: patch })
const mute = (userId: string, until: Millis): PackBody => ({ kind: 'MuteMember', userId: userId as UserId, until })
const owner = (userId: string): PackBody => ({ kind: 'ChangeOwner', userId: userId as UserId })
const answer = (userId: string, approved: boolean, reason?: string): PackBody =>
  reason === undefined
    ? { kind: 'AnswerJoin', userId: userId as UserId, approved }
    : { kind: 'AnswerJoin', userId: userId as UserId, approved, reason }

/** The outcome of each, in a word. */
function does(state: TestState, from: string, body: PackBody, at: Millis = T0): string {
  return brief(state.run(inChess(from, body), at))
}

/** alice owns, bob is an admin, carol and dave are members. */
function run(patch: Partial<GroupSettings> = {}): TestState {
  const state = chess()
  does(state, 'alice', add('dave'))
  does(state, 'alice', role('admin', 'bob'))
  if (Object.keys(patch).length > 0) does(state, 'alice', settings(patch))
  return state
}
const roster = (state: TestState) => state.rows.rosters.get(group)

describe('how a group shows itself and is run', () => {
  test('[SQ29] a group begins with settings and attributes; what is left out has its default', () => {
    const state = new TestState()
    const body: PackBody = {
      kind: 'CreateGroup',
      info: {
        name: 'Chess',
        avatar: '',
        notice: '',
        attributes: [
          { name: 'b', value: '2' },
          { name: 'a', value: '' },
        ],
      },
      members: users('bob'),
      settings: { joinPolicy: 'inviteOnly', membersMax: 2 },
    }
    const event = state.run(inChess('alice', body))
    expect(event.body).toEqual({
      kind: 'GroupCreated',
      info: { name: 'Chess', avatar: '', notice: '', attributes: [{ name: 'b', value: '2' }] },
      members: ['bob'],
      settings: { ...GROUP_SETTINGS_DEFAULT, joinPolicy: 'inviteOnly', membersMax: 2 },
    })
    expect(does(state, 'bob', add('carol'))).toBe('MEMBER_LIMIT')
    expect(does(new TestState(), 'alice', { ...body, members: users('bob', 'carol') } as PackBody)).toBe('MEMBER_LIMIT')
    expect(does(new TestState(), 'alice', { ...body, settings: { slowModeMs: -1 } } as PackBody)).toBe('PARAM')
  })

  test('[SQ29] info is changed by patches, attribute by attribute', () => {
    const state = run()
    const info = (from: string, patch: object) => state.run(inChess(from, { kind: 'UpdateGroupInfo', info: patch }))
    expect(brief(info('bob', { notice: 'Sunday', attributes: [{ name: 'x', value: '1' }] }))).toContain('seq 4')
    const { body } = info('alice', {
      name: 'Go',
      attributes: [
        { name: 'a', value: '2' },
        { name: 'x', value: '' },
      ],
    })
    expect(body).toEqual({
      kind: 'GroupInfoUpdated',
      info: { name: 'Go', avatar: '', notice: 'Sunday', attributes: [{ name: 'a', value: '2' }] },
    })
    expect(state.rows.infos.get(group)).toMatchObject({ name: 'Go' })
    const many = Array.from({ length: 65 }, (_, n) => ({ name: `n${n}`, value: 'x' }))
    const wrong = [{}, { name: ' ' }, { attributes: many }, { attributes: [{ name: '', value: 'x' }] }]
    for (const patch of wrong) expect(brief(info('alice', patch))).toBe('PARAM')
    expect(brief(info('carol', { name: 'Mine' }))).toBe('GROUP_NO_PRIVILEGE')
    expect(brief(info('zoe', { name: 'Mine' }))).toBe('GROUP_USER_NOT_EXIST')
  })

  test('[SQ29] settings are changed by owner and admins', () => {
    const state = run()
    const event = state.run(inChess('bob', settings({ historyShown: 'all' })))
    const all = { ...GROUP_SETTINGS_DEFAULT, historyShown: 'all' }
    expect(event.body).toEqual({ kind: 'GroupSettingsUpdated', settings: all })
    for (const patch of [{}, { slowModeMs: 86_400_001 }, { membersMax: -1 }]) {
      expect(does(state, 'alice', settings(patch))).toBe('PARAM')
    }
    expect(does(state, 'carol', settings({ mutedAll: true }))).toBe('GROUP_NO_PRIVILEGE')
  })

  test('[SQ29] a group has room for as many as both its settings and the rules allow', () => {
    const state = run({ membersMax: 5 })
    expect(does(state, 'erin', JOIN)).toBe('MemberJoined seq 5 count 0')
    expect(does(state, 'finn', JOIN)).toBe('MEMBER_LIMIT')
    does(state, 'alice', settings({ membersMax: 5_000 }))
    const many = Array.from({ length: 996 }, (_, n) => `u${n}`)
    expect(does(state, 'alice', add(...many))).toBe('MEMBER_LIMIT')
    const rules = rulesPack({ ...RULES_DEFAULT, version: 1, groupMembersMax: 100_000 })
    state.run(rules, T0, { partition: 0 })
    expect(does(state, 'alice', add(...many))).toBe('MembersAdded seq 7 count 0')
  })

  test('[SQ16] only owner and admins add where the group says so', () => {
    const state = run({ addPolicy: 'admins' })
    expect(does(state, 'carol', add('erin'))).toBe('GROUP_NO_PRIVILEGE')
    expect(does(state, 'bob', add('erin'))).toBe('MembersAdded seq 5 count 0')
  })

  test('[SQ16] admins remove members, and nobody above them', () => {
    const state = run()
    does(state, 'alice', role('admin', 'dave'))
    expect(does(state, 'bob', remove('carol', 'dave'))).toBe('GROUP_NO_PRIVILEGE')
    expect(does(state, 'bob', remove('alice'))).toBe('CREATOR_ERROR')
    expect(does(state, 'bob', remove('carol'))).toBe('MembersRemoved seq 5 count 0')
    expect(does(state, 'alice', remove('bob', 'dave'))).toBe('MembersRemoved seq 6 count 0')
    expect(roster(state)?.admins).toEqual([])
  })
})

describe('roles', () => {
  const steps: [name: string, from: string, body: PackBody, expected: string][] = [
    ['the owner names admins', 'alice', role('admin', 'carol', 'bob', 'zoe'), 'RolesSet seq 4 count 0'],
    ['the owner takes the role back', 'alice', role('member', 'bob'), 'RolesSet seq 4 count 0'],
    ['an admin names admins', 'bob', role('admin', 'carol'), 'GROUP_NO_PRIVILEGE'],
    ['a stranger names admins', 'zoe', role('admin', 'carol'), 'GROUP_USER_NOT_EXIST'],
    ['a stranger is named', 'alice', role('admin', 'zoe'), 'GROUP_USER_NOT_EXIST'],
    ['nobody is named', 'alice', role('admin'), 'GROUP_EMPTY'],
    ['a malformed user is named', 'alice', role('admin', 'b b'), 'PARAM'],
    ['the owner names themselves', 'alice', role('admin', 'alice', 'carol'), 'CREATOR_ERROR'],
    ['an admin is named again', 'alice', role('admin', 'bob'), 'MSG_REPEATED'],
    ['an owner is named', 'alice', { kind: 'SetRole', userIds: users('carol'), role: 'owner' }, 'PARAM'],
    ['the group is handed over', 'alice', owner('carol'), 'OwnerChanged seq 4 count 0'],
    ['an admin hands it over', 'bob', owner('carol'), 'GROUP_NO_PRIVILEGE'],
    ['it is handed to a stranger', 'alice', owner('zoe'), 'GROUP_USER_NOT_EXIST'],
    ['it is handed to the owner', 'alice', owner('alice'), 'CREATOR_ERROR'],
    ['a member names themselves', 'carol', { kind: 'SetAlias', alias: 'Caro' }, 'AliasSet seq 4 count 0'],
    [
      'an admin names a member',
      'bob',
      { kind: 'SetAlias', userId: users('carol')[0]!, alias: 'C' },
      'AliasSet seq 4 count 0',
    ],
    [
      'a member names another',
      'dave',
      { kind: 'SetAlias', userId: users('carol')[0]!, alias: 'C' },
      'GROUP_NO_PRIVILEGE',
    ],
    ['an admin names the owner', 'bob', { kind: 'SetAlias', userId: users('alice')[0]!, alias: 'C' }, 'CREATOR_ERROR'],
    [
      'a stranger is called so',
      'bob',
      { kind: 'SetAlias', userId: users('zoe')[0]!, alias: 'C' },
      'GROUP_USER_NOT_EXIST',
    ],
    ['an alias is too long', 'carol', { kind: 'SetAlias', alias: 'x'.repeat(65) }, 'PARAM'],
    ['an alias is blank', 'carol', { kind: 'SetAlias', alias: '  ' }, 'PARAM'],
  ]
  test.each(steps)('[SQ32] %s', (_name, from, body, expected) => {
    expect(does(run(), from, body)).toBe(expected)
  })

  test('[SQ32] the event names those for whom something changed, within the limit of admins', () => {
    const state = run()
    const rules = { ...RULES_DEFAULT, version: 1, groupAdminsMax: 2 }
    state.run(rulesPack(rules), T0, { partition: 0 })
    expect(does(state, 'alice', role('admin', 'carol', 'dave'))).toBe('LIMIT_REACHED')
    expect(state.run(inChess('alice', role('admin', 'bob', 'carol', 'carol'))).body).toMatchObject({
      userIds: ['carol'],
    })
    expect(roster(state)?.admins).toEqual(['bob', 'carol'])
    does(state, 'bob', QUIT)
    expect(does(state, 'alice', role('admin', 'dave'))).toBe('RolesSet seq 6 count 0')
  })

  test('[SQ32] a role ends with the stay, and whoever was the owner has none', () => {
    const state = run()
    does(state, 'bob', QUIT)
    does(state, 'bob', JOIN)
    expect(does(state, 'bob', remove('carol'))).toBe('GROUP_NO_PRIVILEGE')
    does(state, 'alice', role('admin', 'carol'))
    does(state, 'alice', owner('carol'))
    expect(does(state, 'alice', remove('bob'))).toBe('GROUP_NO_PRIVILEGE')
    expect(does(state, 'alice', QUIT)).toMatch(/^MemberQuit/)
    expect(does(state, 'carol', QUIT)).toBe('CREATOR_ERROR')
    does(state, 'carol', owner('bob'))
    expect(does(state, 'carol', remove('dave'))).toBe('GROUP_NO_PRIVILEGE')
    expect(roster(state)?.admins).toEqual([])
    expect(state.rows.members.get(memberKey(group, 'bob' as UserId))).toMatchObject({ owner: true, admin: false })
  })
})

describe('requests to join', () => {
  test('[SQ15, SQ30] a request waits, takes no seq, and is answered once', () => {
    const state = run({ joinPolicy: 'approval' })
    expect(does(state, 'zoe', { kind: 'JoinGroup', message: 'Bob knows me' })).toBe('JoinRequested seq 0 count 0')
    expect(roster(state)?.requests).toEqual(['zoe'])
    expect(does(state, 'zoe', JOIN)).toBe('MSG_REPEATED')
    expect(does(state, 'zoe', text('hi'))).toBe('GROUP_USER_NOT_EXIST')
    expect(does(state, 'carol', answer('zoe', true))).toBe('GROUP_NO_PRIVILEGE')
    expect(state.run(inChess('bob', answer('zoe', false, 'full'))).body).toEqual({
      kind: 'JoinRefused',
      userId: 'zoe',
      reason: 'full',
    })
    expect(does(state, 'bob', answer('zoe', true))).toBe('REQUEST_NOT_EXIST')
    does(state, 'zoe', JOIN)
    expect(does(state, 'bob', answer('zoe', true))).toBe('MembersAdded seq 5 count 0')
    expect(roster(state)?.requests).toEqual([])
    expect(does(state, 'zoe', text('hi'))).toBe('MessageAccepted seq 6 count 0')
    expect(does(state, 'zoe', JOIN)).toBe('ALREADY_MEMBER')
  })

  test('[SQ30] who comes in otherwise has no request any more', () => {
    const state = run({ joinPolicy: 'approval' })
    does(state, 'zoe', JOIN)
    does(state, 'carol', add('zoe'))
    expect(does(state, 'bob', answer('zoe', false))).toBe('REQUEST_NOT_EXIST')
    expect(roster(state)?.requests).toEqual([])
    does(state, 'zoe', QUIT)
    expect(does(state, 'zoe', JOIN)).toBe('JoinRequested seq 0 count 0')
  })

  test('[SQ30] requests are bounded, and a full group takes none', () => {
    const state = run({ joinPolicy: 'approval' })
    for (let n = 0; n < JOIN_REQUESTS_MAX; n++) does(state, `u${n}`, JOIN)
    expect(does(state, 'zoe', JOIN)).toBe('LIMIT_REACHED')
    does(state, 'bob', answer('u7', false))
    expect(does(state, 'zoe', { kind: 'JoinGroup', message: 'x'.repeat(1_025) })).toBe('PARAM')
    expect(does(state, 'zoe', JOIN)).toBe('JoinRequested seq 0 count 0')
    does(state, 'alice', settings({ membersMax: 4 }))
    expect(does(state, 'bob', answer('u8', true))).toBe('MEMBER_LIMIT')
    expect(does(state, 'yan', JOIN)).toBe('MEMBER_LIMIT')
  })

  test('[SQ15] nobody comes in without an invite where the group says so', () => {
    expect(does(run({ joinPolicy: 'inviteOnly' }), 'zoe', JOIN)).toBe('GROUP_NO_PRIVILEGE')
  })
})

describe('invites', () => {
  const secret = 'q8Zr1x-0123456789'
  const secretHash = createHash('sha256').update(secret).digest('hex')
  const invite = (changes: object = {}): PackBody =>
    ({ kind: 'CreateInvite', secretHash, expiresAt: T0 + 60_000, usesMax: 2, ...changes }) as PackBody
  const use = (event: Event, words = secret): PackBody => {
    const inviteId = defaultGroupId(event.packId)
    return { kind: 'JoinGroup', invite: { inviteId, secret: words } }
  }

  test('[SQ31] an invite lets in whoever knows its secret, as often as it says', () => {
    const state = run({ joinPolicy: 'inviteOnly' })
    const made = state.run(inChess('bob', invite()))
    expect(made.body).toMatchObject({ kind: 'InviteCreated', inviteId: made.packId.replaceAll('-', ''), secretHash })
    expect(made.seq).toBe(0)
    expect(does(state, 'zoe', use(made, 'q8Zr1x-0123456780'))).toBe('INVITE_INVALID')
    const joined = state.run(inChess('zoe', use(made)))
    expect(joined.body).toEqual({ kind: 'MemberJoined', inviteId: defaultGroupId(made.packId) })
    expect(does(state, 'zoe', use(made))).toBe('ALREADY_MEMBER')
    expect(does(state, 'yan', use(made))).toBe('MemberJoined seq 6 count 0')
    expect(does(state, 'xia', use(made))).toBe('INVITE_INVALID')
    expect(does(state, 'bob', { kind: 'RevokeInvite', inviteId: defaultGroupId(made.packId) })).toBe('INVITE_INVALID')
  })

  test('[SQ31] an invite ends by its time and by being revoked', () => {
    const state = run()
    const made = state.run(inChess('bob', invite()))
    expect(does(state, 'zoe', use(made), T0 + 60_000)).toBe('INVITE_INVALID')
    const again = state.run(inChess('alice', invite({ expiresAt: T0 + INVITE_MS_MAX }), { packId: packIdAt(T0, 77) }))
    expect(again.body.kind).toBe('InviteCreated')
    const { inviteId } = again.body as { inviteId: string }
    expect(state.rows.invites.get(group)).toHaveLength(1)
    expect(does(state, 'carol', { kind: 'RevokeInvite', inviteId })).toBe('GROUP_NO_PRIVILEGE')
    expect(does(state, 'bob', { kind: 'RevokeInvite', inviteId })).toBe('InviteRevoked seq 0 count 0')
    expect(does(state, 'zoe', use(again))).toBe('INVITE_INVALID')
    expect(state.rows.invites.get(group)).toEqual([])
  })

  test('[SQ31] what is no invite is refused, and there is a bounded number', () => {
    const state = run()
    expect(does(state, 'carol', invite())).toBe('GROUP_NO_PRIVILEGE')
    const wrong = [{ secretHash: 'AB' }, { expiresAt: T0 }, { expiresAt: T0 + 2 * INVITE_MS_MAX }, { usesMax: 0 }]
    for (const changes of wrong) expect(does(state, 'bob', invite(changes))).toBe('PARAM')
    for (let n = 0; n < INVITES_MAX; n++) does(state, 'bob', invite())
    expect(does(state, 'bob', invite())).toBe('LIMIT_REACHED')
    expect(does(state, 'bob', invite({ expiresAt: T0 + 90_000 }), T0 + 60_000)).toBe('InviteCreated seq 0 count 0')
  })

  test('[SQ31] an invite does not make room', () => {
    const state = run({ membersMax: 4 })
    const made = state.run(inChess('bob', invite()))
    expect(does(state, 'zoe', use(made))).toBe('MEMBER_LIMIT')
  })
})

describe('mutes and slow mode', () => {
  test('[SQ33] a muted member is refused until log time has passed, a stay later as well', () => {
    const state = run()
    expect(does(state, 'bob', mute('carol', T0 + 1_000))).toBe('MemberMuted seq 4 count 0')
    expect(does(state, 'carol', text('hi'), T0 + 999)).toBe('MUTED')
    does(state, 'carol', QUIT, T0 + 999)
    does(state, 'carol', JOIN, T0 + 999)
    expect(does(state, 'carol', text('hi'), T0 + 999)).toBe('MUTED')
    expect(does(state, 'carol', text('hi'), T0 + 1_000)).toBe('MessageAccepted seq 7 count 0')
    does(state, 'bob', mute('carol', T0 + 9_000), T0 + 1_000)
    expect(does(state, 'bob', mute('carol', 0), T0 + 1_000)).toMatch(/^MemberMuted/)
    expect(does(state, 'carol', text('hi'), T0 + 1_000)).toMatch(/^MessageAccepted/)
  })

  test('[SQ33] owner and admins mute who stands below them', () => {
    const state = run()
    expect(does(state, 'bob', mute('alice', T0 + 1))).toBe('CREATOR_ERROR')
    expect(does(state, 'carol', mute('dave', T0 + 1))).toBe('GROUP_NO_PRIVILEGE')
    expect(does(state, 'bob', mute('bob', T0 + 1))).toBe('GROUP_NO_PRIVILEGE')
    expect(does(state, 'bob', mute('zoe', T0 + 1))).toBe('GROUP_USER_NOT_EXIST')
    for (const until of [T0, -1, 2 ** 52]) expect(does(state, 'alice', mute('bob', until))).toBe('PARAM')
    expect(does(state, 'alice', mute('bob', T0 + 1))).toMatch(/^MemberMuted/)
    expect(does(state, 'bob', text('hi'))).toBe('MUTED')
  })

  test('[SQ33] where all are muted owner and admins speak', () => {
    const state = run({ mutedAll: true })
    expect(does(state, 'carol', text('hi'))).toBe('MUTED')
    expect(does(state, 'bob', text('hi'))).toMatch(/^MessageAccepted/)
    expect(does(state, 'alice', text('hi'))).toMatch(/^MessageAccepted/)
  })

  test('[SQ33] slow mode makes members wait, and the same pack is taken later', () => {
    const state = run({ slowModeMs: 10_000 })
    expect(state.run(inChess('carol', text('one'))).flags & Flag.SLOWED).toBe(Flag.SLOWED)
    const soon = inChess('carol', text('two'))
    const early = state.run(soon, T0 + 9_999)
    expect(brief(early)).toBe('SLOW_MODE')
    expect(early.body).toMatchObject({ until: T0 + 10_000 })
    expect(does(state, 'dave', text('mine'), T0 + 9_999)).toMatch(/^MessageAccepted/)
    expect(brief(state.run(soon, T0 + 10_000))).toMatch(/^MessageAccepted/)
    for (const from of ['bob', 'alice']) {
      expect(does(state, from, text('a'), T0 + 10_000)).toMatch(/^MessageAccepted/)
      expect(does(state, from, text('b'), T0 + 10_000)).toMatch(/^MessageAccepted/)
    }
    does(state, 'alice', settings({ slowModeMs: 0 }), T0 + 10_000)
    expect(state.run(inChess('carol', text('three')), T0 + 10_001).flags & Flag.SLOWED).toBe(0)
  })

  test('[SQ33] what was said before slow mode began does not count', () => {
    const state = run()
    does(state, 'carol', text('before'))
    does(state, 'alice', settings({ slowModeMs: 10_000 }))
    expect(does(state, 'carol', text('first'), T0 + 1)).toMatch(/^MessageAccepted/)
  })
})

test('[SQ14] a group without settings and attributes begins as it always did', () => {
  const event = new TestState().run(makePack({ session: 'g:x', body: create(['bob']) }))
  expect(Object.keys(event.body)).toEqual(['kind', 'info', 'members'])
  expect(Object.keys((event.body as { info: object }).info)).toEqual(['name', 'avatar', 'notice'])
})
