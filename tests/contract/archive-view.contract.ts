import { afterEach, describe, expect, test } from 'vitest'
import type { ArchiveStore, Load } from '../../processors/archive/archive-store.ts'
import { ArchiveView } from '../../processors/archive/archive-view.ts'
import type { EventRow } from '../../processors/archive/event-row.ts'
import { EagerClock } from '../../processors/archive/testing/eager-clock.ts'
import { sampleBatch } from '../../processors/archive/testing/sample-events.ts'
import type { ArchiveHarness } from './archive-store.contract.ts'

/** Where a process or its server can stop in the life of a load. `lost` points did their work, but nobody heard of it. */
const CRASH_POINTS = [
  'before intent',
  'intent lost',
  'before insert',
  'insert half',
  'insert lost',
  'before done',
  'done lost',
] as const
type CrashPoint = (typeof CRASH_POINTS)[number]

class Crash extends Error {}

/** A store that stops once at a point, then works. */
class CrashingStore implements ArchiveStore {
  point: CrashPoint | undefined
  private readonly inner: ArchiveStore
  private readonly insertHalf: ArchiveHarness['insertHalf']

  constructor(inner: ArchiveStore, insertHalf: ArchiveHarness['insertHalf']) {
    this.inner = inner
    this.insertHalf = insertHalf
  }

  prepare = () => this.inner.prepare()
  progress = () => this.inner.progress()
  close = () => this.inner.close()

  async recordIntent(load: Load): Promise<void> {
    this.crashAt('before intent')
    await this.inner.recordIntent(load)
    this.crashAt('intent lost')
  }

  async insert(load: Load, rows: readonly EventRow[]): Promise<void> {
    this.crashAt('before insert')
    if (this.point === 'insert half') await this.insertHalf(load, rows)
    this.crashAt('insert half')
    await this.inner.insert(load, rows)
    this.crashAt('insert lost')
  }

  async recordDone(load: Load): Promise<void> {
    this.crashAt('before done')
    await this.inner.recordDone(load)
    this.crashAt('done lost')
  }

  private crashAt(point: CrashPoint): void {
    if (this.point !== point) return
    this.point = undefined
    throw new Crash(point)
  }
}

const PARTITIONS = [0, 1]

/** What the archive as a view does over any store; run over memory and a real ClickHouse. */
export function archiveViewContract(makeHarness: () => Promise<ArchiveHarness>): void {
  let harness: ArchiveHarness | undefined
  const views: ArchiveView[] = []
  afterEach(async () => {
    for (const view of views.splice(0)) await view.close()
    await harness?.remove()
    harness = undefined
  })

  /** A process: a store and a view, asked for its positions as the runner does. */
  async function begin({ open, insertHalf }: ArchiveHarness) {
    const store = new CrashingStore(open(), insertHalf)
    const view = new ArchiveView({ store, clock: new EagerClock(), topic: 'im.events', partitions: PARTITIONS })
    views.push(view)
    for (const partition of PARTITIONS) await view.position(partition)
    return { store, view }
  }

  async function seqsOf(partition: number): Promise<number[]> {
    const seqs: number[] = []
    for await (const row of harness!.inspector.messages(partition)) seqs.push(row.seq)
    return seqs
  }

  /** Reads on from the stored positions, in batches of another size than before, as the runner does after a start. */
  async function readOn(view: ArchiveView, last: number, size: number): Promise<void> {
    const reading = PARTITIONS.map(async partition => {
      const position = await view.position(partition)
      for (let first = (position?.offset ?? -2) / 2 + 1; first <= last; first += size) {
        await view.apply(sampleBatch(partition, first, Math.min(last, first + size - 1)))
      }
    })
    await Promise.all(reading)
  }

  test('[AR3] a batch that was applied is stored, and the position is behind it', async () => {
    harness = await makeHarness()
    const { view } = await begin(harness)
    expect(await view.position(0)).toBeUndefined()
    const batch = sampleBatch(0, 0, 4)
    await Promise.all([view.apply(batch), view.apply(sampleBatch(1, 0, 1))])
    expect(await view.position(0)).toEqual(batch.position)
    expect((await harness.inspector.positions()).get(0)).toEqual(batch.position)
    expect(await seqsOf(0)).toEqual([1, 2, 3, 4, 5])
  })

  describe('[AR4] nothing is lost or doubled when it stops', () => {
    for (const point of CRASH_POINTS) {
      test(`${point}, and another process goes on`, async () => {
        harness = await makeHarness()
        const before = await begin(harness)
        await readOn(before.view, 4, 5)
        before.store.point = point
        const results = await Promise.allSettled(PARTITIONS.map(p => before.view.apply(sampleBatch(p, 5, 11))))
        expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
        const after = await begin(harness)
        await readOn(after.view, 20, 3)
        expect(await harness.rawRows()).toEqual({ events: 42, messages: 42 })
        for (const partition of PARTITIONS) expect(await seqsOf(partition)).toHaveLength(21)
        expect((await after.view.position(1))?.offset).toBe(40)
      })

      test(`${point}, and the same process tries again`, async () => {
        harness = await makeHarness()
        const { store, view } = await begin(harness)
        store.point = point
        const batches = PARTITIONS.map(partition => sampleBatch(partition, 0, 9))
        const results = await Promise.allSettled(batches.map(batch => view.apply(batch)))
        expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
        await Promise.all(batches.map(batch => view.apply(batch)))
        await readOn(view, 15, 10)
        expect(await harness.rawRows()).toEqual({ events: 32, messages: 32 })
        expect(await seqsOf(1)).toHaveLength(16)
      })
    }
  })

  test('[AR4] two owners of the same partitions at the same time: nothing is missing, and rows are read once', async () => {
    harness = await makeHarness()
    const one = await begin(harness)
    const other = await begin(harness)
    await Promise.all([readOn(one.view, 30, 4), readOn(other.view, 30, 7)])
    for (const partition of PARTITIONS) {
      const offsets: number[] = []
      for await (const row of harness.inspector.events(partition)) offsets.push(row.offset)
      expect(offsets).toEqual(Array.from({ length: 31 }, (_, number) => 2 * number))
      expect(await seqsOf(partition)).toEqual(Array.from({ length: 31 }, (_, number) => number + 1))
      expect((await harness.inspector.positions()).get(partition)?.offset).toBe(60)
    }
  })

  test('[AR4] a crash on the way out of a crash changes nothing either', async () => {
    harness = await makeHarness()
    for (const point of CRASH_POINTS) {
      const { store, view } = await begin(harness)
      store.point = point
      await Promise.allSettled(PARTITIONS.map(partition => readOnOne(view, partition, 30, 4)))
    }
    const { view } = await begin(harness)
    await readOn(view, 30, 7)
    expect(await harness.rawRows()).toEqual({ events: 62, messages: 62 })
  })

  async function readOnOne(view: ArchiveView, partition: number, last: number, size: number): Promise<void> {
    const position = await view.position(partition)
    const first = (position?.offset ?? -2) / 2 + 1
    if (first <= last) await view.apply(sampleBatch(partition, first, Math.min(last, first + size - 1)))
  }
}
