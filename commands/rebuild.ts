import { availableParallelism } from 'node:os'
import { connectClickHouse } from '../infra/clickhouse/clickhouse.ts'
import { BadConfig } from '../infra/config.ts'
import { BUILDERS_MAX } from '../infra/redis/generations.ts'
import { unlinkKeys } from '../infra/redis/pipeline.ts'
import { connectRedis, type RedisConnection, redisReady } from '../infra/redis/redis.ts'
import { archivedEvents } from '../processors/archive/archived-events.ts'
import { ClickHouseArchiveInspector } from '../processors/archive/inspect.ts'
import { makeArchiveRebuild } from '../processors/archive/main.ts'
import { REDIS_GATHER } from '../processors/generation-writer.ts'
import { historyInspector, historyRebuildable, makeHistoryView } from '../processors/history/main.ts'
import { makeMembershipView, membershipInspector, membershipRebuildable } from '../processors/membership/main.ts'
import { Filling } from '../processors/rebuild/filling.ts'
import { type OlderEvents, viewAsOf } from '../processors/rebuild/older-events.ts'
import { ProgressBar } from '../processors/rebuild/progress-bar.ts'
import { type Rebuildable, type Rebuilt, rebuildView } from '../processors/rebuild/rebuild.ts'
import { historyDigest, membershipDigest } from '../verify/view-digest.ts'
import { type Context, clickHouseOptions, closeContext, openContext } from './context.ts'
import { startHelpers } from './rebuild-helpers.ts'

const VIEWS = ['history', 'membership', 'archive'] as const
export type ViewName = (typeof VIEWS)[number]

export interface RebuildCommandOptions {
  env: NodeJS.ProcessEnv
  view: string | undefined
  signal: AbortSignal
  print?: (line: string) => void
  onRebuilt?: (rebuilt: Rebuilt) => void
  /** Goes on with what an earlier rebuild has left. */
  resume?: boolean
  /** Throws away what an earlier rebuild has left, or the view as of `asOf`, and builds nothing. */
  discard?: boolean
  /** How many threads build history or membership; one for each core, up to BUILDERS_MAX, where it is left out. */
  threads?: string | undefined
  /** A time (ISO 8601): builds the view as it was then beside the live one, and switches nothing. */
  asOf?: string | undefined
}

/**
 * Builds a view anew beside the live one, switches over in one step, and deletes the old one; or, as of a time, leaves
 * both. 0: done. Throws BadConfig, RebuildFailed, OlderEventsMissing.
 */
export async function rebuildCommand(options: RebuildCommandOptions): Promise<number> {
  const view = VIEWS.find(name => name === options.view)
  if (view === undefined) throw new BadConfig(`rebuild VIEW: one of ${VIEWS.join(', ')}`)
  if (options.resume === true && options.discard === true) {
    throw new BadConfig('--resume goes on with what a rebuild has left, --discard throws it away: one of the two')
  }
  const threads = threadsOf(options.threads)
  const until = options.asOf === undefined ? undefined : timeOf(options.asOf, view)
  const env = { PACKLOG_LOG_LEVEL: 'warn', ...options.env }
  const print = options.print ?? (line => process.stdout.write(`${line}\n`))
  const buildsAlone = view === 'archive' || until !== undefined || options.discard === true
  const helpers = startHelpers(buildsAlone ? 0 : threads - 1, { env, view })
  const closers = [() => helpers.close()]
  try {
    const context = await openContext(env, `rebuild-${view}`)
    closers.push(() => closeContext(context))
    if (until !== undefined && view !== 'archive') {
      await buildAsOf(context, { ...options, view, until, print })
      return 0
    }
    const rebuildable = await makeRebuildable(view, context)
    if (options.discard === true) {
      const wasThere = await rebuildable.abort()
      print(`${view}: ${wasThere ? 'what a rebuild had left is thrown away' : 'no rebuild has left anything'}`)
      return 0
    }
    const resume = options.resume === true
    const rebuilt = await rebuildView({ ...fillParts(context, options.signal), print, rebuildable, resume, helpers })
    options.onRebuilt?.(rebuilt)
    return 0
  } finally {
    for (const close of closers) await close()
  }
}

