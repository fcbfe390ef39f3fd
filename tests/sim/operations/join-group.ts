import { packOperation } from './operation.ts'

export const joinGroup = packOperation({
  frame: 'joinGroup',
  weight: 4,
  request: device => ({ type: 'joinGroup', sessionId: device.anyGroup() }),
  event: 'MemberJoined',
  isAs: () => true,
  members: ({ from }) => ({ joins: [from] }),
})
