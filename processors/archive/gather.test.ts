import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ViewBatch, ViewMoved } from '../view.ts'
import type { ArchiveProgress, Load, RecordedRange } from './archive-store.ts'
import {
  GATHER_MS,
  GATHER_MS_BEHIND,
  GATHER_ROWS_BEHIND,
  Gatherer,
  LOAD_PARTITIONS_MAX,
  LOAD_ROWS_MAX,
  LOADS_APART_MS,
} from './gather.ts'
import { placed, sampleBatch, sampleEvent } from './testing/sample-events.ts'

const NOTHING: ArchiveProgress = { done: new Map(), intents: new Map(), switches: 0, switching: false }

function gatherer(partitions: number[] = [0, 1, 2], progress: ArchiveProgress = NOTHING): Gatherer {
  const made = new Gatherer('im.events', partitions)
  made.restore(progress)
  for (const partition of partitions) made.locate(partition)
  return made
}

/** Recorded ranges of one load: partition -> first and last event number. */
function recorded(token: string, ranges: Record<number, [number, number]>): Map<number, RecordedRange> {
  const partitions = Object.keys(ranges).map(Number)
  const entries = Object.entries(ranges).map(([partition, [first, last]]) => {
    const place = { partition: Number(partition), firstOffset: 2 * first, last: placed(sampleEvent(last)).position }
    return [Number(partition), { ...place, rows: last - first + 1, token, partitions }] as const
  })
  return new Map(entries)
}

function numbers(next: ReturnType<Gatherer['next']>): Record<number, number[]> {
  const entries = next!.events.map(({ partition, events }) => [partition, events.map(it => it.event.cause.offset)])
  return Object.fromEntries(entries)
}

describe('[AR3] what arrives together goes in together', () => {
  test('a batch waits for others, and then they are one load that names all of them', () => {
    const it = gatherer()
    it.offer(sampleBatch(1, 0, 2), 1_000)
    expect(it.next(1_000)).toBeUndefined()
    expect(it.dueAt()).toBe(1_000 + GATHER_MS)
    it.offer(sampleBatch(0, 5, 5), 1_100)
    expect(it.next(1_000 + GATHER_MS - 1)).toBeUndefined()
    const next = it.next(1_000 + GATHER_MS)
    expect(next?.load.token).toBe('im.events:0:10-10,1:0-4')
    expect(numbers(next)).toEqual({ 0: [5], 1: [0, 1, 2] })
    expect(it.stored(next!.load)).toEqual([0, 1])
    expect(it.position(1)?.offset).toBe(4)
    expect(it.dueAt()).toBeUndefined()
  })

  test('a partition that is behind does not wait for long, a full load not at all', () => {
    const it = gatherer()
    it.offer(sampleBatch(0, 0, GATHER_ROWS_BEHIND - 2), 1_000)
    expect(it.dueAt()).toBe(1_000 + GATHER_MS)
    it.offer(sampleBatch(1, 0, GATHER_ROWS_BEHIND - 1), 1_010)
    expect(it.dueAt()).toBe(1_000 + GATHER_MS_BEHIND)
    it.offer(sampleBatch(2, 0, LOAD_ROWS_MAX - 1), 1_010)
    expect(it.dueAt()).toBe(1_000)
  })

  test('what comes a little later waits until loads are apart again, and those that are behind do not', () => {
    const it = gatherer()
    it.offer(sampleBatch(0, 0, 0), 0)
    it.next(GATHER_MS)
    it.offer(sampleBatch(1, 0, 0), GATHER_MS + 1)
    expect(it.dueAt()).toBe(GATHER_MS + LOADS_APART_MS)
    expect(it.next(GATHER_MS + LOADS_APART_MS - 1)).toBeUndefined()
    it.offer(sampleBatch(2, 0, GATHER_ROWS_BEHIND), GATHER_MS + 2)
    expect(it.dueAt()).toBe(GATHER_MS + 1 + GATHER_MS_BEHIND)
    expect(it.next(GATHER_MS + LOADS_APART_MS)?.load.ranges).toHaveLength(2)
  })

  test('a partition with a load under way takes part in no other', () => {
    const it = gatherer()
    it.offer(sampleBatch(0, 0, 0), 0)
    const first = it.next(GATHER_MS)!
    it.offer(sampleBatch(1, 0, 0), GATHER_MS)
    const second = it.next(GATHER_MS + LOADS_APART_MS)!
    expect(numbers(second)).toEqual({ 1: [0] })
    expect(it.stored(first.load)).toEqual([0])
  })
})