function threadsOf(text: string | undefined): number {
  if (text === undefined) return Math.min(availableParallelism(), BUILDERS_MAX)
  const threads = Number(text)
  if (!Number.isInteger(threads) || threads < 1 || threads > BUILDERS_MAX) {
    throw new BadConfig(`--threads ${text}: a number from 1 to ${BUILDERS_MAX}`)
  }
  return threads
}

function timeOf(text: string, view: ViewName): number {
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw new BadConfig(`--as-of ${text}: a time like 2026-01-31T12:00:00Z`)
  if (view === 'archive')
    throw new BadConfig('--as-of: history or membership; of the archive ask for rows with at <= TIME')
  return at
}

/** What whoever fills a view needs of a context. */
export function fillParts(context: Context, signal: AbortSignal) {
  const { log, topics, codecs, clock, random, logger, metrics } = context
  const older = olderEvents(context)
  return { log, topics, eventCodec: codecs.events, clock, random, logger, metrics, signal, older }
}

/** What the log no longer holds; the connection is made when it is needed. */
function olderEvents({ config, closers }: Context): OlderEvents {
  const clickhouse = connectClickHouse(clickHouseOptions(config))
  closers.push(() => clickhouse.close())
  return archivedEvents(new ClickHouseArchiveInspector(clickhouse))
}

export async function makeRebuildable(view: ViewName, context: Context): Promise<Rebuildable> {
  const { config, topics, clock, random, logger, metrics } = context
  if (view === 'archive') {
    const clickhouse = clickHouseOptions(config)
    const partitions = Array.from({ length: topics.events.partitions }, (_, partition) => partition)
    const keepsRevoked = config.archiveKeepsRevoked
    return makeArchiveRebuild({ clickhouse, topic: topics.events.name, partitions, clock, random, keepsRevoked })
  }
  const connection = await connectTo(context, config.redisPrefix)
  return view === 'history'
    ? historyRebuildable({ connection, random, logger, metrics, clock, options: config.history })
    : membershipRebuildable({ connection, random, clock })
}

async function connectTo({ config, logger, closers }: Context, prefix: string): Promise<RedisConnection> {
  const connection = connectRedis({ url: config.redisUrl, prefix, name: 'packlog-rebuild', logger })
  closers.push(() => connection.close())
  await redisReady(connection)
  return connection
}

/** Builds a view as of a time under a prefix of its own, from nothing, and prints its digest and where it is. */
async function buildAsOf(
  context: Context,
  request: RebuildCommandOptions & {
    view: 'history' | 'membership'
    until: number
    print: (line: string) => void
  },
): Promise<void> {
  const { view: name, until, print, signal, discard } = request
  const { config, log, topics, random, logger, metrics } = context
  const prefix = `${config.redisPrefix}as-of-${until}:`
  const connection = await connectTo(context, prefix)
  const wasThere = (await unlinkKeys(connection, `${prefix}${name}:`)) > 0
  if (discard === true) {
    const as = `${name} as of ${new Date(until).toISOString()}`
    return print(wasThere ? `${as}: thrown away` : `${as}: there is none`)
  }
  const shared = { connection: { ...connection, close: async () => {} }, random }
  const live =
    name === 'history'
      ? makeHistoryView({ ...shared, logger, metrics, options: config.history })
      : makeMembershipView(shared)
  const bounds = await log.bounds(topics.events.name)
  const filling = new Filling(viewAsOf(live, until), {
    ...fillParts(context, signal),
    name,
    bounds,
    gather: REDIS_GATHER,
  })
  const bar = new ProgressBar({ name, clock: context.clock, print, progress: () => filling.progress() })
  try {
    await filling.caughtUp()
  } finally {
    bar.end()
    await filling.drain()
  }
  const on = { connection, random }
  const digest =
    name === 'history' ? await historyDigest(historyInspector(on)) : await membershipDigest(membershipInspector(on))
  print(`${name} as of ${new Date(until).toISOString()}: digest ${digest}, under PACKLOG_REDIS_PREFIX=${prefix}`)
}
