import { connect, createServer } from 'node:net'
import { LocalStackError } from './local-error.ts'

/** Every part and role listens on this address only. */
export const HOST = '127.0.0.1'

export const PART_PORTS = [
  'kafka',
  'kafkaController',
  'registry',
  'redis',
  'clickhouseHttp',
  'clickhouseTcp',
  'kafka2',
  'kafkaController2',
  'kafka3',
  'kafkaController3',
] as const
export const ROLE_PORTS = ['http', 'metricsGateway', 'metricsSequencer', 'metricsViews', 'pushInbox', 'media'] as const

export type PartPortName = (typeof PART_PORTS)[number]
export type PortName = PartPortName | (typeof ROLE_PORTS)[number]
export type PartPorts = Record<PartPortName, number>
export type Ports = Record<PortName, number>

interface PortInfo {
  /** The port that is used unless told otherwise. */
  standard: number
  /** What listens there, in words. */
  what: string
  flag: string
  variable: string
}

/** In the order in which `--ports-from` numbers them. */
export const PORT_TABLE: Record<PortName, PortInfo> = {
  http: { standard: 8080, what: 'gateway, HTTP and WebSocket', flag: 'http-port', variable: 'PACKLOG_HTTP_PORT' },
  kafka: { standard: 9092, what: 'Kafka', flag: 'kafka-port', variable: 'PACKLOG_KAFKA_PORT' },
  kafkaController: {
    standard: 9093,
    what: 'Kafka, controller',
    flag: 'kafka-controller-port',
    variable: 'PACKLOG_KAFKA_CONTROLLER_PORT',
  },
  registry: { standard: 8081, what: 'schema registry', flag: 'registry-port', variable: 'PACKLOG_REGISTRY_PORT' },
  redis: { standard: 6379, what: 'Redis', flag: 'redis-port', variable: 'PACKLOG_REDIS_PORT' },
  clickhouseHttp: {
    standard: 8123,
    what: 'ClickHouse, HTTP',
    flag: 'clickhouse-port',
    variable: 'PACKLOG_CLICKHOUSE_PORT',
  },
  clickhouseTcp: {
    standard: 9000,
    what: 'ClickHouse, native protocol',
    flag: 'clickhouse-tcp-port',
    variable: 'PACKLOG_CLICKHOUSE_TCP_PORT',
  },
  metricsGateway: {
    standard: 9464,
    what: 'metrics of the gateway',
    flag: 'metrics-gateway-port',
    variable: 'PACKLOG_METRICS_GATEWAY_PORT',
  },
  metricsSequencer: {
    standard: 9465,
    what: 'metrics of the sequencer',
    flag: 'metrics-sequencer-port',
    variable: 'PACKLOG_METRICS_SEQUENCER_PORT',
  },
  metricsViews: {
    standard: 9466,
    what: 'metrics of the views',
    flag: 'metrics-views-port',
    variable: 'PACKLOG_METRICS_VIEWS_PORT',
  },
  pushInbox: {
    standard: 8090,
    what: 'inbox of the fake push vendors',
    flag: 'push-inbox-port',
    variable: 'PACKLOG_PUSH_INBOX_PORT',
  },
  media: { standard: 9010, what: 'store of files', flag: 'media-port', variable: 'PACKLOG_MEDIA_PORT' },
  kafka2: { standard: 9094, what: 'Kafka, broker 2 of 3', flag: 'kafka-2-port', variable: 'PACKLOG_KAFKA_2_PORT' },
  kafkaController2: {
    standard: 9095,
    what: 'Kafka, controller 2 of 3',
    flag: 'kafka-controller-2-port',
    variable: 'PACKLOG_KAFKA_CONTROLLER_2_PORT',
  },
  kafka3: { standard: 9096, what: 'Kafka, broker 3 of 3', flag: 'kafka-3-port', variable: 'PACKLOG_KAFKA_3_PORT' },
  kafkaController3: {
    standard: 9097,
    what: 'Kafka, controller 3 of 3',
    flag: 'kafka-controller-3-port',
    variable: 'PACKLOG_KAFKA_CONTROLLER_3_PORT',
  },
}

export const PORT_NAMES = Object.keys(PORT_TABLE) as PortName[]

/** Free ports are looked for here: below what systems hand out to outgoing connections, so that a port stays free while its owner is restarted. */
const FREE_FROM = 20_000
const FREE_TO = 32_000
const FREE_TRIES_MAX = 500
const CONNECT_MS_MAX = 500

/** `count` different ports that nobody listens on now. `random` gives numbers in [0, 1). */
export async function freePorts(count: number, random: () => number): Promise<number[]> {
  const found = new Set<number>()
  for (let tries = 0; found.size < count; tries += 1) {
    if (tries >= FREE_TRIES_MAX) throw new LocalStackError(`no ${count} free ports between ${FREE_FROM} and ${FREE_TO}`)
    const port = FREE_FROM + Math.floor(random() * (FREE_TO - FREE_FROM))
    if (!found.has(port) && !(await portInUse(port))) found.add(port)
  }
  return [...found]
}

/** True when somebody listens on the port, or it cannot be listened on. */
export async function portInUse(port: number): Promise<boolean> {
  return (await connects(port)) || !(await listens(port))
}

/** Throws LocalStackError that names every port in use, its part, and what to change. */
export async function requireFreePorts(wanted: Partial<Ports>): Promise<void> {
  const names = PORT_NAMES.filter(name => wanted[name] !== undefined)
  const checked = await Promise.all(names.map(async name => ({ name, used: await portInUse(wanted[name] ?? 0) })))
  const used = checked.filter(port => port.used).map(({ name }) => ({ name, port: wanted[name] ?? 0 }))
  if (used.length > 0) throw new LocalStackError(portsInUseMessage(used))
}

export function portsInUseMessage(used: readonly { name: PortName; port: number }[]): string {
  const lines = used.map(({ name, port }) => {
    const { what, flag, variable } = PORT_TABLE[name]
    return `port ${port} is in use; ${what} needs it: set ${variable} or --${flag} to a free one`
  })
  return [...lines, 'or move all ports at once: npm start -- --ports-from 20000'].join('\n')
}

function connects(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: HOST, port, timeout: CONNECT_MS_MAX })
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true))
    socket.once('timeout', () => end(true))
    socket.once('error', () => end(false))
  })
}

function listens(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: HOST, port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
