import { expect, test } from 'vitest'
import { systemRandom } from './clock.ts'

test('random bytes are as many as asked for, of any number, and none is given twice', () => {
  const sizes = [0, 1, 9, 32, 4_095, 4_096, 4_097, 10_000]
  expect(sizes.map(size => systemRandom.bytes(size).length)).toEqual(sizes)
  const drawn = Array.from({ length: 2_000 }, () => systemRandom.bytes(10).toString('hex'))
  expect(new Set(drawn).size).toBe(drawn.length)
})

test('random bytes belong to whoever has drawn them', () => {
  const [first, second] = [systemRandom.bytes(16), systemRandom.bytes(16)]
  const before = second.toString('hex')
  first.fill(0)
  expect(second.toString('hex')).toBe(before)
})
