import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { BUILT_MAIN } from '../infra/local/roles.ts'
import { runNode } from '../tests/run-command.ts'

const FAULTS = join(dirname(BUILT_MAIN), 'faults', 'main.js')
const RUN_MS_MAX = 300_000
const KINDS = ['kill sequencer', 'kill gateway-1', 'empty redis', 'zombie rules']

test(
  '[FT4] a short run with one fault of four kinds has no violation, and every fault is in its table',
  async () => {
    const small = ['--seconds', '30', '--every', '6', '--rate', '100', '--pairs', '10', '--seed', '4']
    const run = await runNode([FAULTS, ...small, '--kinds', KINDS.join(','), '--json'])
    expect(run.stdout, run.stderr).not.toBe('')
    const report = JSON.parse(run.stdout)
    expect(report.violations, run.stderr).toEqual([])
    expect(report.kinds.map(({ kind }: { kind: string }) => kind)).toEqual([...KINDS].sort())
    expect(report.figures).toMatchObject({ lost: 0, duplicated: 0, outOfOrder: 0, changed: 0, unanswered: 0 })
    expect(report.figures.acked).toBeGreaterThan(1_000)
    expect(report.figures.delivered).toBeGreaterThan(2 * report.figures.acked)
    expect(report.refillsMs).toHaveLength(1)
    expect(report.evidence).toBeUndefined()
    expect(run.code).toBe(0)
  },
  RUN_MS_MAX,
)

test('[FT1] --plan prints what would be done and starts nothing', async () => {
  const args = [FAULTS, '--plan', '--seconds', '60', '--every', '10', '--seed', '5']
  const [one, other] = await Promise.all([runNode(args), runNode(args)])
  expect(one.stdout).toBe(other.stdout)
  expect(one.stdout.trim().split('\n')).toHaveLength(5)
  expect(existsSync(join(process.cwd(), 'book.txt'))).toBe(false)
})
