import { expect, test } from 'vitest'
import { expectClean, runSeeds } from './campaign.ts'
import { FAULTS } from './faults.ts'
import { runSeed } from './run.ts'

/** Seeds that never change: what a change of the product breaks at once is seen here. */
const FIXED_SEEDS = 20
/** Long enough for a core that is slow and shared. */
const FIXED_MS_MAX = 300_000

test(
  '[SIM1, SIM2, SIM3, SIM4, SIM5, SIM6, SIM7, SIM8, SIM9, SIM10, SIM13, SIM14, SIM15, SIM16, SIM17, SIM18] twenty fixed seeds',
  async () => {
    const campaign = await runSeeds(Array.from({ length: FIXED_SEEDS }, (_, n) => n + 1))
    console.log(String(campaign.totals))
    expectClean(campaign)
    for (const name of FAULTS) expect(campaign.totals.faults[name], name).toBeGreaterThan(0)
  },
  FIXED_MS_MAX,
)

test(
  '[SIM11] a seed means one run: the same steps, events and log lines each time',
  async () => {
    const changes = { stepsMax: 5_000 }
    const [one, other] = [await runSeed(7, { changes }), await runSeed(7, { changes })]
    expect(other.fingerprint).toBe(one.fingerprint)
    expect([other.steps, other.events, other.deliveries]).toEqual([one.steps, one.events, one.deliveries])
    expect((await runSeed(8, { changes })).fingerprint).not.toBe(one.fingerprint)
  },
  FIXED_MS_MAX,
)
