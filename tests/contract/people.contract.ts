import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { MembershipInspector } from '../../processors/membership/inspect.ts'
import { membershipView } from '../../processors/membership/main.ts'
import type { MembershipStore } from '../../processors/membership/membership-store.ts'
import type { DevicesReader, PeopleReader } from '../../processors/membership/people-store.ts'
import { anyDelivery, Script, USERS, user } from '../../processors/testing/events.ts'
import { anyPeopleScript, pushDevice, relate, settle } from '../../processors/testing/people.ts'
import type { View } from '../../processors/view.ts'
import { USER_SETTINGS_DEFAULT, type UserSettings } from '../../schemas/settings.ts'
import { comparePerson, NO_PERSON, PeopleFold, PeopleMoves, peopleOf } from '../../verify/people.ts'

/** What every membership store knows of people, in memory or on a server. */

export interface PeopleUnderTest {
  reader: PeopleReader & DevicesReader
  inspector: MembershipInspector
  openStore(): MembershipStore
  /** Loses everything, as an emptied server. */
  flush(): Promise<void>
  close(): Promise<void>
}

const [alice, bob, carol] = ['alice', 'bob', 'carol'].map(user) as [never, never, never]
const RUNS = 30
const named = (name: string) => ({ kind: 'ProfileUpdated', profile: { name, avatar: '' } }) as const
const chosen = (patch: Partial<UserSettings>) =>
  ({ kind: 'SettingsUpdated', settings: { ...USER_SETTINGS_DEFAULT, ...patch } }) as const

