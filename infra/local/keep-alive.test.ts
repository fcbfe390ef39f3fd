import { expect, test } from 'vitest'
import type { Clock } from '../clock.ts'
import { keepAlive, RESTARTS_MAX, restartDelayMs } from './keep-alive.ts'

/** Time stands still but for sleeps, which take no time. */
function handClock(): Clock & { slept: number[] } {
  const slept: number[] = []
  let now = 0
  return {
    slept,
    now: () => now,
    monotonic: () => now,
    sleep: async delayMs => {
      slept.push(delayMs)
      now += delayMs
    },
    schedule: () => () => {},
    defer: () => {},
  }
}

const died = Promise.resolve({ code: null, signal: 'SIGKILL' as const })

test('a process that keeps dying is started again with growing pauses, and given up', async () => {
  const clock = handClock()
  const lines: string[] = []
  let restarts = 0
  const restart = async () => {
    restarts += 1
  }
  const thing = { name: 'gateway', exited: () => died, restart }
  const { signal } = new AbortController()
  await keepAlive(thing, { clock, log: line => void lines.push(line), signal })
  expect(restarts).toBe(RESTARTS_MAX)
  expect(clock.slept).toEqual(Array.from({ length: RESTARTS_MAX }, (_, index) => restartDelayMs(index + 1)))
  expect(lines[0]).toBe('gateway ended by SIGKILL; starting it again in 200 ms (restart 1 of at most 8)')
  expect(lines.at(-1)).toBe('gateway ended by SIGKILL; given up after 8 restarts in a row')
})

test('nothing is started again once the stack stops', async () => {
  const stopping = new AbortController()
  stopping.abort()
  let restarts = 0
  const restart = async () => {
    restarts += 1
  }
  const thing = { name: 'gateway', exited: () => died, restart }
  await keepAlive(thing, { clock: handClock(), log: () => {}, signal: stopping.signal })
  expect(restarts).toBe(0)
})

test('the pause has a bound', () => {
  expect(restartDelayMs(1)).toBe(200)
  expect(restartDelayMs(100)).toBe(10_000)
})
