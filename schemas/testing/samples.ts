import type { Content, MessageExtra, MessageRef, PlainContent, SendExtra, Target } from '../content.ts'
import type { AcceptedBody, EventBody } from '../event.ts'
import type { PackId, SessionId, UserId } from '../ids.ts'
import { type PackBody, RULES_DEFAULT } from '../pack.ts'
import type { SessionBody } from '../session.ts'
import {
  type Attribute,
  GROUP_SETTINGS_DEFAULT,
  SESSION_ATTRIBUTES_DEFAULT,
  USER_SETTINGS_DEFAULT,
} from '../settings.ts'

/** At least one of everything that the schemas can say, with and without what may be absent. */

export const SAMPLE_AT = 1_700_000_000_000
export const samplePackId = '0193a5c0-0000-7000-8000-000000000001' as PackId
const alice = 'alice' as UserId
const bob = 'bob' as UserId
const sessionId = 's:alice:bob' as SessionId
const own = 'u:alice' as SessionId
const group = 'g:climbers' as SessionId
const app = 'a:shop' as SessionId
const newKey = { keyId: 'k1', name: 'till', secretHash: '9f86d081'.repeat(8), scopes: ['messages:write'] }
const revoked = { notBefore: 5, tokens: [{ tokenId: 't1', expiresAt: SAMPLE_AT }] }
const file = { url: 'https://media/1', mime: 'image/png', size: 2 ** 33, hash: '9f86d081'.repeat(8) }
const attributes: Attribute[] = [{ name: 'colour', value: 'rot' }]

const PLAIN: { [K in PlainContent['kind']]: Extract<PlainContent, { kind: K }> } = {
  Text: { kind: 'Text', text: 'hé 你好' },
  Custom: { kind: 'Custom', type: 'poll', data: '{}' },
  Image: {
    kind: 'Image',
    file: { ...file, name: 'a.png' },
    width: 640,
    height: 480,
    thumbnailUrl: 'https://media/2',
    caption: 'c',
  },
  Voice: { kind: 'Voice', file, durationMs: 1_500 },
  Video: { kind: 'Video', file, durationMs: 60_000, width: 1, height: 2 },
  File: { kind: 'File', file },
  Location: { kind: 'Location', latitude: -33.5, longitude: 151.25, title: 'Bondi' },
  Card: { kind: 'Card', of: 'group', id: 'climbers', name: 'Climbers' },
  Markdown: { kind: 'Markdown', text: '*hé*' },
}

export const CONTENTS: { [K in Content['kind']]: Extract<Content, { kind: K }> } = {
  ...PLAIN,
  MergedForward: {
    kind: 'MergedForward',
    title: 'Talk',
    items: Object.values(PLAIN).map(content => ({ from: bob, at: SAMPLE_AT, content })),
  },
  Removed: { kind: 'Removed' },
}

export const sampleTarget: Target = { seq: 12, packId: samplePackId, from: bob }
const ref: MessageRef = { seq: 12, packId: samplePackId, from: bob, at: SAMPLE_AT, counted: true }

export const SEND_EXTRAS: SendExtra[] = [
  { mentions: [alice, bob] },
  { mentionsAll: true, quote: { seq: 1, packId: samplePackId } },
  { quote: sampleTarget, forward: { sessionId: group, seq: 3, packId: samplePackId } },
]

export const MESSAGE_EXTRAS: MessageExtra[] = [
  { mentions: [alice, bob] },
  { mentionsAll: true, quote: { seq: 1, packId: samplePackId, from: bob } },
  { forward: { from: bob, at: SAMPLE_AT }, rewritten: true },
]

const info = { name: 'Climbers', avatar: '', notice: '' }
const profile = { name: 'Alice', avatar: '', fields: attributes }
const settings = { ...GROUP_SETTINGS_DEFAULT, joinPolicy: 'approval', slowModeMs: 10_000 } as const
const userSettings = {
  ...USER_SETTINGS_DEFAULT,
  quietHours: { fromMinute: 1_320, toMinute: 420, timeZone: 'Europe/Paris' },
}

