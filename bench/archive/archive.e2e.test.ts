import { expect, test } from 'vitest'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { testStack } from '../../tests/stack.ts'
import { runArchiveBench } from './command.ts'
import type { ArchiveReport } from './report.ts'

const BENCH_MS_MAX = 180_000

test('[BN17] an archive is filled, measured and removed', { timeout: BENCH_MS_MAX }, async () => {
  const lines: string[] = []
  const write = process.stdout.write
  process.stdout.write = (line: string | Uint8Array) => lines.push(String(line)) > 0
  try {
    const shell = { env: { CLICKHOUSE_URL: testStack().clickhouseUrl }, clock: systemClock, random: systemRandom }
    const args = ['archive', '--messages', '1000', '--sessions', '600', '--searches', '4', '--json']
    await runArchiveBench(args, { ...shell, log: () => {} })
  } finally {
    process.stdout.write = write
  }
  const report = JSON.parse(lines.join('')) as ArchiveReport
  expect(report.load.events).toBe(Math.ceil(1_000 / 0.79))
  const rows = Object.fromEntries(report.tables.map(({ table, rows: count }) => [table, count]))
  expect(rows.events).toBe(report.load.events)
  expect(Math.abs(rows.messages! - 1_000)).toBeLessThan(150)
  expect(report.search.byKind['no hit']!.hits).toBe(0)
  expect(report.queries.length).toBeGreaterThan(20)
})
