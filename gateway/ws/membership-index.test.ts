import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import {
  type AdmittedGroup,
  type MembershipChange,
  MembershipIndex,
  type Positions,
  type Stay,
} from './membership-index.ts'

const g = 'g:x' as SessionId
const user = (name: string) => name as UserId
const at = (offset: number): Positions => new Map([[0, offset]])

function change(offset: number, seq: Seq, joins: string[], leaves: string[] | 'everybody' = []): MembershipChange {
  return {
    partition: 0,
    offset,
    sessionId: g,
    seq,
    joins: joins.map(user),
    leaves: leaves === 'everybody' ? leaves : leaves.map(user),
    roles: [],
  }
}

const fresh = (start = -1) => new MembershipIndex(at(start), { changesMax: 1_000 })
const members = (index: MembershipIndex) => Object.fromEntries(index.members(g) ?? [])

describe('hand-over', () => {
  test('[GW11] a join that the view has not reached yet is found in the trail', () => {
    const index = fresh()
    index.apply(change(5, 1, ['a']))
    expect(index.admit(user('a'), at(3), [])).toBe(true)
    expect(members(index)).toEqual({ a: 1 })
  })

  test('[GW11] a leave that the view has not reached yet is a tombstone', () => {
    const index = fresh()
    index.apply(change(5, 2, [], ['a']))
    index.admit(user('a'), at(3), [{ sessionId: g, joinSeq: 1, role: 'member' }])
    expect(members(index)).toEqual({})
  })

  test('[GW11] a dismissal that the view has not reached yet ends the stay, one that it has reached does not', () => {
    const index = fresh()
    index.apply(change(5, 2, [], 'everybody'))
    index.admit(user('a'), at(3), [{ sessionId: g, joinSeq: 1, role: 'member' }])
    expect(members(index)).toEqual({})
  })

  test('[GW11] groups that were read later than the position win by seq', () => {
    const index = fresh()
    index.apply(change(5, 1, ['a']))
    index.apply(change(6, 2, [], ['a']))
    // Read after the view had applied the rejoin at seq 3, which this gateway has yet to read.
    index.admit(user('a'), at(3), [{ sessionId: g, joinSeq: 3, role: 'member' }])
    expect(members(index)).toEqual({ a: 3 })
    index.apply(change(7, 3, ['a']))
    expect(members(index)).toEqual({ a: 3 })
  })

  test('[GW11] a gateway behind the view replays old changes without effect', () => {
    const index = fresh()
    index.admit(user('a'), at(9), [{ sessionId: g, joinSeq: 7, role: 'member' }])
    expect(index.apply(change(4, 5, [], ['a']))).toEqual([])
    expect(members(index)).toEqual({ a: 7 })
    expect(index.apply(change(10, 8, [], ['a']))).toEqual([user('a')])
    expect(members(index)).toEqual({})
  })

  test('[GW12] a view that does not reach into what the gateway has seen: refused', () => {
    const index = fresh(10)
    expect(index.admit(user('a'), at(9), [])).toBe(false)
    expect(index.admit(user('a'), new Map(), [])).toBe(false)
    expect(index.isAdmitted(user('a'))).toBe(false)
    expect(index.admit(user('a'), at(10), [])).toBe(true)
  })

  test('[GW12] the trail is trimmed one poll late, so that a login under way keeps its ground', () => {
    const index = fresh()
    index.apply(change(5, 1, ['a']))
    index.viewMoved(at(5))
    expect(index.kept).toBe(1)
    expect(index.admit(user('a'), at(4), [])).toBe(true)
    index.viewMoved(at(6))
    expect(index.kept).toBe(0)
    expect(index.admit(user('b'), at(4), [])).toBe(false)
  })

  test('[GW12] the trail is bounded: what is dropped must be in the view', () => {
    const index = new MembershipIndex(at(-1), { changesMax: 3 })
    for (let offset = 0; offset < 5; offset++) index.apply(change(offset, offset + 1, [`u${offset}`]))
    expect(index.kept).toBe(3)
    expect(index.admit(user('z'), at(0), [])).toBe(false)
    expect(index.admit(user('z'), at(1), [])).toBe(true)
  })

  test('[GW13] stays are brought up to what the gateway has seen', () => {
    const index = fresh()
    index.apply(change(5, 4, [], ['a']))
    index.apply(change(6, 9, ['a']))
    index.apply(change(7, 12, [], 'everybody'))
    expect(index.stays(user('a'), g, at(3), [{ joinSeq: 2 }])).toEqual([
      { joinSeq: 2, leaveSeq: 4 },
      { joinSeq: 9, leaveSeq: 12 },
    ])
    expect(index.stays(user('a'), g, at(6), [{ joinSeq: 2, leaveSeq: 4 }, { joinSeq: 9 }])).toEqual([
      { joinSeq: 2, leaveSeq: 4 },
      { joinSeq: 9, leaveSeq: 12 },
    ])
    expect(index.stays(user('b'), g, at(3), [])).toEqual([])
    index.viewMoved(at(9))
    index.viewMoved(at(9))
    expect(index.stays(user('a'), g, at(8), [])).toBeUndefined()
  })
})

