import { expect, test } from 'vitest'
import { Generations } from './generations.ts'

test('what is used stays, what is not is dropped with its generation', () => {
  const kept = new Generations<string, number>(2)
  kept.set('a', 1)
  kept.set('b', 2)
  kept.set('c', 3)
  expect(kept.get('a')).toBe(1)
  kept.set('d', 4)
  kept.set('e', 5)
  expect(['b', 'd', 'e', 'a'].map(key => kept.get(key))).toEqual([undefined, 4, 5, 1])
})

test('a value is replaced in whichever generation it is', () => {
  const kept = new Generations<string, number>(1)
  kept.set('a', 1)
  kept.set('b', 2)
  kept.set('a', 3)
  expect(kept.get('a')).toBe(3)
  expect(kept.get('b')).toBe(2)
})
