import { createGroup, decideGroupInfo, decideGroupSettings } from './decide-group-info.ts'
import { createInvite, joinByInvite, revokeInvite } from './decide-group-invite.ts'
import { addMembers, answerJoin, joinGroup, quitGroup, removeMembers } from './decide-group-members.ts'
import { changeOwner, muteMember, setAlias, setRole } from './decide-group-roles.ts'
import { muteFault, talkFault } from './decide-group-talk.ts'
import { markRead } from './decide-mark.ts'
import { decideMessage } from './decide-message.ts'
import { decideDelete, decideOverride, decideReaction, decideRevoke } from './decide-target.ts'
import type { Desk } from './desk.ts'
import { type GroupDesk, type MemberDesk, memberIn, roleOf, type Verdict } from './group-desk.ts'
import { notDecided, refused } from './outcome.ts'
import { fits } from './pack-kinds.ts'

/**
 * Rules of groups (SQ14-SQ17, SQ29-SQ33). A group always has an owner: the owner leaves only as the last member, which
 * ends the group, or hands it over before. An ended group's id is never used again.
 */

/** The verdict on a pack in a group's session. */
export function decideGroup(desk: Desk): Verdict {
  const { pack, head } = desk
  const { body } = pack
  if (body.kind === 'CreateGroup') return createGroup(desk, body)
  if (!fits(body.kind, 'Group')) return refused('PARAM', 'this pack does not fit a group')
  if (head === undefined || head.dismissed) {
    return refused('GROUP_NOT_EXIST', 'the group does not exist or is dismissed')
  }
  const group: GroupDesk = { ...desk, head }
  const operated = pack.actor.kind === 'OPERATOR' ? decideForOperator(group) : undefined
  if (operated !== undefined) return operated
  const member = memberIn(group, pack.from)
  const role = roleOf(head, pack.from, member)
  if (body.kind === 'JoinGroup') {
    if (role !== undefined) return refused('ALREADY_MEMBER', 'already a member')
    return body.invite === undefined ? joinGroup(group, body) : joinByInvite(group, body.invite)
  }
  if (role === undefined || member === undefined)
    return refused('GROUP_USER_NOT_EXIST', 'the sender is not a member of the group')
  return decideForMember({ ...group, role, member })
}

/** What an operator does in any group, a member or not (SQ54); undefined for the rest, which is as for everybody. */
function decideForOperator(desk: GroupDesk): Verdict | undefined {
  const { body } = desk.pack
  if (body.kind === 'RevokeMessage') return decideRevoke(desk, body)
  return body.kind === 'DismissGroup' ? { kind: 'GroupDismissed' } : undefined
}

function decideForMember(desk: MemberDesk): Verdict {
  const { body } = desk.pack
  switch (body.kind) {
    case 'SendMessage':
      return talkFault(desk) ?? decideMessage(desk, body)
    case 'MarkRead':
      return markRead(desk, body)
    case 'RevokeMessage':
      return decideRevoke(desk, body)
    case 'DeleteForAll':
      return decideDelete(desk, body)
    case 'OverrideMessage':
      return muteFault(desk) ?? decideOverride(desk, body)
    case 'AddReaction':
      return muteFault(desk) ?? decideReaction(desk, body)
    case 'RemoveReaction':
      return decideReaction(desk, body)
    case 'QuitGroup':
      return quitGroup(desk)
    case 'AddMembers':
      return addMembers(desk, body)
    case 'RemoveMembers':
      return removeMembers(desk, body)
    case 'AnswerJoin':
      return answerJoin(desk, body)
    case 'UpdateGroupInfo':
      return decideGroupInfo(desk, body)
    case 'UpdateGroupSettings':
      return decideGroupSettings(desk, body)
    case 'SetRole':
      return setRole(desk, body)
    case 'ChangeOwner':
      return changeOwner(desk, body)
    case 'MuteMember':
      return muteMember(desk, body)
    case 'SetAlias':
      return setAlias(desk, body)
    case 'CreateInvite':
      return createInvite(desk, body)
    case 'RevokeInvite':
      return revokeInvite(desk, body)
    case 'DismissGroup':
      return desk.role === 'owner'
        ? { kind: 'GroupDismissed' }
        : refused('GROUP_NO_PRIVILEGE', 'only the owner may dismiss the group')
    default:
      return notDecided(`the pack ${body.kind} in a group`)
  }
}
