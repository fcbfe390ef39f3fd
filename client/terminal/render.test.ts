import { expect, test } from 'vitest'
import type { EventBody } from '../../schemas/event.ts'
import type { EventFrame } from '../../schemas/frames.ts'
import type { PackId, SessionId, UserId } from '../../schemas/ids.ts'
import { clockTime, elsewhereLine, eventLine, visible } from './render.ts'

const plain = { colour: false, me: 'alice' as UserId }
const at = new Date(2026, 0, 2, 3, 4, 5).getTime()

function event(body: EventBody, from = 'bob'): EventFrame {
  return {
    type: 'event',
    sessionId: 's:alice:bob' as SessionId,
    seq: 7,
    count: 3,
    at,
    packId: 'p' as PackId,
    from: from as UserId,
    flags: 4,
    body,
  }
}

const text = (words: string): EventBody => ({ kind: 'MessageAccepted', content: { kind: 'Text', text: words } })
const users = (...names: string[]) => names as UserId[]

test('[CL12] a line shows time, seq, sender and text', () => {
  expect(eventLine(event(text('你好')), plain)).toBe('03:04:05 #7 bob: 你好')
  expect(elsewhereLine(event(text('psst')), 2, plain)).toBe('03:04:05 (bob, 2 unread) bob: psst')
  expect(clockTime(at)).toBe('03:04:05')
})

test('[CL12] what happens in a group reads as a sentence', () => {
  const sentences: [EventBody, string][] = [
    [
      { kind: 'GroupCreated', info: { name: 'T', avatar: '', notice: '' }, members: users('bob', 'carol') },
      'bob created the group "T" with carol',
    ],
    [{ kind: 'MemberJoined' }, 'bob joined'],
    [{ kind: 'MemberQuit' }, 'bob left'],
    [{ kind: 'MembersAdded', userIds: users('carol', 'dan') }, 'bob added carol, dan'],
    [{ kind: 'MembersRemoved', userIds: users('carol') }, 'bob removed carol'],
    [{ kind: 'GroupDismissed' }, 'bob ended the group'],
  ]
  for (const [body, sentence] of sentences) expect(eventLine(event(body), plain)).toBe(`03:04:05 #7 * ${sentence}`)
  expect(eventLine(event({ kind: 'MemberJoined' }, 'alice'), plain)).toContain('you joined')
})

test('[CL20] what is done to a message reads as a sentence, and a page says what became of it', () => {
  const target = { seq: 3, packId: 'p' as PackId, from: 'alice' as UserId, at, counted: true }
  const sentences: [EventBody, string][] = [
    [{ kind: 'MessageRevoked', target }, 'bob took back #3'],
    [{ kind: 'MessageDeleted', target }, 'bob deleted #3'],
    [{ kind: 'MessageOverridden', target, content: { kind: 'Text', text: 'new' }, version: 1 }, 'bob changed #3: new'],
    [{ kind: 'ReactionAdded', target, emoji: '👍' }, 'bob reacted to #3: 👍'],
    [{ kind: 'ReactionRemoved', target, emoji: '👍' }, 'bob took back 👍 from #3'],
  ]
  for (const [body, sentence] of sentences) expect(eventLine(event(body), plain)).toBe(`03:04:05 #7 * ${sentence}`)
  const state = { change: 'edited', by: 'bob' as UserId, at, seq: 9, version: 1 } as const
  const reactions = [
    { emoji: '👍', count: 2, userIds: users('alice', 'bob') },
    { emoji: '🎉', count: 1, userIds: users('bob') },
  ]
  expect(eventLine({ ...event(text('hi')), state, reactions }, plain)).toBe('03:04:05 #7 bob: hi (edited) 👍 2 🎉')
  const quoted: EventBody = {
    kind: 'MessageAccepted',
    content: { kind: 'Text', text: 'yes' },
    extra: { quote: target },
  }
  expect(eventLine(event(quoted), plain)).toBe('03:04:05 #7 bob: (to #3) yes')
})

test('[CL12] text of others cannot speak to the terminal', () => {
  expect(visible('a\u001b[2Jb\u0007c\u009bd')).toBe('a·[2Jb·c·d')
  expect(visible('one\r\ntwo\rthree')).toBe('one\n    two\n    three')
  expect(visible('\u202eevil')).toBe('·evil')
  const custom: EventBody = {
    kind: 'MessageAccepted',
    content: { kind: 'Custom', type: 'x\u001b', data: '\u001b]0;t' },
  }
  expect(eventLine(event(custom), plain)).not.toContain('\u001b')
})

test('[CL12] without colour no escape sequence is written, with colour names keep theirs', () => {
  expect(eventLine(event(text('hi')), plain)).not.toContain('\u001b')
  const coloured = eventLine(event(text('hi')), { ...plain, colour: true })
  expect(coloured).toContain('\u001b[')
  expect(eventLine(event(text('hi')), { ...plain, colour: true })).toBe(coloured)
})
