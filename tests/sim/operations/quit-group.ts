import { packOperation } from './operation.ts'

export const quitGroup = packOperation({
  frame: 'quitGroup',
  weight: 2,
  request: device => ({ type: 'quitGroup', sessionId: device.anyGroup() }),
  event: 'MemberQuit',
  // An owner who quits as the last member dismisses the group.
  orElse: ['GroupDismissed'],
  isAs: () => true,
  members: ({ from }) => ({ leaves: [from] }),
})
