import { NoServer, readLocalStack, START_HINT } from '../../client/terminal/find-server.ts'
import { clickHouseOptions, closeContext, openContext } from '../../commands/context.ts'
import { rebuildCommand } from '../../commands/rebuild.ts'
import { verification } from '../../commands/verify.ts'
import { connectClickHouse, quoteName } from '../../infra/clickhouse/clickhouse.ts'
import type { Clock, Random } from '../../infra/clock.ts'
import { deleteTopics } from '../../infra/kafka/create-topics.ts'
import { silentLogger } from '../../infra/logger.ts'
import { unlinkKeys } from '../../infra/redis/pipeline.ts'
import { connectRedis, redisReady } from '../../infra/redis/redis.ts'
import { setupArchive } from '../../processors/archive/main.ts'
import { verify } from '../../verify/verify.ts'
import { readConditions } from '../conditions.ts'
import { ProcessWatch, type Watched } from '../processes.ts'
import { projectRoot } from '../target.ts'
import { type FillParameters, fillLog } from './fill.ts'
import { parseViewsOptions } from './options.ts'
import { type RebuiltFigures, type StepFigures, type VerifiedCounts, type ViewsReport, viewsText } from './report.ts'

/** `npm run bench -- verify` and `-- rebuild`: how fast views are built from the log, and compared with it. */

interface Shell {
  env: NodeJS.ProcessEnv
  clock: Clock
  random: Random
  log(line: string): void
}

export function isViewsBench([command]: readonly string[]): boolean {
  return command === 'verify' || command === 'rebuild'
}

/** Runs the command line and prints the figures with their conditions; gives the exit code. */
export async function runViewsBench(args: readonly string[], shell: Shell): Promise<number> {
  const options = parseViewsOptions(args)
  if (typeof options === 'string') {
    process.stdout.write(options)
    return 0
  }
  const { command, json, keep, parameters, threads } = options
  const stack = readLocalStack(shell.env)
  const servers = { ...stack?.env, ...shell.env }
  if (!servers.KAFKA_BROKERS) throw new NoServer(`no servers are known: ${START_HINT}`)
  const name = `bench_${shell.random.bytes(4).toString('hex')}`
  const own = {
    PACKLOG_TOPIC_PREFIX: `${name}.`,
    PACKLOG_REDIS_PREFIX: `${name}.`,
    PACKLOG_CLICKHOUSE_DATABASE: name,
    // Emptying what was taken back is no part of what is measured.
    PACKLOG_ARCHIVE_KEEPS_REVOKED: 'true',
    PACKLOG_LOG_LEVEL: 'silent',
  }
  const parts = stack?.processes.filter(({ name: part }) => /^(kafka|redis|clickhouse)/.test(part)) ?? []
  const bench = new ViewsBench({ ...servers, ...own }, [...parts, { name: command, pid: process.pid }], shell)
  const conditions = readConditions(projectRoot())
  try {
    await bench.fill(parameters)
    const rebuilt: ViewsReport['rebuilt'] = {}
    for (const view of command === 'verify' ? VIEWS : IN_REDIS) rebuilt[view] = await bench.rebuild(view, threads)
    const verified = command === 'verify' ? await bench.verify() : undefined
    const report: ViewsReport = { command, rebuilt, verified, parameters, conditions }
    process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${viewsText(report)}\n`)
    return (verified?.differences ?? 0) === 0 ? 0 : 1
  } finally {
    if (!keep) await bench.remove()
    else
      shell.log(
        Object.entries(own)
          .map(pair => pair.join('='))
          .join(' '),
      )
  }
}

const IN_REDIS = ['history', 'membership'] as const
const VIEWS = [...IN_REDIS, 'archive'] as const

/** Topics, keys and a database of their own on the servers of a stack. */
class ViewsBench {
  private readonly env: NodeJS.ProcessEnv
  private readonly watch: ProcessWatch
  private readonly shell: Shell

  constructor(env: NodeJS.ProcessEnv, watched: readonly Watched[], shell: Shell) {
    this.env = env
    this.watch = new ProcessWatch(watched)
    this.shell = shell
  }

  async fill(parameters: FillParameters): Promise<void> {
    const context = await openContext(this.env, 'bench')
    try {
      await fillLog(parameters, { ...this.shell, topics: context.topics, env: this.env })
      await setupArchive(clickHouseOptions(context.config))
    } finally {
      await closeContext(context)
    }
  }

  async rebuild(view: string, threads: string | undefined): Promise<RebuiltFigures> {
    const signal = new AbortController().signal
    let liveMs = 0
    const onRebuilt = (rebuilt: { seconds: number }) => {
      liveMs = Math.round(1_000 * rebuilt.seconds)
    }
    const print = (line: string) => this.shell.log(line)
    const figures = await this.step(() => rebuildCommand({ env: this.env, view, signal, print, onRebuilt, threads }))
    return { ...figures, liveMs }
  }

  async verify(): Promise<StepFigures & VerifiedCounts> {
    this.shell.log('comparing the views with the log')
    const context = await openContext(this.env, 'bench')
    try {
      const { options } = await verification(context)
      let counts: VerifiedCounts | undefined
      const figures = await this.step(async () => {
        const { sessions, events, messages, users, total: differences } = await verify(options)
        counts = { sessions, events, messages, users, differences }
      })
      return { ...figures, ...counts! }
    } finally {
      await closeContext(context)
    }
  }

  async remove(): Promise<void> {
    const context = await openContext(this.env, 'bench')
    const { config, topics, kafka } = context
    const { url } = clickHouseOptions(config)
    const connection = connectRedis({ url: config.redisUrl, prefix: '', name: 'packlog-bench', logger: silentLogger })
    const clickhouse = connectClickHouse({ url, database: 'default' })
    try {
      await redisReady(connection)
      await unlinkKeys(connection, config.redisPrefix)
      await clickhouse.command(`DROP DATABASE IF EXISTS ${quoteName(config.clickhouse.database)} SYNC`)
      await deleteTopics([topics.events.name, topics.dead.name], { ...kafka, clientId: 'packlog-bench' })
    } finally {
      await connection.close()
      await clickhouse.close()
      await closeContext(context)
    }
  }

  private async step(run: () => Promise<unknown>): Promise<StepFigures> {
    const { clock } = this.shell
    const begun = clock.monotonic()
    this.watch.begin(begun)
    await run()
    const ended = clock.monotonic()
    return { ms: Math.round(ended - begun), processes: this.watch.end(ended) }
  }
}
