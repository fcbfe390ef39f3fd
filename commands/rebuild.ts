import { BadConfig } from '../infra/config.ts'
import { connectRedis, redisReady } from '../infra/redis/redis.ts'
import { makeArchiveRebuild } from '../processors/archive/main.ts'
import { historyRebuildable } from '../processors/history/main.ts'
import { membershipRebuildable } from '../processors/membership/main.ts'
import { type Rebuildable, rebuildView } from '../processors/rebuild.ts'
import { type Context, clickHouseOptions, closeContext, openContext } from './context.ts'

const VIEWS = ['history', 'membership', 'archive'] as const

/** Builds a view anew beside the live one, switches over in one step, and deletes the old one. */
export async function rebuildCommand(options: {
  env: NodeJS.ProcessEnv
  view: string | undefined
  signal: AbortSignal
  print?: (line: string) => void
}): Promise<number> {
  const view = VIEWS.find(name => name === options.view)
  if (view === undefined) throw new BadConfig(`rebuild VIEW: one of ${VIEWS.join(', ')}`)
  const context = await openContext({ PACKLOG_LOG_LEVEL: 'warn', ...options.env }, `rebuild-${view}`)
  try {
    const { log, topics, codecs, clock, random, logger } = context
    await rebuildView({
      rebuildable: await makeRebuildable(view, context),
      log,
      topics,
      eventCodec: codecs.events,
      clock,
      random,
      logger,
      metrics: context.metrics,
      signal: options.signal,
      print: options.print ?? (line => process.stdout.write(`${line}\n`)),
    })
    return 0
  } finally {
    await closeContext(context)
  }
}

async function makeRebuildable(view: (typeof VIEWS)[number], context: Context): Promise<Rebuildable> {
  const { config, topics, clock, random, logger, metrics, closers } = context
  if (view === 'archive') {
    const clickhouse = clickHouseOptions(config)
    const partitions = Array.from({ length: topics.events.partitions }, (_, partition) => partition)
    const keepsRevoked = config.archiveKeepsRevoked
    return makeArchiveRebuild({ clickhouse, topic: topics.events.name, partitions, clock, random, keepsRevoked })
  }
  const connection = connectRedis({ url: config.redisUrl, prefix: config.redisPrefix, name: 'packlog-rebuild', logger })
  closers.push(() => connection.close())
  await redisReady(connection)
  return view === 'history'
    ? historyRebuildable({ connection, random, logger, metrics, clock, options: config.history })
    : membershipRebuildable({ connection, random, clock })
}
