import { expect, test } from 'vitest'
import { BadVerdict, parseVerdict, REASON_CHARS_MAX } from './verdict.ts'

const read = (answer: unknown, kind: 'SendMessage' | 'JoinGroup' = 'SendMessage') =>
  parseVerdict(typeof answer === 'string' ? answer : JSON.stringify(answer), kind)

test('[HK1] allow, refuse and rewrite are read', () => {
  expect(read('')).toEqual({ kind: 'Allow' })
  expect(read({ verdict: 'allow' })).toEqual({ kind: 'Allow' })
  expect(read({ verdict: 'refuse' })).toMatchObject({ kind: 'Refuse', code: 7 })
  expect(read({ verdict: 'refuse', code: 10, reason: 'no ads' })).toEqual({
    kind: 'Refuse',
    code: 10,
    reason: 'no ads',
  })
  expect(read({ verdict: 'refuse', code: 51, reason: 'x'.repeat(999) })).toMatchObject({
    reason: 'x'.repeat(REASON_CHARS_MAX),
  })
  const content = { kind: 'Text', text: 'better' }
  expect(read({ verdict: 'rewrite', content: { ...content, more: 1 } })).toEqual({ kind: 'Rewrite', content })
})

test.each([
  'no json',
  '[]',
  '1',
  'null',
  { verdict: 'maybe' },
  {},
  { verdict: 'refuse', code: 0 },
  { verdict: 'refuse', code: 108 },
  { verdict: 'refuse', code: 4_711 },
  { verdict: 'refuse', code: 103 },
  { verdict: 'rewrite' },
  { verdict: 'rewrite', content: { kind: 'Removed' } },
  { verdict: 'rewrite', content: { kind: 'Text' } },
])('[HK1] %j is no verdict', answer => {
  expect(() => read(answer)).toThrow(BadVerdict)
})

test('[HK1] only messages can be rewritten', () => {
  expect(() => read({ verdict: 'rewrite', content: { kind: 'Text', text: 'x' } }, 'JoinGroup')).toThrow(BadVerdict)
})
