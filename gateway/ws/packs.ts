import { unreachable } from '../../infra/assert.ts'
import { type ClientWords, packDigest } from '../../schemas/digest.ts'
import type { PackFrame } from '../../schemas/frames.ts'
import { groupSessionId, type SessionId } from '../../schemas/ids.ts'
import type { GroupInfo, Pack, PackBody } from '../../schemas/pack.ts'
import type { Identity } from './client-connection.ts'
import { defaultGroupId } from './client-frames.ts'

/** The pack that a frame asks for: the client's words, and what the gateway knows about the client (DESIGN 2). */
export function packOf(frame: PackFrame, { userId, device }: Identity, gateway: string): Pack {
  const words: ClientWords = {
    sessionId: sessionOfFrame(frame),
    from: userId,
    flags: frame.type === 'send' ? (frame.flags ?? 0) : 0,
    pushInfo: frame.type === 'send' ? (frame.pushInfo ?? null) : null,
    body: bodyOf(frame),
  }
  return {
    ...words,
    packId: frame.packId,
    actor: { kind: 'USER', id: userId },
    device,
    gateway,
    digest: packDigest(words),
  }
}

/** The session that a pack is for. */
export function sessionOfFrame(frame: PackFrame): SessionId {
  if (frame.type !== 'createGroup') return frame.sessionId
  return frame.groupId === undefined
    ? groupSessionId(defaultGroupId(frame.packId))
    : (`g:${frame.groupId}` as SessionId)
}

function bodyOf(frame: PackFrame): PackBody {
  switch (frame.type) {
    case 'send':
      return { kind: 'SendMessage', content: frame.content }
    case 'createGroup':
      return { kind: 'CreateGroup', info: wholeInfo(frame.info), members: frame.members }
    case 'joinGroup':
      return { kind: 'JoinGroup' }
    case 'quitGroup':
      return { kind: 'QuitGroup' }
    case 'dismissGroup':
      return { kind: 'DismissGroup' }
    case 'addMembers':
      return { kind: 'AddMembers', userIds: frame.userIds }
    case 'removeMembers':
      return { kind: 'RemoveMembers', userIds: frame.userIds }
    default:
      return unreachable(frame)
  }
}

function wholeInfo({ name, avatar = '', notice = '' }: Partial<GroupInfo> & { name: string }): GroupInfo {
  return { name, avatar, notice }
}
