import type { Clock } from '../../infra/clock.ts'
import { conditionLines, readConditions } from '../conditions.ts'
import { numberFlag, parseFlags } from '../options.ts'
import { projectRoot } from '../target.ts'
import { measureStore, type Spread, type StoreBenchOptions } from './measure.ts'

/** `npm run bench -- store`: what the SDK's local store costs when it holds much. */

export const STORE_HELP = `npm run bench -- store [flags]

Fills a SQLite store of the SDK, opens it again, and reads in it as a chat does; no server is needed.

  --messages N   messages, half of them in one session (1000000)
  --sessions N   sessions (1000)
  --steps N      how often each step is measured (100)
  --json         exactly one JSON object on standard output
  --help         this text
`

export function isStoreBench([command]: readonly string[]): boolean {
  return command === 'store'
}

/** Reads the flags; undefined when help is asked for. Throws BadOptions. */
export function parseStoreOptions(args: readonly string[]): (StoreBenchOptions & { json: boolean }) | undefined {
  const flags = parseFlags(args, ['messages', 'sessions', 'steps'], ['json', 'help'])
  if (flags.help === true) return undefined
  const number = (name: string, otherwise: string, min: number, max: number) =>
    numberFlag(`--${name}`, String(flags[name] ?? otherwise), { min, max, isWhole: true })
  return {
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
  const { json, ...parameters } = options
  const conditions = readConditions(projectRoot())
  const result = await measureStore(parameters, clock)
  if (json) {
    process.stdout.write(`${JSON.stringify({ command: 'store', ...result, parameters, conditions })}\n`)
    return 0
  }
  const ms = (of: Spread) => `p50 ${of.p50.toFixed(1)} ms, max ${of.max.toFixed(1)} ms`
  const lines = [
    ...conditionLines(conditions),
    `store        SQLite, ${parameters.messages} messages in ${parameters.sessions} sessions`,
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
