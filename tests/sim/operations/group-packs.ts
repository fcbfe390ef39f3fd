import { createHash } from 'node:crypto'
import { GROUP_SETTINGS_DEFAULT, type GroupSettings } from '../../../schemas/settings.ts'
import type { Device } from '../device.ts'
import { packOperation, someOf } from './operation.ts'

/** How groups are run: info, settings, roles, requests, invites, mutes, names. */

/** Invites that devices make: whoever knows the id knows the secret as well. */
export function secretOf(device: Device, n: number): string {
  return `${device.world.options.seed}/${n}`
}

export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** So few secrets that somebody else tries them. */
const SECRETS = 4

export function anySecret(device: Device): string {
  return secretOf(device, device.random.between(1, SECRETS))
}

export const updateGroupInfo = packOperation({
  frame: 'updateGroupInfo',
  weight: 2,
  request: device => {
    const { random } = device
    const name = random.chance(0.5) ? { name: `of ${device.name} ${random.between(1, 9)}` } : {}
    const attribute = { name: `a${random.between(1, 3)}`, value: random.pick(['', 'x', 'y']) }
    const attributes = random.chance(0.5) ? { attributes: [attribute] } : {}
    return { type: 'updateGroupInfo', sessionId: device.anyGroup(), info: { ...name, ...attributes } }
  },
  event: 'GroupInfoUpdated',
  isAs: ({ info: { name, attributes = [] } }, { body: { info } }) =>
    (name === undefined || name === info.name) &&
    attributes.every(({ name, value }) => (info.attributes?.find(it => it.name === name)?.value ?? '') === value),
})

export function anySettings({ random, world }: Device): Partial<GroupSettings> {
  switch (random.between(1, 6)) {
    case 1:
      return { joinPolicy: random.pick(['open', 'open', 'approval', 'inviteOnly']) }
    case 2:
      return { addPolicy: random.pick(['members', 'members', 'admins']) }
    case 3:
      return { mutedAll: random.chance(0.3) }
    case 4:
      return { slowModeMs: random.pick([0, 0, 200, 1_000]) }
    case 5:
      return { membersMax: random.pick([0, 0, world.users.length - 1]) }
    default:
      return { joinPolicy: 'open', addPolicy: 'members', mutedAll: false, slowModeMs: 0, membersMax: 0 }
  }
}

export const updateGroupSettings = packOperation({
  frame: 'updateGroupSettings',
  weight: 2,
  request: device => ({ type: 'updateGroupSettings', sessionId: device.anyGroup(), settings: anySettings(device) }),
  event: 'GroupSettingsUpdated',
  isAs: ({ settings }, { body }) =>
    Object.entries({ ...GROUP_SETTINGS_DEFAULT, ...body.settings }).every(
      ([name, value]) => ((settings as Record<string, unknown>)[name] ?? value) === value,
    ),
})

export const changeOwner = packOperation({
  frame: 'changeOwner',
  weight: 1,
  request: device => ({ type: 'changeOwner', sessionId: device.anyGroup(), userId: device.otherUser() }),
  event: 'OwnerChanged',
  isAs: (frame, { body }) => frame.userId === body.userId,
})

export const setRole = packOperation({
  frame: 'setRole',
  weight: 3,
  request: device => ({
    type: 'setRole',
    sessionId: device.anyGroup(),
    userIds: device.random.chance(0.8) ? [device.otherUser()] : [...device.world.users],
    role: device.random.pick(['admin', 'admin', 'member']),
  }),
  event: 'RolesSet',
  isAs: (frame, { body }) => frame.role === body.role && someOf(frame.userIds, body.userIds),
})

export const answerJoin = packOperation({
  frame: 'answerJoin',
  weight: 4,
  request: device => ({
    type: 'answerJoin',
    sessionId: device.anyGroup(),
    userId: device.otherUser(),
    approved: device.random.chance(0.6),
  }),
  event: 'JoinRefused',
  orElse: ['MembersAdded'],
  isAs: (frame, { body }) => !frame.approved && frame.userId === body.userId,
})

export const createInvite = packOperation({
  frame: 'createInvite',
  weight: 2,
  request: device => ({
    type: 'createInvite',
    sessionId: device.anyGroup(),
    secretHash: hashOf(anySecret(device)),
    expiresAt: device.clock.now() + device.random.pick([1_000, 10_000, 100_000]),
    usesMax: device.random.between(1, 3),
  }),
  event: 'InviteCreated',
  isAs: (frame, { body }) =>
    frame.secretHash === body.secretHash && frame.expiresAt === body.expiresAt && frame.usesMax === body.usesMax,
})

export const revokeInvite = packOperation({
  frame: 'revokeInvite',
  weight: 1,
  request: device => {
    const invite = device.anyInvite()
    return invite && { type: 'revokeInvite', ...invite }
  },
  event: 'InviteRevoked',
  isAs: (frame, { body }) => frame.inviteId === body.inviteId,
})

export const muteMember = packOperation({
  frame: 'muteMember',
  weight: 4,
  request: device => ({
    type: 'muteMember',
    sessionId: device.anyGroup(),
    userId: device.otherUser(),
    until: device.random.chance(0.3) ? 0 : device.clock.now() + device.random.pick([500, 3_000, 20_000]),
  }),
  event: 'MemberMuted',
  isAs: (frame, { body }) => frame.userId === body.userId && frame.until === body.until,
})

export const setAlias = packOperation({
  frame: 'setAlias',
  weight: 1,
  request: device => {
    const alias = device.random.pick(['', 'Ann', 'Bo'])
    const userId = device.anyUser()
    const sessionId = device.anyGroup()
    return device.random.chance(0.5)
      ? { type: 'setAlias', sessionId, alias }
      : { type: 'setAlias', sessionId, userId, alias }
  },
  event: 'AliasSet',
  isAs: (frame, { from, body }) => (frame.userId ?? from) === body.userId && frame.alias === body.alias,
})
