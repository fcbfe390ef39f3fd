import fc from 'fast-check'
import { expect, test } from 'vitest'
import { offsetsText, pageCursor, parseOffsets, parsePageCursor, parseTimes, timesText } from './list-cursors.ts'
import { QuestionFailed } from './views.ts'

test('[GW48] times of partitions come back as they were, to the minute', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(30_000_000), { maxLength: 64 }), minutes => {
      const times = new Map(minutes.map((minute, partition) => [partition, minute * 60_000]))
      expect(parseTimes(timesText(times))).toEqual(times)
    }),
  )
})

test('[GW56] offsets of partitions come back as they were', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(fc.nat(255), fc.nat(2 ** 31)), { selector: ([at]) => at }), pairs => {
      const offsets = new Map(pairs)
      expect(parseOffsets(offsetsText(offsets))).toEqual(offsets)
    }),
  )
  expect(parseOffsets(undefined)).toEqual(new Map())
})

test('[GW48, GW56] text that is not ours is PARAM', () => {
  for (const text of ['', 'x', 't', 'MTIz', 't1,2', `t${'z'.repeat(9)}`, 't1.-1']) {
    expect(() => parseTimes(text)).toThrow(QuestionFailed)
  }
  for (const text of ['', 'x', 'o1', 'o1.2_', 'o1.2.3', 't1.2'])
    expect(() => parseOffsets(text)).toThrow(QuestionFailed)
  expect(() => parsePageCursor('5/s:a:b')).toThrow(QuestionFailed)
  expect(parsePageCursor(pageCursor('5/s:a:b', 't1.2'))).toEqual({ cursor: '5/s:a:b', since: 't1.2' })
})
