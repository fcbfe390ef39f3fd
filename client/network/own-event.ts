import type { EventBody } from '../../schemas/event.ts'
import type { EventFrame, PackFrame, ServerFrame } from '../../schemas/frames.ts'
import type { Seq, UserId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import { GROUP_SETTINGS_DEFAULT, type GroupInfo } from '../../schemas/settings.ts'

/** What a group that is made is called where its maker does not say; in the order of the log's. */
const GROUP_INFO_EMPTY: GroupInfo = { name: '', avatar: '', notice: '' }

/**
 * The event that an own, accepted pack became. A gateway answers these packs with `ack` and does not send their events
 * to the same connection: what they say is known here. Of the others it is not, and the event comes before the ack:
 * undefined.
 * @NOTE addMembers and removeMembers are shown as asked: users who were members already (or were not) are not left
 * out, as they are in the event itself, which history and other devices show.
 */
export function ownEvent(
  frame: PackFrame,
  ack: Extract<ServerFrame, { type: 'ack' }>,
  me: UserId,
): EventFrame | undefined {
  const { sessionId, seq, count, at, packId } = ack
  const flags = frame.type === 'send' ? (frame.flags ?? 0) & ~Flag.DUP : 0
  const body = acceptedBody(frame, seq)
  return body && { type: 'event', sessionId, seq, count, at, packId, from: me, flags, body }
}

function acceptedBody(frame: PackFrame, seq: Seq): EventBody | undefined {
  switch (frame.type) {
    case 'send':
      // What the server found of what it names stands in the event.
      return frame.extra === undefined ? { kind: 'MessageAccepted', content: frame.content } : undefined
    case 'createGroup':
      return {
        kind: 'GroupCreated',
        info: { ...GROUP_INFO_EMPTY, ...frame.info },
        members: frame.members,
        ...(frame.settings && { settings: { ...GROUP_SETTINGS_DEFAULT, ...frame.settings } }),
      }
    case 'joinGroup':
      // Without a seq it is a request that waits, and its event says so.
      if (seq === 0) return undefined
      return frame.invite === undefined
        ? { kind: 'MemberJoined' }
        : { kind: 'MemberJoined', inviteId: frame.invite.inviteId }
    case 'quitGroup':
      return { kind: 'MemberQuit' }
    case 'dismissGroup':
      return { kind: 'GroupDismissed' }
    case 'answerJoin':
      // A refusal takes no seq, and its event comes.
      return frame.approved ? { kind: 'MembersAdded', userIds: [frame.userId] } : undefined
    case 'addMembers':
      return { kind: 'MembersAdded', userIds: frame.userIds }
    case 'removeMembers':
      return { kind: 'MembersRemoved', userIds: frame.userIds }
    default:
      return undefined
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