const pushDevice = {
  serviceType: 7,
  packageName: 'com.example.chat',
  appVersion: '1.2',
  token: 'cd',
  deviceType: 2,
  deviceId: 'phone',
  locale: 'it-IT',
  timeZone: 'Europe/Rome',
  contentHidden: false,
  at: SAMPLE_AT,
}
const pushRequest = {
  title: 'Sale',
  content: 'Today only',
  uri: 'shop://sale',
  extraData: attributes,
  options: [{ serviceType: 3, json: '{"notify_type":"1"}' }],
}

type Samples<Body extends { kind: string }> = { [K in Body['kind']]: Extract<Body, { kind: K }>[] }

export const PACK_BODIES: Samples<PackBody> = {
  SendMessage: [
    ...Object.values(CONTENTS).map(content => ({ kind: 'SendMessage' as const, content })),
    ...SEND_EXTRAS.map(extra => ({ kind: 'SendMessage' as const, content: CONTENTS.Text, extra })),
  ],
  CreateGroup: [
    { kind: 'CreateGroup', info, members: [bob] },
    { kind: 'CreateGroup', info: { ...info, attributes }, members: [], settings: { joinPolicy: 'open' } },
  ],
  JoinGroup: [{ kind: 'JoinGroup' }, { kind: 'JoinGroup', message: 'me', invite: { inviteId: 'i', secret: 's' } }],
  QuitGroup: [{ kind: 'QuitGroup' }],
  AddMembers: [{ kind: 'AddMembers', userIds: [bob] }],
  RemoveMembers: [{ kind: 'RemoveMembers', userIds: [bob] }],
  DismissGroup: [{ kind: 'DismissGroup' }],
  SetRules: [{ kind: 'SetRules', rules: { ...RULES_DEFAULT, version: 1, loginPolicy: 'classes' } }],
  RevokeMessage: [
    { kind: 'RevokeMessage', target: sampleTarget },
    { kind: 'RevokeMessage', target: { seq: 2 ** 40, packId: samplePackId } },
  ],
  OverrideMessage: [
    { kind: 'OverrideMessage', target: sampleTarget, content: CONTENTS.Image },
    { kind: 'OverrideMessage', target: sampleTarget, content: CONTENTS.Text, extra: SEND_EXTRAS[0]! },
  ],
  DeleteForAll: [{ kind: 'DeleteForAll', target: sampleTarget }],
  AddReaction: [{ kind: 'AddReaction', target: sampleTarget, emoji: '👍' }],
  RemoveReaction: [{ kind: 'RemoveReaction', target: sampleTarget, emoji: '👍' }],
  MarkRead: [{ kind: 'MarkRead', seq: 9 }],
  MarkDelivered: [{ kind: 'MarkDelivered', seq: 9 }],
  UpdateGroupInfo: [
    { kind: 'UpdateGroupInfo', info: { notice: 'soon' } },
    { kind: 'UpdateGroupInfo', info: { ...info, attributes } },
  ],
  UpdateGroupSettings: [
    { kind: 'UpdateGroupSettings', settings: {} },
    { kind: 'UpdateGroupSettings', settings },
  ],
  ChangeOwner: [{ kind: 'ChangeOwner', userId: bob }],
  SetRole: [{ kind: 'SetRole', userIds: [bob], role: 'admin' }],
  AnswerJoin: [
    { kind: 'AnswerJoin', userId: bob, approved: true },
    { kind: 'AnswerJoin', userId: bob, approved: false, reason: 'full' },
  ],
  CreateInvite: [{ kind: 'CreateInvite', secretHash: 'ab', expiresAt: SAMPLE_AT, usesMax: 5 }],
  RevokeInvite: [{ kind: 'RevokeInvite', inviteId: 'i' }],
  MuteMember: [{ kind: 'MuteMember', userId: bob, until: SAMPLE_AT }],
  SetAlias: [
    { kind: 'SetAlias', alias: 'Al' },
    { kind: 'SetAlias', userId: bob, alias: '' },
  ],
  RequestFriend: [{ kind: 'RequestFriend' }, { kind: 'RequestFriend', message: 'hi' }],
  AcceptFriend: [{ kind: 'AcceptFriend' }],
  RefuseFriend: [{ kind: 'RefuseFriend' }],
  DeleteFriend: [{ kind: 'DeleteFriend' }],
  RemarkFriend: [{ kind: 'RemarkFriend', remark: 'Bo' }],
  BlockUser: [{ kind: 'BlockUser' }],
  UnblockUser: [{ kind: 'UnblockUser' }],
  UpdateProfile: [
    { kind: 'UpdateProfile', profile: { name: 'Alice' } },
    { kind: 'UpdateProfile', profile },
  ],
  UpdateSettings: [
    { kind: 'UpdateSettings', settings: { messagesFrom: 'friends' } },
    { kind: 'UpdateSettings', settings: userSettings },
  ],
  SetUserAttributes: [{ kind: 'SetUserAttributes', attributes }],
  SetSessionAttributes: [
    { kind: 'SetSessionAttributes', sessionId, attributes: { pinned: true } },
    { kind: 'SetSessionAttributes', sessionId, attributes: { notify: 'none', draft: '', custom: attributes } },
  ],
  MarkSessionRead: [{ kind: 'MarkSessionRead', sessionId: group, seq: 9 }],
  ClearSession: [{ kind: 'ClearSession', sessionId, seq: 9 }],
  DeleteForMe: [{ kind: 'DeleteForMe', sessionId, targets: [sampleTarget, { seq: 1, packId: samplePackId }] }],
  Login: [
    { kind: 'Login', connectionId: 'c1' },
    { kind: 'Login', connectionId: 'c1', clientVersion: 'web 1.2' },
  ],
  Logout: [
    { kind: 'Logout', connectionIds: [], code: 22 },
    { kind: 'Logout', connectionIds: ['c1'], code: 0, reason: 'bye' },
  ],
  RegisterDevice: [
    { kind: 'RegisterDevice', serviceType: 1, packageName: 'com.example.chat', appVersion: '', token: 'ab' },
    {
      kind: 'RegisterDevice',
      serviceType: 7,
      packageName: 'com.example.chat',
      appVersion: '1.2',
      token: 'cd',
      locale: 'it-IT',
      timeZone: 'Europe/Rome',
      contentHidden: true,
    },
  ],
  UnregisterDevice: [{ kind: 'UnregisterDevice', serviceType: 1, token: 'ab' }],
  InvalidateToken: [{ kind: 'InvalidateToken', serviceType: 1, token: 'ab', before: SAMPLE_AT, reason: 'moved' }],
  Push: [
    { kind: 'Push', ...pushRequest, unreadCount: 3 },
    { kind: 'Push', title: 'Sale', content: '', uri: '', extraData: [], options: [] },
  ],
  ReportPushOpened: [{ kind: 'ReportPushOpened', pushId: '1-2-3' }],
  RevokeTokens: [
    { kind: 'RevokeTokens', notBefore: SAMPLE_AT },
    { kind: 'RevokeTokens', tokenId: 't1', tokenExpiresAt: SAMPLE_AT },
  ],
  CreateKey: [
    { kind: 'CreateKey', ...newKey },
    { kind: 'CreateKey', ...newKey, expiresAt: SAMPLE_AT + 1, perSecond: 100 },
  ],
  SetKeyExpiry: [{ kind: 'SetKeyExpiry', keyId: 'k1', expiresAt: SAMPLE_AT + 1 }],
  RevokeKey: [{ kind: 'RevokeKey', keyId: 'k1' }],
  RecordAct: [
    { kind: 'RecordAct', act: 'issueToken', subject: 'alice' },
    { kind: 'RecordAct', act: 'issueToken', subject: 'alice', detail: '{}' },
  ],
  StartJob: [{ kind: 'StartJob', jobId: 'j1', job: 'broadcast', spec: '{}', total: 3 }],
  StepJob: [{ kind: 'StepJob', jobId: 'j1', step: 1, done: 0, failed: 0, cursor: '' }],
  EndJob: [
    { kind: 'EndJob', jobId: 'j1', done: 3, failed: 1 },
    { kind: 'EndJob', jobId: 'j1', done: 3, failed: 1, error: 'gone', result: '{}' },
  ],
  DisableUser: [{ kind: 'DisableUser', reason: 'spam' }, { kind: 'DisableUser' }],
  EnableUser: [{ kind: 'EnableUser' }],
  EraseUser: [{ kind: 'EraseUser', reason: 'asked for' }, { kind: 'EraseUser' }],
  EraseFrom: [{ kind: 'EraseFrom', userId: bob }],
  SetHold: [{ kind: 'SetHold', held: true, reason: 'case 12' }],
}

