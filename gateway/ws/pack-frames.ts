import type { PackFrame } from '../../schemas/frames.ts'
import { Flag, type InviteUse, type PushInfo } from '../../schemas/pack.ts'
import { isTimeZone } from '../../schemas/quiet-hours.ts'
import type {
  GroupInfo,
  GroupSettings,
  Profile,
  QuietHours,
  SessionAttributes,
  UserSettings,
} from '../../schemas/settings.ts'
import { contentOf, extraOf, readTarget, targetOf } from './frame-contents.ts'
import {
  attributesOf,
  bad,
  booleanOf,
  countOf,
  type Fields,
  fieldsOf,
  groupIdOf,
  groupOf,
  intOf,
  isAbsent,
  listOf,
  oneOf,
  packIdOf,
  presentOf,
  sessionOf,
  textOf,
  userOf,
  usersOf,
} from './frame-fields.ts'

/** Reads the packs of clients, one reader for each type. Every reader throws BadField. */

type FrameOf<Type extends PackFrame['type']> = Extract<PackFrame, { type: Type }>
type Reader<Type extends PackFrame['type']> = (raw: Fields) => Omit<FrameOf<Type>, 'type'>
type Readers = { [Type in PackFrame['type']]: Reader<Type> }

const inSession = (raw: Fields) => ({ packId: packIdOf(raw), sessionId: sessionOf(raw) })
const inGroup = (raw: Fields) => ({ packId: packIdOf(raw), sessionId: groupOf(raw) })
const withUser = (raw: Fields) => ({ packId: packIdOf(raw), userId: userOf(raw.userId, 'userId') })
const onMessage = (raw: Fields) => ({ ...inSession(raw), target: targetOf(raw) })
const reaction = (raw: Fields) => ({ ...onMessage(raw), emoji: textOf(raw, 'emoji') })
const mark = (raw: Fields) => ({ ...inSession(raw), seq: countOf(raw, 'seq') })
const someMembers = (raw: Fields) => ({ ...inGroup(raw), userIds: usersOf(raw, 'userIds') })
const oneMember = (raw: Fields) => ({ ...inGroup(raw), userId: userOf(raw.userId, 'userId') })

