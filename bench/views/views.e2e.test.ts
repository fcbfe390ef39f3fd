import { expect, test } from 'vitest'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { printedBy } from '../../tests/printed.ts'
import { serverEnv } from '../../tests/stack.ts'
import { runViewsBench } from './command.ts'
import type { ViewsReport } from './report.ts'

const BENCH_MS_MAX = 180_000

test('[BN21] views are built from a log of their own and found equal to it', { timeout: BENCH_MS_MAX }, async () => {
  const env = { ...serverEnv(), PACKLOG_DATA: 'none' }
  const shell = { env, clock: systemClock, random: systemRandom, log: () => {} }
  // From the source, where a thread does not read TypeScript.
  const words = ['verify', '--sessions', '700', '--threads', '1', '--json']
  const { code, text } = await printedBy(() => runViewsBench(words, shell))
  expect(code).toBe(0)
  const report = JSON.parse(text) as ViewsReport
  expect(Object.keys(report.rebuilt)).toEqual(['history', 'membership', 'archive'])
  expect(report.verified).toMatchObject({ events: 2_100, differences: 0 })
  expect(report.verified!.sessions).toBeGreaterThan(600)
})