export const ACCEPTED_BODIES: Samples<AcceptedBody> = {
  MessageAccepted: [
    ...Object.values(CONTENTS).map(content => ({ kind: 'MessageAccepted' as const, content })),
    ...MESSAGE_EXTRAS.map(extra => ({ kind: 'MessageAccepted' as const, content: CONTENTS.Text, extra })),
  ],
  GroupCreated: [
    { kind: 'GroupCreated', info, members: [bob] },
    { kind: 'GroupCreated', info: { ...info, attributes }, members: [], settings },
  ],
  MemberJoined: [{ kind: 'MemberJoined' }, { kind: 'MemberJoined', inviteId: 'i' }],
  MemberQuit: [{ kind: 'MemberQuit' }],
  MembersAdded: [{ kind: 'MembersAdded', userIds: [bob] }],
  MembersRemoved: [{ kind: 'MembersRemoved', userIds: [bob] }],
  GroupDismissed: [{ kind: 'GroupDismissed' }],
  RulesSet: [{ kind: 'RulesSet', rules: RULES_DEFAULT }],
  MessageRevoked: [{ kind: 'MessageRevoked', target: ref }],
  MessageOverridden: [
    { kind: 'MessageOverridden', target: ref, content: CONTENTS.Markdown, version: 1 },
    { kind: 'MessageOverridden', target: ref, content: CONTENTS.Text, extra: MESSAGE_EXTRAS[1]!, version: 2 },
  ],
  MessageDeleted: [{ kind: 'MessageDeleted', target: ref }],
  ReactionAdded: [{ kind: 'ReactionAdded', target: ref, emoji: '👍' }],
  ReactionRemoved: [{ kind: 'ReactionRemoved', target: ref, emoji: '👍' }],
  ReadMarked: [{ kind: 'ReadMarked', seq: 9, count: 4 }],
  DeliveredMarked: [{ kind: 'DeliveredMarked', seq: 9 }],
  GroupInfoUpdated: [{ kind: 'GroupInfoUpdated', info: { ...info, attributes } }],
  GroupSettingsUpdated: [{ kind: 'GroupSettingsUpdated', settings }],
  OwnerChanged: [{ kind: 'OwnerChanged', userId: bob }],
  RolesSet: [{ kind: 'RolesSet', userIds: [bob], role: 'admin' }],
  JoinRequested: [{ kind: 'JoinRequested' }, { kind: 'JoinRequested', message: 'me' }],
  JoinRefused: [
    { kind: 'JoinRefused', userId: bob },
    { kind: 'JoinRefused', userId: bob, reason: 'full' },
  ],
  InviteCreated: [{ kind: 'InviteCreated', inviteId: 'i', secretHash: 'ab', expiresAt: SAMPLE_AT, usesMax: 5 }],
  InviteRevoked: [{ kind: 'InviteRevoked', inviteId: 'i' }],
  MemberMuted: [{ kind: 'MemberMuted', userId: bob, until: SAMPLE_AT }],
  AliasSet: [{ kind: 'AliasSet', userId: bob, alias: 'Bo' }],
  FriendRequested: [{ kind: 'FriendRequested' }, { kind: 'FriendRequested', message: 'hi' }],
  FriendAccepted: [{ kind: 'FriendAccepted' }],
  FriendRefused: [{ kind: 'FriendRefused' }],
  FriendDeleted: [{ kind: 'FriendDeleted' }],
  FriendRemarked: [{ kind: 'FriendRemarked', remark: 'Bo' }],
  UserBlocked: [{ kind: 'UserBlocked' }],
  UserUnblocked: [{ kind: 'UserUnblocked' }],
  ProfileUpdated: [
    { kind: 'ProfileUpdated', profile },
    { kind: 'ProfileUpdated', profile: { name: '', avatar: '' } },
  ],
  SettingsUpdated: [
    { kind: 'SettingsUpdated', settings: USER_SETTINGS_DEFAULT },
    { kind: 'SettingsUpdated', settings: userSettings },
  ],
  UserAttributesSet: [{ kind: 'UserAttributesSet', attributes }],
  SessionAttributesSet: [{ kind: 'SessionAttributesSet', sessionId, attributes: SESSION_ATTRIBUTES_DEFAULT }],
  SessionReadMarked: [{ kind: 'SessionReadMarked', sessionId: group, seq: 9, count: 4 }],
  SessionCleared: [{ kind: 'SessionCleared', sessionId, seq: 9, count: 4 }],
  DeletedForMe: [{ kind: 'DeletedForMe', sessionId, seqs: [1, 2 ** 40] }],
  LoggedIn: [
    { kind: 'LoggedIn', connectionId: 'c2', kicked: ['c1'] },
    { kind: 'LoggedIn', connectionId: 'c2', clientVersion: 'web 1.2', kicked: [] },
  ],
  LoggedOut: [{ kind: 'LoggedOut', connectionIds: ['c2'], code: 22, reason: 'another device' }],
  PushDevicesSet: [
    { kind: 'PushDevicesSet', devices: [pushDevice], added: pushDevice, removed: [] },
    { kind: 'PushDevicesSet', devices: [], removed: [{ serviceType: 7, token: 'cd', reason: 'moved' }] },
  ],
  PushRequested: [{ kind: 'PushRequested', ...pushRequest, unreadCount: 3 }],
  PushOpened: [{ kind: 'PushOpened', pushId: '1-2-3' }],
  TokensRevoked: [{ kind: 'TokensRevoked', revoked }],
  KeySet: [
    { kind: 'KeySet', key: { ...newKey, at: SAMPLE_AT } },
    { kind: 'KeySet', key: { ...newKey, expiresAt: SAMPLE_AT + 1, perSecond: 100, at: SAMPLE_AT } },
  ],
  KeyRevoked: [{ kind: 'KeyRevoked', keyId: 'k1' }],
  ActRecorded: [
    { kind: 'ActRecorded', act: 'issueToken', subject: 'alice' },
    { kind: 'ActRecorded', act: 'issueToken', subject: 'alice', detail: '{}' },
  ],
  JobStarted: [{ kind: 'JobStarted', jobId: 'j1', job: 'broadcast', spec: '{}', total: 3 }],
  JobStepped: [{ kind: 'JobStepped', jobId: 'j1', step: 1, done: 0, failed: 0, cursor: '' }],
  JobEnded: [
    { kind: 'JobEnded', jobId: 'j1', done: 3, failed: 1 },
    { kind: 'JobEnded', jobId: 'j1', done: 3, failed: 1, error: 'gone', result: '{}' },
  ],
  UserDisabled: [{ kind: 'UserDisabled', reason: 'spam' }, { kind: 'UserDisabled' }],
  UserEnabled: [{ kind: 'UserEnabled' }],
  UserErased: [{ kind: 'UserErased', reason: 'asked for' }, { kind: 'UserErased' }],
  ContentErased: [{ kind: 'ContentErased', userId: bob }],
  HoldSet: [{ kind: 'HoldSet', held: true, reason: 'case 12' }],
}

