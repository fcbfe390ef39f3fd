import { expect, test } from 'vitest'
import { catchUp, memoryViews } from '../verify/testing/views.ts'
import { group, Script, single, user } from './testing/events.ts'
import { makeEventLog } from './testing/log.ts'
import { relate, settle } from './testing/people.ts'
import { EXPORT_PAGE, exportUser } from './user-export.ts'

const [alice, bob] = ['alice', 'bob'].map(user) as [never, never]

async function linesOf(script: Script, userId: never) {
  const eventLog = await makeEventLog()
  eventLog.append(script.events)
  const { servers, views, membership } = memoryViews(eventLog)
  await catchUp(eventLog, views)
  const lines = []
  for await (const line of exportUser(userId, {
    people: servers.membership.people,
    membership,
    archive: servers.archive,
  })) {
    lines.push(line)
  }
  return lines
}

test('[AR18] an export has the profile, groups, friends, and what the user sent as it reads now, and nothing of others', async () => {
  const script = new Script()
  settle(script, 'alice', { kind: 'ProfileUpdated', profile: { name: 'Alice', avatar: '' } })
  script.create(group('team'), alice, [bob])
  relate(script, 'alice', 'bob', { kind: 'FriendRequested', message: 'hi' })
  relate(script, 'bob', 'alice', { kind: 'FriendAccepted' })
  const chat = single('alice', 'bob')
  script.message(chat, alice, 'stays')
  const edited = script.message(chat, alice, 'first')
  const revoked = script.message(chat, alice, 'regretted')
  script.message(chat, bob, 'not hers')
  script.revise(alice, edited, 'edit', 'second')
  script.revise(alice, revoked, 'revoke')
  script.message(group('team'), alice, 'all')
  const lines = await linesOf(script, alice)
  expect(lines).toMatchObject([
    { kind: 'Profile', userId: 'alice', profile: { name: 'Alice' }, settings: { findable: true }, attributes: [] },
    { kind: 'Group', sessionId: 'g:team', owner: 'alice', role: 'owner', info: { name: 'the g:team' } },
    { kind: 'Friend', userId: 'bob', relation: 'friend' },
    { kind: 'Message', sessionId: 'g:team', seq: 2, content: { text: 'all' }, edits: 0 },
    { kind: 'Message', sessionId: chat, seq: 1, content: { text: 'stays' }, edits: 0 },
    { kind: 'Message', sessionId: chat, seq: 2, content: { text: 'second' }, edits: 1 },
    { kind: 'Message', sessionId: chat, seq: 3, content: { kind: 'Removed' }, edits: 0 },
  ])
  expect(lines).toHaveLength(7)
})

test('[AR18] pages of messages follow each other without a gap or a repeat', async () => {
  const script = new Script()
  for (let number = 0; number < 2 * EXPORT_PAGE; number++) {
    script.message(single('alice', `u${number % 3}`), alice, `${number}`)
  }
  const texts = (await linesOf(script, alice)).flatMap(line =>
    line.kind === 'Message' && line.content.kind === 'Text' ? [Number(line.content.text)] : [],
  )
  expect(texts.sort((a, b) => a - b)).toEqual(Array.from({ length: 2 * EXPORT_PAGE }, (_, number) => number))
})
