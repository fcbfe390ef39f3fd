import { type NumberRange, numberFlag, parseFlags } from '../options.ts'

export interface HttpParameters {
  /** Connections that are kept. */
  connections: number
  /** Receivers of one batch. */
  receivers: number
  /** Messages per second of the WebSocket that the batch is compared with. */
  ratePerSecond: number
  /** Single sends per second beside the WebSocket, in the pairs of runs. */
  besideRatePerSecond: number
  seconds: number
  warmupSeconds: number
  bytes: number
  /** Users on the WebSocket, by two. */
  pairs: number
  /** Pairs of runs, without and with HTTP. */
  repeat: number
}

export interface HttpBenchOptions {
  json: boolean
  start: boolean
  gatewayUrl: string | undefined
  parameters: HttpParameters
}

export const HTTP_HELP = `npm run bench -- http [flags]

  single sends per second over HTTP/1.1 with connections that are kept; messages per second in batches, as a share of
  what the WebSocket holds in the same run; and the p99 of the WebSocket at 500 messages/s without and with HTTP beside

  --connections N      connections that are kept (512)
  --receivers N        receivers of one batch (100)
  --rate R             messages per second on the WebSocket that batches are compared with (4000)
  --beside R           single sends per second beside the WebSocket in the pairs of runs (3000)
  --seconds S          how long each part is measured (10)
  --warmup S           the same load before that, not counted (2)
  --bytes B            length of a message's text (100)
  --pairs P            pairs of users on the WebSocket (200)
  --repeat N           pairs of runs, without and with HTTP (5)
  --json               exactly one JSON object on standard output
  --gateway-url URL    the gateway's WebSocket (PACKLOG_WS_URL, else the local stack)
  --start              start a stack of its own for the run instead of using the one that runs
  --help               this text

The exit code is 0 when nothing was refused, and nothing on the WebSocket lost, doubled, out of order or unanswered.
`

const COUNT: NumberRange = { min: 1, max: 10_000, isWhole: true }
const RECEIVERS: NumberRange = { min: 2, max: 1_000, isWhole: true }
const RATE: NumberRange = { min: 1, max: 200_000, isWhole: true }
const SECONDS: NumberRange = { min: 0.5, max: 86_400, isWhole: false }
const WARMUP: NumberRange = { min: 0, max: 3_600, isWhole: false }
const BYTES: NumberRange = { min: 1, max: 60_000, isWhole: true }
const REPEAT: NumberRange = { min: 0, max: 100, isWhole: true }

const NUMBERS = ['connections', 'receivers', 'rate', 'beside', 'seconds', 'warmup', 'bytes', 'pairs', 'repeat']

/** Reads the command line behind `http`; undefined when help is asked for. Throws BadOptions. */
export function parseHttpOptions(args: readonly string[]): HttpBenchOptions | undefined {
  const flags = parseFlags(args, [...NUMBERS, 'gateway-url'], ['start', 'json', 'help'])
  if (flags.help === true) return undefined
  const number = (name: string, standard: number, range: NumberRange) =>
    numberFlag(`--${name}`, String(flags[name] ?? standard), range)
  return {
    json: flags.json === true,
    start: flags.start === true,
    gatewayUrl: flags['gateway-url'] as string | undefined,
    parameters: {
      connections: number('connections', 512, COUNT),
      receivers: number('receivers', 100, RECEIVERS),
      ratePerSecond: number('rate', 4_000, RATE),
      besideRatePerSecond: number('beside', 3_000, RATE),
      seconds: number('seconds', 10, SECONDS),
      warmupSeconds: number('warmup', 2, WARMUP),
      bytes: number('bytes', 100, BYTES),
      pairs: number('pairs', 200, COUNT),
      repeat: number('repeat', 5, REPEAT),
    },
  }
}
