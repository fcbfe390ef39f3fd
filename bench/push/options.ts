import { ServiceType, VENDOR_NAMES, type VendorName } from '../../schemas/push-devices.ts'
import { BadOptions, type NumberRange, numberFlag, parseFlags } from '../options.ts'

/** What the bench of push is told. */
export interface PushParameters {
  /** Devices that are planned per second: members of groups who are away. */
  plannedPerSecond: number
  /** Of those, devices that are sent to per second: the others have muted the group. */
  sentPerSecond: number
  /** Members of each group, the sender among them. */
  members: number
  groups: number
  service: VendorName
  /** Of the chat beside it. */
  ratePerSecond: number
  pairs: number
  seconds: number
  warmupSeconds: number
  bytes: number
  /** Pairs of runs. */
  repeat: number
}

export interface PushBenchOptions {
  parameters: PushParameters
  json: boolean
  start: boolean
  gatewayUrl: string | undefined
  /** Where the role push tells what it does; undefined: every process of the stack is asked. */
  metricsUrl: string | undefined
}

export const PUSH_HELP = `npm run bench -- push [flags]

What pushing does to those who chat: pairs of runs, without and beside pushes. Groups whose members are away and have a
device each get messages; some members have muted the group, the others are pushed to by a fake vendor of the stack.

  --planned N          devices that are planned per second (5000)
  --sent N             of those, devices that are pushed to per second (1000)
  --members N          members of a group, the sender among them (500)
  --groups N           groups (4)
  --service NAME       huawei tells many devices in one call, https one: ${VENDOR_NAMES.join(', ')} (huawei)
  --rate R             messages per second of those who chat (500)
  --pairs P            pairs of users who chat (200)
  --seconds S          how long each run is measured (10)
  --warmup S           the same load before that (3)
  --bytes B            length of a message's text (100)
  --repeat N           pairs of runs (5)
  --json               exactly one JSON object on standard output
  --gateway-url URL    the gateway's WebSocket (PACKLOG_WS_URL, else the local stack)
  --metrics-url URL    the metrics of the role push (those of the local stack)
  --start              start a stack of its own for the run instead of using the one that runs
  --help               this text

The exit code is 0 when nothing of the chat was refused, lost, doubled or out of order, and every push was planned and
taken by the vendor exactly once.
`

const PLANNED: NumberRange = { min: 1, max: 1_000_000, isWhole: true }
const MEMBERS: NumberRange = { min: 2, max: 5_000, isWhole: true }
const GROUPS: NumberRange = { min: 1, max: 1_000, isWhole: true }
const RATE: NumberRange = { min: 1, max: 20_000, isWhole: true }
const PAIRS: NumberRange = { min: 1, max: 20_000, isWhole: true }
const SECONDS: NumberRange = { min: 0.5, max: 86_400, isWhole: false }
const WARMUP: NumberRange = { min: 0, max: 3_600, isWhole: false }
const BYTES: NumberRange = { min: 1, max: 60_000, isWhole: true }
const REPEAT: NumberRange = { min: 1, max: 100, isWhole: true }

const NAMES = [
  ...['planned', 'sent', 'members', 'groups', 'service', 'rate', 'pairs', 'seconds', 'warmup', 'bytes', 'repeat'],
  ...['gateway-url', 'metrics-url'],
]

/** Reads the command line; a text is the help that was asked for. Throws BadOptions. */
export function parsePushOptions([, ...args]: readonly string[]): PushBenchOptions | string {
  const flags = parseFlags(args, NAMES, ['start', 'json', 'help'])
  if (flags.help === true) return PUSH_HELP
  const number = (name: string, standard: number, range: NumberRange) =>
    numberFlag(`--${name}`, String(flags[name] ?? standard), range)
  const service = String(flags.service ?? 'huawei') as VendorName
  if (!VENDOR_NAMES.includes(service)) throw new BadOptions(`--service ${service}: one of ${VENDOR_NAMES.join(', ')}`)
  const parameters: PushParameters = {
    plannedPerSecond: number('planned', 5_000, PLANNED),
    sentPerSecond: number('sent', 1_000, PLANNED),
    members: number('members', 500, MEMBERS),
    groups: number('groups', 4, GROUPS),
    service,
    ratePerSecond: number('rate', 500, RATE),
    pairs: number('pairs', 200, PAIRS),
    seconds: number('seconds', 10, SECONDS),
    warmupSeconds: number('warmup', 3, WARMUP),
    bytes: number('bytes', 100, BYTES),
    repeat: number('repeat', 5, REPEAT),
  }
  const { plannedPerSecond, sentPerSecond } = parameters
  if (sentPerSecond > plannedPerSecond) throw new BadOptions('--sent: no more than --planned')
  return {
    parameters,
    json: flags.json === true,
    start: flags.start === true,
    gatewayUrl: flags['gateway-url'] as string | undefined,
    metricsUrl: flags['metrics-url'] as string | undefined,
  }
}

/** How many of a group's members, but the sender, are sent to. */
export function sentMembers({ plannedPerSecond, sentPerSecond, members }: PushParameters): number {
  return Math.round(((members - 1) * sentPerSecond) / plannedPerSecond)
}

export const serviceTypeOf = ({ service }: PushParameters): number => ServiceType[service]
