import { parseArgs } from 'node:util'

export interface BenchOptions {
  command: 'chat' | 'log' | 'both'
  ratePerSecond: number
  pairs: number
  seconds: number
  bytes: number
  newSessionsPercent: number
  warmupSeconds: number
  repeat: number
  json: boolean
  start: boolean
  gatewayUrl: string | undefined
}

/** The command line cannot be understood; the message is for the user. */
export class BadOptions extends Error {
  override readonly name = 'BadOptions'
}

export const BENCH_HELP = `npm run bench -- chat|log|both [flags]

  chat    users chat over WebSocket, with everything in between: the product
  log     the same way through Kafka with nothing else on it: the ceiling
  both    one after the other, and the ratio (also: chat --with-log)

  core    how fast one thread decides (core --help tells more)
  restore how fast a large partition is taken over, and how much memory it needs (restore --help)
  store   the SDK's local store with a million messages (store --help)
  group   one member of a group writes, everybody receives (group --help)
  idle    what an idle connection costs (idle --help)
  http    sends over HTTP, alone and beside the WebSocket (http --help)
  web     how soon the web chat is there, and how a long conversation scrolls (web --help)
  push    what pushing does to those who chat (push --help)
  rebuild how fast views are built from the log (rebuild --help)
  verify  how fast they are compared with it (verify --help)
  fair    what a user who sends too much does to all others (fair --help)

  --rate R             messages per second, in all (2000)
  --seconds S          how long is measured (30)
  --warmup S           the same load before that, checked and not counted (3)
  --bytes B            length of a message's text (200)
  --pairs P            pairs of users, each user on a connection of its own (1000)
  --new-sessions PCT   percent of the messages that begin a new session (20)
  --repeat N           runs, with median, least and most (1)
  --json               exactly one JSON object on standard output
  --gateway-url URL    the gateway's WebSocket (PACKLOG_WS_URL, else the local stack)
  --start              start a stack of its own for the run instead of using the one that runs
  --help               this text

Latencies are measured from the moment a message was due, so a sender that is held up does not hide it.
The exit code is 0 when nothing was refused, lost, doubled, out of order or left without an answer.
`

export interface NumberRange {
  min: number
  max: number
  isWhole: boolean
}

const RATE: NumberRange = { min: 1, max: 200_000, isWhole: true }
const SECONDS: NumberRange = { min: 0.5, max: 86_400, isWhole: false }
const WARMUP: NumberRange = { min: 0, max: 3_600, isWhole: false }
const BYTES: NumberRange = { min: 1, max: 60_000, isWhole: true }
const PAIRS: NumberRange = { min: 1, max: 20_000, isWhole: true }
const PERCENT: NumberRange = { min: 0, max: 100, isWhole: false }
const REPEAT: NumberRange = { min: 1, max: 100, isWhole: true }

/** Reads the command line; undefined when help is asked for. Throws BadOptions. */
export function parseBenchOptions(args: readonly string[]): BenchOptions | undefined {
  const { values, positionals } = parse(args)
  if (values.help === true) return undefined
  const [command = '', ...rest] = positionals
  if (rest.length > 0 || !['chat', 'log', 'both'].includes(command)) {
    throw new BadOptions('say what to measure: chat, log or both (--help tells more)')
  }
  const withLog = command === 'chat' && values['with-log'] === true
  return {
    command: withLog ? 'both' : (command as BenchOptions['command']),
    ratePerSecond: numberFlag('--rate', values.rate ?? '2000', RATE),
    seconds: numberFlag('--seconds', values.seconds ?? '30', SECONDS),
    warmupSeconds: numberFlag('--warmup', values.warmup ?? '3', WARMUP),
    bytes: numberFlag('--bytes', values.bytes ?? '200', BYTES),
    pairs: numberFlag('--pairs', values.pairs ?? '1000', PAIRS),
    newSessionsPercent: numberFlag('--new-sessions', values['new-sessions'] ?? '20', PERCENT),
    repeat: numberFlag('--repeat', values.repeat ?? '1', REPEAT),
    json: values.json === true,
    start: values.start === true,
    gatewayUrl: values['gateway-url'],
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        rate: { type: 'string' },
        seconds: { type: 'string' },
        warmup: { type: 'string' },
        bytes: { type: 'string' },
        pairs: { type: 'string' },
        'new-sessions': { type: 'string' },
        repeat: { type: 'string' },
        json: { type: 'boolean' },
        start: { type: 'boolean' },
        'with-log': { type: 'boolean' },
        'gateway-url': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new BadOptions(error instanceof Error ? error.message : String(error))
  }
}

/** The number that a flag was given. Throws BadOptions where it is none or lies outside. */
export function numberFlag(flag: string, text: string, { min, max, isWhole }: NumberRange): number {
  const value = Number(text)
  const isGood = text.trim() !== '' && value >= min && value <= max && (!isWhole || Number.isInteger(value))
  if (!isGood) throw new BadOptions(`${flag} ${text}: a ${isWhole ? 'whole ' : ''}number from ${min} to ${max}`)
  return value
}

/** Flags with a text and flags without; throws BadOptions for any other. */
export function parseFlags(
  args: readonly string[],
  texts: readonly string[],
  switches: readonly string[],
): Record<string, string | boolean | undefined> {
  const options = Object.fromEntries([
    ...texts.map(name => [name, { type: 'string' as const }] as const),
    ...switches.map(name => [name, { type: 'boolean' as const }] as const),
  ])
  try {
    return parseArgs({ args: [...args], options }).values as Record<string, string | boolean | undefined>
  } catch (error) {
    throw new BadOptions(error instanceof Error ? error.message : String(error))
  }
}
