import { anySecret } from './group-packs.ts'
import { packOperation } from './operation.ts'

export const joinGroup = packOperation({
  frame: 'joinGroup',
  weight: 6,
  request: device => {
    const invite = device.random.chance(0.4) ? device.anyInvite() : undefined
    if (invite === undefined) return { type: 'joinGroup', sessionId: device.anyGroup() }
    const { sessionId, inviteId } = invite
    return { type: 'joinGroup', sessionId, invite: { inviteId, secret: anySecret(device) } }
  },
  event: 'MemberJoined',
  // Where the group wants to approve.
  orElse: ['JoinRequested'],
  isAs: (frame, { body }) => frame.invite?.inviteId === body.inviteId,
  members: ({ from }) => ({ joins: [from] }),
})
