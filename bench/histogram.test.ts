import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Histogram } from './histogram.ts'

test('[BN1] percentiles are at most 1 % above the true value and never below it, the maximum is exact', () => {
  const latency = fc.double({ min: 0, max: 3_600_000, noNaN: true })
  fc.assert(
    fc.property(
      fc.array(latency, { minLength: 1, maxLength: 300 }),
      fc.constantFrom(0.01, 0.5, 0.9, 0.99, 1),
      (values, share) => {
        const histogram = new Histogram()
        for (const value of values) histogram.record(value)
        const sorted = values.toSorted((one, other) => one - other)
        const exact = sorted[Math.max(1, Math.ceil(share * values.length)) - 1]!
        const measured = histogram.percentile(share)
        expect(measured).toBeGreaterThanOrEqual(exact - 1e-9)
        expect(measured).toBeLessThanOrEqual(exact * 1.01 + 0.001)
        expect(histogram.percentile(1)).toBe(sorted.at(-1))
      },
    ),
  )
})

test('[BN1] known values', () => {
  const histogram = new Histogram()
  expect(histogram.summary()).toEqual({ p50: 0, p99: 0, max: 0 })
  for (let ms = 1; ms <= 100; ms++) histogram.record(ms)
  const { p50, p99, max } = histogram.summary()
  expect(histogram.count).toBe(100)
  expect(p50).toBeGreaterThanOrEqual(50)
  expect(p50).toBeLessThan(50.8)
  expect(p99).toBeGreaterThanOrEqual(99)
  expect(p99).toBeLessThanOrEqual(100)
  expect(max).toBe(100)
})

test('[BN1] a negative latency counts as zero, one of hours stays in range', () => {
  const histogram = new Histogram()
  histogram.record(-3)
  expect(histogram.percentile(1)).toBeLessThanOrEqual(0.001)
  histogram.record(10 * 3_600_000)
  expect(histogram.summary().max).toBe(36_000_000)
  expect(histogram.count).toBe(2)
})
