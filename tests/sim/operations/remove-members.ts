import { packOperation, someOf } from './operation.ts'

export const removeMembers = packOperation({
  frame: 'removeMembers',
  weight: 3,
  request: device => ({ type: 'removeMembers', sessionId: device.anyGroup(), userIds: [device.otherUser()] }),
  event: 'MembersRemoved',
  // Those who were not in are left out.
  isAs: (frame, { body }) => someOf(frame.userIds, body.userIds),
  members: ({ body }) => ({ leaves: body.userIds }),
})
