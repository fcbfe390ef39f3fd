import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { silentLogger } from '../../infra/logger.ts'
import { Metrics } from '../../infra/metrics.ts'
import { catchUp, memoryViews } from '../../verify/testing/views.ts'
import { historyDigest, membershipDigest } from '../../verify/view-digest.ts'
import { archivedEvents } from '../archive/archived-events.ts'
import type { MemoryArchive } from '../archive/memory-archive-store.ts'
import { HISTORY_DEFAULTS } from '../history/history-store.ts'
import { historyView } from '../history/main.ts'
import { MemoryHistory } from '../history/memory-history.ts'
import { MemoryHistoryStore } from '../history/memory-history-store.ts'
import { membershipView } from '../membership/main.ts'
import { MemoryMembership, MemoryMembershipStore } from '../membership/memory-membership-store.ts'
import { anyScript, Script, single, user } from '../testing/events.ts'
import { type EventLog, makeEventLog } from '../testing/log.ts'
import type { View } from '../view.ts'
import { Filling } from './filling.ts'
import { OlderEventsMissing, viewAsOf } from './older-events.ts'
import { progressLine } from './progress-bar.ts'

/** Both views that are kept in Redis, in memory; every call of `views` is another process over the same stores. */
function stores() {
  const [history, membership] = [new MemoryHistory(), new MemoryMembership()]
  const open = () => ({
    history: new MemoryHistoryStore(history, HISTORY_DEFAULTS),
    membership: new MemoryMembershipStore(membership),
  })
  return {
    views: () => [historyView(open().history), membershipView(open().membership)],
    digests: async () => {
      const { history, membership } = open()
      return [await historyDigest(history), await membershipDigest(membership)]
    },
  }
}

async function fill(view: View, { log, topics, codec }: EventLog, archive?: MemoryArchive): Promise<number> {
  const filling = new Filling(view, {
    name: view.name,
    log,
    topics,
    eventCodec: codec,
    bounds: await log.bounds(topics.events.name),
    ...(archive && { older: archivedEvents(archive) }),
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    metrics: new Metrics(),
    signal: new AbortController().signal,
  })
  try {
    await filling.caughtUp()
  } finally {
    await filling.drain()
  }
  return filling.progress().events
}

/** A log that is archived whole. */
async function archived(script: Script, archivedEvents_ = script.events.length) {
  const eventLog = await makeEventLog()
  eventLog.append(script.events.slice(0, archivedEvents_))
  const { views, servers } = memoryViews(eventLog)
  await catchUp(eventLog, views.slice(-1))
  eventLog.append(script.events.slice(archivedEvents_))
  return { eventLog, archive: servers.archive }
}

/** Empties what was revoked or deleted for all, as the stripper does. */
function strip({ eventRows }: MemoryArchive): void {
  for (const taking of eventRows.filter(({ kind }) => kind === 'MessageRevoked' || kind === 'MessageDeleted')) {
    for (const row of eventRows) {
      if (row.sessionId !== taking.sessionId) continue
      if (row.seq === taking.targetSeq) Object.assign(row, { text: '', data: '', extra: '' })
      if (row.kind !== 'MessageOverridden' || row.targetSeq !== taking.targetSeq) continue
      const { target, version } = JSON.parse(row.data)
      Object.assign(row, {
        text: '',
        extra: '',
        data: JSON.stringify({ target, content: { kind: 'Removed' }, version }),
      })
    }
  }
}

/** A view that dies after so many batches. */
function dying(view: View, batches: number): View {
  let left = batches
  return {
    ...view,
    apply: async batch => {
      if (left-- <= 0) throw new TypeError('killed')
      await view.apply(batch)
    },
  }
}

describe('events that the log no longer holds', () => {
  test('[RN16] views of archive and log equal those of the log alone, also where content was emptied or the build was killed', async () => {
    await fc.assert(
      fc.asyncProperty(anyScript, fc.nat(), fc.nat({ max: 2 }), async (script, cut, batches) => {
        const { eventLog, archive } = await archived(script)
        const alone = stores()
        for (const view of alone.views()) await fill(view, eventLog)
        strip(archive)
        eventLog.log.deleteBefore(eventLog.topics.events.name, 0, cut % (script.events.length + 1))
        const both = stores()
        for (const view of both.views()) await fill(dying(view, batches), eventLog, archive).catch(() => {})
        for (const view of both.views()) await fill(view, eventLog, archive)
        expect(await both.digests()).toEqual(await alone.digests())
      }),
      { numRuns: 60 },
    )
  })

  test('[RN16] each event comes once, and a second build has nothing left to do', async () => {
    const script = messages(30)
    const { eventLog, archive } = await archived(script, 25)
    eventLog.log.deleteBefore(eventLog.topics.events.name, 0, 20)
    const both = stores()
    const [history] = both.views()
    expect(await fill(history!, eventLog, archive)).toBe(30)
    expect(await fill(both.views()[0]!, eventLog, archive)).toBe(0)
  })

  test('[RN16] an archive that ends below the log, or that has a hole, fills nothing that would have one', async () => {
    const script = messages(30)
    const { eventLog, archive } = await archived(script, 10)
    eventLog.log.deleteBefore(eventLog.topics.events.name, 0, 20)
    const [view] = stores().views()
    await expect(fill(view!, eventLog, archive)).rejects.toThrow(
      /the archive ends at offset 9 and the log begins at 20/,
    )
    archive.eventRows.splice(4, 1)
    await expect(fill(stores().views()[0]!, eventLog, archive)).rejects.toThrow(OlderEventsMissing)
    archive.eventRows.splice(0, 1)
    const beheaded = fill(stores().views()[0]!, eventLog, archive)
    await expect(beheaded).rejects.toThrow('the archive lacks what follows the beginning: pack 0/1 comes next')
  })

  test('[RN16] where both meet exactly, the chain of the log goes on from the hash that the archive has recorded', async () => {
    const script = messages(30)
    const { eventLog, archive } = await archived(script, 20)
    eventLog.log.deleteBefore(eventLog.topics.events.name, 0, 20)
    const both = stores()
    for (const view of both.views()) await fill(view, eventLog, archive)
    const alone = stores()
    const whole = (await archived(script)).eventLog
    for (const view of alone.views()) await fill(view, whole)
    expect(await both.digests()).toEqual(await alone.digests())
  })
})

test('[RN17] a view as of a time equals the live one then', async () => {
  await fc.assert(
    fc.asyncProperty(anyScript, fc.nat(), async (script, nth) => {
      const then = (nth % script.events.length) + 1
      const eventLog = await makeEventLog()
      eventLog.append(script.events.slice(0, then))
      const live = stores()
      for (const view of live.views()) await fill(view, eventLog)
      const expected = await live.digests()
      eventLog.append(script.events.slice(then))
      const asOf = stores()
      for (const view of asOf.views()) await fill(viewAsOf(view, script.events[then - 1]!.event.at), eventLog)
      expect(await asOf.digests()).toEqual(expected)
    }),
    { numRuns: 40 },
  )
})

test('[RN16] the bar says how far it is, how fast, and how long it still takes', () => {
  const before = { events: 0, remaining: 1_000 }
  expect(progressLine({ total: 1_000, remaining: 750, events: 240, before })).toBe(
    '[#####...............] 25 %, 240 events, 240/s, 3 s left',
  )
  expect(progressLine({ total: 0, remaining: 0, events: 0, before: { events: 0, remaining: 0 } })).toMatch(/100 %/)
})

function messages(count: number): Script {
  const script = new Script()
  for (let number = 0; number < count; number++) script.message(single('alice', 'bob'), user('alice'), `${number}`)
  return script
}
