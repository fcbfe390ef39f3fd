import { expect, test } from 'vitest'
import type { EventFrame } from '../../schemas/frames.ts'
import type { PackId, SessionId, UserId } from '../../schemas/ids.ts'
import { parseCommand } from './commands.ts'
import { foundLine } from './search-command.ts'

const parse = (line: string) => parseCommand(line, 'ann' as UserId)

test('[CL11] /search takes words, phrases, somebody, a conversation and a kind', () => {
  expect(parse('/search fast  train')).toEqual({ kind: 'Search', filter: { words: 'fast train' } })
  expect(parse('/search from:bo in:bo "fast train" 高铁')).toEqual({
    kind: 'Search',
    filter: { from: 'bo', sessionId: 's:ann:bo', words: '"fast train" 高铁' },
  })
  expect(parse('/search in:g:crew kind:Image')).toEqual({
    kind: 'Search',
    filter: { sessionId: 'g:crew', contentKind: 'Image' },
  })
  for (const line of ['/search', '/search in:g:crew', '/search from:a:b x', '/search in:s:x:y z']) {
    expect(parse(line).kind, line).toBe('Wrong')
  }
})

test('[CL11] what was found is shown with where it stands', () => {
  const event: EventFrame = {
    type: 'event',
    sessionId: 's:ann:bo' as SessionId,
    seq: 7,
    count: 7,
    at: 0,
    packId: '01890a5d-ac96-774b-bcce-b302099a8057' as PackId,
    from: 'bo' as UserId,
    flags: 4,
    body: { kind: 'MessageAccepted', content: { kind: 'Text', text: 'the train' } },
  }
  const line = foundLine(event, { colour: false, me: 'ann' as UserId })
  expect(line).toContain('(bo)')
  expect(line).toContain('#7 bo: the train')
})
