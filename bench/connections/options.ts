import { BadOptions, type NumberRange, numberFlag, parseFlags } from '../options.ts'
import type { FairParameters } from './fair.ts'
import type { GroupParameters } from './group-load.ts'
import type { IdleParameters } from './idle.ts'

interface Common {
  json: boolean
  start: boolean
  gatewayUrl: string | undefined
}

export type ConnectionBenchOptions =
  | (Common & { command: 'group'; parameters: GroupParameters })
  | (Common & { command: 'idle'; parameters: IdleParameters })
  | (Common & { command: 'fair'; parameters: FairParameters })

const COMMON_HELP = `  --json               exactly one JSON object on standard output
  --gateway-url URL    the gateway's WebSocket (PACKLOG_WS_URL, else the local stack)
  --start              start a stack of its own for the run instead of using the one that runs
  --help               this text
`

export const GROUP_HELP = `npm run bench -- group [flags]

One member of a group writes, everybody who is connected receives.

  --members N          connected members, the sender among them (200)
  --absent N           members without a connection (0)
  --rate R             messages per second (20)
  --seconds S          how long is measured (15)
  --warmup S           the same load before that, checked and not counted (2)
  --bytes B            length of a message's text (100)
${COMMON_HELP}
The exit code is 0 when every member got every message, once and in order.
`

export const IDLE_HELP = `npm run bench -- idle [flags]

What a connection costs the gateway that does nothing but answer heartbeats.

  --connections N      users, each on a connection of its own (5000)
  --seconds S          how long they stay (60)
${COMMON_HELP}
The exit code is 0 when no connection was lost.
`

export const FAIR_HELP = `npm run bench -- fair [flags]

What one user who sends ten times as much as is allowed does to all others: pairs of runs, without and with that user.

  --limit N            packs per second that the gateway lets one device send; with --start it is told so (100)
  --rate R             messages per second of all others (500)
  --pairs P            pairs of users who chat (200)
  --seconds S          how long each run is measured (5)
  --warmup S           the same load before that (2)
  --bytes B            length of a message's text (100)
  --repeat N           pairs of runs (5)
${COMMON_HELP}
The exit code is 0 when nothing of the others was refused, lost, doubled or out of order, and the one was refused.
`

const MEMBERS: NumberRange = { min: 2, max: 20_000, isWhole: true }
const ABSENT: NumberRange = { min: 0, max: 1_000_000, isWhole: true }
const RATE: NumberRange = { min: 1, max: 20_000, isWhole: true }
const SECONDS: NumberRange = { min: 0.5, max: 86_400, isWhole: false }
const WARMUP: NumberRange = { min: 0, max: 3_600, isWhole: false }
const BYTES: NumberRange = { min: 1, max: 60_000, isWhole: true }
const PAIRS: NumberRange = { min: 1, max: 20_000, isWhole: true }
const LIMIT: NumberRange = { min: 1, max: 100_000, isWhole: true }
const REPEAT: NumberRange = { min: 1, max: 100, isWhole: true }
const CONNECTIONS: NumberRange = { min: 1, max: 20_000, isWhole: true }

const COMMON = ['gateway-url']
const SWITCHES = ['start', 'json', 'help']

/** Reads the command line of group, idle or fair; a text is the help that was asked for. Throws BadOptions. */
export function parseConnectionOptions([command, ...args]: readonly string[]): ConnectionBenchOptions | string {
  if (command === 'group') return parseGroup(args)
  if (command === 'idle') return parseIdle(args)
  if (command === 'fair') return parseFair(args)
  throw new BadOptions(`${command}: neither group, idle nor fair`)
}

type Flags = Record<string, string | boolean | undefined>

const common = (flags: Flags): Common => ({
  json: flags.json === true,
  start: flags.start === true,
  gatewayUrl: flags['gateway-url'] as string | undefined,
})

function parseGroup(args: readonly string[]): ConnectionBenchOptions | string {
  const flags = parseFlags(args, ['members', 'absent', 'rate', 'seconds', 'warmup', 'bytes', ...COMMON], SWITCHES)
  if (flags.help === true) return GROUP_HELP
  const number = (name: string, standard: number, range: NumberRange) =>
    numberFlag(`--${name}`, String(flags[name] ?? standard), range)
  const parameters = {
    members: number('members', 200, MEMBERS),
    absent: number('absent', 0, ABSENT),
    ratePerSecond: number('rate', 20, RATE),
    seconds: number('seconds', 15, SECONDS),
    warmupSeconds: number('warmup', 2, WARMUP),
    bytes: number('bytes', 100, BYTES),
  }
  return { command: 'group', ...common(flags), parameters }
}

function parseIdle(args: readonly string[]): ConnectionBenchOptions | string {
  const flags = parseFlags(args, ['connections', 'seconds', ...COMMON], SWITCHES)
  if (flags.help === true) return IDLE_HELP
  const parameters = {
    connections: numberFlag('--connections', String(flags.connections ?? 5_000), CONNECTIONS),
    seconds: numberFlag('--seconds', String(flags.seconds ?? 60), SECONDS),
  }
  return { command: 'idle', ...common(flags), parameters }
}

function parseFair(args: readonly string[]): ConnectionBenchOptions | string {
  const names = ['limit', 'rate', 'pairs', 'seconds', 'warmup', 'bytes', 'repeat', ...COMMON]
  const flags = parseFlags(args, names, SWITCHES)
  if (flags.help === true) return FAIR_HELP
  const number = (name: string, standard: number, range: NumberRange) =>
    numberFlag(`--${name}`, String(flags[name] ?? standard), range)
  const parameters = {
    limit: number('limit', 100, LIMIT),
    ratePerSecond: number('rate', 500, RATE),
    pairs: number('pairs', 200, PAIRS),
    seconds: number('seconds', 5, SECONDS),
    warmupSeconds: number('warmup', 2, WARMUP),
    bytes: number('bytes', 100, BYTES),
    repeat: number('repeat', 5, REPEAT),
  }
  return { command: 'fair', ...common(flags), parameters }
}
