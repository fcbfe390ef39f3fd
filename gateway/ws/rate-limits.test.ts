import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Buckets } from './rate-limits.ts'

describe('token buckets', () => {
  test('[US9] so many at once, then so many per second', () => {
    const buckets = new Buckets<string>({ perSecond: 10, atOnce: 5 })
    const taken = (now: number) => Array.from({ length: 8 }, () => buckets.take('ann', now)).filter(Boolean).length
    expect(taken(0)).toBe(5)
    expect(taken(100)).toBe(1)
    expect(taken(10_000)).toBe(5)
  })

  test('[US9] one key at its limit leaves the others alone', () => {
    const buckets = new Buckets<string>({ perSecond: 1, atOnce: 1 })
    expect(buckets.take('ann', 0)).toBe(true)
    expect(buckets.take('ann', 0)).toBe(false)
    expect(buckets.take('bob', 0)).toBe(true)
  })

  test('[US9] what costs more than there is takes nothing', () => {
    const buckets = new Buckets<string>({ perSecond: 1, atOnce: 10 })
    expect(buckets.take('ann', 0, 8)).toBe(true)
    expect(buckets.take('ann', 0, 8)).toBe(false)
    expect(buckets.take('ann', 0, 2)).toBe(true)
  })

  test('[US9] only keys in use are remembered', () => {
    const buckets = new Buckets<number>({ perSecond: 10, atOnce: 10 })
    for (let key = 0; key < 1_000; key++) buckets.take(key, key)
    for (let now = 2_000; now < 8_000; now += 500) buckets.take(-1, now)
    expect(buckets.size).toBeLessThanOrEqual(2)
  })

  const moves = fc.array(fc.record({ wait: fc.nat({ max: 400 }), cost: fc.integer({ min: 1, max: 4 }) }))
  test('[US9] however the calls fall, no more comes through than a bucket that is never forgotten lets through', () => {
    fc.assert(
      fc.property(moves, steps => {
        const limit = { perSecond: 20, atOnce: 6 }
        const buckets = new Buckets<string>(limit)
        let [now, left] = [0, limit.atOnce]
        for (const { wait, cost } of steps) {
          now += wait
          left = Math.min(limit.atOnce, left + (wait / 1_000) * limit.perSecond)
          const isEnough = left >= cost
          // Sums of fractions may differ in the last digit.
          if (Math.abs(left - cost) > 1e-9) expect(buckets.take('ann', now, cost)).toBe(isEnough)
          else if (isEnough !== buckets.take('ann', now, cost)) return
          if (isEnough) left -= cost
        }
      }),
    )
  })
})
