import { developmentTokens, NoKey } from '../client/terminal/development-token.ts'
import { NoServer } from '../client/terminal/find-server.ts'
import { systemClock, systemRandom } from '../infra/clock.ts'
import { deleteTopics, setupTopics } from '../infra/kafka/create-topics.ts'
import { KafkaLog } from '../infra/kafka/kafka-log.ts'
import { makeTopics } from '../topics/topics.ts'
import { isArchiveBench, runArchiveBench } from './archive/command.ts'
import { ArchiveAge } from './archive-age.ts'
import { runChatLoad } from './chat-load.ts'
import { readConditions } from './conditions.ts'
import { isConnectionBench, runConnectionBench } from './connections/command.ts'
import { GroupRefused } from './connections/group-load.ts'
import { NoGatewayHere } from './connections/idle.ts'
import { isHttpBench, runHttpBench } from './http/command.ts'
import { runLogLoop } from './log-loop.ts'
import { BadOptions, BENCH_HELP, type BenchOptions, parseBenchOptions } from './options.ts'
import { type ProcessUse, ProcessWatch } from './processes.ts'
import { isPushBench, runPushBench } from './push/command.ts'
import { PushNotReady } from './push/push-load.ts'
import { ConnectFailed } from './raw-client.ts'
import { type BenchReport, type ChatFigures, isClean, type LogFigures, toJson, toText } from './report.ts'
import { isStateBench, runStateBench } from './state/command.ts'
import { isStoreBench, runStoreBench } from './store/command.ts'
import { projectRoot, runningTarget, startTarget, type Target } from './target.ts'
import { type Lag, watchLag } from './view-lag.ts'
import { isViewsBench, runViewsBench } from './views/command.ts'
import { measureWakeCost } from './wake-cost.ts'

/** Entry of `npm run bench`: runs what is asked for and prints the figures with their conditions. */

const clock = systemClock
const progress = (line: string) => process.stderr.write(`${line}\n`)

async function benchChat(options: BenchOptions, target: Target): Promise<ChatFigures> {
  const tokens = await developmentTokens(target.env)
  const watch = new ProcessWatch([...target.processes, { name: 'load', pid: process.pid }])
  let processes: Record<string, ProcessUse> = {}
  let lag: Promise<Record<string, Lag>> = Promise.resolve({})
  const archive = archiveAge(target.env)
  let archiveAgeMs: ChatFigures['archiveAgeMs']
  const result = await runChatLoad({
    ...options,
    gatewayUrl: target.gatewayUrl,
    token: userId => tokens.token(userId, clock.now()),
    clock,
    random: systemRandom,
    log: progress,
    onMeasure: async phase => {
      if (phase === 'begin') {
        watch.begin(clock.monotonic())
        archive?.begin()
        return
      }
      processes = watch.end(clock.monotonic())
      lag = watchLag(target.metricsUrls, clock)
      archiveAgeMs = await archive?.end()
    },
  })
  return { ...result, processes, lag: await lag, ...(archiveAgeMs === undefined ? {} : { archiveAgeMs }) }
}

/** Undefined where no ClickHouse is known. */
function archiveAge({ CLICKHOUSE_URL: url, PACKLOG_CLICKHOUSE_DATABASE: database }: Target['env']) {
  return url === undefined ? undefined : new ArchiveAge({ url, database: database || 'packlog' }, clock)
}

async function benchLog(options: BenchOptions, target: Target): Promise<LogFigures> {
  const brokers = (target.env.KAFKA_BROKERS ?? '').split(',').filter(broker => broker !== '')
  if (brokers.length === 0) throw new NoServer('KAFKA_BROKERS is not set: the log loop needs Kafka itself')
  const partitions = Number(target.env.PACKLOG_PARTITION_COUNT || 12)
  const prefix = `bench-${systemRandom.bytes(4).toString('hex')}.`
  const { packs, events } = makeTopics({ prefix, partitions, eventRetentionDays: 1 })
  const kafka = { brokers, clientId: 'packlog-bench' }
  progress(`log loop: topics ${packs.name}, ${events.name}`)
  const replicationFactor = Number(target.env.PACKLOG_REPLICATION_FACTOR || 1)
  const minInsyncReplicas = Math.max(1, replicationFactor - 1)
  await setupTopics([packs, events], { ...kafka, replicationFactor, minInsyncReplicas })
  const log = new KafkaLog(kafka)
  const kafkaParts = target.processes.filter(({ name }) => name.startsWith('kafka'))
  const watch = new ProcessWatch([...kafkaParts, { name: 'log loop', pid: process.pid }])
  let processes: Record<string, ProcessUse> = {}
  try {
    const result = await runLogLoop({
      ...options,
      log,
      topics: { packs, events },
      sessions: options.pairs,
      clock,
      onMeasure: phase => {
        if (phase === 'begin') watch.begin(clock.monotonic())
        else processes = watch.end(clock.monotonic())
      },
    })
    return { ...result, processes }
  } finally {
    await log.close()
    await deleteTopics([packs.name, events.name], kafka)
  }
}

async function bench(options: BenchOptions): Promise<number> {
  const conditions = { ...readConditions(projectRoot()), wakeMs: await measureWakeCost(clock) }
  const target = options.start
    ? await startTarget(process.env, progress)
    : runningTarget(options.gatewayUrl, process.env)
  try {
    const { command, json, start: _start, gatewayUrl: _gatewayUrl, ...parameters } = options
    const report: BenchReport = { command, conditions, parameters, chat: [], log: [] }
    for (let run = 1; run <= options.repeat; run++) {
      if (options.repeat > 1) progress(`run ${run} of ${options.repeat}`)
      // In turn, so that what changes on the machine meets both alike.
      if (command !== 'log') report.chat.push(await benchChat(options, target))
      if (command !== 'chat') report.log.push(await benchLog(options, target))
    }
    process.stdout.write(json ? `${JSON.stringify(toJson(report))}\n` : `${toText(report)}\n`)
    return isClean(report) ? 0 : 1
  } finally {
    await target.stop()
  }
}

/** Runs the command line; gives the exit code. */
async function main(args: readonly string[]): Promise<number> {
  if (isArchiveBench(args)) {
    return runArchiveBench(args, { env: process.env, clock, random: systemRandom, log: progress })
  }
  if (isStateBench(args)) return runStateBench(args, { env: process.env, clock, log: progress })
  if (isStoreBench(args)) return runStoreBench(args, { clock })
  if (isConnectionBench(args)) {
    return runConnectionBench(args, { env: process.env, clock, random: systemRandom, log: progress })
  }
  if (isHttpBench(args)) return runHttpBench(args, { env: process.env, clock, random: systemRandom, log: progress })
  if (isPushBench(args)) return runPushBench(args, { env: process.env, clock, random: systemRandom, log: progress })
  if (isViewsBench(args)) return runViewsBench(args, { env: process.env, clock, random: systemRandom, log: progress })
  if (args[0] === 'web') {
    // The browser is there for development only: nothing else of the product may need it.
    const { runWebBench } = await import('./web/command.ts')
    return runWebBench(args, { env: process.env, clock, random: systemRandom, log: progress })
  }
  const options = parseBenchOptions(args)
  if (options !== undefined) return bench(options)
  process.stdout.write(BENCH_HELP)
  return 0
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const isExpected = [BadOptions, NoServer, NoKey, ConnectFailed, GroupRefused, NoGatewayHere, PushNotReady].some(
    kind => error instanceof kind,
  )
  if (!isExpected) throw error
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = error instanceof BadOptions ? 2 : 1
}
