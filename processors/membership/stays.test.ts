import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addBoundary, intervalsOf, presentSince } from './stays.ts'

test('[ME2] stays read from the text that holds them', () => {
  expect(intervalsOf('', 0)).toEqual([])
  expect(intervalsOf('+3', 0)).toEqual([{ joinSeq: 3 }])
  expect(intervalsOf('+3-7+9', 0)).toEqual([{ joinSeq: 3, leaveSeq: 7 }, { joinSeq: 9 }])
  expect(intervalsOf('+3-7+9', 12)).toEqual([
    { joinSeq: 3, leaveSeq: 7 },
    { joinSeq: 9, leaveSeq: 12 },
  ])
  expect(intervalsOf('+3-7', 12)).toEqual([{ joinSeq: 3, leaveSeq: 7 }])
  // From a log that has lost its beginning: the join is not known.
  expect(intervalsOf('-7+9', 0)).toEqual([{ joinSeq: 9 }])
  expect(presentSince('-7')).toBeUndefined()
  expect(presentSince('+3-7+9')).toBe(9)
})

test('[ME5] joins and leaves give the same stays in whatever order and however often they come', () => {
  const boundaries = fc.uniqueArray(fc.integer({ min: 1, max: 300 }), { maxLength: 12 }).map(seqs => {
    return seqs.sort((a, b) => a - b).map((seq, index) => ({ seq, kind: index % 2 === 0 ? 'join' : 'leave' }) as const)
  })
  const deliveries = boundaries.chain(facts => {
    return fc.tuple(fc.constant(facts), fc.shuffledSubarray([...facts, ...facts], { minLength: 0 }))
  })
  fc.assert(
    fc.property(deliveries, ([facts, shuffled]) => {
      const straight = facts.reduce((text, { kind, seq }) => addBoundary(text, kind, seq), '')
      const crooked = [...shuffled, ...facts].reduce((text, { kind, seq }) => addBoundary(text, kind, seq), '')
      expect(crooked).toBe(straight)
      expect(intervalsOf(straight, 0)).toHaveLength(Math.ceil(facts.length / 2))
    }),
  )
})
