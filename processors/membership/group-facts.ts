import type { Millis } from '../../infra/clock.ts'
import type { AcceptedBody, Event } from '../../schemas/event.ts'
import type { Offset, Seq, UserId } from '../../schemas/ids.ts'
import type { GroupInfo, GroupSettings, MemberRole } from '../../schemas/settings.ts'

/**
 * What an event of a group says, as facts that may be applied again and late: each has a version, and of two facts
 * about one thing the later version stays. Facts of the timeline have their seq; requests and invites, which take none,
 * the offset of their event. Pure.
 */

export type GroupFact =
  | { kind: 'created'; seq: Seq }
  | { kind: 'dismissed'; seq: Seq }
  /** Whoever comes in waits for no answer any more. */
  | { kind: 'join'; seq: Seq; offset: Offset; userIds: readonly UserId[] }
  | { kind: 'leave'; seq: Seq; userIds: readonly UserId[] }
  | { kind: 'role'; seq: Seq; userIds: readonly UserId[]; role: MemberRole }
  | { kind: 'alias'; seq: Seq; userId: UserId; alias: string }
  /** 0: may speak again. */
  | { kind: 'mute'; seq: Seq; userId: UserId; until: Millis }
  | { kind: 'owner'; seq: Seq; userId: UserId }
  | { kind: 'info'; seq: Seq; info: GroupInfo }
  | { kind: 'settings'; seq: Seq; settings: GroupSettings }
  | { kind: 'asked'; offset: Offset; userId: UserId; at: Millis; message?: string }
  | { kind: 'answered'; offset: Offset; userId: UserId }
  | { kind: 'invited'; offset: Offset; at: Millis; inviteId: string; by: UserId; expiresAt: Millis; usesMax: number }
  | { kind: 'inviteUsed'; offset: Offset; inviteId: string }
  | { kind: 'inviteEnded'; inviteId: string }

/** The facts of one event of a group; none where it is about something else. */
export function factsOf(event: Event, offset: Offset): GroupFact[] {
  const { body, seq, from, at, sessionId } = event
  switch (body.kind) {
    case 'GroupCreated':
      return created(event, offset, body)
    case 'MemberJoined': {
      const join: GroupFact = { kind: 'join', seq, offset, userIds: [from] }
      return body.inviteId === undefined ? [join] : [join, { kind: 'inviteUsed', offset, inviteId: body.inviteId }]
    }
    case 'MembersAdded':
      return [{ kind: 'join', seq, offset, userIds: body.userIds }]
    case 'MemberQuit':
      return [{ kind: 'leave', seq, userIds: [from] }]
    case 'MembersRemoved':
      return [{ kind: 'leave', seq, userIds: body.userIds }]
    case 'GroupDismissed':
      return [{ kind: 'dismissed', seq }]
    case 'GroupInfoUpdated':
      return [{ kind: 'info', seq, info: body.info }]
    case 'GroupSettingsUpdated':
      return [{ kind: 'settings', seq, settings: body.settings }]
    case 'OwnerChanged':
      return [
        { kind: 'owner', seq, userId: body.userId },
        { kind: 'role', seq, userIds: [from], role: 'member' },
        { kind: 'role', seq, userIds: [body.userId], role: 'owner' },
      ]
    case 'RolesSet':
      return [{ kind: 'role', seq, userIds: body.userIds, role: body.role }]
    case 'AliasSet':
      return [{ kind: 'alias', seq, userId: body.userId, alias: body.alias }]
    case 'ContentErased':
      // What they said when they asked to come in goes with the request.
      return sessionId.startsWith('g:')
        ? [
            { kind: 'alias', seq, userId: body.userId, alias: '' },
            { kind: 'answered', offset, userId: body.userId },
          ]
        : []
    case 'MemberMuted':
      return [{ kind: 'mute', seq, userId: body.userId, until: body.until }]
    case 'JoinRequested': {
      const asked: GroupFact = { kind: 'asked', offset, userId: from, at }
      return [body.message === undefined ? asked : { ...asked, message: body.message }]
    }
    case 'JoinRefused':
      return [{ kind: 'answered', offset, userId: body.userId }]
    case 'InviteCreated': {
      const { inviteId, expiresAt, usesMax } = body
      return [{ kind: 'invited', offset, at, inviteId, by: from, expiresAt, usesMax }]
    }
    case 'InviteRevoked':
      return [{ kind: 'inviteEnded', inviteId: body.inviteId }]
    default:
      return []
  }
}

function created(
  { seq, from }: Event,
  offset: Offset,
  { info, members, settings }: Extract<AcceptedBody, { kind: 'GroupCreated' }>,
): GroupFact[] {
  const facts: GroupFact[] = [
    { kind: 'created', seq },
    { kind: 'owner', seq, userId: from },
    { kind: 'info', seq, info },
    { kind: 'join', seq, offset, userIds: [from, ...members.filter(userId => userId !== from)] },
    { kind: 'role', seq, userIds: [from], role: 'owner' },
  ]
  return settings === undefined ? facts : [...facts, { kind: 'settings', seq, settings }]
}

/** True where a list of groups shows the group otherwise after the fact: its members count, and how it shows itself. */
export function changesSummary({ kind }: GroupFact): boolean {
  switch (kind) {
    case 'role':
    case 'alias':
    case 'mute':
    case 'asked':
    case 'answered':
    case 'invited':
    case 'inviteUsed':
    case 'inviteEnded':
      return false
    default:
      return true
  }
}
