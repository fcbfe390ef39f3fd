import { describe, expect, test } from 'vitest'
import { FAULTS } from './faults.ts'
import { runSeed } from './run.ts'
import { VARIANTS } from './variants.ts'

/** Within so many seeds each mistake must have been found. */
const SEEDS_MAX = 24
const CHANGES = { stepsMax: 6_000, faults: FAULTS, thinkMs: 100 }
const VARIANT_MS_MAX = 600_000

describe('the auditor finds every mistake that is made on purpose', () => {
  test.each(VARIANTS)('[SIM12] $name', { timeout: VARIANT_MS_MAX }, async variant => {
    const { rules, alterations, without = [] } = variant
    const faults = FAULTS.filter(name => !without.includes(name))
    for (let seed = 1; seed <= SEEDS_MAX; seed++) {
      const { findings } = await runSeed(seed, { changes: { ...CHANGES, faults, ...variant.changes }, alterations })
      if (findings.some(({ rule }) => rules.includes(rule))) return
    }
    expect.unreachable(`not found within ${SEEDS_MAX} seeds`)
  })

  test('[SIM12] and nothing in a product without them', { timeout: VARIANT_MS_MAX }, async () => {
    for (let seed = 1; seed <= 4; seed++) expect((await runSeed(seed, { changes: CHANGES })).findings).toEqual([])
  })
})