/*
 * A model: two groups in two partitions, four users, a view that applies data first and its position after, a gateway
 * that reads the same log at its own pace, logins whose two reads may have anything between them.
 */
type Action =
  | { do: 'append'; group: number; user: number; kind: 'toggle' | 'message' | 'dismiss' | 'role' }
  | { do: 'gateway' | 'data' | 'position' | 'poll' }
  | { do: 'loginBegin' | 'loginRead' | 'loginEnd' | 'logout'; user: number }

const USERS = ['a', 'b', 'c', 'd'].map(user)
const GROUPS = ['g:0', 'g:1'] as SessionId[]

interface Entry {
  seq: Seq
  change?: MembershipChange
}

class Model {
  readonly log: Entry[][] = [[], []]
  readonly truth = new Map<string, Stay[]>()
  readonly roles = new Map<string, { seq: Seq; runs: boolean }[]>()
  rolesSeen = 0
  readonly gateway = [-1, -1]
  readonly data = [-1, -1]
  readonly position = [-1, -1]
  readonly index = new MembershipIndex(
    new Map([
      [0, -1],
      [1, -1],
    ]),
    { changesMax: 1_000 },
  )
  readonly logins = new Map<UserId, { view: Positions; groups?: AdmittedGroup[]; data?: number[] }>()
  /** Per admitted user: positions from which live delivery is promised. */
  readonly promised = new Map<UserId, { from: number[]; joined: (Seq | undefined)[]; data: number[] }>()
  delivered = 0
  refused = 0

  stays(group: number, userId: UserId): Stay[] {
    const key = `${group} ${userId}`
    const stays = this.truth.get(key) ?? []
    this.truth.set(key, stays)
    return stays
  }

  append(group: number, userId: UserId, kind: 'toggle' | 'message' | 'dismiss' | 'role'): void {
    const log = this.log[group]!
    const seq = log.length + 1
    const place = { partition: group as Partition, offset: log.length, sessionId: GROUPS[group]!, seq }
    const stays = this.stays(group, userId)
    const open = stays.at(-1)
    if (kind === 'message') log.push({ seq })
    else if (kind === 'role') {
      const runs = !this.runsAt(group, userId, log.length)
      if (open === undefined || open.leaveSeq !== undefined) return
      this.rolesOf(group, userId).push({ seq, runs })
      log.push({ seq, change: { ...place, joins: [], leaves: [], roles: [{ userIds: [userId], runs }] } })
    } else if (kind === 'dismiss') {
      for (const other of USERS) {
        const last = this.stays(group, other).at(-1)
        if (last !== undefined) last.leaveSeq ??= seq
      }
      log.push({ seq, change: { ...place, joins: [], leaves: 'everybody', roles: [] } })
    } else if (open !== undefined && open.leaveSeq === undefined) {
      open.leaveSeq = seq
      log.push({ seq, change: { ...place, joins: [], leaves: [userId], roles: [] } })
    } else {
      stays.push({ joinSeq: seq })
      log.push({ seq, change: { ...place, joins: [userId], leaves: [], roles: [] } })
    }
  }

  /** The open stay as of an offset of the log. */
  openAt(group: number, userId: UserId, offset: number): Seq | undefined {
    const seq = offset + 1
    const stay = this.stays(group, userId).findLast(({ joinSeq }) => joinSeq <= seq)
    return stay !== undefined && (stay.leaveSeq === undefined || stay.leaveSeq > seq) ? stay.joinSeq : undefined
  }

  rolesOf(group: number, userId: UserId): { seq: Seq; runs: boolean }[] {
    const key = `${group} ${userId}`
    const roles = this.roles.get(key) ?? []
    this.roles.set(key, roles)
    return roles
  }

  /** Whether the user runs the group as of an offset of the log. */
  runsAt(group: number, userId: UserId, offset: number): boolean {
    const joinSeq = this.openAt(group, userId, offset) ?? Number.POSITIVE_INFINITY
    return this.rolesOf(group, userId).findLast(({ seq }) => seq <= offset + 1 && seq > joinSeq)?.runs ?? false
  }

  /** What the index says of roles is right as soon as it has read what the view had shown at the login. */
  checkRoles(group: number): void {
    const managers = new Set(this.index.managers(GROUPS[group]!))
    const offset = this.gateway[group]!
    for (const [userId, { data }] of this.promised) {
      if (offset < data[group]! || this.openAt(group, userId, offset) === undefined) continue
      expect(managers.has(userId), `role of ${userId} in ${GROUPS[group]} at ${offset}`).toBe(
        this.runsAt(group, userId, offset),
      )
      this.rolesSeen += managers.has(userId) ? 1 : 0
    }
  }

