import { expect, test } from 'vitest'
import { Script, user } from '../processors/testing/events.ts'
import { makeEventLog } from '../processors/testing/log.ts'
import { relate, settle } from '../processors/testing/people.ts'
import { comparePerson, NO_PERSON, PeopleFold, PeopleMoves, peopleOf } from './people.ts'
import { catchUp, memoryViews } from './testing/views.ts'
import { verify } from './verify.ts'

const [alice, bob] = ['alice', 'bob'].map(user) as [never, never]
const profile = (name: string) => ({ kind: 'ProfileUpdated', profile: { name, avatar: '' } }) as const

async function world(script: Script) {
  const eventLog = await makeEventLog()
  eventLog.append(script.events)
  const made = memoryViews(eventLog)
  await catchUp(eventLog, made.views)
  return made
}

function people(): Script {
  const script = new Script()
  relate(script, 'alice', 'bob', { kind: 'FriendRequested', message: 'hi' })
  relate(script, 'bob', 'alice', { kind: 'FriendAccepted' })
  relate(script, 'bob', 'carol', { kind: 'UserBlocked' })
  settle(script, 'alice', profile('Alice'))
  return script
}

test('[VF1] what the membership view keeps of people is compared', async () => {
  const { verifyOptions } = await world(people())
  const { archive: _, ...options } = verifyOptions
  expect((await verify(options)).differences).toEqual([])
})

test('[VF7] a friend lost, one too many and a changed profile are each found and named', async () => {
  const { verifyOptions, servers } = await world(people())
  const { archive: _, ...options } = verifyOptions
  const { relations, owned } = servers.membership.contents.people
  relations.get(alice)!.delete(bob)
  relations.get(user('carol'))!.get(bob)!.set('friend', { position: 9, json: '{"is":true,"at":1}' })
  owned.get(alice)!.set('profile', { position: 1, json: '{"name":"Mallory","avatar":""}' })
  const { differences } = await verify(options)
  const found = differences.map(({ view, sessionId, userId, what }) => [view, sessionId, userId, what])
  expect(found.sort()).toEqual([
    ['membership', 's:alice:bob', 'alice', 'friends'],
    ['membership', 's:bob:carol', 'carol', 'friends'],
    ['membership', 'u:alice', 'alice', 'own facts'],
  ])
})

test('[VF4] a list that moved while it was compared is right when it is as the log had it since', async () => {
  const script = people()
  const then = script.events.length
  relate(script, 'alice', 'bob', { kind: 'FriendDeleted' })
  settle(script, 'alice', profile('Al'))
  const { membership } = await world(script)
  const fold = new PeopleFold()
  for (const { event } of script.events.slice(0, then)) fold.add(event)
  const moves = new PeopleMoves()
  const person = peopleOf([fold]).get(alice) ?? NO_PERSON
  const compare = async () =>
    comparePerson({ userId: alice, person, row: await membership.person(alice), moves }).map(({ what }) => what)
  expect(await compare()).toEqual(['friends', 'own facts'])
  for (const { event } of script.events.slice(then)) moves.add(event)
  expect(await compare()).toEqual([])
})
