import { anySettings } from './group-packs.ts'
import { packOperation, sameIds } from './operation.ts'

export const createGroup = packOperation({
  frame: 'createGroup',
  weight: 3,
  request: device => {
    const members = device.world.users.filter(user => user !== device.user && device.random.chance(0.4))
    const groupId = device.anyGroup().slice('g:'.length)
    const request = { type: 'createGroup', groupId, info: { name: `of ${device.name}` }, members } as const
    return device.random.chance(0.3) ? { ...request, settings: anySettings(device) } : request
  },
  event: 'GroupCreated',
  isAs: (frame, { body }) =>
    body.info.name === frame.info.name &&
    sameIds(frame.members, body.members) &&
    Object.entries(frame.settings ?? {}).every(([name, value]) => (body.settings as never)?.[name] === value),
  members: ({ from, body }) => ({ joins: [from, ...body.members] }),
})