export function peopleContract(name: string, make: () => Promise<PeopleUnderTest>): void {
  describe(`people: ${name}`, () => {
    let under: PeopleUnderTest

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

    const friends = (userId: never, more: { since?: string; cursor?: string; limit?: number } = {}) =>
      under.reader.friends({ userId, limit: 100, ...more })
    const brief = async (userId: never, more = {}) => {
      const page = await friends(userId, more)
      return page.friends.map(({ userId: id, relation, blocked }) => `${id} ${relation}${blocked ? ' blocked' : ''}`)
    }

    test('[US6] nobody is anything to anybody at first', async () => {
      expect(await brief(alice)).toEqual([])
      expect(await under.reader.profiles([alice])).toEqual([])
      expect(await under.reader.own(alice)).toEqual({ seq: 0, settings: USER_SETTINGS_DEFAULT, attributes: [] })
      expect(await under.inspector.person(alice)).toBeUndefined()
    })

    test('[US6] requests, friends, remarks and blocks stand in the lists of those whom they concern', async () => {
      const script = new Script()
      relate(script, 'alice', 'bob', { kind: 'FriendRequested', message: 'hi' })
      const view = await apply(script)
      const at = script.now
      expect((await friends(alice)).friends).toEqual([
        { userId: 'bob', relation: 'requested', blocked: false, at, message: 'hi' },
      ])
      expect((await friends(bob)).friends).toEqual([
        { userId: 'alice', relation: 'asked', blocked: false, at, message: 'hi' },
      ])
      const relation = () => under.reader.relation({ userId: bob, peerId: alice })
      expect(await relation()).toMatchObject({ userId: 'alice', relation: 'asked', blocked: false })
      relate(script, 'bob', 'alice', { kind: 'FriendAccepted' })
      relate(script, 'bob', 'alice', { kind: 'FriendRemarked', remark: 'Al' })
      relate(script, 'alice', 'carol', { kind: 'UserBlocked' })
      await view.apply(script.batch(1))
      expect(await brief(alice)).toEqual(['bob friend', 'carol none blocked'])
      expect((await friends(bob)).friends).toEqual([
        { userId: 'alice', relation: 'friend', blocked: false, at: at + 1, remark: 'Al' },
      ])
      // Whoever is blocked has nothing of it in any list.
      expect(await friends(carol)).toMatchObject({ friends: [] })
      expect((await friends(carol, { since: 'x.0.g' })).friends).toEqual([])
    })

    test('[US7] what has changed since an earlier answer comes, also what is no more, and nothing else', async () => {
      const script = new Script()
      relate(script, 'alice', 'bob', { kind: 'FriendRequested' })
      relate(script, 'alice', 'carol', { kind: 'FriendRequested' })
      const view = await apply(script)
      const { since } = await friends(alice)
      expect(await brief(alice, { since })).toEqual([])
      relate(script, 'bob', 'alice', { kind: 'FriendRefused' })
      await view.apply(script.batch(2))
      expect(await brief(alice, { since })).toEqual(['bob none'])
      expect(await brief(alice)).toEqual(['carol requested'])
      await view.apply(script.batch(0))
      expect(await brief(alice, { since })).toEqual(['bob none'])
    })

    test('[US7] pages go by the last change: what changes meanwhile comes later, nothing is left out', async () => {
      const script = new Script()
      const names = Array.from({ length: 7 }, (_, n) => `p${n}`)
      for (const peer of names) relate(script, peer, 'alice', { kind: 'FriendRequested' })
      const view = await apply(script)
      const first = await friends(alice, { limit: 3 })
      expect(first.friends).toHaveLength(3)
      relate(script, 'alice', 'p0', { kind: 'FriendAccepted' })
      await view.apply(script.batch(names.length))
      const seen = new Map(first.friends.map(({ userId, relation }) => [userId as string, relation]))
      let { cursor, since } = first
      for (let page = 0; cursor !== undefined && page < 9; page++) {
        const next = await friends(alice, { limit: 3, cursor })
        for (const { userId, relation } of next.friends) seen.set(userId, relation)
        ;({ cursor, since } = next)
      }
      expect([...seen.keys()].sort()).toEqual(names)
      expect(seen.get('p0')).toBe('friend')
      expect(await brief(alice, { since })).toEqual([])
    })

    test('[US7] a list of another life of the view begins anew, and tells everything', async () => {
      const script = new Script()
      relate(script, 'alice', 'bob', { kind: 'FriendRequested' })
      relate(script, 'bob', 'alice', { kind: 'FriendRefused' })
      relate(script, 'alice', 'carol', { kind: 'UserBlocked' })
      await apply(script)
      const { since } = await friends(alice)
      await under.flush()
      await apply(script)
      expect(await brief(alice, { since })).toEqual(['bob none', 'carol none blocked'])
      expect(await brief(alice, { since: 'not one of ours' })).toEqual(['bob none', 'carol none blocked'])
    })

    test('[US8] profiles come with the seq that set them, in the order asked', async () => {
      const script = new Script()
      settle(script, 'bob', named('Bob'))
      settle(script, 'alice', named('Alice'))
      settle(script, 'alice', named('Al'))
      await apply(script)
      expect(await under.reader.profiles([carol, alice, bob])).toEqual([
        { userId: 'alice', seq: 2, profile: { name: 'Al', avatar: '' } },
        { userId: 'bob', seq: 1, profile: { name: 'Bob', avatar: '' } },
      ])
    })

    test('[US8] users are found by id and by the beginning of their present name, where they let themselves be', async () => {
      const script = new Script()
      settle(script, 'alice', named('Anna Rossi'))
      settle(script, 'bob', named('  ANNALENA'))
      settle(script, 'carol', named('Anna Hidden'))
      settle(script, 'carol', chosen({ findable: false }))
      settle(script, 'dave', named('王小明'))
      const view = await apply(script)
      const found = async (text: string, limit = 10) => {
        const profiles = await under.reader.findUsers({ name: text, limit })
        return profiles.map(({ userId }) => userId as string).sort()
      }
      expect(await found('anna')).toEqual(['alice', 'bob'])
      expect(await found('ANNA r')).toEqual(['alice'])
      expect(await found('anna', 1)).toHaveLength(1)
      expect(await found('a')).toEqual([])
      expect(await found('')).toEqual([])
      expect(await found('王小')).toEqual(['dave'])
      expect(await found('dave')).toEqual(['dave'])
      expect(await found('carol')).toEqual([])
      expect(await found('nobody')).toEqual([])
      settle(script, 'alice', named('Berta'))
      await view.apply(script.batch(script.events.length - 1))
      expect(await found('anna')).toEqual(['bob'])
      expect(await found('BER')).toEqual(['alice'])
    })

    test('[US8] settings and attributes are those chosen last', async () => {
      const script = new Script()
      settle(script, 'alice', chosen({ messagesFrom: 'friends' }))
      settle(script, 'alice', { kind: 'UserAttributesSet', attributes: [{ name: 'theme', value: 'dark' }] })
      await apply(script)
      expect(await under.reader.own(alice)).toEqual({
        seq: 2,
        settings: { ...USER_SETTINGS_DEFAULT, messagesFrom: 'friends' },
        attributes: [{ name: 'theme', value: 'dark' }],
      })
    })

    test('[PU4] devices are those of the last event, and a token names everybody who has it', async () => {
      const script = new Script()
      const set = (userId: string, token: string, at: number) => {
        const added = pushDevice(token, at)
        settle(script, userId, { kind: 'PushDevicesSet', devices: [added], added, removed: [] })
      }
      set('alice', 't1', 10)
      set('bob', 't1', 20)
      set('bob', 't2', 30)
      settle(script, 'alice', {
        kind: 'PushDevicesSet',
        devices: [],
        removed: [{ serviceType: 1, token: 't1', reason: 'moved' }],
      })
      const view = await open()
      await view.apply(script.batch(0, 3))
      const token = { serviceType: 1, token: 't1' }
      expect(await under.reader.devices([alice, bob, carol])).toEqual([
        [pushDevice('t1', 10)],
        [pushDevice('t2', 30)],
        [],
      ])
      const both = [
        { userId: 'alice', at: 10 },
        { userId: 'bob', at: 20 },
      ]
      expect(await under.reader.tokenUsers(token)).toEqual(both)
      await view.apply(script.batch(0, 4))
      await view.apply(script.batch(0, 2))
      expect(await under.reader.tokenUsers(token)).toEqual([{ userId: 'bob', at: 20 }])
      expect(await under.reader.tokenUsers({ ...token, serviceType: 2 })).toEqual([])
      expect(await under.reader.devices([alice])).toEqual([[]])
    })

    test('[ME5] any split, repeat and replay of events about people gives what verify folds from them', async () => {
      const scripts = anyPeopleScript.chain(script =>
        anyDelivery(script.events.length).map(batches => ({ script, batches })),
      )
      await fc.assert(
        fc.asyncProperty(scripts, async ({ script, batches }) => {
          await under.flush()
          const view = await open()
          for (const [from, to] of batches) await view.apply(script.batch(from, to))
          const fold = new PeopleFold()
          for (const { event } of script.events) fold.add(event)
          const people = peopleOf([fold])
          for (const userId of USERS) {
            const person = people.get(userId) ?? NO_PERSON
            const row = await under.inspector.person(userId)
            expect(comparePerson({ userId, person, row, moves: new PeopleMoves() })).toEqual([])
          }
        }),
        { numRuns: RUNS },
      )
    })
  })
}
