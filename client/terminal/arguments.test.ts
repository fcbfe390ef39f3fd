import { expect, test } from 'vitest'
import type { UserId } from '../../schemas/ids.ts'
import { BadArguments, parseChatArguments } from './arguments.ts'
import { parseCommand } from './commands.ts'

const me = 'alice' as UserId

test('[CL11] the command line names the user and a conversation', () => {
  expect(parseChatArguments(['bob', 'alice'])).toMatchObject({ user: 'bob', sessionId: 's:alice:bob' })
  expect(parseChatArguments(['alice', 'g:team'])).toMatchObject({ user: 'alice', sessionId: 'g:team' })
  expect(parseChatArguments(['alice', 's:alice:bob'])).toMatchObject({ sessionId: 's:alice:bob' })
  expect(parseChatArguments(['alice'])).toMatchObject({ sessionId: undefined, createGroup: undefined })
  expect(parseChatArguments(['--help'])).toBeUndefined()
})

test('[CL11] the command line can create a group', () => {
  expect(parseChatArguments(['alice', '--create-group', 'team', '--members', 'bob,carol'])).toMatchObject({
    sessionId: 'g:team',
    createGroup: { groupId: 'team', name: 'team', members: ['bob', 'carol'] },
  })
})

test('[CL11] a command line that cannot be understood says why', () => {
  const wrong: [string[], RegExp][] = [
    [[], /who are you/],
    [['alice', 'alice'], /somebody else/],
    [['alice', 'bob', 'carol'], /one conversation at a time/],
    [['al ice', 'bob'], /"al ice" is not a user id/],
    [['alice', 's:bob:carol'], /neither a user, nor a group/],
    [['alice', 's:bob:alice'], /neither a user, nor a group/],
    [['alice', 'u:alice'], /neither a user, nor a group/],
    [['alice', 'bob', '--create-group', 'x'], /opens the new group/],
    [['alice', '--members', 'bob'], /--create-group/],
    [['alice', '--frob'], /frob/],
  ]
  for (const [args, message] of wrong) {
    expect(() => parseChatArguments(args), args.join(' ')).toThrow(BadArguments)
    expect(() => parseChatArguments(args), args.join(' ')).toThrow(message)
  }
})

test('[CL11] a typed line is a message or a command', () => {
  const cases: Record<string, object> = {
    'hello /there': { kind: 'Say', text: 'hello /there' },
    '//shrug': { kind: 'Say', text: '/shrug' },
    '   ': { kind: 'Nothing' },
    '/open bob': { kind: 'Open', sessionId: 's:alice:bob' },
    '/open g:team': { kind: 'Open', sessionId: 'g:team' },
    '/join team': { kind: 'Join', sessionId: 'g:team' },
    '/join g:team': { kind: 'Join', sessionId: 'g:team' },
    '/join': { kind: 'Join', sessionId: undefined },
    '/quit': { kind: 'Quit' },
    '/dismiss': { kind: 'Dismiss' },
    '/add bob, carol': { kind: 'Add', userIds: ['bob', 'carol'] },
    '/remove bob': { kind: 'Remove', userIds: ['bob'] },
    '/members': { kind: 'Members' },
    '/history': { kind: 'History', limit: 20 },
    '/history 5': { kind: 'History', limit: 5 },
    '/sessions': { kind: 'Sessions' },
    '/help': { kind: 'Help' },
    '/exit': { kind: 'Exit' },
  }
  for (const [line, command] of Object.entries(cases)) expect(parseCommand(line, me), line).toEqual(command)
  for (const line of ['/add', '/open', '/open a b:', '/history x', '/history 0', '/frob', '/open alice']) {
    expect(parseCommand(line, me).kind, line).toBe(line === '/open a b:' ? 'Open' : 'Wrong')
  }
})
