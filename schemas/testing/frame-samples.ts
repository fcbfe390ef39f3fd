import type { ClientFrame, EventFrame, MemberSummary, PackFrame, ServerFrame } from '../frames.ts'
import type { SessionId, UserId } from '../ids.ts'
import { GROUP_SETTINGS_DEFAULT, SESSION_ATTRIBUTES_DEFAULT, USER_SETTINGS_DEFAULT } from '../settings.ts'
import { ACCEPTED_BODIES, CONTENTS, each, SAMPLE_AT, SEND_EXTRAS, samplePackId, sampleTarget } from './samples.ts'

/** At least one frame of every type, as the gateway takes or says it, with and without what may be absent. */

type Samples<Frame extends { type: string }> = { [T in Frame['type']]: Extract<Frame, { type: T }>[] }

const packId = samplePackId
const bob = 'bob' as UserId
const single = { packId, sessionId: 's:alice:bob' as SessionId }
const group = { packId, sessionId: 'g:climbers' as SessionId }
const { sessionId } = single
const target = sampleTarget
const attributes = [{ name: 'colour', value: 'rot' }]
const info = { name: 'n', avatar: '', notice: '' }
const pushInfo = { title: 't', summary: 's', url: '' }
const requestId = 7
const page = { requestId, cursor: 'MTIz', limit: 50 }

