import { expect, test } from 'vitest'
import type { AcceptedBody, AcceptedEvent } from '../../schemas/event.ts'
import type { SessionId } from '../../schemas/ids.ts'
import { ACCEPTED_BODIES, each } from '../../schemas/testing/samples.ts'
import { audienceOf } from './event-audience.ts'

const SESSION_KINDS = `MessageAccepted GroupCreated MemberJoined MemberQuit MembersAdded MembersRemoved GroupDismissed
  RulesSet MessageRevoked MessageOverridden MessageDeleted ReactionAdded ReactionRemoved GroupInfoUpdated
  GroupSettingsUpdated OwnerChanged RolesSet MemberMuted AliasSet ProfileUpdated SettingsUpdated UserAttributesSet
  SessionAttributesSet SessionReadMarked SessionCleared DeletedForMe LoggedIn LoggedOut PushDevicesSet PushRequested
  PushOpened UserDisabled UserEnabled UserErased ContentErased TokensRevoked KeySet KeyRevoked ActRecorded JobStarted JobStepped JobEnded`.split(
  /\s+/,
)

const OTHERS: { [kind: string]: unknown } = {
  // The mark of the samples is at 9: that is how far the session had come.
  ReadMarked: { kind: 'Session', seq: 9 },
  DeliveredMarked: { kind: 'Session', seq: 9 },
  JoinRequested: { kind: 'Managers', userIds: ['alice'] },
  JoinRefused: { kind: 'Managers', userIds: ['alice', 'bob'] },
  InviteCreated: { kind: 'Managers', userIds: ['alice'] },
  InviteRevoked: { kind: 'Managers', userIds: ['alice'] },
  FriendRequested: { kind: 'Users', userIds: ['alice', 'bob'] },
  FriendAccepted: { kind: 'Users', userIds: ['alice', 'bob'] },
  FriendRefused: { kind: 'Users', userIds: ['alice', 'bob'] },
  FriendDeleted: { kind: 'Users', userIds: ['alice', 'bob'] },
  FriendRemarked: { kind: 'Users', userIds: ['alice'] },
  UserBlocked: { kind: 'Users', userIds: ['alice'] },
  UserUnblocked: { kind: 'Users', userIds: ['alice'] },
  HoldSet: { kind: 'Users', userIds: [] },
}

test.each(each(ACCEPTED_BODIES))('[GW46] who gets $kind live', (body: AcceptedBody) => {
  const event = { sessionId: 's:alice:bob' as SessionId, from: 'alice', seq: 12, body } as AcceptedEvent
  const expected = SESSION_KINDS.includes(body.kind) ? { kind: 'Session', seq: 12 } : OTHERS[body.kind]
  expect(audienceOf(event)).toEqual(expected)
})
