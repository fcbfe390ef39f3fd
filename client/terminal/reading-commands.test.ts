import { expect, test } from 'vitest'
import type { EventFrame } from '../../schemas/frames.ts'
import type { PackId, SessionId, UserId } from '../../schemas/ids.ts'
import { parseCommand } from './commands.ts'
import { ShownMessages } from './message-commands.ts'
import { type ReadingCommand, readingRequest } from './reading-commands.ts'
import { asideLine, readersLine, sessionLine } from './render.ts'

const chat = 's:alice:bob' as SessionId
const [alice, bob] = ['alice', 'bob'] as [UserId, UserId]
const style = { colour: false, me: alice }

function ask(line: string, lastSeq = 7) {
  const shown = new ShownMessages()
  const body = { kind: 'MessageAccepted', content: { kind: 'Text', text: 'x' } }
  shown.note({ seq: 3, packId: 'p3' as PackId, from: bob, body } as EventFrame)
  return readingRequest(chat, parseCommand(line, alice) as ReadingCommand, { lastSeq, shown })?.request
}

test('[CL11] what a reader does is a command with or without a seq, or it is said why not', () => {
  expect(ask('/read')).toEqual({ type: 'markRead', sessionId: chat, seq: 7 })
  expect(ask('/read #4')).toEqual({ type: 'markRead', sessionId: chat, seq: 4 })
  expect(ask('/clear')).toEqual({ type: 'clearSession', sessionId: chat, seq: 7 })
  expect(ask('/hide 3')).toMatchObject({ type: 'deleteForMe', targets: [{ seq: 3, packId: 'p3' }] })
  expect(ask('/readers #3')).toBeUndefined()
  expect(() => ask('/hide #4')).toThrow('#4 is no message that was shown here')
  expect(() => ask('/read', 0)).toThrow('there is nothing here yet')
  for (const line of ['/read x', '/read #0', '/readers', '/hide', '/clear #3']) {
    expect(parseCommand(line, alice).kind, line).toBe('Wrong')
  }
})

test('[CL12] marks of others are told in passing, everything else without a place is not', () => {
  const aside = (from: UserId, body: object, sessionId = chat) =>
    asideLine({ from, body, sessionId, seq: 0 } as EventFrame, style)
  expect(aside(bob, { kind: 'ReadMarked', seq: 5, count: 3 })).toBe('bob has read up to #5')
  const crew = 'g:crew' as SessionId
  expect(aside(bob, { kind: 'ReadMarked', seq: 5, count: 3 }, crew)).toBe('bob has read g:crew up to #5')
  expect(aside(alice, { kind: 'ReadMarked', seq: 5, count: 3 })).toBeUndefined()
  expect(aside(bob, { kind: 'DeliveredMarked', seq: 5 })).toBeUndefined()
  expect(aside(alice, { kind: 'SessionCleared' }, 'u:alice' as SessionId)).toBeUndefined()
  expect(aside(bob, { kind: 'FriendRequested' })).toBe('bob: bob asks to be friends (/friend bob)')
})

test('[CL12] a list says what means the reader and what is pinned, receipts by how many and whom', () => {
  const base = { sessionId: chat, lastSeq: 9, count: 9, readSeq: 6, at: 0, unread: 3 }
  const attributes = { pinned: true, notify: 'all', hidden: false } as const
  expect(sessionLine({ ...base, mentions: 1, firstMentionSeq: 8, attributes }, style)).toMatch(
    /^ {2}bob \(#9, [\d:]+\) pinned 3 unread, 1 for you$/,
  )
  const receipts = { type: 'receipts', requestId: 1, sessionId: chat, seq: 9, memberCount: 2 } as const
  expect(readersLine({ ...receipts, readCount: 1, readers: [bob] })).toBe('#9 was read by 1 of 2: bob')
  expect(readersLine({ ...receipts, readCount: 0, readers: [] })).toBe('#9 was read by 0 of 2')
})