const PACK_FRAMES: Samples<PackFrame> = {
  send: [
    ...Object.values(CONTENTS)
      .filter(content => content.kind !== 'Removed')
      .map(content => ({ type: 'send' as const, ...single, flags: 4, content })),
    ...SEND_EXTRAS.map(extra => ({ type: 'send' as const, ...single, flags: 0, content: CONTENTS.Text, extra })),
    { type: 'send', ...group, flags: 132, pushInfo, content: CONTENTS.Custom },
  ],
  revoke: [{ type: 'revoke', ...single, target: { seq: 1, packId } }],
  override: [
    { type: 'override', ...single, target, content: CONTENTS.Text },
    { type: 'override', ...single, target, content: CONTENTS.Image, extra: SEND_EXTRAS[1]! },
  ],
  deleteForAll: [{ type: 'deleteForAll', ...single, target }],
  addReaction: [{ type: 'addReaction', ...group, target, emoji: '👍' }],
  removeReaction: [{ type: 'removeReaction', ...group, target, emoji: '👍' }],
  markRead: [{ type: 'markRead', ...single, seq: 2 ** 40 }],
  markDelivered: [{ type: 'markDelivered', ...single, seq: 3 }],
  clearSession: [{ type: 'clearSession', ...single, seq: 3 }],
  deleteForMe: [{ type: 'deleteForMe', ...single, targets: [target, { seq: 1, packId }] }],
  setSessionAttributes: [
    { type: 'setSessionAttributes', ...single, attributes: {} },
    { type: 'setSessionAttributes', ...single, attributes: { ...SESSION_ATTRIBUTES_DEFAULT, custom: attributes } },
  ],
  createGroup: [
    { type: 'createGroup', packId, info, members: [bob] },
    {
      type: 'createGroup',
      packId,
      groupId: 'climbers',
      info: { ...info, attributes },
      members: [],
      settings: { joinPolicy: 'inviteOnly' },
    },
  ],
  joinGroup: [
    { type: 'joinGroup', ...group },
    { type: 'joinGroup', ...group, message: 'me', invite: { inviteId: 'i', secret: 's' } },
  ],
  quitGroup: [{ type: 'quitGroup', ...group }],
  dismissGroup: [{ type: 'dismissGroup', ...group }],
  addMembers: [{ type: 'addMembers', ...group, userIds: [bob] }],
  removeMembers: [{ type: 'removeMembers', ...group, userIds: [bob] }],
  updateGroupInfo: [{ type: 'updateGroupInfo', ...group, info: { notice: '', attributes } }],
  updateGroupSettings: [
    { type: 'updateGroupSettings', ...group, settings: { slowModeMs: 0 } },
    { type: 'updateGroupSettings', ...group, settings: GROUP_SETTINGS_DEFAULT },
  ],
  changeOwner: [{ type: 'changeOwner', ...group, userId: bob }],
  setRole: [{ type: 'setRole', ...group, userIds: [bob], role: 'member' }],
  answerJoin: [
    { type: 'answerJoin', ...group, userId: bob, approved: true },
    { type: 'answerJoin', ...group, userId: bob, approved: false, reason: 'full' },
  ],
  createInvite: [{ type: 'createInvite', ...group, secretHash: 'ab', expiresAt: SAMPLE_AT, usesMax: 1 }],
  revokeInvite: [{ type: 'revokeInvite', ...group, inviteId: 'i' }],
  muteMember: [{ type: 'muteMember', ...group, userId: bob, until: 0 }],
  setAlias: [
    { type: 'setAlias', ...group, alias: 'Al' },
    { type: 'setAlias', ...group, userId: bob, alias: '' },
  ],
  requestFriend: [
    { type: 'requestFriend', packId, userId: bob },
    { type: 'requestFriend', packId, userId: bob, message: 'hi' },
  ],
  acceptFriend: [{ type: 'acceptFriend', packId, userId: bob }],
  refuseFriend: [{ type: 'refuseFriend', packId, userId: bob }],
  deleteFriend: [{ type: 'deleteFriend', packId, userId: bob }],
  remarkFriend: [{ type: 'remarkFriend', packId, userId: bob, remark: '' }],
  blockUser: [{ type: 'blockUser', packId, userId: bob }],
  unblockUser: [{ type: 'unblockUser', packId, userId: bob }],
  updateProfile: [{ type: 'updateProfile', packId, profile: { name: 'A', fields: attributes } }],
  updateSettings: [
    { type: 'updateSettings', packId, settings: { notify: 'none' } },
    {
      type: 'updateSettings',
      packId,
      settings: { ...USER_SETTINGS_DEFAULT, quietHours: { fromMinute: 0, toMinute: 0, timeZone: 'UTC' } },
    },
  ],
  setUserAttributes: [{ type: 'setUserAttributes', packId, attributes }],
  logout: [{ type: 'logout', packId, connectionIds: ['c1'] }],
  registerDevice: [
    { type: 'registerDevice', packId, serviceType: 1, packageName: 'com.example.chat', appVersion: '', token: 'ab' },
    {
      type: 'registerDevice',
      packId,
      serviceType: 7,
      packageName: 'com.example.chat',
      appVersion: '1.2',
      token: 'cd',
      locale: 'it-IT',
      timeZone: 'Europe/Rome',
      contentHidden: true,
    },
  ],
  unregisterDevice: [{ type: 'unregisterDevice', packId, serviceType: 1, token: 'ab' }],
  reportPushOpened: [{ type: 'reportPushOpened', packId, pushId: '1-2-3' }],
}

export const CLIENT_FRAMES: Samples<ClientFrame> = {
  ...PACK_FRAMES,
  history: [
    { type: 'history', requestId: 0, sessionId, beforeSeq: 9, limit: 50 },
    { type: 'history', requestId, sessionId, afterSeq: 0, limit: 200 },
  ],
  sessions: [
    { type: 'sessions', requestId, limit: 100 },
    { type: 'sessions', ...page, since: 'x' },
  ],
  members: [
    { type: 'members', sessionId: group.sessionId, ...page },
    { type: 'members', sessionId: group.sessionId, requestId, limit: 1, since: 'x' },
  ],
  outcome: [{ type: 'outcome', requestId, ...single }],
  resume: [{ type: 'resume', requestId, sessions: [{ sessionId, seq: 12 }] }],
  ping: [{ type: 'ping', requestId }],
  priority: [{ type: 'priority', ...page }],
  groups: [{ type: 'groups', ...page, since: 'x' }],
  group: [{ type: 'group', requestId, sessionId: group.sessionId }],
  member: [{ type: 'member', requestId, sessionId: group.sessionId, userId: bob }],
  joinRequests: [{ type: 'joinRequests', sessionId: group.sessionId, ...page }],
  invites: [{ type: 'invites', requestId, sessionId: group.sessionId }],
  friends: [{ type: 'friends', ...page, since: 'x' }],
  profiles: [{ type: 'profiles', requestId, users: [{ userId: bob }, { userId: 'al' as UserId, seq: 4 }] }],
  findUsers: [{ type: 'findUsers', requestId, name: 'A', limit: 5 }],
  settings: [{ type: 'settings', requestId }],
  receipts: [{ type: 'receipts', sessionId, seq: 4, ...page }],
  presence: [
    { type: 'presence', requestId, userIds: [bob] },
    { type: 'presence', requestId, userIds: [bob], subscribe: false },
  ],
  logins: [{ type: 'logins', requestId }],
  watch: [{ type: 'watch', requestId, sessionId: group.sessionId, on: true }],
  search: [
    { type: 'search', words: 'train "到上海"', ...page },
    {
      type: 'search',
      from: bob,
      contentKind: 'Image',
      sessionId,
      sinceAt: 1,
      beforeAt: SAMPLE_AT,
      requestId,
      limit: 50,
    },
  ],
  typing: [{ type: 'typing', sessionId, on: false }],
}

