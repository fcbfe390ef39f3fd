import { expect, test } from 'vitest'
import { SUM_MODULUS } from '../infra/redis/key-sums.ts'
import type { UserId } from '../schemas/ids.ts'
import { Suspects } from './suspects.ts'
import { ViewSums } from './view-sums.ts'

test('[VF9] a tag differs unless each view holds what it should, in whatever order both are added up', () => {
  const sums = new ViewSums()
  sums.expect('history', sums.placeOf('s:a:b'), 5)
  sums.find('history', { tag: 's:a:c', sum: 7 })
  sums.find('history', { tag: 's:a:b', sum: 3 })
  sums.find('history', { tag: 's:a:b', sum: 2 })
  sums.expect('membership', sums.placeOf('g:1'), 9)
  sums.find('history', { tag: 'g:1', sum: 9 })
  expect([...sums.differing()]).toEqual(['s:a:c', 'g:1'])
  sums.expect('history', sums.placeOf('s:a:c'), 7)
  sums.expect('history', sums.placeOf('g:1'), 9)
  sums.find('membership', { tag: 'g:1', sum: 9 })
  expect([...sums.differing()]).toEqual([])
})

test('[VF9] sums go round at 2^48', () => {
  const sums = new ViewSums()
  for (let times = 0; times < 3; times++) sums.expect('history', sums.placeOf('u:a'), SUM_MODULUS - 1)
  sums.find('history', { tag: 'u:a', sum: SUM_MODULUS - 3 })
  expect([...sums.differing()]).toEqual([])
})

test('[VF9] what one view holds can be forgotten and told anew', () => {
  const sums = new ViewSums()
  sums.expect('history', sums.placeOf('u:a'), 1)
  for (const view of ['history', 'membership'] as const) sums.find(view, { tag: 'u:a', sum: 1 })
  sums.expect('membership', sums.placeOf('u:a'), 1)
  sums.forgetFound('history')
  expect([...sums.differing()]).toEqual(['u:a'])
  sums.find('history', { tag: 'u:a', sum: 1 })
  expect([...sums.differing()]).toEqual([])
})

test('sessions have their partition, users are counted once, however many there are', () => {
  const sums = new ViewSums()
  for (let round = 0; round < 2; round++) {
    for (let number = 0; number < 3_000; number++) {
      sums.noteUser(sums.placeOf(`u:${number}`))
      sums.noteSession(sums.placeOf(`s:${number}`), number % 7)
      sums.expect('history', sums.placeOf(`s:${number}`), number)
    }
  }
  sums.find('history', { tag: 's:foreign', sum: 1 })
  expect(sums.users).toBe(3_000)
  expect(sums.partitionOf('s:2999')).toBe(2_999 % 7)
  for (const tag of ['s:foreign', 'u:1', 's:none']) expect(sums.partitionOf(tag), tag).toBeUndefined()
  expect([...sums.differing()]).toHaveLength(3_000)
})

test('[VF9] suspects concern themselves, the sessions of a user and any group', () => {
  const sessions = new Suspects(['s:a:b', 'g:1'])
  expect(['s:a:b', 'g:1', 's:a:c', 'g:2', 'u:a'].filter(id => sessions.concerns(id))).toEqual(['s:a:b', 'g:1'])
  const users = new Suspects(['u:a'])
  expect([...users.users]).toEqual(['a' as UserId])
  const concerned = ['s:a:b', 's:b:a', 's:b:c', 'b:app:a', 'b:app:b', 'u:a', 'u:b', 'g:2'].filter(id =>
    users.concerns(id),
  )
  expect(concerned).toEqual(['s:a:b', 's:b:a', 'b:app:a', 'u:a', 'g:2'])
})
