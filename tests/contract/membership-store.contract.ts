import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { MembershipInspector } from '../../processors/membership/inspect.ts'
import { membershipView } from '../../processors/membership/main.ts'
import type { MembershipReader, MembershipStore } from '../../processors/membership/membership-store.ts'
import { MemoryMembership, MemoryMembershipStore } from '../../processors/membership/memory-membership-store.ts'
import { anyDelivery, anyScript, group, Script, single, user } from '../../processors/testing/events.ts'
import { type View, ViewMoved } from '../../processors/view.ts'

/** What every membership store does, in memory or on a server. */

export interface MembershipUnderTest {
  reader: MembershipReader
  inspector: MembershipInspector
  /** Another writer to the same data. */
  openStore(): MembershipStore
  /** Loses everything, as an emptied server. */
  flush(): Promise<void>
  close(): Promise<void>
}

const alice = user('alice')
const bob = user('bob')
const carol = user('carol')
const crew = group('crew')

const RUNS = 40

export function membershipStoreContract(name: string, make: () => Promise<MembershipUnderTest>): void {
  describe(`membership store: ${name}`, () => {
    let under: MembershipUnderTest

    beforeEach(async () => {
      under = await make()
    })
    afterEach(() => under.close())

    async function open(): Promise<View> {
      const view = membershipView(under.openStore())
      await view.position(0)
      return view
    }

    async function apply(script: Script): Promise<View> {
      const view = await open()
      await view.apply(script.batch())
      return view
    }

    const members = async (limit = 100, cursor?: string) => {
      return under.reader.members({ sessionId: crew, limit, ...(cursor === undefined ? {} : { cursor }) })
    }

    test('[ME1] nobody is in a group that is not known', async () => {
      expect(await members()).toEqual({ members: [] })
      expect(await under.reader.groupsOf(alice)).toEqual([])
      expect(await under.reader.intervals({ sessionId: crew, userId: alice })).toEqual([])
      expect(await under.reader.positions()).toEqual(new Map())
      expect(await under.inspector.group(crew)).toBeUndefined()
    })

    test('[ME1] who creates, joins and is added is in, who quits and is removed is out', async () => {
      const script = new Script()
      script.create(crew, bob, [alice])
      script.message(crew, bob, 'hello')
      script.change(crew, carol, { kind: 'MemberJoined' })
      script.change(crew, bob, { kind: 'MembersAdded', userIds: [user('dave'), user('erin')] })
      script.change(crew, alice, { kind: 'MemberQuit' })
      script.change(crew, bob, { kind: 'MembersRemoved', userIds: [user('dave')] })
      await apply(script)
      expect(await members()).toEqual({
        members: [
          { userId: 'bob', role: 'owner', joinSeq: 1 },
          { userId: 'carol', role: 'member', joinSeq: 3 },
          { userId: 'erin', role: 'member', joinSeq: 4 },
        ],
      })
      expect(await under.reader.groupsOf(carol)).toEqual([{ sessionId: crew, joinSeq: 3 }])
      expect(await under.reader.groupsOf(alice)).toEqual([])
      expect(await under.inspector.group(crew)).toMatchObject({ owner: 'bob', name: 'the g:crew', createdSeq: 1 })
    })

    test('[ME2] every stay is known with its first and last seq', async () => {
      const script = new Script()
      script.create(crew, alice, [bob])
      script.change(crew, bob, { kind: 'MemberQuit' })
      script.message(crew, alice, 'x')
      script.change(crew, bob, { kind: 'MemberJoined' })
      const view = await apply(script)
      const intervals = (userId: typeof bob) => under.reader.intervals({ sessionId: crew, userId })
      expect(await intervals(bob)).toEqual([{ joinSeq: 1, leaveSeq: 2 }, { joinSeq: 4 }])
      script.change(crew, alice, { kind: 'GroupDismissed' })
      await view.apply(script.batch(4, 5))
      expect(await intervals(bob)).toEqual([
        { joinSeq: 1, leaveSeq: 2 },
        { joinSeq: 4, leaveSeq: 5 },
      ])
      expect(await intervals(alice)).toEqual([{ joinSeq: 1, leaveSeq: 5 }])
      expect(await intervals(carol)).toEqual([])
    })

    test("[ME3] a dismissed group has no members and stands in nobody's list, after a replay as well", async () => {
      const script = new Script()
      script.create(crew, alice, [bob])
      script.change(crew, carol, { kind: 'MemberJoined' })
      script.change(crew, alice, { kind: 'GroupDismissed' })
      const view = await apply(script)
      await view.apply(script.batch(0, 2))
      expect(await members()).toEqual({ members: [] })
      for (const userId of [alice, bob, carol]) expect(await under.reader.groupsOf(userId)).toEqual([])
      expect((await under.inspector.group(crew))!.members).toEqual([])
    })

    test('[ME3] a replay of a join brings nobody back who has left', async () => {
      const script = new Script()
      script.create(crew, alice, [bob])
      script.change(crew, bob, { kind: 'MemberQuit' })
      const view = await apply(script)
      await view.apply(script.batch(0, 1))
      expect(await under.reader.groupsOf(bob)).toEqual([])
      expect((await members()).members.map(member => member.userId)).toEqual([alice])
    })

    test('[ME4] members come by user id in pages that neither repeat nor leave out', async () => {
      const script = new Script()
      const names = Array.from({ length: 2_300 }, (_, i) => user(`u${String(i).padStart(5, '0')}`))
      script.create(crew, alice, names)
      await apply(script)
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const page = await members(1_000, cursor)
        expect(page.members.length).toBeLessThanOrEqual(1_000)
        seen.push(...page.members.map(member => member.userId))
        cursor = page.cursor
      } while (cursor !== undefined)
      expect(seen).toEqual([alice, ...names])
      script.change(crew, alice, { kind: 'GroupDismissed' })
      const view = await open()
      await view.apply(script.batch(1, 2))
      expect(await under.reader.groupsOf(names[2_299]!)).toEqual([])
    })

    test('[ME1] an id that a language could trip over is a user like any other', async () => {
      const script = new Script()
      script.create(crew, alice, [user('__proto__'), user('constructor'), user('0')])
      await apply(script)
      expect((await members()).members.map(member => member.userId)).toEqual(['0', '__proto__', alice, 'constructor'])
      expect((await under.inspector.group(crew))!.stays).toHaveLength(4)
      expect(await under.reader.groupsOf(user('__proto__'))).toEqual([{ sessionId: crew, joinSeq: 1 }])
    })

    test('[RN9] the position moves with every batch, also of events that change no membership, and never back', async () => {
      const script = new Script()
      script.create(crew, alice, [bob])
      for (let i = 0; i < 3; i++) script.message(single('alice', 'bob'), alice, 'x')
      const view = await apply(script)
      expect(await under.reader.positions()).toEqual(new Map([[0, script.events[3]!.position]]))
      await view.apply(script.batch(0, 2))
      expect(await under.inspector.positions()).toEqual(new Map([[0, script.events[3]!.position]]))
    })

    test('[RN6] a writer whose store was emptied is told so, and goes on from the start', async () => {
      const script = new Script()
      script.create(crew, alice, [bob])
      script.change(crew, carol, { kind: 'MemberJoined' })
      const view = await open()
      await view.apply(script.batch(0, 1))
      await under.flush()
      expect(await under.reader.positions()).toEqual(new Map())
      await expect(view.apply(script.batch(1, 2))).rejects.toThrow(ViewMoved)
      expect(await view.position(0)).toBeUndefined()
      await view.apply(script.batch())
      expect((await members()).members).toHaveLength(3)
    })

    test('[ME5] any split, repeat and replay of the same events gives the same rows', async () => {
      const property = fc.asyncProperty(
        anyScript.chain(script => anyDelivery(script.events.length).map(batches => ({ script, batches }))),
        async ({ script, batches }) => {
          const model = new MemoryMembershipStore(new MemoryMembership())
          await model.position(0)
          await membershipView(model).apply(script.batch())
          const expected = await dump(model)
          expect(expected.groups.length).toBeGreaterThan(1)
          await under.flush()
          const view = await open()
          for (const [from, to] of batches) await view.apply(script.batch(from, to))
          expect(await dump(under.inspector)).toEqual(expected)
          await expectRosters(script, under.reader)
        },
      )
      await fc.assert(property, { numRuns: RUNS })
    })
  })
}

/** The members of each group are those whom the script itself has counted. */
async function expectRosters(script: Script, reader: MembershipReader): Promise<void> {
  for (const sessionId of [group('g1'), group('g2')]) {
    const { members } = await reader.members({ sessionId, limit: 100 })
    const roster = members.map(member => member.userId)
    expect(roster).toEqual([...script.members(sessionId)].sort())
    for (const userId of roster) {
      expect((await reader.groupsOf(userId)).map(entry => entry.sessionId)).toContain(sessionId)
    }
  }
}

/** All rows, sorted. */
export async function dump(inspector: MembershipInspector) {
  const groups = []
  for await (const ids of inspector.groupIds()) for (const id of ids) groups.push((await inspector.group(id))!)
  const users = []
  for await (const ids of inspector.userIds()) for (const id of ids) users.push((await inspector.user(id))!)
  return {
    positions: await inspector.positions(),
    groups: groups.sort((a, b) => (a.sessionId < b.sessionId ? -1 : 1)),
    users: users.sort((a, b) => (a.userId < b.userId ? -1 : 1)),
  }
}
