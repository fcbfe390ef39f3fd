import { expect, test } from 'vitest'
import { ALL_KINDS, describeFault, makePlan } from './plan.ts'

const hour = { seed: 7, seconds: 3_600, everySeconds: 28, brokers: 1, kinds: ALL_KINDS } as const

test('[FT1] the same seed gives the same plan, another seed another one', () => {
  expect(makePlan(hour)).toEqual(makePlan(hour))
  expect(makePlan({ ...hour, seed: 8 })).not.toEqual(makePlan(hour))
})

test('[FT1] an hour has every kind of fault five times, one after the other', () => {
  for (const seed of [0, 1, 2, 3]) {
    const plan = makePlan({ ...hour, seed })
    for (const kind of ALL_KINDS) expect(plan.filter(fault => fault.kind === kind).length).toBeGreaterThanOrEqual(5)
    expect(plan.map(({ number }) => number)).toEqual(plan.map((_, index) => index + 1))
    for (const [index, { atMs }] of plan.entries()) {
      if (index > 0) expect(atMs - plan[index - 1]!.atMs).toBeGreaterThan(15_000)
    }
    expect(plan.at(-1)!.atMs).toBeLessThan(3_600_000)
  }
})

test('[FT1] a short run has a part of the first round; chosen kinds are the only ones', () => {
  const plan = makePlan({ ...hour, seconds: 70, everySeconds: 20, kinds: ['kill redis', 'empty redis'] })
  expect(plan).toHaveLength(3)
  expect(new Set(plan.map(({ kind }) => kind))).toEqual(new Set(['kill redis', 'empty redis']))
})

test('[FT1] one of three brokers stays away until the others must have gone on without it', () => {
  const plan = makePlan({ ...hour, brokers: 3 })
  const brokers = plan.filter(({ kind }) => kind.endsWith('broker'))
  expect(new Set(brokers.map(({ instance }) => instance))).toEqual(new Set([1, 2, 3]))
  for (const { holdMs } of brokers) expect(holdMs).toBeGreaterThanOrEqual(9_000)
  expect(
    makePlan(hour)
      .filter(({ kind }) => kind.endsWith('broker'))
      .every(({ instance }) => instance === 1),
  ).toBe(true)
})

test('a fault is described in one line', () => {
  const fault = { number: 3, atMs: 61_500, kind: 'kill broker', instance: 2, holdMs: 9_500 } as const
  expect(describeFault(fault, 3)).toBe('   3  at    61.5 s  kill broker 2, 9.5 s')
  expect(describeFault(fault, 1)).toBe('   3  at    61.5 s  kill broker, 9.5 s')
})
