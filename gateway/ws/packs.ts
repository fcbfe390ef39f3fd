import { unreachable } from '../../infra/assert.ts'
import { packDigest } from '../../schemas/digest.ts'
import { type PackFrame, sessionOfFrame } from '../../schemas/frames.ts'
import { Flag, type Pack, type PackBody } from '../../schemas/pack.ts'
import type { GroupInfo } from '../../schemas/settings.ts'
import type { Identity } from './asker.ts'

/** The pack that a frame asks for: the client's words, and what the gateway knows about the client (DESIGN 2). */
export function packOf(frame: PackFrame, { userId, device, actor }: Identity, gateway: string): Pack {
  const pack: Pack = {
    packId: frame.packId,
    sessionId: sessionOfFrame(frame, userId),
    from: userId,
    actor: actor ?? { kind: 'USER', id: userId },
    device,
    gateway,
    flags: flagsOf(frame),
    digest: NO_DIGEST,
    pushInfo: frame.type === 'send' ? (frame.pushInfo ?? null) : null,
    body: bodyOf(frame),
    stamp: null,
  }
  pack.digest = packDigest(pack)
  return pack
}

/** Until the digest is made of the other fields. */
const NO_DIGEST = Buffer.alloc(0)

/** A revoke and an override say so in their flags as well, for those who read no bodies. */
function flagsOf(frame: PackFrame): number {
  switch (frame.type) {
    case 'send':
      return frame.flags ?? 0
    case 'revoke':
      return Flag.REVOKE
    case 'override':
      return Flag.OVERRIDE
    default:
      return 0
  }
}

/** What is absent in the frame is absent in the body. */
function bodyOf(frame: PackFrame): PackBody {
  switch (frame.type) {
    case 'send': {
      const { content, extra } = frame
      return extra === undefined ? { kind: 'SendMessage', content } : { kind: 'SendMessage', content, extra }
    }
    case 'revoke':
      return { kind: 'RevokeMessage', target: frame.target }
    case 'override': {
      const { target, content, extra } = frame
      return { kind: 'OverrideMessage', target, content, extra }
    }
    case 'deleteForAll':
      return { kind: 'DeleteForAll', target: frame.target }
    case 'addReaction':
      return { kind: 'AddReaction', target: frame.target, emoji: frame.emoji }
    case 'removeReaction':
      return { kind: 'RemoveReaction', target: frame.target, emoji: frame.emoji }
    case 'markRead':
      return { kind: 'MarkRead', seq: frame.seq }
    case 'markDelivered':
      return { kind: 'MarkDelivered', seq: frame.seq }
    case 'clearSession':
      return { kind: 'ClearSession', sessionId: frame.sessionId, seq: frame.seq }
    case 'deleteForMe':
      return { kind: 'DeleteForMe', sessionId: frame.sessionId, targets: frame.targets }
    case 'setSessionAttributes':
      return { kind: 'SetSessionAttributes', sessionId: frame.sessionId, attributes: frame.attributes }
    case 'createGroup': {
      const { info, members, settings } = frame
      return { kind: 'CreateGroup', info: wholeInfo(info), members, settings }
    }
    case 'joinGroup':
      return { kind: 'JoinGroup', message: frame.message, invite: frame.invite }
    case 'quitGroup':
      return { kind: 'QuitGroup' }
    case 'dismissGroup':
      return { kind: 'DismissGroup' }
    case 'addMembers':
      return { kind: 'AddMembers', userIds: frame.userIds }
    case 'removeMembers':
      return { kind: 'RemoveMembers', userIds: frame.userIds }
    case 'updateGroupInfo':
      return { kind: 'UpdateGroupInfo', info: frame.info }
    case 'updateGroupSettings':
      return { kind: 'UpdateGroupSettings', settings: frame.settings }
    case 'changeOwner':
      return { kind: 'ChangeOwner', userId: frame.userId }
    case 'setRole':
      return { kind: 'SetRole', userIds: frame.userIds, role: frame.role }
    case 'answerJoin': {
      const { userId, approved, reason } = frame
      return { kind: 'AnswerJoin', userId, approved, reason }
    }
    case 'createInvite': {
      const { secretHash, expiresAt, usesMax } = frame
      return { kind: 'CreateInvite', secretHash, expiresAt, usesMax }
    }
    case 'revokeInvite':
      return { kind: 'RevokeInvite', inviteId: frame.inviteId }
    case 'muteMember':
      return { kind: 'MuteMember', userId: frame.userId, until: frame.until }
    case 'setAlias':
      return { kind: 'SetAlias', userId: frame.userId, alias: frame.alias }
    case 'requestFriend':
      return { kind: 'RequestFriend', message: frame.message }
    case 'acceptFriend':
      return { kind: 'AcceptFriend' }
    case 'refuseFriend':
      return { kind: 'RefuseFriend' }
    case 'deleteFriend':
      return { kind: 'DeleteFriend' }
    case 'remarkFriend':
      return { kind: 'RemarkFriend', remark: frame.remark }
    case 'blockUser':
      return { kind: 'BlockUser' }
    case 'unblockUser':
      return { kind: 'UnblockUser' }
    case 'updateProfile':
      return { kind: 'UpdateProfile', profile: frame.profile }
    case 'updateSettings':
      return { kind: 'UpdateSettings', settings: frame.settings }
    case 'setUserAttributes':
      return { kind: 'SetUserAttributes', attributes: frame.attributes }
    case 'logout':
      return { kind: 'Logout', connectionIds: frame.connectionIds, code: 0 }
    case 'registerDevice': {
      const { type: _, packId: __, ...registration } = frame
      return { kind: 'RegisterDevice', ...registration }
    }
    case 'unregisterDevice':
      return { kind: 'UnregisterDevice', serviceType: frame.serviceType, token: frame.token }
    case 'reportPushOpened':
      return { kind: 'ReportPushOpened', pushId: frame.pushId }
    default:
      return unreachable(frame)
  }
}

function wholeInfo({ name, avatar = '', notice = '', attributes }: Partial<GroupInfo> & { name: string }): GroupInfo {
  return attributes === undefined ? { name, avatar, notice } : { name, avatar, notice, attributes }
}
