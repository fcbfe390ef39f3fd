import { expect, test } from 'vitest'
import { HISTORY_DEFAULTS } from '../processors/history/history-store.ts'
import type { MembershipGroupRow } from '../processors/membership/inspect.ts'
import { membershipView } from '../processors/membership/main.ts'
import { MemoryMembership, MemoryMembershipStore } from '../processors/membership/memory-membership-store.ts'
import { group, Script, user } from '../processors/testing/events.ts'
import { GROUP_SETTINGS_DEFAULT } from '../schemas/settings.ts'
import { compareGroup } from './compare-membership.ts'
import { PartitionFold } from './fold.ts'

const crew = group('crew')
const alice = user('alice')
const bob = user('bob')
const carol = user('carol')

/** A group with a bit of everything, as the log tells it and as the view has it. */
async function both() {
  const script = new Script()
  script.create(crew, alice, [bob, carol])
  script.change(crew, alice, { kind: 'RolesSet', userIds: [bob], role: 'admin' })
  script.change(crew, alice, { kind: 'AliasSet', userId: bob, alias: 'B' })
  script.change(crew, alice, { kind: 'MemberMuted', userId: carol, until: 9_000 })
  script.change(crew, alice, { kind: 'GroupSettingsUpdated', settings: { ...GROUP_SETTINGS_DEFAULT, isPublic: true } })
  script.unplaced(crew, user('dave'), { kind: 'JoinRequested', message: 'me' })
  const expiresAt = script.now + 9_000
  script.unplaced(crew, alice, { kind: 'InviteCreated', inviteId: 'i1', secretHash: '', expiresAt, usesMax: 3 })
  script.change(crew, user('erin'), { kind: 'MemberJoined', inviteId: 'i1' })
  const store = new MemoryMembershipStore(new MemoryMembership())
  await store.position(0)
  await membershipView(store).apply(script.batch())
  const fold = new PartitionFold({ partition: 0, isPartial: false, largeAbove: 100, limits: HISTORY_DEFAULTS })
  for (const { event, position } of script.events) fold.add(event, position.offset)
  return { fold: fold.sessions.get(crew)!, row: (await store.group(crew))! }
}

test('[VF1] a group with roles, settings, requests and invites is as the log says', async () => {
  const { fold, row } = await both()
  expect(compareGroup(fold, row)).toEqual([])
})

const damages: [name: string, what: string, damage: (row: MembershipGroupRow) => void][] = [
  ['a lost role', 'member', row => Object.assign(row.members[1]!, { role: 'member' })],
  ['a lost alias', 'member', row => Reflect.deleteProperty(row.members[1]!, 'alias')],
  ['a lost mute', 'member', row => Reflect.deleteProperty(row.members[2]!, 'mutedUntil')],
  ['wrong settings', 'group', row => Object.assign(row.settings!, { isPublic: false })],
  ['a wrong name', 'group', row => Object.assign(row.info, { name: 'x' })],
  ['a lost request', 'requests to join', row => row.requests.pop()],
  ['an invite that was used once more', 'invites', row => Object.assign(row.invites[0]!, { uses: 2 })],
]
test.each(damages)('[VF7] %s is found and named', async (_name, what, damage) => {
  const { fold, row } = await both()
  damage(row)
  expect(compareGroup(fold, row)).toMatchObject([{ view: 'membership', sessionId: crew, what }])
})
