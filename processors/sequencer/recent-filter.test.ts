import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SeededRandom } from '../../infra/seeded-random.ts'
import { makePackId, type SessionId, type UserId } from '../../schemas/ids.ts'
import { RecentFilter } from './recent-filter.ts'
import { recentKey } from './session.ts'

const TIME = 1_700_000_000_000
const ROWS_MAX = 1_000

function keyAt(time: number, random: SeededRandom): string {
  const bytes = Buffer.from(Array.from({ length: 10 }, () => random.between(0, 255)))
  return recentKey('s:a:b' as SessionId, 'a' as UserId, makePackId(time, bytes))
}

test('[SQ8] a row that was added is never denied, however many came after it and in whatever order of time', () => {
  const random = new SeededRandom(7)
  const filter = new RecentFilter(undefined, ROWS_MAX)
  const added: string[] = []
  for (let row = 0; row < 5 * ROWS_MAX; row++) {
    const key = keyAt(TIME + random.between(-600_000, 600_000), random)
    filter.add(key)
    added.push(key)
  }
  expect(added.filter(key => !filter.mayHold(key))).toEqual([])
})

test('[SQ8] any key up to the newest of the store may be there', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 1 }), fc.integer(), (times, seed) => {
      const random = new SeededRandom(seed)
      const stored = times.map(time => keyAt(TIME + time, random)).sort()
      const filter = new RecentFilter(stored.at(-1))
      expect(stored.every(key => filter.mayHold(key))).toBe(true)
    }),
  )
})

test('nearly every new pack is known to be new, also when both generations are full', () => {
  const random = new SeededRandom(3)
  const filter = new RecentFilter(keyAt(TIME - 1, random), ROWS_MAX)
  for (let row = 0; row < 3 * ROWS_MAX; row++) filter.add(keyAt(TIME + row, random))
  const fresh = Array.from({ length: 2_000 }, (_, n) => keyAt(TIME + 4 * ROWS_MAX + n, random))
  expect(fresh.filter(key => filter.mayHold(key)).length).toBeLessThan(600)
})

test('what is not spelled as a packId is found again as well', () => {
  const filter = new RecentFilter(undefined)
  for (const key of ['', 'x', 'short#a', '\u{1f600}'.repeat(40)]) {
    filter.add(key)
    expect(filter.mayHold(key)).toBe(true)
  }
})
