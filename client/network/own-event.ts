import type { EventBody } from '../../schemas/event.ts'
import type { EventFrame, PackFrame, ServerFrame } from '../../schemas/frames.ts'
import type { UserId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'

/**
 * The event that an own, accepted pack became. A gateway answers a pack with `ack` and does not send its event to
 * the same connection: what it says is known here.
 * @NOTE addMembers and removeMembers are shown as asked: users who were members already (or were not) are not left
 * out, as they are in the event itself, which history and other devices show.
 */
export function ownEvent(frame: PackFrame, ack: Extract<ServerFrame, { type: 'ack' }>, me: UserId): EventFrame {
  const { sessionId, seq, count, at, packId } = ack
  const flags = frame.type === 'send' ? (frame.flags ?? 0) & ~Flag.DUP : 0
  return { type: 'event', sessionId, seq, count, at, packId, from: me, flags, body: acceptedBody(frame) }
}

function acceptedBody(frame: PackFrame): EventBody {
  switch (frame.type) {
    case 'send':
      return { kind: 'MessageAccepted', content: frame.content }
    case 'createGroup':
      return { kind: 'GroupCreated', info: { avatar: '', notice: '', ...frame.info }, members: frame.members }
    case 'joinGroup':
      return { kind: 'MemberJoined' }
    case 'quitGroup':
      return { kind: 'MemberQuit' }
    case 'dismissGroup':
      return { kind: 'GroupDismissed' }
    case 'addMembers':
      return { kind: 'MembersAdded', userIds: frame.userIds }
    case 'removeMembers':
      return { kind: 'MembersRemoved', userIds: frame.userIds }
  }
}

/** True when the user is out of the session after this event. */
export function takesOut(body: EventBody, from: UserId, user: UserId): boolean {
  switch (body.kind) {
    case 'MemberQuit':
      return from === user
    case 'MembersRemoved':
      return body.userIds.includes(user)
    case 'GroupDismissed':
      return true
    default:
      return false
  }
}
