import { isDeepStrictEqual } from 'node:util'
import { silentLogger } from '../../../infra/logger.ts'
import { Metrics } from '../../../infra/metrics.ts'
import { ArchiveView } from '../../../processors/archive/archive-view.ts'
import { MemoryArchive } from '../../../processors/archive/memory-archive-store.ts'
import { historyView } from '../../../processors/history/main.ts'
import { MemoryHistory } from '../../../processors/history/memory-history.ts'
import { MemoryHistoryStore } from '../../../processors/history/memory-history-store.ts'
import { membershipView } from '../../../processors/membership/main.ts'
import { MemoryMembership, MemoryMembershipStore } from '../../../processors/membership/memory-membership-store.ts'
import { makeRunner } from '../../../processors/runner.ts'
import type { View } from '../../../processors/view.ts'
import { describe } from '../../../verify/difference.ts'
import { verify } from '../../../verify/verify.ts'
import type { World } from '../world.ts'
import type { Say } from './audit.ts'

/**
 * SIM7: what the views hold is what the log says, by the fold of verify/ (which shares nothing with the processors),
 * and a view that is built anew from the log's start is the same.
 */
export async function checkViews(world: World, say: Say): Promise<void> {
  const live = {
    history: new MemoryHistoryStore(world.servers.history, world.historyOptions),
    membership: new MemoryMembershipStore(world.servers.membership),
    archive: world.servers.archive,
  }
  const result = await world.clock.resolve(
    verify({
      source: { log: world.log, codec: world.codecs.event },
      topic: world.topics.events,
      ...live,
      limits: world.historyOptions,
      clock: world.clock,
    }),
  )
  for (const difference of result.differences) say('SIM7', describe(difference))
  if (result.total === 0) await compareRebuilt(world, live, say)
}

type Stores = { history: MemoryHistoryStore; membership: MemoryMembershipStore; archive: MemoryArchive }

async function compareRebuilt(world: World, live: Stores, say: Say): Promise<void> {
  const rebuilt: Stores = {
    history: new MemoryHistoryStore(new MemoryHistory(), world.historyOptions),
    membership: new MemoryMembershipStore(new MemoryMembership()),
    archive: new MemoryArchive(),
  }
  const partitions = world.truth.partitions.map(({ partition }) => partition)
  const topic = world.topics.events.name
  const archive = new ArchiveView({ store: rebuilt.archive.store(), clock: world.clock, topic, partitions })
  for (const view of [historyView(rebuilt.history), membershipView(rebuilt.membership), archive])
    await build(world, view)
  for (const [name, rows] of Object.entries(ROWS)) {
    const [one, other] = [await rows(live, partitions), await rows(rebuilt, partitions)]
    if (!isDeepStrictEqual(one, other)) say('SIM7', `${name}: built anew it is not the same`)
  }
}

/** Reads the whole log into an empty view. */
async function build(world: World, view: View): Promise<void> {
  const runner = makeRunner({
    view,
    log: {
      ...world.plainLog(),
      read: options => world.log.read({ ...options, onBatch: batch => inPieces(world, batch, options.onBatch) }),
    },
    topics: world.topics,
    eventCodec: world.codecs.event,
    partitions: world.truth.partitions.map(({ partition }) => partition),
    clock: world.clock,
    random: world.random,
    logger: silentLogger,
    metrics: new Metrics(),
  })
  await runner.start()
  await world.clock.resolve(runner.caughtUp())
  await world.clock.resolve(runner.drain())
}

type OnBatch = Parameters<World['log']['read']>[0]['onBatch']

async function inPieces(world: World, batch: Parameters<OnBatch>[0], onBatch: OnBatch): Promise<void> {
  for (const records of world.cut(batch.records)) await onBatch({ ...batch, records })
}

/** Everything that a view holds, in one order; what is trimmed by amount depends on nothing else. */
const ROWS: Record<string, (stores: Stores, partitions: readonly number[]) => Promise<unknown>> = {
  'history sessions': async ({ history }) => rowsOf(history.sessionIds(), id => history.session(id)),
  'history users': async ({ history }) => rowsOf(history.userIds(), id => history.user(id)),
  'membership groups': async ({ membership }) => rowsOf(membership.groupIds(), id => membership.group(id)),
  'membership users': async ({ membership }) => rowsOf(membership.userIds(), id => membership.user(id)),
  'archive events': async ({ archive }, partitions) => {
    const rows: unknown[] = []
    for (const partition of partitions) for await (const row of archive.events(partition)) rows.push(row)
    return rows
  },
  'archive messages': async ({ archive }, partitions) => {
    const rows: unknown[] = []
    for (const partition of partitions) for await (const row of archive.messages(partition)) rows.push(row)
    return rows
  },
}

async function rowsOf<Id extends string>(
  pages: AsyncIterable<Id[]>,
  row: (id: Id) => Promise<unknown>,
): Promise<unknown[]> {
  const ids: Id[] = []
  for await (const page of pages) ids.push(...page)
  return Promise.all(ids.sort().map(row))
}
