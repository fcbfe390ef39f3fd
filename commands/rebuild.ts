import { connectClickHouse } from '../infra/clickhouse/clickhouse.ts'
import { BadConfig } from '../infra/config.ts'
import { unlinkKeys } from '../infra/redis/pipeline.ts'
import { connectRedis, type RedisConnection, redisReady } from '../infra/redis/redis.ts'
import { archivedEvents } from '../processors/archive/archived-events.ts'
import { ClickHouseArchiveInspector } from '../processors/archive/inspect.ts'
import { makeArchiveRebuild } from '../processors/archive/main.ts'
import { REDIS_GATHER } from '../processors/generation-writer.ts'
import { historyInspector, historyRebuildable, makeHistoryView } from '../processors/history/main.ts'
import { makeMembershipView, membershipInspector, membershipRebuildable } from '../processors/membership/main.ts'
import { type OlderEvents, viewAsOf } from '../processors/older-events.ts'
import { fillView, type Rebuildable, rebuildView } from '../processors/rebuild.ts'
import { historyDigest, membershipDigest } from '../verify/view-digest.ts'
import { type Context, clickHouseOptions, closeContext, openContext } from './context.ts'

const VIEWS = ['history', 'membership', 'archive'] as const
type ViewName = (typeof VIEWS)[number]

export interface RebuildCommandOptions {
  env: NodeJS.ProcessEnv
  view: string | undefined
  signal: AbortSignal
  print?: (line: string) => void
  /** Goes on with what an earlier rebuild has left. */
  resume?: boolean
  /** Throws away what an earlier rebuild has left, or the view as of `asOf`, and builds nothing. */
  discard?: boolean
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
  const until = options.asOf === undefined ? undefined : timeOf(options.asOf, view)
  const context = await openContext({ PACKLOG_LOG_LEVEL: 'warn', ...options.env }, `rebuild-${view}`)
  const print = options.print ?? (line => process.stdout.write(`${line}\n`))
  try {
    if (until !== undefined && view !== 'archive') {
      await buildAsOf(context, { ...options, view, until, print })
      return 0
    }
    const rebuildable = await makeRebuildable(view, context)
    if (options.discard === true) {
      const wasThere = await rebuildable.abort()
      print(`${view}: ${wasThere ? 'what a rebuild had left is thrown away' : 'no rebuild has left anything'}`)
    } else
      await rebuildView({ ...partsOf(context, options.signal, print), rebuildable, resume: options.resume === true })
    return 0
  } finally {
    await closeContext(context)
  }
}

function timeOf(text: string, view: ViewName): number {
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw new BadConfig(`--as-of ${text}: a time like 2026-01-31T12:00:00Z`)
  if (view === 'archive')
    throw new BadConfig('--as-of: history or membership; of the archive ask for rows with at <= TIME')
  return at
}

function partsOf(context: Context, signal: AbortSignal, print: (line: string) => void) {
  const { log, topics, codecs, clock, random, logger, metrics } = context
  const older = olderEvents(context)
  return { log, topics, eventCodec: codecs.events, clock, random, logger, metrics, signal, print, older }
}

/** What the log no longer holds; the connection is made when it is needed. */
function olderEvents({ config, closers }: Context): OlderEvents {
  const clickhouse = connectClickHouse(clickHouseOptions(config))
  closers.push(() => clickhouse.close())
  return archivedEvents(new ClickHouseArchiveInspector(clickhouse))
}

async function makeRebuildable(view: ViewName, context: Context): Promise<Rebuildable> {
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
  const { runner } = await fillView(viewAsOf(live, until), {
    ...partsOf(context, signal, print),
    name,
    bounds,
    gather: REDIS_GATHER,
  })
  await runner.drain()
  const on = { connection, random }
  const digest =
    name === 'history' ? await historyDigest(historyInspector(on)) : await membershipDigest(membershipInspector(on))
  print(`${name} as of ${new Date(until).toISOString()}: digest ${digest}, under PACKLOG_REDIS_PREFIX=${prefix}`)
}
