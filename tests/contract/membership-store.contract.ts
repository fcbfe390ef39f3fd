import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { MembershipInspector } from '../../processors/membership/inspect.ts'
import { membershipView } from '../../processors/membership/main.ts'
import {
  MEMBER_CHANGES_MAX,
  type MembershipReader,
  type MembershipStore,
} from '../../processors/membership/membership-store.ts'
import { MemoryMembership, MemoryMembershipStore } from '../../processors/membership/memory-membership-store.ts'
import { anyDisorder, anyScript, group, Script, single, user } from '../../processors/testing/events.ts'
import { type View, ViewMoved } from '../../processors/view.ts'
import { GROUP_SETTINGS_DEFAULT } from '../../schemas/settings.ts'

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
      expect(await members()).toMatchObject({ members: [] })
      expect(await under.reader.groupsOf(alice)).toEqual([])
      expect(await under.reader.groupFor({ sessionId: crew, userId: alice })).toBeUndefined()
      expect(await under.reader.member({ sessionId: crew, userId: alice })).toBeUndefined()
      expect(await under.reader.groupsFor({ userId: alice, limit: 5 })).toMatchObject({ groups: [] })
      expect(await under.reader.joinRequests({ sessionId: crew, limit: 5 })).toEqual({ requests: [] })
      expect(await under.reader.invites(crew)).toEqual([])
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
      expect(await members()).toMatchObject({
        members: [
          { userId: 'bob', role: 'owner', joinSeq: 1 },
          { userId: 'carol', role: 'member', joinSeq: 3 },
          { userId: 'erin', role: 'member', joinSeq: 4 },
        ],
      })
      expect(await under.reader.groupsOf(carol)).toEqual([{ sessionId: crew, joinSeq: 3, role: 'member' }])
      expect(await under.reader.groupsOf(alice)).toEqual([])
      expect(await under.inspector.group(crew)).toMatchObject({
        owner: 'bob',
        info: { name: 'the g:crew' },
        createdSeq: 1,
      })
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
      expect((await members()).members).toEqual([])
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
      expect(await under.reader.groupsOf(user('__proto__'))).toEqual([{ sessionId: crew, joinSeq: 1, role: 'member' }])
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

    /** alice owns, bob is an admin with an alias, carol is muted, dave waits, there is an invite that erin used. */
    function running(): Script {
      const script = new Script()
      const settings = { ...GROUP_SETTINGS_DEFAULT, joinPolicy: 'approval' } as const
      const info = { name: 'Crew', avatar: '', notice: 'hé', attributes: [{ name: 'x', value: '1 2' }] }
      script.create(crew, alice, [bob, carol])
      script.change(crew, alice, { kind: 'RolesSet', userIds: [bob], role: 'admin' })
      script.change(crew, bob, { kind: 'AliasSet', userId: bob, alias: 'Bo the 2nd' })
      script.change(crew, bob, { kind: 'MemberMuted', userId: carol, until: 1_800_000_000_000 })
      script.change(crew, bob, { kind: 'GroupSettingsUpdated', settings })
      script.change(crew, bob, { kind: 'GroupInfoUpdated', info })
      script.unplaced(crew, user('dave'), { kind: 'JoinRequested', message: 'me too' })
      script.unplaced(crew, user('yan'), { kind: 'JoinRequested' })
      script.unplaced(crew, bob, { kind: 'InviteCreated', ...invite, inviteId: 'i1', expiresAt: script.now + 90_000 })
      script.change(crew, user('erin'), { kind: 'MemberJoined', inviteId: 'i1' })
      return script
    }
    const invite = { secretHash: 'ab', usesMax: 2 }

    test('[ME6] roles, aliases and mutes are those of the present stay', async () => {
      const script = running()
      const view = await apply(script)
      const seen = (await members()).members
      expect(seen).toEqual([
        { userId: 'alice', role: 'owner', joinSeq: 1 },
        { userId: 'bob', role: 'admin', joinSeq: 1, alias: 'Bo the 2nd' },
        { userId: 'carol', role: 'member', joinSeq: 1, mutedUntil: 1_800_000_000_000 },
        { userId: 'erin', role: 'member', joinSeq: 7 },
      ])
      for (const member of seen) {
        expect(await under.reader.member({ sessionId: crew, userId: member.userId })).toEqual(member)
        const [entry] = await under.reader.groupsOf(member.userId)
        expect(entry).toEqual({ sessionId: crew, joinSeq: member.joinSeq, role: member.role })
      }
      const before = script.events.length
      script.change(crew, bob, { kind: 'MemberQuit' })
      script.change(crew, alice, { kind: 'MembersAdded', userIds: [bob] })
      script.change(crew, alice, { kind: 'OwnerChanged', userId: carol })
      script.change(crew, carol, { kind: 'MemberMuted', userId: carol, until: 0 })
      await view.apply(script.batch(before))
      expect((await members()).members).toEqual([
        { userId: 'alice', role: 'member', joinSeq: 1 },
        { userId: 'bob', role: 'member', joinSeq: 9, alias: 'Bo the 2nd' },
        { userId: 'carol', role: 'owner', joinSeq: 1 },
        { userId: 'erin', role: 'member', joinSeq: 7 },
      ])
      expect(await under.reader.groupsOf(bob)).toEqual([{ sessionId: crew, joinSeq: 9, role: 'member' }])
      expect(await under.reader.groupsOf(carol)).toEqual([{ sessionId: crew, joinSeq: 1, role: 'owner' }])
    })

    test('[ME6] a group is told with its info, its settings and what the asker is in it', async () => {
      const script = running()
      const view = await apply(script)
      const group = await under.reader.groupFor({ sessionId: crew, userId: bob })
      expect(group).toEqual({
        sessionId: crew,
        owner: 'alice',
        info: { name: 'Crew', avatar: '', notice: 'hé', attributes: [{ name: 'x', value: '1 2' }] },
        settings: { ...GROUP_SETTINGS_DEFAULT, joinPolicy: 'approval' },
        memberCount: 4,
        dismissedSeq: 0,
        me: { userId: 'bob', role: 'admin', joinSeq: 1, alias: 'Bo the 2nd' },
      })
      expect((await under.reader.groupFor({ sessionId: crew, userId: user('dave') }))?.me).toBeUndefined()
      const before = script.events.length
      script.change(crew, alice, { kind: 'GroupDismissed' })
      await view.apply(script.batch(before))
      const ended = await under.reader.groupFor({ sessionId: crew, userId: bob })
      expect(ended).toMatchObject({ memberCount: 0, dismissedSeq: 8 })
      expect(ended!.me).toBeUndefined()
    })

    test('[ME7] requests wait until they are answered or the user is in', async () => {
      const script = running()
      const view = await apply(script)
      const asked = (limit: number, cursor?: string) =>
        under.reader.joinRequests({ sessionId: crew, limit, ...(cursor === undefined ? {} : { cursor }) })
      const at = script.events[6]!.event.at
      expect(await asked(1)).toEqual({ requests: [{ userId: 'dave', at, message: 'me too' }], cursor: 'dave' })
      expect(await asked(1, 'dave')).toEqual({ requests: [{ userId: 'yan', at: at + 1 }] })
      const before = script.events.length
      script.unplaced(crew, alice, { kind: 'JoinRefused', userId: user('yan') })
      script.change(crew, alice, { kind: 'MembersAdded', userIds: [user('dave')] })
      await view.apply(script.batch(before))
      expect(await asked(9)).toEqual({ requests: [] })
      // A process that was replaced writes late what it had begun.
      await view.apply(script.batch(6, before))
      expect(await asked(9)).toEqual({ requests: [] })
      script.unplaced(crew, user('yan'), { kind: 'JoinRequested' })
      await view.apply(script.batch(before + 2))
      await view.apply(script.batch(6, before + 1))
      expect((await asked(9)).requests.map(({ userId }) => userId)).toContain('yan')
    })

    test('[ME7] invites are told with their uses, however often the events come', async () => {
      const script = running()
      const view = await apply(script)
      const expiresAt = script.events[8]!.event.at - 1 + 90_000
      const one = { inviteId: 'i1', by: 'bob', expiresAt, usesMax: 2, uses: 1 }
      expect(await under.reader.invites(crew)).toEqual([one])
      await view.apply(script.batch(8))
      expect(await under.reader.invites(crew)).toEqual([one])
      const before = script.events.length
      script.unplaced(crew, bob, { kind: 'InviteCreated', ...invite, inviteId: 'i2', expiresAt: script.now + 200_000 })
      await view.apply(script.batch(before))
      expect((await under.reader.invites(crew)).map(({ inviteId }) => inviteId)).toEqual(['i1', 'i2'])
      // Log time has passed the end of the first: it goes when another one comes.
      script.wait(100_000)
      script.unplaced(crew, bob, { kind: 'InviteCreated', ...invite, inviteId: 'i3', expiresAt: script.now + 99_000 })
      script.unplaced(crew, bob, { kind: 'InviteRevoked', inviteId: 'i2' })
      await view.apply(script.batch(before + 1))
      expect((await under.reader.invites(crew)).map(({ inviteId }) => inviteId)).toEqual(['i3'])
      await view.apply(script.batch(8, before + 1))
      expect((await under.reader.invites(crew)).map(({ inviteId }) => inviteId)).toEqual(['i3'])
    })

    test('[ME7] of a batch that a store which was set back has lost, requests and invites come back behind later ones', async () => {
      const script = running()
      const start = script.events.length
      script.unplaced(crew, user('zoe'), { kind: 'JoinRequested' })
      script.unplaced(crew, bob, { kind: 'InviteCreated', ...invite, inviteId: 'i2', expiresAt: script.now + 200_000 })
      script.change(crew, user('eve'), { kind: 'MemberJoined', inviteId: 'i1' })
      const lost = script.events.length
      script.unplaced(crew, user('zed'), { kind: 'JoinRequested' })
      script.unplaced(crew, bob, { kind: 'InviteCreated', ...invite, inviteId: 'i3', expiresAt: script.now + 200_000 })
      script.change(crew, user('fay'), { kind: 'MemberJoined', inviteId: 'i2' })
      const view = await open()
      await view.apply(script.batch(0, start))
      await view.apply(script.batch(lost))
      await view.apply(script.batch(start))
      const { requests } = await under.reader.joinRequests({ sessionId: crew, limit: 9 })
      expect(requests.map(({ userId }) => userId)).toEqual(['dave', 'yan', 'zed', 'zoe'])
      const uses = (await under.reader.invites(crew)).map(one => [one.inviteId, one.uses])
      expect(uses).toEqual([
        ['i2', 1],
        ['i3', 0],
      ])
    })

    test('[ME8] a list of members tells what has changed since a version, or begins anew', async () => {
      const script = running()
      const view = await apply(script)
      const { version } = await members()
      const since = (limit = 10) => under.reader.members({ sessionId: crew, since: version, limit })
      expect(await since()).toEqual({ members: [], left: [], version })
      const before = script.events.length
      script.change(crew, alice, { kind: 'MembersRemoved', userIds: [bob] })
      script.change(crew, alice, { kind: 'AliasSet', userId: carol, alias: 'C' })
      script.message(crew, alice, 'x')
      await view.apply(script.batch(before))
      expect(await since(1)).toEqual({
        members: [{ userId: 'carol', role: 'member', joinSeq: 1, mutedUntil: 1_800_000_000_000, alias: 'C' }],
        left: ['bob'],
        version: { epoch: version.epoch, seq: 9 },
      })
      const other = { sessionId: crew, since: { ...version, epoch: 'other' }, limit: 10 }
      expect((await under.reader.members(other)).left).toBeUndefined()
      const ahead = { sessionId: crew, since: { ...version, seq: 99 }, limit: 10 }
      expect((await under.reader.members(ahead)).left).toBeUndefined()
      const names = Array.from({ length: MEMBER_CHANGES_MAX }, (_, i) => user(`u${i}`))
      script.change(crew, alice, { kind: 'MembersAdded', userIds: names })
      await view.apply(script.batch(before + 3))
      const many = await since()
      expect(many.left).toBeUndefined()
      expect(many.members).toHaveLength(10)
    })

    test('[ME8] a list of groups tells what has changed since a version, or begins anew', async () => {
      const script = running()
      const club = group('club')
      script.create(club, bob, [alice])
      script.create(group('team'), alice, [bob])
      const view = await apply(script)
      const first = await under.reader.groupsFor({ userId: bob, limit: 2 })
      expect(first.groups.map(({ sessionId }) => sessionId)).toEqual(['g:club', 'g:crew'])
      expect(first).toMatchObject({ cursor: 'g:crew' })
      const rest = await under.reader.groupsFor({ userId: bob, limit: 2, cursor: group('crew') })
      expect(rest.groups).toMatchObject([{ sessionId: 'g:team', owner: 'alice', me: { role: 'member' } }])
      expect(rest.cursor).toBeUndefined()
      const since = (userId: typeof bob) => under.reader.groupsFor({ userId, since: first.version, limit: 10 })
      expect(await since(bob)).toMatchObject({ groups: [], left: [] })
      const before = script.events.length
      script.change(club, bob, { kind: 'GroupInfoUpdated', info: { name: 'New', avatar: '', notice: '' } })
      script.change(crew, alice, { kind: 'MembersRemoved', userIds: [bob] })
      script.change(group('team'), bob, { kind: 'AliasSet', userId: bob, alias: 'B' })
      await view.apply(script.batch(before))
      const news = await since(bob)
      expect(news.groups.map(({ sessionId }) => sessionId)).toEqual(['g:club', 'g:team'])
      expect(news.left).toEqual(['g:crew'])
      // Of others' names a list of groups shows nothing.
      expect((await since(alice)).groups.map(({ sessionId }) => sessionId)).toEqual(['g:club', 'g:crew'])
      const again = await under.reader.groupsFor({ userId: bob, since: news.version, limit: 10 })
      expect(again).toMatchObject({ groups: [], left: [] })
      await under.flush()
      await (await open()).apply(script.batch())
      expect((await since(bob)).left).toBeUndefined()
      expect((await since(bob)).groups).toHaveLength(2)
    })

    test('[ME5] any split, repeat, order and replay of the same events gives the same rows', async () => {
      const property = fc.asyncProperty(
        anyScript.chain(script => anyDisorder(script.events.length).map(batches => ({ script, batches }))),
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
