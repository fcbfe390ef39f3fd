import fc from 'fast-check'
import { expect, test } from 'vitest'
import { catchUp, memoryViews, readPlaced } from '../../verify/testing/views.ts'
import { historyDigest, membershipDigest } from '../../verify/view-digest.ts'
import type { MemoryArchive } from '../archive/memory-archive-store.ts'
import { anyScript } from '../testing/events.ts'
import { makeEventLog } from '../testing/log.ts'
import type { PlacedEvent, View } from '../view.ts'

/**
 * What a view lives through, batch by batch: it is applied; or applied, but nobody hears of it, and another process, which
 * asks where the store is, gets it again; or the process dies before, and another one goes on.
 */
const step = fc.record({ size: fc.integer({ min: 1, max: 9 }), fate: fc.constantFrom('applied', 'unheard', 'died') })

async function live(
  views: () => View[],
  placed: readonly PlacedEvent[],
  steps: readonly { size: number; fate: string }[],
) {
  let open = views()
  for (const view of open) await view.position(0)
  let next = 0
  for (let turn = 0; next < placed.length; turn++) {
    const { size, fate } = steps[turn % steps.length]!
    const events = placed.slice(next, next + size)
    const batch = { partition: 0, events, position: events.at(-1)!.position }
    if (fate !== 'died') for (const view of open) await view.apply(batch)
    if (fate !== 'applied') {
      open = views()
      // It begins where the store is, and gets again what the store has already.
      for (const view of open) {
        const stored = (await view.position(0))?.offset ?? -1
        const rest = events.filter(({ position }) => position.offset > stored)
        if (view.name !== 'archive') await view.apply(batch)
        else if (rest.length > 0) await view.apply({ ...batch, events: rest })
      }
    }
    next += size
  }
}

async function rowsOf(archive: MemoryArchive): Promise<unknown[]> {
  const rows: unknown[] = []
  for await (const row of archive.events(0)) rows.push(row)
  for await (const row of archive.messages(0)) rows.push(row)
  return rows
}

test('[RN18] any sequence of events, applied live with crashes, is in every view what a build from zero makes of it', async () => {
  await fc.assert(
    fc.asyncProperty(anyScript, fc.array(step, { minLength: 1, maxLength: 12 }), async (script, steps) => {
      const eventLog = await makeEventLog()
      eventLog.append(script.events)
      const [lived, built] = [memoryViews(eventLog), memoryViews(eventLog)]
      await live(lived.reopen, await readPlaced(eventLog, 0), steps)
      await catchUp(eventLog, built.views, script.events.length)
      expect(await historyDigest(lived.history)).toBe(await historyDigest(built.history))
      expect(await membershipDigest(lived.membership)).toBe(await membershipDigest(built.membership))
      expect(await rowsOf(lived.servers.archive)).toEqual(await rowsOf(built.servers.archive))
    }),
    { numRuns: 40 },
  )
})