describe('[AR6] loads and lanes are bounded', () => {
  test('a load is cut between batches', () => {
    const it = gatherer()
    for (const partition of [0, 1, 2]) it.offer(sampleBatch(partition, 0, LOAD_ROWS_MAX / 2 - 1), partition)
    expect(numbers(it.next(GATHER_MS))).toMatchObject({ 0: { length: LOAD_ROWS_MAX / 2 }, 1: {} })
    expect(Object.keys(numbers(it.next(GATHER_MS + LOADS_APART_MS)))).toEqual(['2'])
  })

  test('a load names a limited number of partitions', () => {
    const partitions = Array.from({ length: LOAD_PARTITIONS_MAX + 5 }, (_, partition) => partition)
    const it = gatherer(partitions)
    for (const partition of partitions) it.offer(sampleBatch(partition, 0, 0), 0)
    expect(it.next(GATHER_MS)?.load.ranges).toHaveLength(LOAD_PARTITIONS_MAX)
    expect(it.next(GATHER_MS + LOADS_APART_MS)?.load.ranges).toHaveLength(5)
  })

  test('a partition offers one batch at a time', () => {
    const it = gatherer()
    it.offer(sampleBatch(0, 0, 0), 0)
    expect(() => it.offer(sampleBatch(0, 1, 1), 0)).toThrow('one batch at a time')
  })
})

describe('[AR4] what was intended is owed until it is done', () => {
  test('a load that failed is the same load at the next try, whoever tries and with whatever else', () => {
    const it = gatherer()
    it.offer(sampleBatch(0, 0, 2), 0)
    it.offer(sampleBatch(1, 0, 0), 0)
    const first = it.next(GATHER_MS)!
    expect(it.failed(first.load)).toEqual([0, 1])
    expect(it.next(10 * GATHER_MS)).toBeUndefined()
    it.offer(sampleBatch(2, 0, 0), 10 * GATHER_MS)
    expect(it.offer(sampleBatch(0, 0, 5), 10 * GATHER_MS)).toEqual({ waits: true })
    const again = it.next(10 * GATHER_MS)!
    expect(again.load).toEqual(first.load)
    expect(numbers(again)).toEqual({ 0: [0, 1, 2], 1: [0] })
    expect(it.stored(again.load)).toEqual([])
    const rest = it.next(11 * GATHER_MS)!
    expect(numbers(rest)).toEqual({ 0: [3, 4, 5], 2: [0] })
    expect(it.stored(rest.load)).toEqual([0, 2])
  })

  test('after a restart the same events are collected from batches of other sizes', () => {
    const intents = recorded('t', { 0: [0, 3], 1: [0, 1] })
    const it = gatherer([0, 1, 2], { ...NOTHING, intents })
    expect(it.offer(sampleBatch(0, 0, 1), 0)).toEqual({ waits: false })
    expect(it.offer(sampleBatch(0, 2, 2), 0)).toEqual({ waits: false })
    expect(it.offer(sampleBatch(1, 0, 4), 0)).toEqual({ waits: true })
    expect(it.next(0)).toBeUndefined()
    expect(it.offer(sampleBatch(0, 3, 3), 0)).toEqual({ waits: true })
    const next = it.next(0)!
    expect(next.load.token).toBe('t')
    expect(numbers(next)).toEqual({ 0: [0, 1, 2, 3], 1: [0, 1] })
    expect(it.stored(next.load)).toEqual([0])
    expect(numbers(it.next(GATHER_MS))).toEqual({ 1: [2, 3, 4] })
  })

  test('ranges whose load is no longer whole here are owed each by itself', () => {
    const intents = recorded('t', { 0: [0, 1], 1: [0, 1] })
    const it = gatherer([0], { ...NOTHING, intents })
    it.offer(sampleBatch(0, 0, 1), 0)
    expect(it.next(0)?.load.token).toBe('im.events:0:0-2')
    const other = gatherer([0, 1], { ...NOTHING, intents, done: recorded('t', { 1: [0, 1] }) })
    other.offer(sampleBatch(0, 0, 1), 0)
    expect(other.next(0)?.load.token).toBe('im.events:0:0-2')
  })

  test('what is done is not owed, and is not taken again', () => {
    const done = recorded('t', { 0: [0, 3] })
    const it = gatherer([0], { ...NOTHING, done, intents: done })
    expect(it.position(0)?.offset).toBe(6)
    expect(it.offer(sampleBatch(0, 0, 3), 0)).toEqual({ waits: false })
    it.offer(sampleBatch(0, 2, 5), 0)
    expect(numbers(it.next(GATHER_MS))).toEqual({ 0: [4, 5] })
  })

  test('a log that holds another number of events than recorded is a broken invariant', () => {
    const intents = recorded('t', { 0: [0, 3] })
    intents.set(0, { ...intents.get(0)!, rows: 5 })
    const it = gatherer([0], { ...NOTHING, intents })
    it.offer(sampleBatch(0, 0, 3), 0)
    expect(() => it.next(0)).toThrow('4 events where 5 were recorded')
  })
})

