import { expect, test } from 'vitest'
import { systemRandom } from '../../infra/clock.ts'
import { runModel } from './two-writer-model.ts'

/** Seeds that are run every time, and fresh ones beside them; a seed that fails is printed and stays as a test. */
const FIXED_SEEDS = 40
const FRESH_SEEDS = 20

test('[SQ21, LOG1] two writers leave one log, whatever becomes of their produces', async () => {
  const fresh = systemRandom.bytes(4).readUInt32BE()
  const fixed = Array.from({ length: FIXED_SEEDS }, (_, index) => index + 1)
  const seeds = [...fixed, ...Array.from({ length: FRESH_SEEDS }, (_, index) => fresh + index)]
  const totals: Record<string, number> = {}
  for (const seed of seeds) {
    const { violations, counts } = await runModel(seed)
    expect(violations, `runModel(${seed})`).toEqual([])
    for (const [fault, count] of Object.entries(counts)) totals[fault] = (totals[fault] ?? 0) + count
  }
  console.info(`two-writer model: seeds 1-${FIXED_SEEDS} and ${fresh}-${fresh + FRESH_SEEDS - 1}`, totals)
  // A fault that never happened proves nothing.
  for (const [name, count] of Object.entries(totals)) expect(count, name).toBeGreaterThan(seeds.length / 4)
}, 60_000)