const READERS: Readers = {
  send: readSend,
  revoke: onMessage,
  override: raw => ({ ...onMessage(raw), content: contentOf(raw), ...presentOf(raw, '', { extra: extraOf }) }),
  deleteForAll: onMessage,
  addReaction: reaction,
  removeReaction: reaction,
  markRead: mark,
  markDelivered: mark,
  clearSession: mark,
  deleteForMe: raw => ({ ...inSession(raw), targets: listOf(raw, 'targets', readTarget) }),
  setSessionAttributes: raw => ({ ...inSession(raw), attributes: sessionAttributesOf(fieldsOf(raw, 'attributes')) }),
  createGroup: readCreateGroup,
  joinGroup: raw => ({
    ...inGroup(raw),
    ...presentOf<{ message: string; invite: InviteUse }>(raw, '', { message: textOf, invite: inviteOf }),
  }),
  quitGroup: inGroup,
  dismissGroup: inGroup,
  addMembers: someMembers,
  removeMembers: someMembers,
  updateGroupInfo: raw => ({
    ...inGroup(raw),
    info: presentOf<GroupInfo>(fieldsOf(raw, 'info'), 'info', INFO_READERS),
  }),
  updateGroupSettings: raw => ({ ...inGroup(raw), settings: groupSettingsOf(raw, 'settings') }),
  changeOwner: oneMember,
  setRole: raw => ({ ...someMembers(raw), role: oneOf(raw, 'role', 'role', ['admin', 'member']) }),
  answerJoin: raw => ({
    ...oneMember(raw),
    approved: booleanOf(raw, 'approved'),
    ...presentOf(raw, '', { reason: textOf }),
  }),
  createInvite: raw => {
    const limits = { expiresAt: countOf(raw, 'expiresAt'), usesMax: intOf(raw, 'usesMax') }
    return { ...inGroup(raw), secretHash: textOf(raw, 'secretHash'), ...limits }
  },
  revokeInvite: raw => ({ ...inGroup(raw), inviteId: textOf(raw, 'inviteId') }),
  muteMember: raw => ({ ...oneMember(raw), until: countOf(raw, 'until') }),
  setAlias: raw => {
    const userId = presentOf(raw, '', { userId: (fields, name, path) => userOf(fields[name], path) })
    return { ...inGroup(raw), ...userId, alias: textOf(raw, 'alias') }
  },
  requestFriend: raw => ({ ...withUser(raw), ...presentOf(raw, '', { message: textOf }) }),
  acceptFriend: withUser,
  refuseFriend: withUser,
  deleteFriend: withUser,
  remarkFriend: raw => ({ ...withUser(raw), remark: textOf(raw, 'remark') }),
  blockUser: withUser,
  unblockUser: withUser,
  updateProfile: raw => ({
    packId: packIdOf(raw),
    profile: presentOf<Profile>(fieldsOf(raw, 'profile'), 'profile', {
      name: textOf,
      avatar: textOf,
      fields: attributesOf,
    }),
  }),
  updateSettings: raw => ({ packId: packIdOf(raw), settings: userSettingsOf(fieldsOf(raw, 'settings')) }),
  setUserAttributes: raw => ({ packId: packIdOf(raw), attributes: attributesOf(raw, 'attributes') }),
  logout: raw => ({ packId: packIdOf(raw), connectionIds: connectionsOf(raw) }),
  registerDevice: readRegisterDevice,
  unregisterDevice: raw => ({
    packId: packIdOf(raw),
    serviceType: intOf(raw, 'serviceType'),
    token: textOf(raw, 'token'),
  }),
  reportPushOpened: raw => ({ packId: packIdOf(raw), pushId: textOf(raw, 'pushId') }),
}

export function isPackType(type: unknown): type is PackFrame['type'] {
  return typeof type === 'string' && Object.hasOwn(READERS, type)
}

export function readPackFrame(type: PackFrame['type'], raw: Fields): PackFrame {
  return { type, ...READERS[type](raw) } as PackFrame
}

/** Flags that a client may set; the gateway sets OVERRIDE and REVOKE itself. */
const CLIENT_FLAGS = Flag.ACK | Flag.DUP | Flag.COUNTER | Flag.HIGH_PRIORITY | Flag.ONLINE_ONLY | Flag.NO_PUSH

function readSend(raw: Fields): Omit<FrameOf<'send'>, 'type'> {
  const packId = packIdOf(raw)
  const sessionId = sessionOf(raw)
  const content = contentOf(raw)
  const flags = raw.flags ?? 0
  if (typeof flags !== 'number' || (flags & CLIENT_FLAGS) !== flags) throw bad('flags', 'unknown or not allowed here')
  const frame: Omit<FrameOf<'send'>, 'type'> = { packId, sessionId, flags, content }
  if (!isAbsent(raw.pushInfo)) frame.pushInfo = pushInfoOf(fieldsOf(raw, 'pushInfo'))
  if (!isAbsent(raw.extra)) frame.extra = extraOf(raw, 'extra', 'extra')
  return frame
}

function pushInfoOf(raw: Fields): PushInfo {
  return {
    title: textOf(raw, 'title', 'pushInfo.title'),
    summary: textOf(raw, 'summary', 'pushInfo.summary'),
    url: raw.url === undefined ? '' : textOf(raw, 'url', 'pushInfo.url'),
  }
}

const INFO_READERS = { name: textOf, avatar: textOf, notice: textOf, attributes: attributesOf }

