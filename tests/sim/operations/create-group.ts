import { packOperation, sameIds } from './operation.ts'

export const createGroup = packOperation({
  frame: 'createGroup',
  weight: 3,
  request: device => {
    const members = device.world.users.filter(user => user !== device.user && device.random.chance(0.4))
    const groupId = device.anyGroup().slice('g:'.length)
    return { type: 'createGroup', groupId, info: { name: `of ${device.name}` }, members }
  },
  event: 'GroupCreated',
  isAs: (frame, { body }) => body.info.name === frame.info.name && sameIds(frame.members, body.members),
  members: ({ from, body }) => ({ joins: [from, ...body.members] }),
})
