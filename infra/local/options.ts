import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type BrokerCount, isBrokerCount } from './kafka.ts'
import { LocalStackError } from './local-error.ts'
import { freePorts, PORT_NAMES, PORT_TABLE, type PortName, type Ports } from './ports.ts'

/** What `npm start` was asked to do. */
export interface StartOptions {
  help: boolean
  dataDir: string
  /** One node, or three with every topic on all of them. */
  brokers: BrokerCount
  /** Gateways behind the one address. */
  gateways: number
  ports: Ports
  /** Servers that run already and are used instead of parts of our own. */
  external: { redisUrl: string | undefined; clickhouseUrl: string | undefined }
}

const PORT_MAX = 65_535
/** More of them on one machine only compete. */
export const GATEWAYS_MAX = 8

/**
 * Reads flags and environment; a flag wins over a variable, a single port over `--ports-from` and `--random-ports`.
 * Throws LocalStackError that names what is wrong.
 */
export async function readOptions(
  args: readonly string[],
  { env, root, random }: { env: NodeJS.ProcessEnv; root: string; random: () => number },
): Promise<StartOptions> {
  const flags = parseFlags(args)
  const base = flags['ports-from'] ?? env.PACKLOG_PORTS_FROM
  const isRandom = flags['random-ports'] === true
  if (base !== undefined && isRandom) throw new LocalStackError('--ports-from and --random-ports exclude each other')
  const found = isRandom ? await freePorts(PORT_NAMES.length, random) : undefined
  const first = base === undefined ? undefined : parsePort('--ports-from', String(base))
  const ports = Object.fromEntries(
    PORT_NAMES.map((name, index): [PortName, number] => {
      const { flag, variable, standard } = PORT_TABLE[name]
      const fallback = found?.[index] ?? (first === undefined ? standard : first + index)
      if (flags[flag] !== undefined) return [name, parsePort(`--${flag}`, String(flags[flag]))]
      return [name, env[variable] ? parsePort(variable, env[variable]) : parsePort('--ports-from', String(fallback))]
    }),
  ) as Ports
  requireDistinct(ports)
  return {
    help: flags.help === true,
    dataDir: resolve(String(flags.data ?? (env.PACKLOG_DATA || join(root, '.packlog')))),
    brokers: readBrokers(flags.brokers ?? (env.PACKLOG_BROKERS || '1')),
    gateways: readGateways(flags.gateways ?? (env.PACKLOG_GATEWAYS || '1')),
    ports,
    external: { redisUrl: env.REDIS_URL || undefined, clickhouseUrl: env.CLICKHOUSE_URL || undefined },
  }
}

/** The text of `npm start -- --help`. */
export function helpText(): string {
  const ports = PORT_NAMES.map(name => {
    const { flag, variable, standard, what } = PORT_TABLE[name]
    return `  --${flag.padEnd(24)} ${variable.padEnd(34)} ${String(standard).padStart(5)}  ${what}`
  })
  return `npm start -- [flags]

Starts Kafka, the schema registry, Redis and ClickHouse on this machine, then packlog's processes. What is missing is
downloaded once. Ctrl-C stops everything in order; the data stays.

  --help                     this text
  --data DIR                 PACKLOG_DATA                       where the data lives (.packlog in the checkout)
  --brokers 1|3              PACKLOG_BROKERS                    Kafka nodes: 1, or 3 that hold every topic (1)
  --gateways N               PACKLOG_GATEWAYS                   gateways behind the one address: 1 to ${GATEWAYS_MAX} (1)
  --ports-from PORT          PACKLOG_PORTS_FROM                 number all ports from this one on
  --random-ports                                                use ports that are free now

Ports (flag, variable, standard; all on 127.0.0.1):
${ports.join('\n')}

Environment:
  PACKLOG_CACHE              where downloaded parts are kept (else $XDG_CACHE_HOME/packlog or ~/.cache/packlog)
  REDIS_URL                  use this Redis instead of starting one
  CLICKHOUSE_URL             use this ClickHouse instead of starting one (http://host:port)
  PACKLOG_LOG_LEVEL          trace, debug, info, warn, error (info)
  Other PACKLOG_ variables are handed on to packlog's processes (infra/config.ts lists them).
`
}

function parseFlags(args: readonly string[]): Record<string, string | boolean | undefined> {
  const portFlags = PORT_NAMES.map(name => [PORT_TABLE[name].flag, { type: 'string' as const }] as const)
  try {
    const { values } = parseArgs({
      args: [...args],
      strict: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        data: { type: 'string' },
        brokers: { type: 'string' },
        gateways: { type: 'string' },
        'ports-from': { type: 'string' },
        'random-ports': { type: 'boolean' },
        ...Object.fromEntries(portFlags),
      },
    })
    return values as Record<string, string | boolean | undefined>
  } catch (error) {
    throw new LocalStackError(`${(error as Error).message}\nnpm start -- --help lists the flags`)
  }
}

function readBrokers(text: string | boolean): BrokerCount {
  const count = Number(text)
  if (isBrokerCount(count)) return count
  throw new LocalStackError(`--brokers: "${text}" is neither 1 nor 3`)
}

function readGateways(text: string | boolean): number {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= GATEWAYS_MAX) return count
  throw new LocalStackError(`--gateways: "${text}" is not a number from 1 to ${GATEWAYS_MAX}`)
}

function parsePort(source: string, text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port >= 1 && port <= PORT_MAX) return port
  throw new LocalStackError(`${source}: "${text}" is not a port (1 to ${PORT_MAX})`)
}

function requireDistinct(ports: Ports): void {
  for (const name of PORT_NAMES) {
    const other = PORT_NAMES.find(candidate => candidate !== name && ports[candidate] === ports[name])
    if (other === undefined) continue
    const [a, b] = [PORT_TABLE[name], PORT_TABLE[other]]
    throw new LocalStackError(
      `port ${ports[name]} is given to both ${a.what} (${a.variable}) and ${b.what} (${b.variable})`,
    )
  }
}
