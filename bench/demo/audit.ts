import type { PackId, Seq, SessionId, UserId } from '../../schemas/ids.ts'

/**
 * Proves, from outside, that everybody got what they had to get: once, in order, and nothing else.
 *
 * It knows only what clients were told: the packs that were acked (with their seq) and the frames that arrived. From
 * the acked packs of a session in the order of their seqs it derives who was a member when; a member has to get
 * every event of that time. It does not check latency, nor any order between sessions.
 */

/** A pack that the server said was accepted. */
export interface Accepted {
  sessionId: SessionId
  seq: Seq
  packId: PackId
  from: UserId
  /** What it says, or what it does: compared with what arrives. */
  content: string
  /** For group sessions: what it does to the membership. */
  change?: { kind: 'Created'; members: readonly UserId[] } | { kind: 'Joined' } | { kind: 'Quit' }
}

/** What arrived at a person, in the order of arrival; own packs arrive as their acks. */
export interface Arrival {
  sessionId: SessionId
  seq: Seq
  packId: PackId
  content: string
}

export interface PersonFigures {
  userId: UserId
  expected: number
  received: number
  missing: number
  doubled: number
  outOfOrder: number
  /** Not meant for this person, or other content than was accepted. */
  wrong: number
}

export interface Audit {
  people: PersonFigures[]
  total: Omit<PersonFigures, 'userId'>
  /** Sessions whose accepted seqs are not 1, 2, 3, ... */
  brokenSessions: number
  /** What is wrong, in words; at most PROBLEMS_MAX. */
  problems: string[]
  isProven: boolean
}

export const PROBLEMS_MAX = 20

/** Compares what was accepted with what arrived at each person. Everybody in `arrivals` is checked. */
export function audit(accepted: readonly Accepted[], arrivals: ReadonlyMap<UserId, readonly Arrival[]>): Audit {
  const problems: string[] = []
  const say = (problem: string) => problems.length < PROBLEMS_MAX && problems.push(problem)
  const { expected, brokenSessions } = expectedByPerson(accepted, say)
  const people = [...arrivals].map(([userId, arrived]) => {
    return auditPerson({ userId, arrived, expected: expected.get(userId) ?? new Map() }, say)
  })
  for (const userId of expected.keys()) if (!arrivals.has(userId)) say(`${userId} was not there to be checked`)
  const total = people.reduce(add, { expected: 0, received: 0, missing: 0, doubled: 0, outOfOrder: 0, wrong: 0 })
  return { people, total, brokenSessions, problems, isProven: problems.length === 0 }
}

type Expected = Map<SessionId, Map<Seq, Accepted>>
type Say = (problem: string) => void

function expectedByPerson(accepted: readonly Accepted[], say: Say) {
  const expected = new Map<UserId, Expected>()
  let brokenSessions = 0
  for (const [sessionId, packs] of bySession(accepted)) {
    const inOrder = packs.toSorted((one, other) => one.seq - other.seq)
    const hole = inOrder.findIndex((pack, index) => pack.seq !== index + 1)
    if (hole >= 0) {
      brokenSessions++
      say(`${sessionId}: accepted seqs are not dense: #${inOrder[hole]!.seq} stands where #${hole + 1} should`)
    }
    for (const [userId, pack] of receiversOf(sessionId, inOrder)) {
      const ofPerson = expected.get(userId) ?? new Map<SessionId, Map<Seq, Accepted>>()
      expected.set(userId, ofPerson)
      const ofSession = ofPerson.get(sessionId) ?? new Map<Seq, Accepted>()
      ofPerson.set(sessionId, ofSession)
      ofSession.set(pack.seq, pack)
    }
  }
  return { expected, brokenSessions }
}

function bySession(accepted: readonly Accepted[]): Map<SessionId, Accepted[]> {
  const sessions = new Map<SessionId, Accepted[]>()
  for (const pack of accepted) {
    const packs = sessions.get(pack.sessionId) ?? []
    sessions.set(pack.sessionId, packs)
    packs.push(pack)
  }
  return sessions
}

/** The sessions in which each person has to get something. */
export function sessionsByPerson(accepted: readonly Accepted[]): Map<UserId, SessionId[]> {
  const { expected } = expectedByPerson(accepted, () => {})
  return new Map([...expected].map(([userId, sessions]) => [userId, [...sessions.keys()]]))
}

/** Who gets which event: the members at that moment, those who come with it and those who go with it. */
function* receiversOf(sessionId: SessionId, packs: readonly Accepted[]): Iterable<[UserId, Accepted]> {
  const [prefix, ...users] = sessionId.split(':')
  const members = new Set(prefix === 'g' ? [] : (users as UserId[]))
  for (const pack of packs) {
    const { change, from } = pack
    if (change?.kind === 'Created') for (const userId of [from, ...change.members]) members.add(userId)
    if (change?.kind === 'Joined') members.add(from)
    for (const userId of members) yield [userId, pack]
    if (change?.kind === 'Quit') members.delete(from)
  }
}

interface PersonCase {
  userId: UserId
  arrived: readonly Arrival[]
  expected: Expected
}

function auditPerson({ userId, arrived, expected }: PersonCase, say: Say): PersonFigures {
  const figures = { userId, expected: 0, received: 0, missing: 0, doubled: 0, outOfOrder: 0, wrong: 0 }
  const seen = new Map<SessionId, Set<Seq>>()
  const highest = new Map<SessionId, Seq>()
  for (const arrival of arrived) {
    const { sessionId, seq } = arrival
    figures.received++
    const seqs = seen.get(sessionId) ?? new Set<Seq>()
    seen.set(sessionId, seqs)
    const last = highest.get(sessionId) ?? 0
    highest.set(sessionId, Math.max(last, seq))
    const wanted = expected.get(sessionId)?.get(seq)
    if (seqs.has(seq)) {
      figures.doubled++
      say(`doubled: ${userId} got ${sessionId} #${seq} again`)
    } else if (wanted === undefined) {
      figures.wrong++
      say(`wrong: ${userId} got ${sessionId} #${seq}, which is not for them or was never accepted`)
    } else if (wanted.packId !== arrival.packId || wanted.content !== arrival.content) {
      figures.wrong++
      say(`wrong: ${userId} got something else as ${describe(wanted)}: "${arrival.content}"`)
    }
    if (!seqs.has(seq) && seq < last) {
      figures.outOfOrder++
      say(`out of order: ${userId} got ${sessionId} #${seq} after #${last}`)
    }
    seqs.add(seq)
  }
  for (const [sessionId, wanted] of expected) {
    figures.expected += wanted.size
    for (const pack of wanted.values()) {
      if (seen.get(sessionId)?.has(pack.seq)) continue
      figures.missing++
      say(`missing: ${userId} did not get ${describe(pack)}`)
    }
  }
  return figures
}

function describe({ sessionId, seq, from, content }: Accepted): string {
  return `${sessionId} #${seq} of ${from} ("${content}")`
}

function add(sum: Omit<PersonFigures, 'userId'>, one: PersonFigures): Omit<PersonFigures, 'userId'> {
  return {
    expected: sum.expected + one.expected,
    received: sum.received + one.received,
    missing: sum.missing + one.missing,
    doubled: sum.doubled + one.doubled,
    outOfOrder: sum.outOfOrder + one.outOfOrder,
    wrong: sum.wrong + one.wrong,
  }
}
