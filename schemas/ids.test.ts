import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  groupSessionId,
  isPackId,
  isUserId,
  makePackId,
  packIdTime,
  parseSessionId,
  singleSessionId,
  type UserId,
} from './ids.ts'

const id = fc.stringMatching(/^[A-Za-z0-9._@-]{1,64}$/)

test('[ID1] ids have no colon, no brace, no blank and 64 characters at most', () => {
  for (const good of ['a', 'A.b_c@d-9', 'x'.repeat(64)]) expect(isUserId(good)).toBe(true)
  for (const bad of ['', 'a:b', 'a{b}', 'a b', 'é', 'x'.repeat(65), 'a\n']) expect(isUserId(bad)).toBe(false)
})

test('[ID2] a session id has one spelling', () => {
  expect(parseSessionId('s:alice:bob')).toEqual({ kind: 'Single', a: 'alice', b: 'bob' })
  expect(parseSessionId('g:team')).toEqual({ kind: 'Group', groupId: 'team' })
  expect(parseSessionId('b:shop:bob')).toEqual({ kind: 'Notify', app: 'shop', user: 'bob' })
  expect(parseSessionId('u:bob')).toEqual({ kind: 'User', user: 'bob' })
  expect(parseSessionId('a:shop')).toEqual({ kind: 'App', app: 'shop' })
  for (const bad of [
    '',
    's:bob:alice',
    's:bob:bob',
    's:a',
    's:a:b:c',
    'g:',
    'g:a:b',
    'x:a',
    'S:a:b',
    'g:a ',
    '#rules',
  ]) {
    expect(parseSessionId(bad), bad).toBeUndefined()
  }
})

test('[ID3] the single chat of two users is the same from both sides', () => {
  fc.assert(
    fc.property(id, id, (one, other) => {
      fc.pre(one !== other)
      const sessionId = singleSessionId(one as UserId, other as UserId)
      expect(sessionId).toBe(singleSessionId(other as UserId, one as UserId))
      expect(parseSessionId(sessionId)?.kind).toBe('Single')
      const [, a = '', b = ''] = sessionId.split(':')
      expect(Buffer.compare(Buffer.from(a), Buffer.from(b))).toBe(-1)
    }),
  )
  expect(groupSessionId('x' as never)).toBe('g:x')
})

test('[ID4] a packId is a UUIDv7 that keeps its time', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 47 }),
      fc.uint8Array({ minLength: 10, maxLength: 10 }),
      (time, random) => {
        const packId = makePackId(time, random)
        expect(isPackId(packId)).toBe(true)
        expect(packIdTime(packId)).toBe(time)
      },
    ),
  )
  expect(isPackId('0193A5C0-0000-7000-8000-000000000001')).toBe(false)
  expect(isPackId('0193a5c0-0000-4000-8000-000000000001')).toBe(false)
})
