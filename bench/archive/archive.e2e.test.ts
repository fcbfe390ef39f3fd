import { expect, test } from 'vitest'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { printedBy } from '../../tests/printed.ts'
import { testStack } from '../../tests/stack.ts'
import { runArchiveBench } from './command.ts'
import type { ArchiveReport } from './report.ts'

const BENCH_MS_MAX = 180_000

test('[BN17] an archive is filled, measured and removed', { timeout: BENCH_MS_MAX }, async () => {
  const shell = { env: { CLICKHOUSE_URL: testStack().clickhouseUrl }, clock: systemClock, random: systemRandom }
  const args = ['archive', '--messages', '1000', '--sessions', '600', '--searches', '4', '--json']
  const { text } = await printedBy(() => runArchiveBench(args, { ...shell, log: () => {} }))
  const report = JSON.parse(text) as ArchiveReport
  expect(report.load.events).toBe(Math.ceil(1_000 / 0.79))
  const rows = Object.fromEntries(report.tables.map(({ table, rows: count }) => [table, count]))
  expect(rows.events).toBe(report.load.events)
  expect(Math.abs(rows.messages! - 1_000)).toBeLessThan(150)
  expect(report.search.byKind['no hit']!.hits).toBe(0)
  expect(report.queries.length).toBeGreaterThan(20)
})
