import { readFile } from 'node:fs/promises'
import { developmentTokens, NoKey } from '../../client/terminal/development-token.ts'
import type { Clock, Random } from '../../infra/clock.ts'
import type { UserId } from '../../schemas/ids.ts'
import { type ChatLoadOptions, type ChatLoadResult, runChatLoad } from '../chat-load.ts'
import { readConditions } from '../conditions.ts'
import { type ProcessUse, ProcessWatch } from '../processes.ts'
import { projectRoot, runningTarget, startTarget, type Target } from '../target.ts'
import type { HttpLoadResult } from './http-load.ts'
import { type HttpLoadOrder, runHttpLoadThread } from './load-thread.ts'
import { HTTP_HELP, type HttpParameters, parseHttpOptions } from './options.ts'
import { type HttpPair, httpReport, httpText, isHttpClean } from './report.ts'

/** `npm run bench -- http`: what the HTTP API does, alone and beside the WebSocket. */

interface Shell {
  env: NodeJS.ProcessEnv
  clock: Clock
  random: Random
  log(line: string): void
}

/** Messages per second on the WebSocket in the pairs of runs. */
const PAIR_RATE = 500
/** Requests under way at once are enough for a batch. */
const BATCH_CONNECTIONS = 4

export function isHttpBench([command]: readonly string[]): boolean {
  return command === 'http'
}

/** Runs the command line and prints the figures with their conditions; gives the exit code. */
export async function runHttpBench([, ...args]: readonly string[], shell: Shell): Promise<number> {
  const options = parseHttpOptions(args)
  if (options === undefined) {
    process.stdout.write(HTTP_HELP)
    return 0
  }
  const { parameters, json, start, gatewayUrl } = options
  const conditions = readConditions(projectRoot())
  const target = start ? await startTarget(shell.env, shell.log) : runningTarget(gatewayUrl, shell.env)
  try {
    const report = httpReport(await measure(parameters, target, shell), { parameters, conditions })
    process.stdout.write(json ? `${JSON.stringify({ command: 'http', ...report })}\n` : `${httpText(report)}\n`)
    return isHttpClean(report) ? 0 : 1
  } finally {
    await target.stop()
  }
}

async function measure(parameters: HttpParameters, target: Target, { clock, random, log }: Shell) {
  const tokens = await developmentTokens(target.env)
  const { seconds, warmupSeconds, bytes, connections } = parameters
  const common = { seconds, warmupSeconds, bytes }
  const http = { ...common, httpUrl: httpUrlOf(target.gatewayUrl), key: await adminKey(target.env), connections }
  const send = (more: Partial<HttpLoadOrder>): Promise<HttpLoadResult> =>
    runHttpLoadThread({ ...http, receivers: 1, ...more })
  const chat = (ratePerSecond: number): Promise<ChatLoadResult> => {
    const token = (userId: UserId) => tokens.token(userId, clock.now())
    const users = { gatewayUrl: target.gatewayUrl, pairs: parameters.pairs, newSessionsPercent: 0, token }
    const shell = { clock, random, log: () => {}, onMeasure: () => {} }
    const load: ChatLoadOptions = { ...common, ...users, ...shell, ratePerSecond }
    return runChatLoad(load)
  }

  log('single sends over HTTP')
  const watch = new ProcessWatch([...target.processes, { name: 'load', pid: process.pid }])
  watch.begin(clock.monotonic())
  const sent = await send({})
  const processes: Record<string, ProcessUse> = watch.end(clock.monotonic())
  log('WebSocket, then batches over HTTP')
  const webSocket = await chat(parameters.ratePerSecond)
  const batch = await send({ receivers: parameters.receivers, connections: BATCH_CONNECTIONS })
  const pairs: HttpPair[] = []
  for (let pair = 1; pair <= parameters.repeat; pair++) {
    log(`pair ${pair} of ${parameters.repeat}`)
    const without = await chat(PAIR_RATE)
    const beside = send({ requestsPerSecond: parameters.besideRatePerSecond })
    const [withHttp, load] = await Promise.all([chat(PAIR_RATE), beside])
    pairs.push({ without, with: withHttp, beside: load })
  }
  return { single: { ...sent, processes }, webSocket, batch, pairs }
}

function httpUrlOf(gatewayUrl: string): string {
  return gatewayUrl.replace(/^ws/, 'http').replace(/\/v1\/ws$/, '')
}

/** Throws NoKey. */
async function adminKey(env: NodeJS.ProcessEnv): Promise<string> {
  const file = env.PACKLOG_ADMIN_KEY_FILE
  if (!file) throw new NoKey('PACKLOG_ADMIN_KEY_FILE is not set: HTTP needs the key of an app')
  return (await readFile(file, 'utf8')).trim()
}
