import { expect, test } from 'vitest'
import { expectClean, freshSeeds, runSeeds } from './campaign.ts'
import { FAULTS } from './faults.ts'

/** How long fresh seeds are run in each test run, and how many at least on a machine that is busy with other things. */
const FRESH_SECONDS = 60
const FRESH_RUNS_MIN = 20
const FRESH_MS_MAX = 600_000

test(
  '[SIM10] a minute of seeds that were never run',
  async () => {
    const campaign = await runSeeds(freshSeeds({ seconds: FRESH_SECONDS, runsMin: FRESH_RUNS_MIN }))
    console.log(String(campaign.totals))
    expectClean(campaign)
    // A fault that never happened proves nothing.
    for (const name of FAULTS) expect(campaign.totals.faults[name], name).toBeGreaterThan(0)
  },
  FRESH_MS_MAX,
)
