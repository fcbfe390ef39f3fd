import { systemClock } from '../../infra/clock.ts'
import { ArchiveView } from '../../processors/archive/archive-view.ts'
import { MemoryArchive } from '../../processors/archive/memory-archive-store.ts'
import { EagerClock } from '../../processors/archive/testing/eager-clock.ts'
import { HISTORY_DEFAULTS, type HistoryOptions } from '../../processors/history/history-store.ts'
import { historyView } from '../../processors/history/main.ts'
import { MemoryHistory } from '../../processors/history/memory-history.ts'
import { MemoryHistoryStore } from '../../processors/history/memory-history-store.ts'
import { membershipView } from '../../processors/membership/main.ts'
import { MemoryMembership, MemoryMembershipStore } from '../../processors/membership/memory-membership-store.ts'
import type { EventLog } from '../../processors/testing/log.ts'
import type { PlacedEvent, View } from '../../processors/view.ts'
import type { Partition } from '../../schemas/ids.ts'
import { PartitionReader } from '../read-log.ts'
import type { VerifyOptions } from '../verify.ts'

/** The log's valid events of a partition, with their real positions. */
export async function readPlaced(
  { log, topics, codec }: Pick<EventLog, 'log' | 'topics' | 'codec'>,
  partition: Partition,
): Promise<PlacedEvent[]> {
  const { start, end } = (await log.bounds(topics.events.name)).get(partition)!
  const placed: PlacedEvent[] = []
  const reader = new PartitionReader({ log, topic: topics.events.name, codec }, partition, start)
  for (let offset = start; offset < end; offset++) {
    let event: PlacedEvent['event'] | undefined
    await reader.readTo(offset + 1, read => {
      event = read
      return undefined
    })
    if (event !== undefined) placed.push({ event, position: reader.position })
  }
  return placed
}

/** Gives views what is on the log and not yet in them, in batches of `size`. */
export async function catchUp(eventLog: EventLog, views: readonly View[], size = 7): Promise<void> {
  for (const [partition] of await eventLog.log.bounds(eventLog.topics.events.name)) {
    const placed = await readPlaced(eventLog, partition)
    for (const view of views) {
      const position = await view.position(partition)
      const rest = placed.filter(it => it.position.offset > (position?.offset ?? -1))
      for (let first = 0; first < rest.length; first += size) {
        const events = rest.slice(first, first + size)
        await view.apply({ partition, events, position: events.at(-1)!.position })
      }
    }
  }
}

/** All views in memory, how another process opens them, and what verify wants to know. */
export function memoryViews(eventLog: EventLog, options: Partial<HistoryOptions> = {}) {
  const { log, topics, codec } = eventLog
  const limits = { ...HISTORY_DEFAULTS, ...options }
  const servers = { history: new MemoryHistory(), membership: new MemoryMembership(), archive: new MemoryArchive() }
  const history = new MemoryHistoryStore(servers.history, limits)
  const membership = new MemoryMembershipStore(servers.membership)
  /** The views as another process would open them. */
  const reopen = () => [
    historyView(new MemoryHistoryStore(servers.history, limits)),
    membershipView(new MemoryMembershipStore(servers.membership)),
    makeArchive(),
  ]
  const partitions = Array.from({ length: topics.events.partitions }, (_, partition) => partition)
  const makeArchive = () => {
    const clock = new EagerClock()
    return new ArchiveView({ store: servers.archive.store(), clock, topic: topics.events.name, partitions })
  }
  const views = [historyView(history), membershipView(membership), makeArchive()]
  const verifyOptions: VerifyOptions = {
    source: { log, codec },
    topic: topics.events,
    history,
    membership,
    archive: servers.archive,
    limits,
    clock: systemClock,
  }
  return { servers, views, reopen, verifyOptions, history, membership }
}
