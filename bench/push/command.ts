import { developmentTokens } from '../../client/terminal/development-token.ts'
import type { Clock, Random } from '../../infra/clock.ts'
import { readConditions } from '../conditions.ts'
import { ProcessWatch } from '../processes.ts'
import { projectRoot, runningTarget, startTarget } from '../target.ts'
import { parsePushOptions } from './options.ts'
import { runPushLoad } from './push-load.ts'
import { isPushClean, pushReport, pushText } from './report.ts'

/** `npm run bench -- push`: what pushing does to those who chat. */

export function isPushBench([command]: readonly string[]): boolean {
  return command === 'push'
}

/** Runs the command line and prints the figures with their conditions; gives the exit code. */
export async function runPushBench(
  args: readonly string[],
  { env, clock, random, log }: { env: NodeJS.ProcessEnv; clock: Clock; random: Random; log(line: string): void },
): Promise<number> {
  const options = parsePushOptions(args)
  if (typeof options === 'string') {
    process.stdout.write(options)
    return 0
  }
  const { parameters, json, start, gatewayUrl, metricsUrl } = options
  const conditions = readConditions(projectRoot())
  const target = start ? await startTarget(env, log) : runningTarget(gatewayUrl, env)
  try {
    const tokens = await developmentTokens(target.env)
    const watch = new ProcessWatch([...target.processes, { name: 'load', pid: process.pid }])
    watch.begin(clock.monotonic())
    const pairs = await runPushLoad({
      ...parameters,
      gatewayUrl: target.gatewayUrl,
      metricsUrls: metricsUrl === undefined ? target.metricsUrls : [metricsUrl],
      token: userId => tokens.token(userId, clock.now()),
      clock,
      random,
      log,
    })
    const report = pushReport(pairs, { processes: watch.end(clock.monotonic()), parameters, conditions })
    process.stdout.write(json ? `${JSON.stringify({ command: 'push', ...report })}\n` : `${pushText(report)}\n`)
    return isPushClean(pairs) ? 0 : 1
  } finally {
    await target.stop()
  }
}
