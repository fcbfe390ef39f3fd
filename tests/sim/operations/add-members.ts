import { packOperation, someOf } from './operation.ts'

export const addMembers = packOperation({
  frame: 'addMembers',
  weight: 4,
  request: device => {
    const userIds = [device.otherUser()]
    if (device.random.chance(0.3)) userIds.push(device.user)
    return { type: 'addMembers', sessionId: device.anyGroup(), userIds }
  },
  event: 'MembersAdded',
  // Those who were in already are left out.
  isAs: (frame, { body }) => someOf(frame.userIds, body.userIds),
  members: ({ body }) => ({ joins: body.userIds }),
})
