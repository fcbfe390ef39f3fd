import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Partition } from '../schemas/ids.ts'
import { assignPartitions, type Claim } from './assign-partitions.ts'

const claim = (member: string, owned: Partition[] = [], generation = 1): Claim => ({ member, owned, generation })
const assign = (claims: Claim[], count: number) => {
  const { assigned, withheld } = assignPartitions(claims, count)
  return { ...Object.fromEntries(assigned), withheld }
}

test('[OW1] one member has everything', () => {
  expect(assign([claim('a')], 4)).toEqual({ a: [0, 1, 2, 3], withheld: 0 })
})

test('[OW1] members that have nothing share evenly', () => {
  expect(assign([claim('b'), claim('a')], 5)).toEqual({ a: [0, 1, 2], b: [3, 4], withheld: 0 })
})

test('[OW2] what has to move is withheld until its owner has let it go', () => {
  expect(assign([claim('a', [0, 1, 2, 3]), claim('b')], 4)).toEqual({ a: [0, 1], b: [], withheld: 2 })
  expect(assign([claim('a', [0, 1], 2), claim('b', [], 2)], 4)).toEqual({ a: [0, 1], b: [2, 3], withheld: 0 })
})

test('[OW2] what a dead member had goes to the others at once; they keep what they have', () => {
  expect(assign([claim('b', [2, 3])], 4)).toEqual({ b: [0, 1, 2, 3], withheld: 0 })
  expect(assign([claim('b', [2]), claim('c', [5])], 6)).toEqual({ b: [0, 1, 2], c: [3, 4, 5], withheld: 0 })
})

test('[OW2] of two claims the later agreement counts, then the name', () => {
  expect(assign([claim('a', [0], 3), claim('b', [0], 7)], 2)).toEqual({ a: [1], b: [0], withheld: 0 })
  expect(assign([claim('b', [0], 3), claim('a', [0], 3)], 2)).toEqual({ a: [0], b: [1], withheld: 0 })
})

test('[OW1] more members than partitions: some have nothing', () => {
  expect(assign([claim('a'), claim('b'), claim('c')], 2)).toEqual({ a: [0], b: [1], c: [], withheld: 0 })
})

test('[OW1, OW2] whoever comes and goes: never two owners, and two agreements later all is shared evenly', () => {
  const step = fc.record({ leaves: fc.nat(5), joins: fc.nat(3) })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 24 }), fc.array(step, { maxLength: 8 }), (count, steps) => {
      let names = 0
      let members = new Map<string, readonly Partition[]>([['m0', []]])
      const agree = () => {
        const claims = [...members].map(([member, owned]) => claim(member, [...owned]))
        const before = members
        const { assigned, withheld } = assignPartitions(claims, count)
        for (const [member, partitions] of assigned) {
          for (const partition of partitions) {
            const others = [...before].filter(([other, owned]) => other !== member && owned.includes(partition))
            if (others.length > 0)
              throw new Error(`${partition} is assigned to ${member} while ${others[0]![0]} has it`)
          }
        }
        const all = [...assigned.values()].flat()
        expect(new Set(all).size).toBe(all.length)
        expect(all.length + withheld).toBe(count)
        members = new Map(assigned)
        return withheld
      }
      for (const { leaves, joins } of steps) {
        for (const name of [...members.keys()].slice(0, Math.min(leaves, members.size - 1))) members.delete(name)
        for (let i = 0; i < joins; i++) members.set(`m${++names}`, [])
        agree()
        expect(agree()).toBe(0)
        const sizes = [...members.values()].map(({ length }) => length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
        const settled = new Map(members)
        agree()
        expect(members).toEqual(settled)
      }
    }),
    { numRuns: 100 },
  )
})
