import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Clock, systemClock, systemRandom } from '../clock.ts'
import { clickhousePart } from './clickhouse.ts'
import { type BrokerCount, brokerAddresses, brokerName, kafkaNodes, kafkaPart, requireSameBrokers } from './kafka.ts'
import { Ledger } from './ledger.ts'
import { LocalStackError } from './local-error.ts'
import { externalPart, makePart, type Part, type PartName, type PartTools } from './part.ts'
import { obtainParts, type Parts, partsCacheDir } from './parts.ts'
import { freePorts, HOST, PART_PORTS, type PartPorts, type Ports, requireFreePorts } from './ports.ts'
import { makeProgress, type Progress } from './progress.ts'
import { redisPart } from './redis.ts'
import { registryPart, registryUrl } from './registry.ts'
import { thisHost } from './tools.ts'
import { startWatchdog } from './watchdog.ts'

/** The real parts on this machine: one Kafka node or three, the schema registry, Redis, ClickHouse. */
export interface LocalStack {
  /** `host:port`, comma-separated. */
  kafkaBrokers: string
  /** Replicas of every topic: as many as there are brokers. */
  replicationFactor: BrokerCount
  /** Base URL of the Confluent-compatible API, version 7. */
  registryUrl: string
  redisUrl: string
  /** `http://host:port`. */
  clickhouseUrl: string
  /** Each can be killed, stopped, and started again on the same data and ports. */
  parts: Record<PartName, Part>
  /** The Kafka nodes in the order of their ids; the first is `parts.kafka`. */
  brokers: readonly Part[]
  /** Stops all parts; idempotent. */
  stop(): Promise<void>
}

export interface StackOptions {
  /** Data and logs of the parts; created when missing, kept after the stop. */
  dataDir: string
  /** `free` looks for ports that nobody uses. */
  ports: 'free' | PartPorts
  /** One unless told otherwise. */
  brokers?: BrokerCount
  /** It is meant to run for longer than some minutes: brokers may spend much of the first one on getting faster. */
  isLasting?: boolean
  log(line: string): void
  /** Servers that run already and are used instead of parts of our own. */
  external?: { redisUrl?: string | undefined; clickhouseUrl?: string | undefined }
  /** A ledger that the caller opened on the same directory; otherwise the stack opens one and closes it. */
  ledger?: Ledger
  env?: NodeJS.ProcessEnv
  progress?: Progress
  clock?: Clock
  /** Breaks off a start: what runs by then is stopped, and startStack throws. */
  signal?: AbortSignal
}

/**
 * Finds or downloads the parts and starts them. Resolves when all are ready; throws LocalStackError, with everything
 * stopped again, when one fails, when a port is in use, or when another starter runs on the directory.
 */
export async function startStack(options: StackOptions): Promise<LocalStack> {
  const {
    log,
    external = {},
    env = process.env,
    clock = systemClock,
    brokers: brokerCount = 1,
    isLasting = false,
  } = options
  const dataDir = resolve(options.dataDir)
  mkdirSync(dataDir, { recursive: true })
  const ledger = options.ledger ?? (await Ledger.open(dataDir, { clock, log }))
  const closeLedger = () => void (options.ledger ?? ledger.close())
  try {
    requireSameBrokers(dataDir, brokerCount)
    const ports = await choosePorts(options.ports, external, brokerCount)
    const progress = options.progress ?? makeProgress(plainTerminal(log), clock)
    const sources = { host: thisHost(env, progress), cacheDir: partsCacheDir(env), progress, clock }
    const programs = await obtainParts(sources, {
      redis: external.redisUrl !== undefined,
      clickhouse: external.clickhouseUrl !== undefined,
    })
    const watchdog = startWatchdog()
    const nodes = kafkaNodes(brokerCount, ports)
    const tools = { clock, ledger, watchdog }
    const brokers = nodes.map(node => {
      const logFile = join(dataDir, 'logs', `${brokerName(node.id)}.log`)
      const { java, kafkaLib: lib } = programs
      return makePart(kafkaPart(node, { java, lib, dataDir, logFile, env, isLasting }), tools)
    })
    const parts = { kafka: brokers[0]!, ...makeOtherParts({ dataDir, ports, programs, env }, tools) }
    const all = [...new Set([...brokers, ...Object.values(parts)])]
    let started = false
    const stop = async () => {
      await Promise.all(all.map(part => part.stop()))
      watchdog.close()
      closeLedger()
    }
    options.signal?.addEventListener('abort', () => void (started || stop()), { once: true })
    if (options.signal?.aborted) throw new LocalStackError('broken off')
    await progress.during('starting Kafka, schema registry, Redis and ClickHouse', {}, () => startAll(all, stop))
    started = true
    return {
      kafkaBrokers: brokerAddresses(nodes),
      replicationFactor: brokerCount,
      registryUrl: registryUrl(ports.registry),
      redisUrl: external.redisUrl ?? `redis://${HOST}:${ports.redis}`,
      clickhouseUrl: external.clickhouseUrl ?? `http://${HOST}:${ports.clickhouseHttp}`,
      parts,
      brokers,
      stop,
    }
  } catch (error) {
    closeLedger()
    throw error
  }
}

