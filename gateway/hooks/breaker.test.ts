import { expect, test } from 'vitest'
import { BREAKER_FAILURES_MAX, BREAKER_OPEN_MS, Breaker } from './breaker.ts'

test('[HK3] after failures in a row a hook is left alone, then asked once in a while until it answers', () => {
  const breaker = new Breaker()
  for (let count = 1; count < BREAKER_FAILURES_MAX; count++) breaker.failed(0)
  expect(breaker.mayCall(0)).toBe(true)
  breaker.failed(100)
  expect(breaker.isOpen).toBe(true)
  expect(breaker.mayCall(100 + BREAKER_OPEN_MS - 1)).toBe(false)
  expect(breaker.mayCall(100 + BREAKER_OPEN_MS)).toBe(true)
  expect(breaker.mayCall(100 + BREAKER_OPEN_MS)).toBe(false)
  breaker.failed(100 + BREAKER_OPEN_MS + 5)
  expect(breaker.mayCall(100 + 2 * BREAKER_OPEN_MS)).toBe(false)
  expect(breaker.mayCall(105 + 2 * BREAKER_OPEN_MS)).toBe(true)
  breaker.succeeded()
  expect(breaker.mayCall(105 + 2 * BREAKER_OPEN_MS)).toBe(true)
  expect(breaker.isOpen).toBe(false)
})

test('[HK3] what succeeds in between begins the count anew', () => {
  const breaker = new Breaker()
  for (let round = 0; round < 10; round++) {
    breaker.failed(round)
    breaker.failed(round)
    breaker.succeeded()
  }
  expect(breaker.mayCall(10)).toBe(true)
})
