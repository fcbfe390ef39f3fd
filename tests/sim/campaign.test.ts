import { expect, test } from 'vitest'
import { FAULTS } from './faults.ts'
import type { Totals } from './report.ts'
import { runWorkers } from './workers.ts'

/** Two cores are what the smallest machine has that this must pass on. */
const WORKERS = 2
const SECONDS = 60
/** On a machine that is busy it takes longer until everything has gone wrong once. */
const SECONDS_MAX = 180
/** Each fault is part of nearly every second run: in so many none may be missing. */
const RUNS_ENOUGH = 60
const CAMPAIGN_MS_MAX = 600_000

const missing = ({ faults }: Totals) => FAULTS.filter(name => faults[name] === 0)

test(
  '[SIM1, SIM2, SIM3, SIM4, SIM5, SIM6, SIM7, SIM9, SIM10] a minute of fresh seeds',
  async () => {
    const { totals, failure } = await runWorkers({
      workers: WORKERS,
      seconds: SECONDS,
      secondsMax: SECONDS_MAX,
      isEnough: totals => missing(totals).length === 0,
    })
    console.log(String(totals))
    if (failure !== undefined) expect.unreachable(failure)
    if (totals.runs >= RUNS_ENOUGH) expect(missing(totals)).toEqual([])
  },
  CAMPAIGN_MS_MAX,
)
