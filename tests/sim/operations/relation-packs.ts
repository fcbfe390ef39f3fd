import { packOperation } from './operation.ts'

/** What two users are to each other. */

export const requestFriend = packOperation({
  frame: 'requestFriend',
  weight: 3,
  request: device => ({ type: 'requestFriend', userId: device.otherUser(), message: `from ${device.name}` }),
  event: 'FriendRequested',
  // Requests that cross make friends.
  orElse: ['FriendAccepted'],
  isAs: (frame, { body }) => frame.message === body.message,
})

export const acceptFriend = packOperation({
  frame: 'acceptFriend',
  weight: 2,
  request: device => ({ type: 'acceptFriend', userId: device.otherUser() }),
  event: 'FriendAccepted',
  isAs: () => true,
})

export const refuseFriend = packOperation({
  frame: 'refuseFriend',
  weight: 1,
  request: device => ({ type: 'refuseFriend', userId: device.otherUser() }),
  event: 'FriendRefused',
  isAs: () => true,
})

export const deleteFriend = packOperation({
  frame: 'deleteFriend',
  weight: 1,
  request: device => ({ type: 'deleteFriend', userId: device.otherUser() }),
  event: 'FriendDeleted',
  isAs: () => true,
})

export const remarkFriend = packOperation({
  frame: 'remarkFriend',
  weight: 1,
  request: device => ({
    type: 'remarkFriend',
    userId: device.otherUser(),
    remark: device.random.pick(['', 'the one', 'the other']),
  }),
  event: 'FriendRemarked',
  isAs: (frame, { body }) => frame.remark === body.remark,
})

export const blockUser = packOperation({
  frame: 'blockUser',
  weight: 1,
  request: device => ({ type: 'blockUser', userId: device.otherUser() }),
  event: 'UserBlocked',
  isAs: () => true,
})

export const unblockUser = packOperation({
  frame: 'unblockUser',
  weight: 2,
  request: device => ({ type: 'unblockUser', userId: device.otherUser() }),
  event: 'UserUnblocked',
  isAs: () => true,
})
