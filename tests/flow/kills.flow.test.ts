import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { type GroupId, groupSessionId, singleSessionId } from '../../schemas/ids.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { runCommand } from '../run-command.ts'
import { misdelivered, more, person, talk, until } from './people.ts'

/** kill -9 of every process of ours while people chat: what was acked is there once, in order, for everyone. */

const NAMES = ['ann', 'bo', 'cy', 'di']
const team = groupSessionId('team' as GroupId)
const pair = (a: string, b: string) => singleSessionId(a as UserId, b as UserId)
/** Messages between two steps of the test. */
const ROUND = 60

let product: TestProduct

beforeAll(async () => {
  product = await startProduct()
}, 120_000)

afterAll(() => product?.stop(), 60_000)

function sessionsOf(name: string): SessionId[] {
  return [team, ...NAMES.filter(other => other !== name).map(other => pair(name, other))]
}

test('[E2E1] after kill -9 of each process every acked message is there once, in order, for everyone', async () => {
  const people = await Promise.all(NAMES.map(name => person(product, name, { sessions: sessionsOf(name).slice(1) })))
  const [ann] = people
  const created = ann!.client.submit({
    type: 'createGroup',
    groupId: 'team',
    info: { name: 'The team' },
    members: NAMES.slice(1) as UserId[],
  })
  expect(await created.answer).toMatchObject({ kind: 'Accepted', sessionId: team, seq: 1 })
  // Whoever has seen the creation live goes on after it.
  await Promise.all(people.map(({ client }) => client.follow([{ sessionId: team, seq: client.seqOf(team) ?? 0 }])))

  const talking = talk(people, sessionsOf)
  for (const victim of ['gateway', 'sequencer', 'history', 'membership', 'archive']) {
    await more(people, ROUND)
    product.roles[victim]!.kill('SIGKILL')
    await product.roles[victim]!.exited
    await product.restart(victim)
    await more(people, ROUND)
  }
  await talking.stop()

  const lastSeqs = new Map<SessionId, number>([[team, 1]])
  const owners = new Map<string, string>()
  for (const { name, accepted, refused } of people) {
    expect(refused).toEqual([])
    for (const [packId, { sessionId, seq }] of accepted) {
      const place = `${sessionId} ${seq}`
      expect(owners.get(place), `two packs were acked with ${place}`).toBeUndefined()
      owners.set(place, `${packId} ${name}`)
      lastSeqs.set(sessionId, Math.max(seq, lastSeqs.get(sessionId) ?? 0))
    }
  }
  await until(people, () =>
    people.every(({ name, received }) =>
      sessionsOf(name).every(sessionId => (received.get(sessionId)?.length ?? 0) >= (lastSeqs.get(sessionId) ?? 0)),
    ),
  )
  for (const someone of people) {
    expect(someone.losses).toEqual([])
    for (const sessionId of sessionsOf(someone.name)) {
      expect(misdelivered(someone, sessionId, lastSeqs.get(sessionId) ?? 0)).toEqual([])
      for (const { seq, packId, from, body } of someone.received.get(sessionId) ?? []) {
        // Nothing but what was acked took effect, and under its own number.
        if (body.kind === 'MessageAccepted') expect(owners.get(`${sessionId} ${seq}`)).toBe(`${packId} ${from}`)
      }
    }
    someone.client.close()
  }

  const verified = await runCommand(['verify', '--json'], product.env)
  expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 0 })
  expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, messages: owners.size })
}, 240_000)
