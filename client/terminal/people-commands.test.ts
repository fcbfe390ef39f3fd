import { expect, test } from 'vitest'
import type { EventFrame } from '../../schemas/frames.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { parseCommand } from './commands.ts'
import { friendLine, presenceLine, profileLine } from './people-commands.ts'
import { asideLine } from './render.ts'

const [alice, bob] = ['alice', 'bob'] as [UserId, UserId]
const parse = (line: string) => parseCommand(line, alice)

test('[CL11] what one does about other people is a command, or it is said why not', () => {
  const packs: [string, object][] = [
    ['/friend bob', { type: 'requestFriend', userId: bob }],
    ['/friend bob we met at the wall', { type: 'requestFriend', userId: bob, message: 'we met at the wall' }],
    ['/decline bob', { type: 'refuseFriend', userId: bob }],
    ['/unfriend bob', { type: 'deleteFriend', userId: bob }],
    ['/remark bob Bo (wall)', { type: 'remarkFriend', userId: bob, remark: 'Bo (wall)' }],
    ['/remark bob', { type: 'remarkFriend', userId: bob, remark: '' }],
    ['/block bob', { type: 'blockUser', userId: bob }],
    ['/unblock bob', { type: 'unblockUser', userId: bob }],
    ['/name Alice A.', { type: 'updateProfile', profile: { name: 'Alice A.' } }],
  ]
  for (const [line, request] of packs) expect(parse(line), line).toMatchObject({ kind: 'AboutUser', request })
  const token = { serviceType: 9, token: 't1' }
  expect(parse('/phone https t1')).toMatchObject({ request: { type: 'registerDevice', ...token } })
  expect(parse('/nophone https t1')).toMatchObject({ request: { type: 'unregisterDevice', ...token } })
  for (const line of ['/phone', '/phone https', '/nophone letter t1']) expect(parse(line).kind, line).toBe('Wrong')
  expect(parse('/friends')).toEqual({ kind: 'Friends' })
  expect(parse('/profile')).toEqual({ kind: 'Profile', userId: alice })
  expect(parse('/profile bob')).toEqual({ kind: 'Profile', userId: bob })
  expect(parse('/find  An ')).toEqual({ kind: 'Find', name: 'An' })
  expect(parse('/status bob, carol')).toEqual({ kind: 'Status', userIds: ['bob', 'carol'] })
  for (const line of ['/friend', '/block', '/friend b:b', '/name', '/find', '/status', '/profile b b']) {
    expect(parse(line).kind, line).toBe('Wrong')
  }
})

test('[CL12] friends, profiles and presence are lines in which nobody else speaks to the terminal', () => {
  const at = 1_700_000_000_000
  const friend = { userId: bob, relation: 'asked', blocked: false, at, message: 'hi\u001b[2J' } as const
  expect(friendLine(friend)).toBe('  bob asks to be friends: hi·[2J')
  expect(friendLine({ ...friend, relation: 'none', blocked: true, remark: 'Bo' } as const)).toContain(
    'bob (Bo) blocked',
  )
  const profile = { name: 'Bo\u0007b', avatar: '', fields: [{ name: 'city', value: 'Turin' }] }
  expect(profileLine({ userId: bob, seq: 1, profile })).toBe('  bob: Bo·b, city: Turin')
  expect(presenceLine({ userId: bob, online: [1, 6] })).toBe('  bob is online (ios, web)')
  expect(presenceLine({ userId: bob, online: [] })).toBe('  bob is away')
  expect(presenceLine({ userId: bob, online: [], lastSeenAt: at })).toMatch(
    /^ {2}bob is away, last seen \d\d:\d\d:\d\d$/,
  )
})

test('[CL12] a request of somebody says how to answer it', () => {
  const event = { from: bob, sessionId: 's:alice:bob' as SessionId, seq: 0 }
  const line = (body: object) => asideLine({ ...event, body } as EventFrame, { colour: false, me: alice })
  expect(line({ kind: 'FriendRequested', message: 'hi' })).toBe('bob: bob asks to be friends: hi (/friend bob)')
  expect(line({ kind: 'FriendAccepted' })).toBe('bob: bob accepted: you are friends')
})