const event: EventFrame = {
  type: 'event',
  sessionId,
  seq: 1,
  count: 1,
  at: SAMPLE_AT,
  packId,
  from: 'alice' as UserId,
  flags: 4,
  body: { kind: 'MessageAccepted', content: { kind: 'Text', text: 'x' } },
}
const me: MemberSummary = { userId: bob, role: 'admin', joinSeq: 1 }
const groupRow = { sessionId: group.sessionId, seq: 9, owner: bob, memberCount: 3, info }
const session = { sessionId, lastSeq: 1, count: 1, unread: 0, readSeq: 1, at: 5 }
const refusal = { code: 114, name: 'VIEW_BEHIND', reason: 'r', retry: 'same' } as const

export const SERVER_FRAMES: Samples<ServerFrame> = {
  welcome: [
    {
      type: 'welcome',
      connectionId: 'c',
      userId: bob,
      gateway: 'gw',
      serverTime: SAMPLE_AT,
      heartbeatMs: 25_000,
      frameBytesMax: 1,
    },
  ],
  ack: [
    { type: 'ack', ...single, seq: 1, count: 1, at: 5 },
    { type: 'ack', ...single, seq: 1, count: 1, at: 5, repeated: true, rewritten: true },
  ],
  refused: [
    { type: 'refused', ...single, ...refusal },
    { type: 'refused', ...single, repeated: true, ...refusal },
    { type: 'refused', ...single, ...refusal, retryAfterMs: 500 },
  ],
  event: [
    ...each(ACCEPTED_BODIES)
      .filter(body => body.kind !== 'RulesSet')
      .map(body => ({ ...event, body })),
    {
      ...event,
      state: { change: 'edited', by: bob, at: 5, seq: 9, version: 2 },
      reactions: [{ emoji: '👍', count: 2, userIds: [bob] }],
    },
  ],
  page: [{ type: 'page', requestId, sessionId, lastSeq: 1, more: false, events: [event] }],
  sessions: [
    {
      type: 'sessions',
      requestId,
      code: 0,
      sessions: [
        { ...session, last: event },
        session,
        { ...session, attributes: SESSION_ATTRIBUTES_DEFAULT, mentions: 1, firstMentionSeq: 4, peerReadSeq: 2 },
      ],
    },
    { type: 'sessions', requestId, code: 25, sessions: [], cursor: 'c', since: 's' },
  ],
  members: [
    { type: 'members', requestId, sessionId: group.sessionId, members: [me, { ...me, alias: 'Bo', mutedUntil: 5 }] },
    { type: 'members', requestId, sessionId: group.sessionId, members: [], left: [bob], since: 's' },
  ],
  outcome: [{ type: 'outcome', requestId, ...single, found: true, code: 0, seq: 1, count: 1, at: 5 }],
  resumed: [
    {
      type: 'resumed',
      requestId,
      sessions: [
        { sessionId, lastSeq: 1 },
        { sessionId: group.sessionId, lastSeq: 0, code: 28 },
      ],
    },
  ],
  reset: [{ type: 'reset', sessionId, lastSeq: 4 }],
  gap: [{ type: 'gap', sessionId, fromSeq: 1, toSeq: 4 }],
  failed: [
    { type: 'failed', requestId, ...refusal },
    { type: 'failed', requestId, ...refusal, retryAfterMs: 1 },
  ],
  error: [
    { type: 'error', ...refusal },
    { type: 'error', ...refusal, retryAfterMs: 1 },
  ],
  pong: [{ type: 'pong', requestId, serverTime: SAMPLE_AT }],
  priority: [
    { type: 'priority', requestId, events: [event], more: true, cursor: 'c' },
    { type: 'priority', requestId, events: [], more: false },
  ],
  groups: [{ type: 'groups', requestId, groups: [{ ...groupRow, me }, groupRow], left: [sessionId], since: 's' }],
  group: [{ type: 'group', requestId, group: { ...groupRow, settings: GROUP_SETTINGS_DEFAULT } }],
  member: [
    { type: 'member', requestId, sessionId: group.sessionId, userId: bob },
    { type: 'member', requestId, sessionId: group.sessionId, userId: bob, member: me },
  ],
  joinRequests: [
    {
      type: 'joinRequests',
      requestId,
      sessionId: group.sessionId,
      requests: [
        { userId: bob, at: 5 },
        { userId: bob, at: 5, message: 'me' },
      ],
    },
  ],
  invites: [
    {
      type: 'invites',
      requestId,
      sessionId: group.sessionId,
      invites: [{ inviteId: 'i', by: bob, expiresAt: 5, usesMax: 2, uses: 1 }],
    },
  ],
  friends: [
    {
      type: 'friends',
      requestId,
      friends: [
        { userId: bob, relation: 'friend', blocked: false, at: 5 },
        { userId: bob, relation: 'asked', blocked: true, at: 5, remark: 'B', message: 'hi' },
      ],
    },
  ],
  profiles: [
    {
      type: 'profiles',
      requestId,
      profiles: [{ userId: bob, seq: 1, profile: { name: 'B', avatar: '', fields: attributes } }],
    },
  ],
  settings: [{ type: 'settings', requestId, seq: 4, settings: USER_SETTINGS_DEFAULT, attributes }],
  receipts: [
    { type: 'receipts', requestId, sessionId, seq: 4, readCount: 1, memberCount: 2, readers: [bob], cursor: 'c' },
  ],
  presence: [
    {
      type: 'presence',
      requestId,
      users: [
        { userId: bob, online: [1, 6] },
        { userId: bob, online: [], lastSeenAt: 5 },
      ],
    },
  ],
  logins: [
    {
      type: 'logins',
      requestId,
      logins: [{ connectionId: 'c', device: { type: 6, id: 'laptop' }, gateway: 'gw', at: 5 }],
    },
  ],
  watching: [{ type: 'watching', requestId, sessionId: group.sessionId, on: true, lastSeq: 9 }],
  typing: [{ type: 'typing', sessionId, from: bob, on: true }],
  found: [
    { type: 'found', requestId, events: [] },
    { type: 'found', requestId, events: [event], cursor: '1/2/s:alice:bob' },
  ],
  presenceChanged: [{ type: 'presenceChanged', user: { userId: bob, online: [2] } }],
  nudge: [
    { type: 'nudge', what: 'friends' },
    { type: 'nudge', what: 'members', sessionId: group.sessionId },
  ],
  online: [
    { type: 'online', sessionId, packId, from: bob, at: SAMPLE_AT, content: { kind: 'Text', text: 'now' } },
    { type: 'online', sessionId, packId, from: bob, at: 5, content: { kind: 'Text', text: 'now' }, mentions: [bob] },
  ],
}

export function eachFrame<Frame extends { type: string }>(samples: Samples<Frame>): Frame[] {
  return (Object.values(samples) as Frame[][]).flat()
}
