import fc from 'fast-check'
import { expect, test } from 'vitest'
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
