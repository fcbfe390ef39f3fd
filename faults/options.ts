import { parseArgs } from 'node:util'
import { BadOptions, numberFlag } from '../bench/options.ts'
import { type BrokerCount, isBrokerCount } from '../infra/local/kafka.ts'
import { ALL_KINDS, type FaultKind } from './plan.ts'

export interface FaultsOptions {
  seconds: number
  seed: number
  brokers: BrokerCount
  ratePerSecond: number
  pairs: number
  /** Seconds from one fault to the next. */
  everySeconds: number
  kinds: readonly FaultKind[]
  json: boolean
  /** Where the run keeps its data; undefined: a directory of its own, gone after a clean run. */
  dataDir: string | undefined
  /** Prints the plan and ends. */
  planOnly: boolean
}

export const FAULTS_HELP = `npm run faults -- [flags]

Runs the product with parts and processes of its own, lets people chat, and kills, freezes and empties what they
depend on, one thing after the other. Then it counts from outside what became of every message.

  --seconds S      how long people chat (3600: every kind of fault five times)
  --seed N         what happens when: the same seed gives the same plan (1)
  --brokers 1|3    one Kafka node, or three with every topic on all of them (1)
  --rate R         messages per second, in all (1000)
  --pairs P        pairs of people; ten people share a group (100)
  --every S        seconds from one fault to the next (28)
  --kinds LIST     only these faults, comma separated (all)
  --data DIR       data, logs and the clients' book; must be empty (a temporary directory)
  --plan           print what would be done when, and end
  --json           exactly one JSON object on standard output
  --help           this text

npm run faults -- sdk [flags] breaks the lines of people with the SDK instead (sdk --help).

Kinds: ${ALL_KINDS.join(', ')}

The exit code is 0 when every acked message is there exactly once, in order, for everyone who must get it, the views
equal the log, and acks came back within 15 s of every fault; 1 when not (the evidence is kept); 2 when the run could
not be made.
`

/** Reads the command line; undefined when help is asked for. Throws BadOptions. */
export function parseFaultsOptions(args: readonly string[]): FaultsOptions | undefined {
  const values = parse(args)
  if (values.help === true) return undefined
  const brokers = Number(values.brokers ?? '1')
  if (!isBrokerCount(brokers)) throw new BadOptions(`--brokers ${values.brokers}: 1 or 3`)
  const pairs = numberFlag('--pairs', values.pairs ?? '100', { min: 5, max: 2_000, isWhole: true })
  if (pairs % 5 !== 0) throw new BadOptions(`--pairs ${pairs}: a multiple of 5, because ten people share a group`)
  return {
    brokers,
    pairs,
    seconds: numberFlag('--seconds', values.seconds ?? '3600', { min: 10, max: 86_400, isWhole: false }),
    seed: numberFlag('--seed', values.seed ?? '1', { min: 0, max: 2 ** 32 - 1, isWhole: true }),
    ratePerSecond: numberFlag('--rate', values.rate ?? '1000', { min: 1, max: 50_000, isWhole: true }),
    everySeconds: numberFlag('--every', values.every ?? '28', { min: 1, max: 3_600, isWhole: false }),
    kinds: readKinds(values.kinds),
    json: values.json === true,
    dataDir: values.data,
    planOnly: values.plan === true,
  }
}

function readKinds(text: string | undefined): readonly FaultKind[] {
  if (text === undefined) return ALL_KINDS
  return text.split(',').map(name => {
    const kind = ALL_KINDS.find(known => known === name.trim())
    if (kind === undefined) throw new BadOptions(`--kinds ${name.trim()}: not one of ${ALL_KINDS.join(', ')}`)
    return kind
  })
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seconds: { type: 'string' },
        seed: { type: 'string' },
        brokers: { type: 'string' },
        rate: { type: 'string' },
        pairs: { type: 'string' },
        every: { type: 'string' },
        kinds: { type: 'string' },
        data: { type: 'string' },
        plan: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new BadOptions(error instanceof Error ? error.message : String(error))
  }
}
