import { describe, expect, test } from 'vitest'
import { Code } from '../../schemas/codes.ts'
import { eventJson } from '../../schemas/frames.ts'
import { RULES_SESSION, type SessionId } from '../../schemas/ids.ts'
import { Flag, RULES_DEFAULT } from '../../schemas/pack.ts'
import { group, Script, single, user } from '../testing/events.ts'
import { hotTime } from './history-store.ts'
import { fixedUsersOf, project, reasonToSkip } from './project.ts'
import { userWritesOf } from './user-lists.ts'

const alice = user('alice')
const bob = user('bob')
const carol = user('carol')
const chat = single('alice', 'bob')
const crew = group('crew')

describe('project', () => {
  test('[HI3] a message becomes a line with the text that clients get', () => {
    const script = new Script()
    const event = script.message(chat, alice, 'hello')
    const { seq, count, at, packId, from } = event
    expect(project(script.batch())).toEqual({
      sessions: [
        {
          sessionId: chat,
          isGroup: false,
          lines: [{ seq, count, at, packId, from, json: eventJson(event) }],
          marks: new Map([[alice, { seq: 1, count: 1 }]]),
          changes: [],
          amendments: [],
        },
      ],
      refusals: [],
      receipts: new Map(),
      kept: new Map(),
      told: new Map(),
      at,
    })
  })

  test('[UN1] only the own counted message sets a mark, and the last one counts', () => {
    const script = new Script()
    script.message(chat, alice, '1')
    script.message(chat, bob, '2', 0)
    script.message(chat, alice, '3', Flag.COUNTER | Flag.NO_PUSH)
    script.message(chat, alice, '4', 0)
    expect(project(script.batch()).sessions[0]!.marks).toEqual(new Map([[alice, { seq: 3, count: 2 }]]))
  })

  test('[UN2, HI7] each change of membership names who comes and goes, and marks who comes', () => {
    const script = new Script()
    script.create(crew, alice, [bob, alice])
    script.message(crew, alice, 'x')
    script.change(crew, carol, { kind: 'MemberJoined' })
    script.change(crew, alice, { kind: 'MembersRemoved', userIds: [carol] })
    script.change(crew, alice, { kind: 'MembersAdded', userIds: [carol] })
    script.change(crew, bob, { kind: 'MemberQuit' })
    script.change(crew, alice, { kind: 'GroupDismissed' })
    const { changes, marks, lines } = project(script.batch()).sessions[0]!
    expect(changes.map(({ kind, seq, userIds }) => [kind, seq, userIds])).toEqual([
      ['join', 1, [alice, bob]],
      ['join', 3, [carol]],
      ['leave', 4, [carol]],
      ['join', 5, [carol]],
      ['leave', 6, [bob]],
    ])
    expect(marks.get(alice)).toEqual({ seq: 2, count: 1 })
    expect(marks.get(bob)).toEqual({ seq: 1, count: 0 })
    expect(marks.get(carol)).toEqual({ seq: 5, count: 1 })
    expect(lines.map(line => line.seq)).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  test('[HI9] refusals, repeats and rules make no session', () => {
    const script = new Script()
    const refused = script.refuse(chat, alice, Code.BLACKLIST.number)
    script.put(chat, alice, { kind: 'PackRepeated', code: 0, seq: 1, count: 1, at: 1 }, { seq: 0, count: 0, flags: 4 })
    script.put(RULES_SESSION, alice, { kind: 'RulesSet', rules: RULES_DEFAULT }, { seq: 0, count: 0, flags: 0 })
    const { sessions, refusals } = project(script.batch())
    expect(sessions).toEqual([])
    expect(refusals.map(refusal => refusal.packId)).toEqual([refused.packId])
    expect(script.events.map(({ event }) => reasonToSkip(event))).toEqual([undefined, undefined, undefined])
  })

  test('[HI9] a refusal of what could not be read has nobody to belong to', () => {
    const script = new Script()
    script.refuse('' as SessionId, user(''), Code.MSG_FORBIDDEN.number)
    script.refuse('s:bob:alice' as SessionId, alice, Code.MSG_FORBIDDEN.number)
    expect(project(script.batch()).refusals).toEqual([])
  })

  test('[RN8] an accepted event without a canonical session or without a seq is skipped with a reason', () => {
    const script = new Script()
    const body = { kind: 'MessageAccepted', content: { kind: 'Text', text: 'x' } } as const
    script.put('s:bob:alice' as SessionId, alice, body, { seq: 1, count: 1, flags: 4 })
    script.put(chat, alice, body, { seq: 0, count: 1, flags: 4 })
    expect(script.events.map(({ event }) => typeof reasonToSkip(event))).toEqual(['string', 'string'])
    expect(project(script.batch()).sessions).toEqual([])
  })

  test('[HI6] a single chat and a notification session have fixed users, other sessions none', () => {
    const ids = [chat, 'b:shop:alice', crew, 'u:alice', 'a:shop'] as SessionId[]
    expect(ids.map(fixedUsersOf)).toEqual([[alice, bob], [alice], [], [], []])
  })
})

describe('lists of users', () => {
  const small = (at: number, members: string[]) => ({ largeSince: 0, at, members: members.map(user) })

  /** The lists that follow when the group is in the given state after the batch. */
  function lists(script: Script, state: { largeSince: number; at: number; members: ReturnType<typeof user>[] }) {
    const writes = userWritesOf(project(script.batch()).sessions, [state])
    return Object.fromEntries(
      [...writes].map(([userId, { hot, large }]) => [userId, hot.get(crew) ?? (large.has(crew) ? 'large' : 'none')]),
    )
  }

  test('[HI7] members of a small group have the time of its last event, who left that of leaving', () => {
    const script = new Script()
    script.create(crew, alice, [bob, carol])
    const quit = script.change(crew, bob, { kind: 'MemberQuit' })
    const { at } = script.wait(90_000).message(crew, alice, 'x')
    const [left, last] = [hotTime(quit.at), hotTime(at)]
    expect(lists(script, small(at, ['alice', 'carol']))).toEqual({ alice: last, carol: last, bob: left })
    expect(last).toBeGreaterThan(left)
  })

  test('[HI7] a repeated batch of a group that has become large since gives the later state', () => {
    const script = new Script()
    script.create(crew, alice, [bob])
    const quit = script.change(crew, bob, { kind: 'MemberQuit' })
    const state = { largeSince: 9, at: 99, members: [alice, carol] }
    expect(lists(script, state)).toEqual({ alice: 'large', carol: 'large', bob: hotTime(quit.at) })
  })

  test('[HI7] who joins or leaves a group that is large has it among the large ones', () => {
    const script = new Script()
    script.create(crew, alice, [bob])
    script.change(crew, carol, { kind: 'MemberJoined' })
    script.change(crew, bob, { kind: 'MemberQuit' })
    const state = { largeSince: 1, at: script.now, members: [alice, carol] }
    expect(lists(script, state)).toEqual({ alice: 'large', bob: 'large', carol: 'large' })
  })
})
