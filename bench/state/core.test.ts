import { expect, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import { measureCore } from './core.ts'

test('[BN10] core measures decide, the state and the whole batch, on both stores, in slices', async () => {
  const options = { slices: 3, packs: 300, batch: 100, sessions: 500, bytes: 20, seed: 1 }
  const stores = await measureCore(options, systemClock)
  for (const kinds of [stores.memory, stores.lmdb]) {
    for (const { perSecond, perCpuSecond } of [kinds.decide, kinds.state, kinds.batch]) {
      expect(perSecond.min).toBeGreaterThan(0)
      expect(perSecond.max).toBeGreaterThanOrEqual(perSecond.median)
      expect(perCpuSecond.min).toBeGreaterThan(0)
    }
  }
})
