import { expect, test } from 'vitest'
import { codeSeeds } from './code-seeds.ts'
import { FAULTS } from './faults.ts'
import { runWorkers } from './workers.ts'

/** Two cores are what the smallest machine has that this must pass on. */
const WORKERS = 2
/** About a minute on such a machine when it is quiet. */
const SEEDS = 200
/** All come to run, on a machine that is busy as well: the same state of the code always says the same. */
const SECONDS_MAX = 500
/** Each fault is part of nearly every second run: in so many none may be missing. */
const RUNS_ENOUGH = 60
const CAMPAIGN_MS_MAX = 600_000

test(
  '[SIM1, SIM2, SIM3, SIM4, SIM5, SIM6, SIM7, SIM8, SIM9, SIM10, SIM13, SIM14, SIM15, SIM16, SIM17, SIM18] seeds that only this state of the code has',
  async () => {
    const { totals, failure } = await runWorkers({ workers: WORKERS, seconds: SECONDS_MAX, seeds: codeSeeds(SEEDS) })
    console.log(String(totals))
    if (failure !== undefined) expect.unreachable(failure)
    expect(totals.runs).toBeGreaterThan(0)
    const missing = FAULTS.filter(name => totals.faults[name] === 0)
    if (totals.runs >= RUNS_ENOUGH) expect(missing).toEqual([])
  },
  CAMPAIGN_MS_MAX,
)
