import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Aged, AgeList } from './age-list.ts'

interface Item extends Aged<Item> {
  id: number
}

function idsOf(list: AgeList<Item>): number[] {
  const ids: number[] = []
  for (let item = list.oldest; item !== undefined; item = item.newer) ids.push(item.id)
  return ids
}

test('items stand in the order in which they were added, whichever are taken out', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 20 })), steps => {
      const list = new AgeList<Item>()
      const expected: Item[] = []
      for (const [id, step] of steps.entries()) {
        // Two of three steps add, so that lists grow; the others take one out.
        if (step % 3 !== 0 || expected.length === 0) {
          const item = { id, older: undefined, newer: undefined }
          list.add(item)
          expected.push(item)
        } else {
          const [item] = expected.splice(step % expected.length, 1)
          list.remove(item!)
          expect([item!.older, item!.newer]).toEqual([undefined, undefined])
        }
        expect(list.size).toBe(expected.length)
        expect(list.oldest?.id).toBe(expected[0]?.id)
        expect(idsOf(list)).toEqual(expected.map(item => item.id))
      }
    }),
  )
})