  readOne(group: number): void {
    const entry = this.log[group]![this.gateway[group]! + 1]
    if (entry === undefined) return
    const offset = ++this.gateway[group]!
    const leavers = entry.change === undefined ? [] : this.index.apply(entry.change)
    const receivers = new Set(leavers)
    for (const [userId, joinSeq] of this.index.members(GROUPS[group]!) ?? []) {
      if (entry.seq >= joinSeq) receivers.add(userId)
    }
    for (const userId of USERS) this.check(group, userId, entry.seq, offset, receivers.has(userId))
    this.delivered += receivers.size
  }

  check(group: number, userId: UserId, seq: Seq, offset: number, received: boolean): void {
    const stay = this.stays(group, userId).find(
      s => s.joinSeq <= seq && seq <= (s.leaveSeq ?? Number.POSITIVE_INFINITY),
    )
    const what = `${userId} and seq ${seq} of ${GROUPS[group]}`
    if (received) expect(stay, `delivered although not a member: ${what}`).toBeDefined()
    if (received) expect(this.promised.has(userId), `delivered although not logged in: ${what}`).toBe(true)
    const promise = this.promised.get(userId)
    if (received || stay === undefined || promise === undefined) return
    const joined = promise.joined[group]
    const covered = offset > promise.from[group]! || (joined !== undefined && seq >= joined)
    expect(covered, `missed: ${what}`).toBe(false)
  }

  run(action: Action): void {
    switch (action.do) {
      case 'append':
        this.append(action.group, USERS[action.user]!, action.kind)
        break
      case 'gateway':
        for (const group of [0, 1]) {
          this.readOne(group)
          this.checkRoles(group)
        }
        break
      case 'data':
        for (const group of [0, 1]) this.data[group] = Math.min(this.data[group]! + 1, this.log[group]!.length - 1)
        break
      case 'position':
        for (const group of [0, 1]) this.position[group] = this.data[group]!
        break
      case 'poll':
        this.index.viewMoved(this.positions())
        break
      case 'loginBegin':
        this.loginBegin(USERS[action.user]!)
        break
      case 'loginRead':
        this.loginRead(USERS[action.user]!)
        break
      case 'loginEnd':
        this.loginEnd(USERS[action.user]!)
        break
      case 'logout':
        this.index.remove(USERS[action.user]!)
        this.promised.delete(USERS[action.user]!)
    }
  }

  /** Both ways of knowing a position before the groups are read: asked now, or polled earlier. */
  loginBegin(userId: UserId): void {
    if (this.promised.has(userId)) return
    this.logins.set(userId, { view: userId < 'c' ? this.index.viewPositions : this.positions() })
  }

  positions(): Positions {
    return new Map(this.position.map((offset, partition) => [partition, offset]))
  }

  loginRead(userId: UserId): void {
    const login = this.logins.get(userId)
    if (login === undefined) return
    login.data = [...this.data]
    login.groups = [0, 1].flatMap(group => {
      const joinSeq = this.openAt(group, userId, this.data[group]!)
      const role = this.runsAt(group, userId, this.data[group]!) ? 'admin' : 'member'
      return joinSeq === undefined ? [] : [{ sessionId: GROUPS[group]!, joinSeq, role }]
    })
  }

  loginEnd(userId: UserId): void {
    const login = this.logins.get(userId)
    if (login?.groups === undefined) return
    this.logins.delete(userId)
    if (!this.index.admit(userId, login.view, login.groups)) {
      this.refused++
      return
    }
    const from = [0, 1].map(group => Math.max(this.gateway[group]!, login.data![group]!))
    // Where the view is ahead: the stay that it showed is delivered from its beginning on.
    const joined = [0, 1].map(group => this.openAt(group, userId, login.data![group]!))
    this.promised.set(userId, { from, joined, data: login.data! })
  }
}

const someone = fc.nat(USERS.length - 1)
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      group: fc.nat(1),
      user: someone,
      kind: fc.constantFrom(
        ...(['toggle', 'toggle', 'toggle', 'message', 'message', 'dismiss', 'role', 'role'] as const),
      ),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('gateway' as const, 'data' as const, 'position' as const, 'poll' as const),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'loginBegin' as const,
        'loginBegin' as const,
        'loginRead' as const,
        'loginRead' as const,
        'loginEnd' as const,
        'loginEnd' as const,
        'logout' as const,
      ),
      user: someone,
    }),
  },
)

test('[GW14] nobody misses a group just joined, nobody receives after leaving, however view and gateway interleave', () => {
  let delivered = 0
  let refused = 0
  let rolesSeen = 0
  fc.assert(
    fc.property(fc.array(action, { minLength: 20, maxLength: 150, size: 'max' }), actions => {
      const model = new Model()
      for (const step of actions) model.run(step)
      delivered += model.delivered
      refused += model.refused
      rolesSeen += model.rolesSeen
    }),
    { numRuns: 1_000 },
  )
  // The runs did something, in both directions.
  expect(delivered).toBeGreaterThan(500)
  expect(refused).toBeGreaterThan(0)
  expect(rolesSeen).toBeGreaterThan(10)
})
