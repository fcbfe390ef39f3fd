import type { Clock } from '../../infra/clock.ts'
import { conditionLines, readConditions } from '../conditions.ts'
import { BadOptions, numberFlag, parseFlags } from '../options.ts'
import { projectRoot } from '../target.ts'
import { measureSqlite } from './in-sqlite.ts'
import type { Spread, StoreBenchOptions } from './measure.ts'

/** `npm run bench -- store`: what the SDK's local store costs when it holds much. */

export const STORE_HELP = `npm run bench -- store [flags]

Fills a store of the SDK, opens it again, and reads in it as a chat does; no server is needed.

  --in WHERE     sqlite, or indexeddb in Chromium (sqlite)
  --messages N   messages, half of them in one session (1000000)
  --sessions N   sessions (1000)
  --steps N      how often each step is measured (100)
  --json         exactly one JSON object on standard output
  --help         this text
`

export function isStoreBench([command]: readonly string[]): boolean {
  return command === 'store'
}

interface StoreOptions extends StoreBenchOptions {
  where: 'sqlite' | 'indexeddb'
  json: boolean
}

/** Reads the flags; undefined when help is asked for. Throws BadOptions. */
export function parseStoreOptions(args: readonly string[]): StoreOptions | undefined {
  const flags = parseFlags(args, ['in', 'messages', 'sessions', 'steps'], ['json', 'help'])
  if (flags.help === true) return undefined
  const number = (name: string, otherwise: string, min: number, max: number) =>
    numberFlag(`--${name}`, String(flags[name] ?? otherwise), { min, max, isWhole: true })
  const where = flags.in ?? 'sqlite'
  if (where !== 'sqlite' && where !== 'indexeddb') throw new BadOptions(`--in ${where}: sqlite or indexeddb`)
  return {
    where,
    messages: number('messages', '1000000', 100, 100_000_000),
    sessions: number('sessions', '1000', 2, 1_000_000),
    steps: number('steps', '100', 1, 100_000),
    json: flags.json === true,
  }
}

/** Runs the command line and prints the figures with their conditions; gives the exit code. Throws BadOptions. */
export async function runStoreBench([, ...args]: readonly string[], { clock }: { clock: Clock }): Promise<number> {
  const options = parseStoreOptions(args)
  if (options === undefined) {
    process.stdout.write(STORE_HELP)
    return 0
  }
  const { json, where, ...parameters } = options
  const conditions = readConditions(projectRoot())
  // The browser is there for development only.
  const result =
    where === 'sqlite'
      ? await measureSqlite(parameters, clock)
      : await (await import('./in-indexed-db.ts')).measureIndexedDb(parameters)
  if (json) {
    process.stdout.write(`${JSON.stringify({ command: 'store', where, ...result, parameters, conditions })}\n`)
    return 0
  }
  const ms = (of: Spread) => `p50 ${of.p50.toFixed(1)} ms, max ${of.max.toFixed(1)} ms`
  const lines = [
    ...conditionLines(conditions),
    `store        ${where}, ${parameters.messages} messages in ${parameters.sessions} sessions`,
    `filled       ${result.fillPerSecond} messages/s`,
    `open         ${result.openMs.toFixed(0)} ms`,
    `conversation ${ms(result.conversationMs)}`,
    `older page   ${ms(result.olderMs)}`,
    `jump         ${ms(result.jumpMs)}`,
    `memory       ${result.grownMiB} MiB more than before it was opened`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
  return 0
}
