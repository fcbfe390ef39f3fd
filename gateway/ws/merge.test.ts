import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mergeAbove } from './merge.ts'

const run = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 40 }).map(seqs => seqs.sort((a, b) => a - b))
const at = (seqs: readonly number[], from: string) => seqs.map(seq => ({ seq, from }))

test('[RS1] merging history and live gives every seq above the cursor once, in order, or in a gap', () => {
  fc.assert(
    fc.property(run, run, fc.integer({ min: 0, max: 40 }), (history, live, cursor) => {
      const first = mergeAbove(cursor, at(history, 'history'))
      const second = mergeAbove(first.cursor, at(live, 'live'))
      const steps = [...first.steps, ...second.steps]
      let next = cursor + 1
      for (const step of steps) {
        expect(step.kind === 'Item' ? step.item.seq : step.fromSeq).toBe(next)
        next = (step.kind === 'Item' ? step.item.seq : step.toSeq) + 1
      }
      expect(next).toBe(second.cursor + 1)
      expect(second.cursor).toBe(Math.max(cursor, history.at(-1) ?? 0, live.at(-1) ?? 0))
      const delivered = steps.flatMap(step => (step.kind === 'Item' ? [step.item.seq] : []))
      // Nothing that history had above the cursor is lost, nor what was live above both.
      const above = new Set([...history.filter(s => s > cursor), ...live.filter(s => s > first.cursor)])
      expect(delivered).toEqual([...above].sort((a, b) => a - b))
    }),
  )
})

test('[RS1] history that reaches the first live event leaves no gap', () => {
  fc.assert(
    fc.property(fc.nat(30), fc.nat(30), fc.nat(30), (cursor, kept, ahead) => {
      const range = (from: number, to: number) => Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)
      const liveFrom = cursor + kept + 1
      const history = mergeAbove(cursor, at(range(cursor + 1, liveFrom - 1 + (ahead % 5)), 'history'))
      const live = mergeAbove(history.cursor, at(range(liveFrom, liveFrom + ahead), 'live'))
      expect([...history.steps, ...live.steps].filter(step => step.kind === 'Gap')).toEqual([])
    }),
  )
})