function readCreateGroup(raw: Fields): Omit<FrameOf<'createGroup'>, 'type'> {
  const packId = packIdOf(raw)
  const info = { avatar: '', notice: '', ...presentOf<GroupInfo>(fieldsOf(raw, 'info'), 'info', INFO_READERS) }
  const { name } = info
  if (name === undefined) throw bad('info.name', 'must be a text')
  const frame: Omit<FrameOf<'createGroup'>, 'type'> = {
    packId,
    info: { ...info, name },
    members: usersOf(raw, 'members'),
  }
  if (!isAbsent(raw.groupId)) frame.groupId = groupIdOf(raw.groupId)
  if (!isAbsent(raw.settings)) frame.settings = groupSettingsOf(raw, 'settings')
  return frame
}

function groupSettingsOf(raw: Fields, name: string): Partial<GroupSettings> {
  return presentOf<GroupSettings>(fieldsOf(raw, name), name, {
    joinPolicy: (fields, field, path) => oneOf(fields, field, path, ['open', 'approval', 'inviteOnly']),
    addPolicy: (fields, field, path) => oneOf(fields, field, path, ['members', 'admins']),
    historyShown: (fields, field, path) => oneOf(fields, field, path, ['fromJoining', 'all']),
    mutedAll: booleanOf,
    slowModeMs: countOf,
    membersMax: intOf,
    isPublic: booleanOf,
  })
}

const notifyOf = (fields: Fields, name: string, path: string) => oneOf(fields, name, path, ['all', 'mentions', 'none'])

function sessionAttributesOf(raw: Fields): Partial<SessionAttributes> {
  return presentOf<SessionAttributes>(raw, 'attributes', {
    pinned: booleanOf,
    notify: notifyOf,
    hidden: booleanOf,
    draft: textOf,
    custom: attributesOf,
  })
}

function userSettingsOf(raw: Fields): Partial<UserSettings> {
  return presentOf<UserSettings>(raw, 'settings', {
    messagesFrom: (fields, name, path) => oneOf(fields, name, path, ['anyone', 'friends']),
    notify: notifyOf,
    quietHours: quietHoursOf,
    findable: booleanOf,
    presenceShown: booleanOf,
  })
}

function quietHoursOf(fields: Fields, name: string, path: string): QuietHours {
  const hours = fieldsOf(fields, name, path)
  const timeZone = textOf(hours, 'timeZone', `${path}.timeZone`)
  if (!isTimeZone(timeZone)) throw bad(`${path}.timeZone`, 'must be an IANA time zone, such as Europe/Paris')
  return {
    fromMinute: intOf(hours, 'fromMinute', `${path}.fromMinute`),
    toMinute: intOf(hours, 'toMinute', `${path}.toMinute`),
    timeZone,
  }
}

function readRegisterDevice(raw: Fields): Omit<FrameOf<'registerDevice'>, 'type'> {
  const text = (name: string) => textOf(raw, name)
  const texts = { packageName: text('packageName'), appVersion: text('appVersion'), token: text('token') }
  const chosen = presentOf<{ locale: string; timeZone: string; contentHidden: boolean }>(raw, '', {
    locale: textOf,
    timeZone: textOf,
    contentHidden: booleanOf,
  })
  if (chosen.timeZone !== undefined && !isTimeZone(chosen.timeZone)) {
    throw bad('timeZone', 'must be an IANA time zone, such as Europe/Paris')
  }
  return { packId: packIdOf(raw), serviceType: intOf(raw, 'serviceType'), ...texts, ...chosen }
}

function inviteOf(fields: Fields, name: string, path: string): InviteUse {
  const invite = fieldsOf(fields, name, path)
  return {
    inviteId: textOf(invite, 'inviteId', `${path}.inviteId`),
    secret: textOf(invite, 'secret', `${path}.secret`),
  }
}

function connectionsOf(raw: Fields): string[] {
  return listOf(raw, 'connectionIds', (item, path) => {
    if (typeof item !== 'string') throw bad(path, 'must be a text')
    return item
  })
}
