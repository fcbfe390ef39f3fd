import { expect, test } from 'vitest'
import { silentLogger } from '../infra/logger.ts'
import { Metrics } from '../infra/metrics.ts'
import { VirtualClock } from '../infra/testing/virtual-clock.ts'
import { Verifier } from './verifier.ts'
import type { VerifyResult } from './verify.ts'

const EVERY_MS = 60_000

test('[VF8] the verifier compares again and again, and its metrics say when, what it found, and what failed', async () => {
  const clock = new VirtualClock()
  const metrics = new Metrics()
  const result = { sessions: 7, events: 9, messages: 8, users: 2, partialPartitions: [], differences: [] }
  const outcomes: (VerifyResult | Error)[] = [{ ...result, total: 0 }, new Error('away'), { ...result, total: 3 }]
  let asked = 0
  const verify = async () => {
    const outcome = outcomes[asked++]!
    if (outcome instanceof Error) throw outcome
    return outcome
  }
  const verifier = new Verifier({ verify, everyMs: EVERY_MS, clock, logger: silentLogger, metrics })
  await verifier.start()
  const metric = async (name: string) => {
    const text = await metrics.registry.getSingleMetricAsString(`packlog_verify_${name}`)
    return Number(text.split(' ').at(-1))
  }
  await clock.settle()
  await clock.pass(EVERY_MS)
  await clock.pass(EVERY_MS)
  expect(asked).toBe(3)
  expect(await metric('sessions')).toBe(7)
  expect(await metric('differences')).toBe(3)
  expect(await metric('failures_total')).toBe(1)
  expect(await metric('finished_timestamp_seconds')).toBeCloseTo(clock.now() / 1_000, 0)
  await verifier.drain()
  await verifier.done
})
