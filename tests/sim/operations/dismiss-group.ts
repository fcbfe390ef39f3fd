import { packOperation } from './operation.ts'

export const dismissGroup = packOperation({
  frame: 'dismissGroup',
  // A dismissed group is gone for good: there are few of them.
  weight: 0.1,
  request: device => ({ type: 'dismissGroup', sessionId: device.anyGroup() }),
  event: 'GroupDismissed',
  isAs: () => true,
  members: () => ({ leaves: 'everybody' }),
})