/** The ports that are really listened on: an external server and a broker that is not run need none. */
export function neededPorts(
  ports: PartPorts | Ports,
  { external, brokers }: { external: NonNullable<StackOptions['external']>; brokers: BrokerCount },
): Partial<Ports> {
  const { redis, clickhouseHttp, clickhouseTcp, kafka2, kafkaController2, kafka3, kafkaController3, ...always } = ports
  return {
    ...always,
    ...(brokers === 3 ? { kafka2, kafkaController2, kafka3, kafkaController3 } : {}),
    ...(external.redisUrl === undefined ? { redis } : {}),
    ...(external.clickhouseUrl === undefined ? { clickhouseHttp, clickhouseTcp } : {}),
  }
}

async function choosePorts(
  wanted: StackOptions['ports'],
  external: NonNullable<StackOptions['external']>,
  brokers: BrokerCount,
): Promise<PartPorts> {
  if (wanted !== 'free') {
    await requireFreePorts(neededPorts(wanted, { external, brokers }))
    return wanted
  }
  const found = await freePorts(PART_PORTS.length, systemRandom.next)
  return Object.fromEntries(PART_PORTS.map((name, index) => [name, found[index]])) as PartPorts
}

function makeOtherParts(
  { dataDir, ports, programs, env }: { dataDir: string; ports: PartPorts; programs: Parts; env: NodeJS.ProcessEnv },
  tools: PartTools,
): Record<Exclude<PartName, 'kafka'>, Part> {
  const { java, registryDir, redis, clickhouse } = programs
  const common = (name: PartName) => ({ env, logFile: join(dataDir, 'logs', `${name}.log`) })
  const registry = registryPart({
    ...common('registry'),
    java,
    programDir: registryDir,
    dataDir: join(dataDir, 'registry'),
    port: ports.registry,
  })
  return {
    registry: makePart(registry, tools),
    redis:
      redis === undefined
        ? externalPart('redis', 'Redis')
        : makePart(
            redisPart({ ...common('redis'), program: redis, dataDir: join(dataDir, 'redis'), port: ports.redis }),
            tools,
          ),
    clickhouse:
      clickhouse === undefined
        ? externalPart('clickhouse', 'ClickHouse')
        : makePart(
            clickhousePart({
              ...common('clickhouse'),
              program: clickhouse,
              dir: join(dataDir, 'clickhouse'),
              httpPort: ports.clickhouseHttp,
              tcpPort: ports.clickhouseTcp,
            }),
            tools,
          ),
  }
}

/** When one fails the others are stopped before the error goes on. */
async function startAll(parts: readonly Part[], stop: () => Promise<void>): Promise<void> {
  const starts = await Promise.allSettled(parts.map(part => part.start()))
  const failed = starts.find(start => start.status === 'rejected')
  if (failed === undefined) return
  await stop()
  throw failed.reason
}

const plainTerminal = (log: (line: string) => void) => ({
  isTTY: false,
  columns: 80,
  write: (text: string) => log(text.trimEnd()),
})
