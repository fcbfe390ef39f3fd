import { expect, test } from 'vitest'
import { Code } from '../../schemas/codes.ts'
import type { SessionId } from '../../schemas/ids.ts'
import { group, Script, single, user } from '../testing/events.ts'
import { project, reasonToSkip } from './project.ts'

const alice = user('alice')
const bob = user('bob')
const carol = user('carol')
const crew = group('crew')

const NOBODY = { friends: [], own: [], tokens: [] }

test('[ME1] each kind of event becomes who comes and who goes', () => {
  const script = new Script()
  script.create(crew, alice, [bob, alice])
  script.message(crew, alice, 'x')
  script.change(crew, carol, { kind: 'MemberJoined' })
  script.change(crew, alice, { kind: 'MembersRemoved', userIds: [carol, bob] })
  script.change(crew, alice, { kind: 'MembersAdded', userIds: [carol] })
  script.change(crew, carol, { kind: 'MemberQuit' })
  const { groups, users } = project(script.batch())
  const stays = groups[0]!.facts.filter(({ kind }) => kind === 'join' || kind === 'leave')
  expect(stays).toEqual([
    { kind: 'join', seq: 1, offset: 0, userIds: [alice, bob] },
    { kind: 'join', seq: 3, offset: 2, userIds: [carol] },
    { kind: 'leave', seq: 4, userIds: [carol, bob] },
    { kind: 'join', seq: 5, offset: 4, userIds: [carol] },
    { kind: 'leave', seq: 6, userIds: [carol] },
  ])
  expect(users).toEqual(
    new Map([
      [alice, new Map([[crew, { stay: { seq: 1, joinSeq: 1 }, role: { seq: 1, role: 'owner' }, offset: 0 }]])],
      [bob, new Map([[crew, { stay: { seq: 4, joinSeq: 0 }, offset: 3 }]])],
      [carol, new Map([[crew, { stay: { seq: 6, joinSeq: 0 }, offset: 5 }]])],
    ]),
  )
})

test('[ME6] what changes how a list shows a group is told apart from what does not', () => {
  const script = new Script()
  script.create(crew, alice, [bob])
  script.change(crew, alice, { kind: 'GroupInfoUpdated', info: { name: 'Crew', avatar: '', notice: '' } })
  script.change(crew, alice, { kind: 'RolesSet', userIds: [bob], role: 'admin' })
  script.unplaced(crew, carol, { kind: 'JoinRequested' })
  const { groups, users } = project(script.batch())
  expect(groups[0]).toMatchObject({ changedOffset: 1 })
  expect(users.get(bob)?.get(crew)).toEqual({
    stay: { seq: 1, joinSeq: 1 },
    role: { seq: 3, role: 'admin' },
    offset: 2,
  })
  expect(users.has(carol)).toBe(false)
})

test('[ME3] a dismissal names nobody: the store knows who was in', () => {
  const script = new Script()
  script.change(crew, alice, { kind: 'GroupDismissed' })
  expect(project(script.batch())).toEqual({
    groups: [
      {
        sessionId: crew,
        facts: [{ kind: 'dismissed', seq: 1 }],
        dismissed: { seq: 1, offset: 0 },
        changedOffset: 0,
      },
    ],
    users: new Map(),
    people: NOBODY,
    apps: [],
  })
})

test('[ME1] messages, refusals and repeats change nothing', () => {
  const script = new Script()
  script.message(single('alice', 'bob'), alice, 'x')
  script.refuse(crew, alice, Code.GROUP_NOT_EXIST.number)
  script.put(crew, alice, { kind: 'PackRepeated', code: 0, seq: 1, count: 0, at: 1 }, { seq: 0, count: 0, flags: 0 })
  expect(project(script.batch())).toEqual({ groups: [], users: new Map(), people: NOBODY, apps: [] })
})

test('[RN8] an accepted event of a session that is not canonical is skipped with a reason', () => {
  const script = new Script()
  script.change('g:a:b' as SessionId, alice, { kind: 'MemberJoined' })
  expect(reasonToSkip(script.events[0]!.event)).toMatch(/canonical/)
  expect(project(script.batch()).groups).toEqual([])
})
