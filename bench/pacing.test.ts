import fc from 'fast-check'
import { expect, test } from 'vitest'
import { systemClock } from '../infra/clock.ts'
import { Pacing, Schedule } from './pacing.ts'

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

test('[BN2] between two ticks whoever is awake sends what has become due, each message once', async () => {
  let now = 100
  let tick = () => {}
  const schedule = (_ms: number, task: () => void) => {
    tick = task
    return () => {}
  }
  const sent: number[] = []
  const clock = { ...systemClock, monotonic: () => now, schedule }
  const pacing = new Pacing(new Schedule(1_000, 3), clock, dueAt => sent.push(dueAt))
  pacing.catchUp()
  expect(sent).toEqual([])
  const done = pacing.run()
  now = 101.2
  pacing.catchUp()
  pacing.catchUp()
  expect(sent).toEqual([100, 101])
  now = 102.5
  tick()
  expect(sent).toEqual([100, 101, 102])
  expect(await done).toBe(2.5)
})
