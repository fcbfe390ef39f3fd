import { expect, test } from 'vitest'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import { Deadline, TooLate } from './deadline.ts'

const never = () => new Promise<never>(() => {})

test('[GW59] whatever waits when the time is over, or begins after it, is too late; what was done before is not', async () => {
  const clock = new VirtualClock()
  const deadline = new Deadline(clock, 100)
  const { signal } = deadline
  expect(await deadline.race(Promise.resolve('done'))).toBe('done')
  const waits = [never(), never()].map(promise => deadline.race(promise).catch((error: unknown) => error))
  await clock.pass(100)
  for (const wait of waits) expect(await wait).toBeInstanceOf(TooLate)
  expect(signal.aborted).toBe(true)
  await expect(deadline.race(Promise.resolve('late'))).rejects.toBeInstanceOf(TooLate)
})

test('[GW59] a signal that is asked for afterwards has aborted, and one that has ended never does', async () => {
  const clock = new VirtualClock()
  const [over, ended] = [new Deadline(clock, 100), new Deadline(clock, 100)]
  ended.end()
  await clock.pass(200)
  expect([over.signal.aborted, ended.signal.aborted]).toEqual([true, false])
  await expect(ended.race(Promise.reject(new Error('its own')))).rejects.toThrow('its own')
})
