import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { BUILT_MAIN } from '../../infra/local/roles.ts'
import { runNode } from '../../tests/run-command.ts'
import { serverEnv } from '../../tests/stack.ts'

const BENCH = join(dirname(BUILT_MAIN), 'bench', 'main.js')
const MS_MAX = 180_000

test(
  '[BN11] bench restore builds a partition and starts the sequencer on what is left of it',
  async () => {
    const args = ['restore', '--sessions', '2000', '--packs', '600', '--repeat', '1', '--json']
    const run = await runNode([BENCH, ...args], { env: serverEnv() })
    expect(run.stderr).toContain('building a partition of 2000 sessions')
    const figures = JSON.parse(run.stdout)
    // Heads, names and members of 2,000 sessions, 100 of them groups of five; and the packs that are remembered.
    expect(figures.built.storeRows).toBeGreaterThanOrEqual(2_000 + 100 + 500 + 600)
    expect(figures).toMatchObject({ wrongAnswers: 0, built: { packs: 2_600 }, parameters: { sessions: 2_000 } })
    for (const kind of ['local checkpoint', 'after kill -9', 'empty disk']) {
      const { readyMs, anonymousMiB } = figures.starts[kind]
      expect(readyMs.median, kind).toBeGreaterThan(0)
      expect(anonymousMiB.median, kind).toBeGreaterThan(10)
    }
    expect(run.code).toBe(0)
  },
  MS_MAX,
)
