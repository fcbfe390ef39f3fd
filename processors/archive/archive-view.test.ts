import { expect, test } from 'vitest'
import type { Clock } from '../../infra/clock.ts'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import { archiveViewContract } from '../../tests/contract/archive-view.contract.ts'
import { ViewMoved } from '../view.ts'
import type { ArchiveProgress, ArchiveStore } from './archive-store.ts'
import { ArchiveView, TablesSwitching } from './archive-view.ts'
import { GATHER_MS } from './gather.ts'
import { MemoryArchive } from './memory-archive-store.ts'
import { EagerClock } from './testing/eager-clock.ts'
import { sampleBatch } from './testing/sample-events.ts'

archiveViewContract(async () => {
  const archive = new MemoryArchive()
  return {
    open: () => archive.store(),
    inspector: archive,
    reader: archive,
    rawRows: async () => ({ events: archive.eventRows.length, messages: archive.messageRows.length }),
    insertHalf: async (load, rows) => archive.insertEvents(load.token, rows),
    remove: async () => {},
  }
})

/** A view over one archive after another; `change` alters what the store says of itself. */
function viewOver(
  archive: { current: MemoryArchive },
  change: (progress: ArchiveProgress) => ArchiveProgress = it => it,
) {
  const inner = () => archive.current.store()
  const store: ArchiveStore = {
    prepare: () => inner().prepare(),
    progress: async () => change(await inner().progress()),
    recordIntent: load => inner().recordIntent(load),
    insert: (load, rows) => inner().insert(load, rows),
    recordDone: load => inner().recordDone(load),
    close: () => inner().close(),
  }
  return new ArchiveView({ store, clock: new EagerClock(), topic: 'im.events', partitions: [0, 1] })
}

test('[AR5] an emptied archive is told, and filled again from where it is', async () => {
  const archive = { current: new MemoryArchive() }
  const view = viewOver(archive)
  for (const partition of [0, 1]) await view.position(partition)
  await view.apply(sampleBatch(0, 0, 4))
  await view.apply(sampleBatch(1, 0, 4))
  archive.current = new MemoryArchive()
  await expect(view.apply(sampleBatch(0, 5, 6))).rejects.toThrow(ViewMoved)
  expect(await view.position(0)).toBeUndefined()
  await expect(view.apply(sampleBatch(1, 5, 6))).rejects.toThrow(ViewMoved)
  expect(await view.position(1)).toBeUndefined()
  await Promise.all([view.apply(sampleBatch(0, 0, 6)), view.apply(sampleBatch(1, 0, 6))])
  expect(archive.current.eventRows).toHaveLength(14)
})

test('[AR8] while a rebuild exchanges tables nothing is inserted', async () => {
  const archive = { current: new MemoryArchive() }
  let switching = true
  const view = viewOver(archive, progress => ({ ...progress, switching }))
  await view.position(0)
  await expect(view.apply(sampleBatch(0, 0, 4))).rejects.toThrow(TablesSwitching)
  expect(archive.current.eventRows).toEqual([])
  switching = false
  await view.apply(sampleBatch(0, 0, 4))
  expect(archive.current.eventRows).toHaveLength(5)
})

test('[AR8] an insert that overlapped an exchange is not done: it is repeated', async () => {
  const archive = { current: new MemoryArchive() }
  let asked = 0
  const view = viewOver(archive, progress => ({ ...progress, switches: asked++ < 2 ? 0 : 1 }))
  await view.position(0)
  await expect(view.apply(sampleBatch(0, 0, 4))).rejects.toThrow(TablesSwitching)
  expect((await archive.current.positions()).size).toBe(0)
  await view.apply(sampleBatch(0, 0, 4))
  expect((await archive.current.positions()).get(0)?.offset).toBe(8)
  expect(archive.current.eventRows).toHaveLength(5)
})

test('[AR3] what waits when the archive is closed is refused, and nothing is taken afterwards', async () => {
  const view = viewOver({ current: new MemoryArchive() })
  await view.position(0)
  const waiting = view.apply(sampleBatch(0, 0, 4))
  const refused = expect(waiting).rejects.toThrow('closed')
  await view.close()
  await refused
  await expect(view.apply(sampleBatch(0, 0, 4))).rejects.toThrow('closed')
})

test('[AR3] a wall clock that goes back holds up no load', async () => {
  const clock = new VirtualClock()
  let skewMs = 0
  const stepped: Clock = {
    now: () => clock.now() + skewMs,
    monotonic: () => clock.monotonic(),
    sleep: (delayMs, signal) => clock.sleep(delayMs, signal),
    schedule: (delayMs, task) => clock.schedule(delayMs, task),
    defer: task => clock.defer(task),
  }
  const archive = new MemoryArchive()
  const view = new ArchiveView({ store: archive.store(), clock: stepped, topic: 'im.events', partitions: [0] })
  await view.position(0)
  const applied = view.apply(sampleBatch(0, 0, 4))
  skewMs = -240_000
  const startedAt = clock.monotonic()
  await clock.resolve(applied)
  expect(clock.monotonic() - startedAt).toBeLessThanOrEqual(GATHER_MS)
})

const isTaken = (view: ArchiveView, batch: Parameters<ArchiveView['apply']>[0]) =>
  view.apply(batch).then(
    () => true,
    () => false,
  )

test('[AR17] while the store is away a partition holds one batch, and afterwards everything is there once', async () => {
  const archive = new MemoryArchive()
  const away = { failures: 300, insertsMost: 0, lost: 0 }
  const inner = archive.store()
  const store: ArchiveStore = {
    ...inner,
    insert: async (load, rows) => {
      away.insertsMost = Math.max(away.insertsMost, rows.length)
      if (away.failures-- <= 0) return inner.insert(load, rows)
      // Every third was stored all the same, and only its answer was lost.
      if (away.failures % 3 === 0) await inner.insert(load, rows)
      throw new Error('the store is away')
    },
  }
  const partitions = [0, 1, 2]
  const held = { now: 0, most: 0 }
  const onHeld = (events: number) => {
    held.now = events
    held.most = Math.max(held.most, events)
  }
  const view = new ArchiveView({ store, clock: new EagerClock(), topic: 'im.events', partitions, onHeld })
  // As the runner does it: a batch that failed is offered again, and the log waits meanwhile.
  const follow = async (partition: number) => {
    await view.position(partition)
    for (let first = 0; first < 400; first += 20) {
      const batch = sampleBatch(partition, first, first + 19)
      while (!(await isTaken(view, batch))) {}
    }
  }
  await Promise.all(partitions.map(follow))
  await view.close()
  expect(away.failures).toBeLessThan(0)
  expect(held).toEqual({ now: 0, most: 20 * partitions.length })
  expect(away.insertsMost).toBeLessThanOrEqual(20 * partitions.length)
  for (const partition of partitions) {
    const rows = archive.eventRows.filter(row => row.partition === partition)
    expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 400 }, (_, i) => i + 1))
  }
})
