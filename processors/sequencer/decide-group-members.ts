import {
  aboveFault,
  type BodyOf,
  distinct,
  fullFault,
  type GroupDesk,
  hasRoom,
  listFault,
  type MemberDesk,
  memberIn,
  roleIn,
  rosterOf,
  runnerFault,
  settingsOf,
  type Verdict,
} from './group-desk.ts'
import { refused } from './outcome.ts'

/** Who comes into a group and who leaves it (SQ15, SQ16, SQ30). */

/** Requests to join one group that wait for an answer. */
export const JOIN_REQUESTS_MAX = 500
export const JOIN_TEXT_BYTES_MAX = 1_024

/** Of somebody who is no member and has no invite. */
export function joinGroup(desk: GroupDesk, { message }: BodyOf<'JoinGroup'>): Verdict {
  switch (settingsOf(desk.head).joinPolicy) {
    case 'open':
      return fullFault(desk) ?? { kind: 'MemberJoined' }
    case 'approval':
      return requestToJoin(desk, message)
    case 'inviteOnly':
      return refused('GROUP_NO_PRIVILEGE', 'the group lets in only who is invited')
  }
}

function requestToJoin(desk: GroupDesk, message: string | undefined): Verdict {
  if ((memberIn(desk, desk.pack.from)?.requestedAt ?? 0) > 0) {
    return refused('MSG_REPEATED', 'a request of the sender waits already')
  }
  if (message !== undefined && Buffer.byteLength(message) > JOIN_TEXT_BYTES_MAX) {
    return refused('PARAM', 'the message is too long')
  }
  const full = fullFault(desk)
  if (full !== undefined) return full
  if (rosterOf(desk).requests.length >= JOIN_REQUESTS_MAX) {
    return refused('LIMIT_REACHED', 'too many requests wait for an answer')
  }
  return message === undefined ? { kind: 'JoinRequested' } : { kind: 'JoinRequested', message }
}

export function answerJoin(desk: MemberDesk, { userId, approved, reason }: BodyOf<'AnswerJoin'>): Verdict {
  const fault = runnerFault(desk, 'answer requests to join')
  if (fault !== undefined) return fault
  if ((memberIn(desk, userId)?.requestedAt ?? 0) === 0) {
    return refused('REQUEST_NOT_EXIST', 'no request of this user waits')
  }
  if (approved) return fullFault(desk) ?? { kind: 'MembersAdded', userIds: [userId] }
  if (reason !== undefined && Buffer.byteLength(reason) > JOIN_TEXT_BYTES_MAX) {
    return refused('PARAM', 'the reason is too long')
  }
  return reason === undefined ? { kind: 'JoinRefused', userId } : { kind: 'JoinRefused', userId, reason }
}

export function quitGroup({ head, role }: MemberDesk): Verdict {
  if (role !== 'owner') return { kind: 'MemberQuit' }
  if (head.memberCount > 1) return refused('CREATOR_ERROR', 'the owner cannot leave while others are members')
  return { kind: 'GroupDismissed' }
}

export function addMembers(desk: MemberDesk, body: BodyOf<'AddMembers'>): Verdict {
  const { head, rules } = desk
  if (settingsOf(head).addPolicy === 'admins') {
    const fault = runnerFault(desk, 'add members to this group')
    if (fault !== undefined) return fault
  }
  if (body.userIds.length === 0) return refused('GROUP_EMPTY', 'nobody is named')
  const fault = listFault(rules, body.userIds)
  if (fault !== undefined) return fault
  const userIds = distinct(body.userIds).filter(userId => roleIn(desk, userId) === undefined)
  if (userIds.length === 0) return refused('ALREADY_MEMBER', 'all of them are members already')
  if (!hasRoom(desk, userIds.length)) return refused('MEMBER_LIMIT', 'more members than a group may have')
  return { kind: 'MembersAdded', userIds }
}

export function removeMembers(desk: MemberDesk, body: BodyOf<'RemoveMembers'>): Verdict {
  if (desk.role === 'member') {
    const who = rosterOf(desk).admins.length === 0 ? 'the owner' : 'owner and admins'
    return refused('GROUP_NO_PRIVILEGE', `only ${who} may remove members`)
  }
  if (body.userIds.length === 0) return refused('GROUP_EMPTY', 'nobody is named')
  const listed = listFault(desk.rules, body.userIds)
  if (listed !== undefined) return listed
  const userIds = []
  for (const userId of distinct(body.userIds)) {
    const role = roleIn(desk, userId)
    if (role === undefined) continue
    const above = aboveFault(desk, role, 'removed')
    if (above !== undefined) return above
    userIds.push(userId)
  }
  if (userIds.length === 0) return refused('GROUP_USER_NOT_EXIST', 'none of them is a member')
  return { kind: 'MembersRemoved', userIds }
}
