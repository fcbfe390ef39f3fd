import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Schedule } from './pacing.ts'

test('[BN2] a message is due at its own time, whatever became of those before it', () => {
  const schedule = new Schedule(2_000, 10_000)
  expect([0, 1, 2, 3, 9_999].map(index => schedule.dueAt(index))).toEqual([0, 0, 1, 1, 4_999])
  expect([0, 0.9, 1, 250, 4_999, 60_000].map(elapsed => schedule.dueCount(elapsed))).toEqual([
    2, 2, 4, 502, 10_000, 10_000,
  ])
  expect(schedule.dueCount(-1)).toBe(0)
})

test('[BN2] a message is sent exactly when it is due', () => {
  const rates = fc.integer({ min: 1, max: 50_000 })
  fc.assert(
    fc.property(rates, fc.integer({ min: 0, max: 100_000 }), (rate, index) => {
      const schedule = new Schedule(rate, index + 1)
      const due = schedule.dueAt(index)
      expect(schedule.dueCount(due)).toBeGreaterThan(index)
      if (due > 0) expect(schedule.dueCount(due - 1)).toBeLessThanOrEqual(index)
    }),
  )
})
