import { describe, expect, test } from 'vitest'
import type { Event, EventBody } from '../../schemas/event.ts'
import type { PackId, SessionId, UserId } from '../../schemas/ids.ts'
import { RULES_DEFAULT } from '../../schemas/pack.ts'
import type { EventRow } from './event-row.ts'
import { estimateBytes, projectEvent } from './project.ts'
import { AT, placed, sampleEvent } from './testing/sample-events.ts'

const users = ['bob', 'carol'] as UserId[]

/** What each kind of body puts into columns, and nothing else does. */
const BODIES: { [Kind in EventBody['kind']]?: [Extract<EventBody, { kind: Kind }>, Partial<EventRow>] } = {
  MessageAccepted: [
    { kind: 'MessageAccepted', content: { kind: 'Text', text: 'hé 你好' } },
    { contentKind: 'Text', contentBytes: 10, text: 'hé 你好' },
  ],
  GroupCreated: [
    { kind: 'GroupCreated', info: { name: 'n', avatar: 'a', notice: 'x' }, members: users },
    { userIds: users, groupName: 'n', groupAvatar: 'a', groupNotice: 'x' },
  ],
  MemberJoined: [{ kind: 'MemberJoined' }, {}],
  MemberQuit: [{ kind: 'MemberQuit' }, {}],
  MembersAdded: [{ kind: 'MembersAdded', userIds: users }, { userIds: users }],
  MembersRemoved: [{ kind: 'MembersRemoved', userIds: users }, { userIds: users }],
  GroupDismissed: [{ kind: 'GroupDismissed' }, {}],
  RulesSet: [{ kind: 'RulesSet', rules: RULES_DEFAULT }, { rules: JSON.stringify(RULES_DEFAULT) }],
  PackRefused: [
    { kind: 'PackRefused', code: 33, reason: 'no' },
    { code: 33, reason: 'no' },
  ],
  PackRepeated: [
    { kind: 'PackRepeated', code: 40, seq: 3, count: 2, at: AT },
    { code: 40, firstSeq: 3, firstCount: 2, firstAt: AT },
  ],
}

const BODY_EMPTY: Partial<EventRow> = {
  code: 0,
  reason: '',
  firstSeq: 0,
  firstCount: 0,
  firstAt: 0,
  userIds: [],
  groupName: '',
  groupAvatar: '',
  groupNotice: '',
  rules: '',
  contentKind: '',
  contentType: '',
  contentBytes: 0,
  text: '',
  data: '',
}

function row(given: Partial<Event>): EventRow {
  return projectEvent(7, placed(sampleEvent(5, given)))
}

describe('[AR1] every outcome is one row with all its facts', () => {
  for (const [kind, [body, columns]] of Object.entries(BODIES)) {
    test(kind, () => {
      expect(row({ body })).toMatchObject({ kind, ...BODY_EMPTY, ...columns })
    })
  }

  test('the facts around the body', () => {
    const event = sampleEvent(5, { pushInfo: { title: 't', summary: 's', url: 'u' } })
    expect(projectEvent(7, placed(event))).toMatchObject({
      partition: 7,
      offset: 10,
      causeEra: 0,
      causeOffset: 5,
      at: AT + 50,
      sessionId: 's:alice:bob',
      sessionKind: 'Single',
      seq: 6,
      count: 6,
      packId: event.packId,
      packIdText: '',
      from: 'alice',
      actorKind: 'USER',
      actorId: 'alice',
      deviceType: 6,
      deviceId: 'laptop',
      gateway: 'gw-1',
      flags: 4,
      digest: event.digest,
      hasPushInfo: true,
      pushTitle: 't',
      pushSummary: 's',
      pushUrl: 'u',
    })
  })

  test('custom content keeps its type and document', () => {
    const content = { kind: 'Custom', type: 'poll', data: '{"é":1}' } as const
    expect(row({ body: { kind: 'MessageAccepted', content } })).toMatchObject({
      contentKind: 'Custom',
      contentType: 'poll',
      contentBytes: 8,
      text: '',
      data: '{"é":1}',
    })
  })

  test.each([
    ['g:team', 'Group'],
    ['b:app:bob', 'Notify'],
    ['u:bob', 'User'],
    ['a:app', 'App'],
    ['#rules', ''],
    ['', ''],
    ['s:bob:alice', ''],
  ])('session %j is of kind %j', (sessionId, sessionKind) => {
    expect(row({ sessionId: sessionId as SessionId })).toMatchObject({ sessionId, sessionKind })
  })

  test.each(['', 'not-a-uuid', '0193A5C0-0000-7000-8000-000000000001'])('a packId that is no UUID: %j', text => {
    expect(row({ packId: text as PackId })).toMatchObject({
      packId: '00000000-0000-0000-0000-000000000000',
      packIdText: text,
    })
  })
})

test('[AR6] the estimate of bytes grows with what people wrote', () => {
  const long = sampleEvent(1, { body: { kind: 'MessageAccepted', content: { kind: 'Text', text: 'x'.repeat(5_000) } } })
  expect(estimateBytes(long) - estimateBytes(sampleEvent(1))).toBeGreaterThan(4_900)
  const many = sampleEvent(1, { body: { kind: 'MembersAdded', userIds: Array(5_000).fill('user') } })
  expect(estimateBytes(many)).toBeGreaterThan(100_000)
})
