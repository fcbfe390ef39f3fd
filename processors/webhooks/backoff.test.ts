import { expect, test } from 'vitest'
import { afterFailure, GIVE_UP_MS, RETRY_MS_FIRST, RETRY_MS_MAX } from './backoff.ts'

const random = (value: number) => ({ next: () => value, bytes: () => Buffer.alloc(0) })
const NOW = 1_000_000_000

test('[WH4] pauses double up to a bound, and half of each is random', () => {
  const pause = (attempts: number, share: number) => {
    const next = afterFailure(
      { attempts, failingSince: NOW },
      { now: NOW, giveUpMs: GIVE_UP_MS, random: random(share) },
    )
    return next.at - NOW
  }
  expect(pause(0, 1)).toBe(RETRY_MS_FIRST)
  expect(pause(0, 0)).toBe(RETRY_MS_FIRST / 2)
  expect(pause(3, 1)).toBe(8 * RETRY_MS_FIRST)
  expect(pause(10, 1)).toBe(RETRY_MS_MAX)
  expect(pause(10_000, 1)).toBe(RETRY_MS_MAX)
})

test('[WH4] the time begins with the first failure, the last try comes at its end, and then it is over', () => {
  const after = (failingSince: number, now: number) =>
    afterFailure({ attempts: 30, failingSince }, { now, giveUpMs: GIVE_UP_MS, random: random(1) })
  expect(after(0, NOW)).toEqual({ kind: 'retry', at: NOW + RETRY_MS_MAX, failingSince: NOW })
  expect(after(NOW, NOW + GIVE_UP_MS - 5)).toEqual({ kind: 'retry', at: NOW + GIVE_UP_MS, failingSince: NOW })
  expect(after(NOW, NOW + GIVE_UP_MS)).toEqual({ kind: 'dead', at: NOW + GIVE_UP_MS })
})

test('[WH4] a day of failures is a bounded number of tries', () => {
  let tries = 0
  let now = NOW
  let failingSince = 0
  for (;;) {
    const next = afterFailure({ attempts: tries++, failingSince }, { now, giveUpMs: GIVE_UP_MS, random: random(0) })
    if (next.kind === 'dead') break
    failingSince = next.failingSince
    now = next.at
  }
  expect(now).toBe(NOW + GIVE_UP_MS)
  expect(tries).toBeLessThan(310)
})
