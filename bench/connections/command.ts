import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { developmentTokens } from '../../client/terminal/development-token.ts'
import { unreachable } from '../../infra/assert.ts'
import type { Clock, Random } from '../../infra/clock.ts'
import type { UserId } from '../../schemas/ids.ts'
import { RULES_BOUNDS } from '../../schemas/pack.ts'
import { readConditions } from '../conditions.ts'
import { type ProcessUse, ProcessWatch } from '../processes.ts'
import { projectRoot, runningTarget, startTarget, type Target } from '../target.ts'
import { runFair } from './fair.ts'
import { runGroupLoad } from './group-load.ts'
import { runIdle } from './idle.ts'
import { type ConnectionBenchOptions, parseConnectionOptions } from './options.ts'
import { fairReport, fairText, groupReport, groupText, idleText, isFairClean, isGroupClean } from './report.ts'

/** `npm run bench -- group`, `-- idle` and `-- fair`: what the gateway does for those who are connected. */

interface Shell {
  env: NodeJS.ProcessEnv
  clock: Clock
  random: Random
  log(line: string): void
}

export function isConnectionBench([command]: readonly string[]): boolean {
  return command === 'group' || command === 'idle' || command === 'fair'
}

/** Runs the command line and prints the figures with their conditions; gives the exit code. */
export async function runConnectionBench(args: readonly string[], shell: Shell): Promise<number> {
  const options = parseConnectionOptions(args)
  if (typeof options === 'string') {
    process.stdout.write(options)
    return 0
  }
  return withTarget(options, shell, target => {
    switch (options.command) {
      case 'group':
        return benchGroup(options, target, shell)
      case 'idle':
        return benchIdle(options, target, shell)
      case 'fair':
        return benchFair(options, target, shell)
      default:
        return unreachable(options)
    }
  })
}

async function withTarget<T>(
  options: ConnectionBenchOptions,
  { env, log }: Shell,
  use: (target: Target) => Promise<T>,
): Promise<T> {
  if (!options.start) return use(runningTarget(options.gatewayUrl, env))
  const dir = await mkdtemp(join(tmpdir(), 'packlog-bench-rules-'))
  const rulesFile = join(dir, 'rules.json')
  const rules = { version: 1, groupMembersMax: RULES_BOUNDS.groupMembersMax[1] }
  await writeFile(rulesFile, JSON.stringify(rules))
  try {
    const target = await startTarget({ PACKLOG_RULES_FILE: rulesFile, ...limits(options), ...env }, log)
    try {
      return await use(target)
    } finally {
      await target.stop()
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** What the gateway of a stack of our own is told. */
function limits(options: ConnectionBenchOptions): NodeJS.ProcessEnv {
  if (options.command !== 'fair') return {}
  const limit = String(options.parameters.limit)
  return { PACKLOG_DEVICE_PACKS_PER_SECOND: limit, PACKLOG_USER_PACKS_PER_SECOND: limit }
}

/** What every load needs to get at the gateway. */
async function reach({ gatewayUrl, env }: Target, { clock, random, log }: Shell) {
  const tokens = await developmentTokens(env)
  return { gatewayUrl, token: (userId: UserId) => tokens.token(userId, clock.now()), clock, random, log }
}

async function benchGroup(
  { parameters, json }: Extract<ConnectionBenchOptions, { command: 'group' }>,
  target: Target,
  shell: Shell,
): Promise<number> {
  const conditions = readConditions(projectRoot())
  const watch = new ProcessWatch([...target.processes, { name: 'load', pid: process.pid }])
  let processes: Record<string, ProcessUse> = {}
  const result = await runGroupLoad({
    ...parameters,
    ...(await reach(target, shell)),
    onMeasure: phase => {
      if (phase === 'begin') watch.begin(shell.clock.monotonic())
      else processes = watch.end(shell.clock.monotonic())
    },
  })
  const report = groupReport(result, { processes, parameters, conditions })
  process.stdout.write(json ? `${JSON.stringify({ command: 'group', ...report })}\n` : `${groupText(report)}\n`)
  return isGroupClean(result) ? 0 : 1
}

async function benchIdle(
  { parameters, json }: Extract<ConnectionBenchOptions, { command: 'idle' }>,
  target: Target,
  shell: Shell,
): Promise<number> {
  const conditions = readConditions(projectRoot())
  const gateways = new ProcessWatch(target.processes.filter(({ name }) => name.startsWith('gateway')))
  const result = await runIdle({
    ...parameters,
    ...(await reach(target, shell)),
    gatewayRssKiB: () => gateways.total().rssKiB || undefined,
    gatewayCpuMs: () => gateways.total().cpuMs,
  })
  const report = { ...result, parameters, conditions }
  process.stdout.write(json ? `${JSON.stringify({ command: 'idle', ...report })}\n` : `${idleText(report)}\n`)
  return result.connectionsLost === 0 ? 0 : 1
}

async function benchFair(
  { parameters, json }: Extract<ConnectionBenchOptions, { command: 'fair' }>,
  target: Target,
  shell: Shell,
): Promise<number> {
  const conditions = readConditions(projectRoot())
  const pairs = await runFair({
    ...parameters,
    ...(await reach(target, shell)),
  })
  const report = fairReport(pairs, { parameters, conditions })
  process.stdout.write(json ? `${JSON.stringify({ command: 'fair', ...report })}\n` : `${fairText(report)}\n`)
  return isFairClean(pairs) ? 0 : 1
}