export const EVENT_BODIES: Samples<EventBody> = {
  ...ACCEPTED_BODIES,
  PackRefused: [
    { kind: 'PackRefused', code: 33, reason: 'no' },
    { kind: 'PackRefused', code: 107, reason: 'muted', until: 1_700_000_000_000 },
  ],
  PackRepeated: [{ kind: 'PackRepeated', code: 0, seq: 3, count: 2, at: SAMPLE_AT }],
}

const position = { offset: 7, cause: null, hash: null }

export const SESSION_BODIES: Samples<SessionBody> = {
  SessionHead: [
    {
      kind: 'SessionHead',
      sessionId: group,
      lastSeq: 9,
      count: 4,
      owner: 'alice',
      dismissed: false,
      memberCount: 3,
      settings,
    },
    {
      kind: 'SessionHead',
      sessionId,
      lastSeq: 0,
      count: 0,
      owner: '',
      dismissed: false,
      memberCount: 0,
      relation: { friends: true, requestedBy: '', aBlocks: false, bBlocks: true },
    },
  ],
  SessionInfo: [{ kind: 'SessionInfo', sessionId: group, info: { ...info, attributes } }],
  SessionMember: [
    {
      kind: 'SessionMember',
      sessionId: group,
      userId: bob,
      owner: false,
      admin: true,
      intervals: [
        { joinSeq: 1, leaveSeq: 4 },
        { joinSeq: 6, leaveSeq: 0 },
      ],
      mutedUntil: SAMPLE_AT,
      requestedAt: 0,
      lastSentAt: 5,
    },
  ],
  PositionMark: [
    {
      kind: 'PositionMark',
      position,
      at: SAMPLE_AT,
      horizon: 0,
      windowMsMax: 3_600_000,
      rules: RULES_DEFAULT,
      recentFrom: { offset: 3, cause: { era: 0, offset: 3 }, hash: '0011223344556677' },
    },
  ],
  OwnerClaim: [{ kind: 'OwnerClaim', nonce: 'n' }],
  InvitesRow: [
    {
      kind: 'InvitesRow',
      sessionId: group,
      invites: [{ inviteId: 'i', secretHash: 'ab', by: alice, expiresAt: SAMPLE_AT, usesMax: 5, uses: 1 }],
    },
  ],
  AmendedRow: [{ kind: 'AmendedRow', sessionId, seq: 12, change: 'edited', version: 2 }],
  ReactionsRow: [{ kind: 'ReactionsRow', sessionId, seq: 12, userId: bob, emojis: ['👍', '🎉'] }],
  ProfileRow: [{ kind: 'ProfileRow', sessionId: own, profile }],
  SettingsRow: [{ kind: 'SettingsRow', sessionId: own, settings: userSettings }],
  AttributesRow: [{ kind: 'AttributesRow', sessionId: own, attributes }],
  SessionAttributesRow: [
    {
      kind: 'SessionAttributesRow',
      sessionId: own,
      ofSessionId: sessionId,
      attributes: { ...SESSION_ATTRIBUTES_DEFAULT, draft: 'so', custom: attributes },
    },
  ],
  LoginsRow: [
    {
      kind: 'LoginsRow',
      sessionId: own,
      logins: [{ connectionId: 'c1', deviceType: 6, deviceId: 'laptop', gateway: 'gw-1', at: SAMPLE_AT }],
    },
  ],
  PushDevicesRow: [{ kind: 'PushDevicesRow', sessionId: own, devices: [pushDevice] }],
  AppKeysRow: [{ kind: 'AppKeysRow', sessionId: app, keys: [{ ...newKey, at: SAMPLE_AT }], webhooks: ['orders'] }],
  RevokedRow: [{ kind: 'RevokedRow', sessionId: own, revoked }],
  JobRow: [{ kind: 'JobRow', sessionId: app, jobId: 'j1', step: 2, ended: false }],
  StandingRow: [{ kind: 'StandingRow', sessionId: own, access: 'erased', held: false }],
  ErasureRow: [{ kind: 'ErasureRow', sessionId: own, userId: bob, seq: 7 }],
  RosterRow: [{ kind: 'RosterRow', sessionId: group, admins: [bob], requests: [alice] }],
  JoinedMembers: [{ kind: 'JoinedMembers', sessionId: group, joinSeq: 7, userIds: [alice, bob] }],
}

/** Each of them. */
export function each<Body extends { kind: string }>(samples: Samples<Body>): Body[] {
  return (Object.values(samples) as Body[][]).flat()
}
