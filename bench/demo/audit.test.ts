import { expect, test } from 'vitest'
import type { PackId, SessionId, UserId } from '../../schemas/ids.ts'
import { type Accepted, type Arrival, audit } from './audit.ts'

const AB = 's:ann:ben' as SessionId
const TEAM = 'g:team' as SessionId
const [ann, ben, cid] = ['ann', 'ben', 'cid'] as UserId[] as [UserId, UserId, UserId]

function accepted(sessionId: SessionId, seq: number, from: UserId, change?: Accepted['change']): Accepted {
  const pack = { sessionId, seq, packId: `${sessionId}/${seq}` as PackId, from, content: `text ${seq}` }
  return change === undefined ? pack : { ...pack, change }
}

const got = ({ sessionId, seq, packId, content }: Accepted): Arrival => ({ sessionId, seq, packId, content })

/** Two messages in a single chat, and a group that cid joins at 2 and leaves at 4. */
const day = [
  accepted(AB, 1, ann),
  accepted(AB, 2, ben),
  accepted(TEAM, 1, ann, { kind: 'Created', members: [ben] }),
  accepted(TEAM, 2, cid, { kind: 'Joined' }),
  accepted(TEAM, 3, ben),
  accepted(TEAM, 4, cid, { kind: 'Quit' }),
  accepted(TEAM, 5, ann),
]

function everybody(): Map<UserId, Arrival[]> {
  return new Map([
    [ann, day.map(got)],
    [ben, day.map(got)],
    [cid, day.slice(3, 6).map(got)],
  ])
}

test('[DM1] when everybody got everything once and in order, it is proven', () => {
  const result = audit(day, everybody())
  expect(result).toMatchObject({ isProven: true, problems: [], brokenSessions: 0 })
  expect(result.total).toEqual({ expected: 17, received: 17, missing: 0, doubled: 0, outOfOrder: 0, wrong: 0 })
})

test('[DM1] the order between sessions does not matter', () => {
  const arrivals = everybody()
  arrivals.set(ann, [...day.slice(2), ...day.slice(0, 2)].map(got))
  expect(audit(day, arrivals).isProven).toBe(true)
})

test('[DM1] a lost message is named with its receiver', () => {
  const arrivals = everybody()
  arrivals.get(ben)!.splice(4, 1)
  const result = audit(day, arrivals)
  expect(result.isProven).toBe(false)
  expect(result.total.missing).toBe(1)
  expect(result.people.find(({ userId }) => userId === ben)).toMatchObject({ expected: 7, received: 6, missing: 1 })
  expect(result.problems).toEqual(['missing: ben did not get g:team #3 of ben ("text 3")'])
})

test('[DM1] a doubled message is found, near or far', () => {
  for (const at of [2, 6]) {
    const arrivals = everybody()
    arrivals.get(ann)!.splice(at, 0, got(day[1]!))
    expect(audit(day, arrivals)).toMatchObject({ isProven: false, total: { doubled: 1, missing: 0, outOfOrder: 0 } })
  }
})

test('[DM1] two messages that swapped are out of order', () => {
  const arrivals = everybody()
  arrivals.get(ann)!.splice(4, 2, got(day[5]!), got(day[4]!))
  expect(audit(day, arrivals)).toMatchObject({ isProven: false, total: { outOfOrder: 1, doubled: 0, missing: 0 } })
})

test('[DM1] what came before joining or after leaving is not for that person', () => {
  for (const stranger of [day[2]!, day[6]!, day[0]!]) {
    const arrivals = everybody()
    arrivals.get(cid)!.push(got(stranger))
    const result = audit(day, arrivals)
    expect(result.isProven).toBe(false)
    expect(result.total.wrong).toBe(1)
  }
})

test('[DM1] another text or another packId than was accepted is wrong', () => {
  for (const change of [{ content: 'forged' }, { packId: 'other' as PackId }]) {
    const arrivals = everybody()
    arrivals.get(ben)![0] = { ...got(day[0]!), ...change }
    expect(audit(day, arrivals)).toMatchObject({ isProven: false, total: { wrong: 1, missing: 0 } })
  }
})

test('[DM1] seqs of a session that are not dense, or stand twice, break the session', () => {
  const hole = day.filter(pack => pack !== day[4])
  expect(audit(hole, new Map()).brokenSessions).toBe(1)
  const twice = [...day, { ...accepted(AB, 2, ann), packId: 'second' as PackId }]
  expect(audit(twice, everybody())).toMatchObject({ isProven: false, brokenSessions: 1 })
})

test('[DM1] somebody who should have got something and was not looked at is a problem', () => {
  const arrivals = everybody()
  arrivals.delete(cid)
  expect(audit(day, arrivals).isProven).toBe(false)
})
