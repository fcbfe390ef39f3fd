import fc from 'fast-check'
import { expect, test } from 'vitest'
import { promotedBy } from '../../infra/testing/promoted.ts'
import { BriefMap } from './brief-map.ts'

test('it holds what a Map holds, however many there are', () => {
  const key = fc.nat({ max: 200 }).map(String)
  const set = fc.record({ kind: fc.constant('set' as const), key, value: fc.nat() })
  const steps = fc.array(fc.oneof(set, set, fc.record({ kind: fc.constant('delete' as const), key })), {
    maxLength: 600,
    size: 'max',
  })
  fc.assert(
    fc.property(steps, all => {
      const map = new BriefMap<string, number>()
      const model = new Map<string, number>()
      for (const step of all) {
        if (step.kind === 'set') {
          map.set(step.key, step.value)
          model.set(step.key, step.value)
        } else {
          map.delete(step.key)
          model.delete(step.key)
        }
        expect(map.size).toBe(model.size)
      }
      for (let i = 0; i <= 200; i++) {
        expect(map.get(String(i))).toBe(model.get(String(i)))
        expect(map.has(String(i))).toBe(model.has(String(i)))
      }
    }),
  )
})

/** A thousand entries, of which forty are there at a time. */
function passThrough(map: Pick<BriefMap<string, object>, 'set'> & { delete(key: string): unknown }): void {
  for (let i = 0; i < 1_040; i++) {
    if (i < 1_000) map.set(String(i), new Array(64).fill(i))
    map.delete(String(i - 40))
  }
}

test('[GW75] what was taken out is kept by nothing, as it is by a Map', async () => {
  const bytes = 1_000 * 64 * 8
  const [brief, map] = [new BriefMap<string, object>(), new Map<string, object>()]
  expect(await promotedBy(() => passThrough(brief))).toBeLessThan(bytes)
  expect(await promotedBy(() => passThrough(map))).toBeGreaterThan(2 * bytes)
})
