import type { AcceptedBody, RefusedBody } from '../../schemas/event.ts'
import { isUserId, type UserId } from '../../schemas/ids.ts'
import type { Pack, PackBody, Rules } from '../../schemas/pack.ts'
import type { GroupInfo } from '../../schemas/settings.ts'
import { decideMessage } from './decide-message.ts'
import type { Desk } from './desk.ts'
import { notDecided, refused } from './outcome.ts'
import { fits } from './pack-kinds.ts'
import { type Head, isMember, memberKey } from './session.ts'

/**
 * Rules of groups (SQ14-SQ17). In this version anyone may join, any member may add others, and only the
 * owner removes and dismisses. A group always has an owner: the owner leaves only as the last member, which ends
 * the group. An ended group's id is never used again.
 */

type Verdict = AcceptedBody | RefusedBody
type BodyOf<Kind extends PackBody['kind']> = Extract<PackBody, { kind: Kind }>

export const GROUP_NAME_CHARS_MAX = 100
export const GROUP_AVATAR_BYTES_MAX = 2_048
export const GROUP_NOTICE_BYTES_MAX = 8_192

/** The verdict on a pack in a group's session. */
export function decideGroup({ view, rules, pack, head }: Desk): Verdict {
  const { body } = pack
  if (body.kind === 'CreateGroup') return createGroup(head, rules, pack, body)
  if (!fits(body.kind, 'Group')) return refused('PARAM', 'this pack does not fit a group')
  if (head === undefined || head.dismissed) {
    return refused('GROUP_NOT_EXIST', 'the group does not exist or is dismissed')
  }
  const inGroup = (userId: UserId) => isMember(head, view.get('members', memberKey(pack.sessionId, userId)))
  if (body.kind === 'JoinGroup') return joinGroup(head, rules, body, inGroup(pack.from))
  if (!inGroup(pack.from)) return refused('GROUP_USER_NOT_EXIST', 'the sender is not a member of the group')
  switch (body.kind) {
    case 'SendMessage':
      return decideMessage(rules, pack, body)
    case 'QuitGroup':
      return quitGroup(head, pack)
    case 'AddMembers':
      return addMembers(head, rules, body, inGroup)
    case 'RemoveMembers':
      return removeMembers(head, rules, pack, body, inGroup)
    case 'DismissGroup':
      return head.owner === pack.from
        ? { kind: 'GroupDismissed' }
        : refused('GROUP_NO_PRIVILEGE', 'only the owner may dismiss the group')
    default:
      return notDecided(`the pack ${body.kind} in a group`)
  }
}

function createGroup(head: Head | undefined, rules: Rules, pack: Pack, body: BodyOf<'CreateGroup'>): Verdict {
  if (head !== undefined) return refused('GROUP_EXISTS', 'the group id is taken')
  if (body.settings !== undefined || body.info.attributes !== undefined) {
    return notDecided('settings and attributes of a group')
  }
  const fault = infoFault(body.info) ?? listFault(rules, body.members)
  if (fault !== undefined) return fault
  const members = distinct(body.members).filter(userId => userId !== pack.from)
  if (1 + members.length > rules.groupMembersMax) return refused('MEMBER_LIMIT', 'more members than a group may have')
  return { kind: 'GroupCreated', info: body.info, members }
}

function infoFault(info: GroupInfo): RefusedBody | undefined {
  const nameChars = [...info.name.slice(0, 2 * GROUP_NAME_CHARS_MAX + 2)].length
  if (info.name.trim() === '') return refused('PARAM', 'the group has no name')
  if (nameChars > GROUP_NAME_CHARS_MAX) return refused('PARAM', 'the name of the group is too long')
  if (Buffer.byteLength(info.avatar) > GROUP_AVATAR_BYTES_MAX) return refused('PARAM', 'the avatar link is too long')
  if (Buffer.byteLength(info.notice) > GROUP_NOTICE_BYTES_MAX) return refused('PARAM', 'the notice is too long')
  return undefined
}

function joinGroup(head: Head, rules: Rules, body: BodyOf<'JoinGroup'>, alreadyMember: boolean): Verdict {
  if (body.invite !== undefined || body.message !== undefined) return notDecided('invites and requests to join')
  if (alreadyMember) return refused('ALREADY_MEMBER', 'already a member')
  if (head.memberCount + 1 > rules.groupMembersMax) return refused('MEMBER_LIMIT', 'the group is full')
  return { kind: 'MemberJoined' }
}

function quitGroup(head: Head, pack: Pack): Verdict {
  if (head.owner !== pack.from) return { kind: 'MemberQuit' }
  if (head.memberCount > 1) return refused('CREATOR_ERROR', 'the owner cannot leave while others are members')
  return { kind: 'GroupDismissed' }
}

function addMembers(
  head: Head,
  rules: Rules,
  body: BodyOf<'AddMembers'>,
  inGroup: (userId: UserId) => boolean,
): Verdict {
  if (body.userIds.length === 0) return refused('GROUP_EMPTY', 'nobody is named')
  const fault = listFault(rules, body.userIds)
  if (fault !== undefined) return fault
  const userIds = distinct(body.userIds).filter(userId => !inGroup(userId))
  if (userIds.length === 0) return refused('ALREADY_MEMBER', 'all of them are members already')
  if (head.memberCount + userIds.length > rules.groupMembersMax) {
    return refused('MEMBER_LIMIT', 'more members than a group may have')
  }
  return { kind: 'MembersAdded', userIds }
}

function removeMembers(
  head: Head,
  rules: Rules,
  pack: Pack,
  body: BodyOf<'RemoveMembers'>,
  inGroup: (userId: UserId) => boolean,
): Verdict {
  if (head.owner !== pack.from) return refused('GROUP_NO_PRIVILEGE', 'only the owner may remove members')
  if (body.userIds.length === 0) return refused('GROUP_EMPTY', 'nobody is named')
  const fault = listFault(rules, body.userIds)
  if (fault !== undefined) return fault
  if (body.userIds.some(userId => userId === head.owner)) {
    return refused('CREATOR_ERROR', 'the owner cannot be removed')
  }
  const userIds = distinct(body.userIds).filter(inGroup)
  if (userIds.length === 0) return refused('GROUP_USER_NOT_EXIST', 'none of them is a member')
  return { kind: 'MembersRemoved', userIds }
}

function listFault(rules: Rules, userIds: readonly string[]): RefusedBody | undefined {
  if (userIds.length > rules.packMembersMax) return refused('PARAM', 'too many user ids in one pack')
  if (!userIds.every(isUserId)) return refused('PARAM', 'a user id is not valid')
  return undefined
}

function distinct(userIds: readonly UserId[]): UserId[] {
  return [...new Set(userIds)]
}
