import { expect, test } from 'vitest'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import { WHEEL_SLOTS } from '../limits.ts'
import { Wheel } from './wheel.ts'

test('[GW9] every member has its turn once per period, spread over it, as long as it is there', async () => {
  const clock = new VirtualClock()
  const turns = new Map<number, number[]>()
  const periodMs = WHEEL_SLOTS * 100
  const start = clock.now()
  const wheel = new Wheel<number>({
    clock,
    periodMs,
    onTurn: member => turns.set(member, [...(turns.get(member) ?? []), clock.now() - start]),
  })
  wheel.start()
  for (let member = 0; member < 100; member++) wheel.add(member)
  wheel.remove(7)
  await clock.pass(3 * periodMs)
  expect(turns.has(7)).toBe(false)
  expect(turns.size).toBe(99)
  for (const times of turns.values()) {
    expect(times.length).toBe(3)
    expect(times[0]).toBeGreaterThan(periodMs / 2 - 100)
    expect(times[1]! - times[0]!).toBe(periodMs)
  }
  expect(new Set([...turns.values()].map(([first]) => first)).size).toBeGreaterThan(5)
  wheel.stop()
  await clock.pass(periodMs)
  expect(turns.get(1)).toHaveLength(3)
})