describe('[AR5] no hole gets in', () => {
  test('a batch that does not follow is refused and must be read again', () => {
    const it = gatherer([0], { ...NOTHING, done: recorded('t', { 0: [0, 3] }) })
    expect(() => it.offer(sampleBatch(0, 5, 6), 0)).toThrow(ViewMoved)
    expect(it.offer(sampleBatch(0, 4, 6), 0)).toEqual({ waits: true })
  })

  test('a raised era begins to count anew', () => {
    const it = gatherer([0], { ...NOTHING, done: recorded('t', { 0: [0, 3] }) })
    const { event, position } = placed(sampleEvent(9))
    const raised = { event, position: { ...position, cause: { era: 1, offset: 9 } } }
    const batch: ViewBatch = { partition: 0, events: [raised], position: raised.position }
    expect(it.offer(batch, 0)).toEqual({ waits: true })
  })

  test('a store that has moved takes nothing before it was asked where it is', () => {
    const it = gatherer([0])
    it.offer(sampleBatch(0, 0, 1), 0)
    it.lose()
    expect(it.forgetWaiting()).toEqual([0])
    expect(it.next(GATHER_MS)).toBeUndefined()
    expect(() => it.offer(sampleBatch(0, 0, 1), 0)).toThrow(ViewMoved)
    it.restore(NOTHING)
    expect(() => it.offer(sampleBatch(0, 0, 1), 0)).toThrow(ViewMoved)
    expect(it.locate(0)).toBeUndefined()
    expect(it.offer(sampleBatch(0, 0, 1), 0)).toEqual({ waits: true })
  })
})

test('[AR4] a range into which another process has got meanwhile is owed by nobody: what lies above it goes in anew', () => {
  const intents = recorded('t', { 0: [2, 4] })
  const it = gatherer([0], { ...NOTHING, intents, done: recorded('u', { 0: [0, 3] }) })
  it.offer(sampleBatch(0, 4, 6), 1_000)
  const next = it.next(1_000 + GATHER_MS)
  expect(next?.load.token).toBe('im.events:0:8-12')
  expect(numbers(next)).toEqual({ 0: [4, 5, 6] })
})

test('[AR4] whatever fails and restarts, each event is in exactly one load, and a load is always the same', () => {
  const step = fc.record({ partition: fc.nat(2), size: fc.integer({ min: 1, max: 4 }), fate: fc.nat(5) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const partitions = [0, 1, 2]
      const done = new Map<number, RecordedRange>()
      const intents = new Map<number, RecordedRange>()
      const loads = new Map<string, Record<number, number[]>>()
      const doneTokens = new Set<string>()
      let it = gatherer(partitions)
      let now = 0
      const record = (into: Map<number, RecordedRange>, load: Load) => {
        for (const range of load.ranges) {
          into.set(range.partition, { ...range, token: load.token, partitions: load.ranges.map(r => r.partition) })
        }
      }
      const run = (fate: number) => {
        const next = it.next(now)
        if (next === undefined) return
        const before = loads.get(next.load.token)
        if (before !== undefined) expect(numbers(next)).toEqual(before)
        loads.set(next.load.token, numbers(next))
        if (fate > 0) record(intents, next.load)
        if (fate === 1 || fate === 0) {
          it.failed(next.load)
          return
        }
        if (fate === 2) {
          it = gatherer(partitions, { ...NOTHING, done: new Map(done), intents: new Map(intents) })
          return
        }
        record(done, next.load)
        doneTokens.add(next.load.token)
        it.stored(next.load)
      }
      const read = new Map(partitions.map(partition => [partition, 0]))
      const offer = (partition: number, size: number) => {
        const first = Math.min(read.get(partition)!, (it.position(partition)?.offset ?? -2) / 2 + 1)
        it.forgetWaiting()
        it.offer(sampleBatch(partition, first, first + size - 1), now)
      }
      for (const { partition, size, fate } of steps) {
        now += GATHER_MS + LOADS_APART_MS
        offer(partition, size)
        run(fate)
      }
      // Afterwards nothing fails: everything that was ever owed gets in.
      for (let round = 0; round < 20; round++) {
        for (const partition of partitions) {
          now += GATHER_MS + LOADS_APART_MS
          offer(partition, 10)
          run(5)
        }
      }
      for (const [partition, range] of done) {
        const inDoneLoads = [...doneTokens].flatMap(token => loads.get(token)?.[partition] ?? [])
        const all = Array.from({ length: range.last.offset / 2 + 1 }, (_, number) => number)
        expect(inDoneLoads.sort((a, b) => a - b)).toEqual(all)
      }
    }),
    { numRuns: 100 },
  )
})
