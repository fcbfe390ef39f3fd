import { expect, test } from 'vitest'
import { ArchiveLag } from './archive-lag.ts'

const at = (offset: number) => new Map([[0, { offset }]])

test('[SE4] an archive must have what the log held so long ago, and no more', () => {
  const lag = new ArchiveLag(1_000)
  expect(lag.behind(0, at(-1))).toEqual([])
  for (let now = 0; now <= 5_000; now += 500) lag.note(now, new Map([[0, now]]))
  expect(lag.behind(5_000, at(4_000))).toEqual([])
  expect(lag.behind(5_000, at(3_999))).toEqual([0])
  expect(lag.behind(5_000, new Map())).toEqual([0])
  expect(lag.behind(9_000, at(4_999))).toEqual([0])
})

test('[SE4] before it is known how far the log was, it must have the first that is known', () => {
  const lag = new ArchiveLag(1_000)
  lag.note(100, new Map([[0, 7]]))
  expect(lag.behind(200, at(6))).toEqual([0])
  expect(lag.behind(200, at(7))).toEqual([])
})
