import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LocalStackError } from './local-error.ts'
import type { BrokerName, PartSpec } from './part.ts'
import { HOST, type PartPorts } from './ports.ts'
import { kafkaLacks } from './probes.ts'
import { runTool } from './run-tool.ts'

/** One node, or three of which each holds every topic. */
export type BrokerCount = 1 | 3

export const isBrokerCount = (count: number): count is BrokerCount => count === 1 || count === 3

/** One node of Kafka: broker and controller (KRaft). */
export interface KafkaNode {
  id: 1 | 2 | 3
  brokers: BrokerCount
  ports: KafkaPorts
}

type KafkaPorts = Pick<
  PartPorts,
  'kafka' | 'kafka2' | 'kafka3' | 'kafkaController' | 'kafkaController2' | 'kafkaController3'
>

interface KafkaOptions {
  java: string
  lib: string
  /** The stack's data directory; a node has one below it. */
  dataDir: string
  logFile: string
  env: NodeJS.ProcessEnv
  /** See StackOptions. */
  isLasting: boolean
}

const HEAP = ['-Xms256m', '-Xmx512m']
/**
 * Only the quick compiler: in a broker's first minute the optimising one takes as much of two cores as all requests
 * together. Later a broker with both takes a fifth less (docs/performance.md).
 */
const QUICK_COMPILER = '-XX:TieredStopAtLevel=1'
const CLUSTER_ID_FILE = 'kafka-cluster.id'

export const brokerName = (id: KafkaNode['id']): BrokerName => (id === 1 ? 'kafka' : `kafka-${id}`)

/** The nodes of a stack. */
export function kafkaNodes(brokers: BrokerCount, ports: KafkaPorts): KafkaNode[] {
  const ids = brokers === 1 ? ([1] as const) : ([1, 2, 3] as const)
  return ids.map(id => ({ id, brokers, ports }))
}

/** `host:port` of all brokers, comma-separated. */
export function brokerAddresses(nodes: readonly KafkaNode[]): string {
  return nodes.map(node => `${HOST}:${portsOf(node).broker}`).join(',')
}

/**
 * A directory holds the data of one broker or of three: the views and the sequencer's state beside it belong to that
 * log. Throws LocalStackError when it holds the other kind.
 */
export function requireSameBrokers(dataDir: string, brokers: BrokerCount): void {
  const found = brokersIn(dataDir)
  if (found === undefined || found === brokers) return
  const [has, wanted] = [found, brokers].map(count => (count === 1 ? 'one broker' : 'three brokers'))
  throw new LocalStackError(
    `${dataDir} holds the data of a stack with ${has}: start it with --brokers ${found}, or give the one with ${wanted} ` +
      'a data directory of its own with --data DIR (PACKLOG_DATA)',
  )
}

function brokersIn(dataDir: string): BrokerCount | undefined {
  if (!existsSync(dataDir)) return undefined
  const names = readdirSync(dataDir)
  if (names.some(name => /^kafka-[123]$/.test(name))) return 3
  return names.includes('kafka') ? 1 : undefined
}

/** Runs one node on its part of the data directory. */
export function kafkaPart(node: KafkaNode, options: KafkaOptions): PartSpec {
  const { java, lib, logFile, env, isLasting } = options
  const dir = nodeDir(options.dataDir, node)
  const settings = join(dir, 'server.properties')
  const logging = fileURLToPath(new URL('./kafka/log4j2.properties', import.meta.url))
  const compiler = isLasting ? [] : [QUICK_COMPILER]
  const jvm = ['-cp', join(lib, '*'), `-Dlog4j2.configurationFile=${logging}`]
  return {
    name: brokerName(node.id),
    title: node.brokers === 1 ? 'Kafka' : `Kafka (broker ${node.id} of 3)`,
    command: {
      file: java,
      args: [...HEAP, ...compiler, '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', ...jvm, 'kafka.Kafka', settings],
      env,
      logFile,
    },
    stop: { signal: 'SIGTERM', graceMs: 20_000 },
    readyMsMax: 90_000,
    prepare: async () => {
      mkdirSync(dir, { recursive: true })
      if (!existsSync(join(dir, 'data', 'meta.properties'))) await format(node, options, jvm)
      writeFileSync(settings, serverProperties(node, join(dir, 'data')))
    },
    // A node of three is back when it has caught up: until then the others must not be lost.
    lacks: () => kafkaLacks(`${HOST}:${portsOf(node).broker}`, { inSync: node.brokers === 3 }),
  }
}

function nodeDir(dataDir: string, { id, brokers }: KafkaNode): string {
  return join(dataDir, brokers === 1 ? 'kafka' : `kafka-${id}`)
}

/** Formats beside the final place and renames, so that a start that is killed here leaves nothing half-formatted. */
async function format(node: KafkaNode, { java, dataDir, env }: KafkaOptions, jvm: readonly string[]): Promise<void> {
  const dir = nodeDir(dataDir, node)
  const draft = join(dir, 'data.partial')
  const settings = join(dir, 'format.properties')
  rmSync(draft, { recursive: true, force: true })
  rmSync(join(dir, 'data'), { recursive: true, force: true })
  writeFileSync(settings, serverProperties(node, draft))
  const clusterId = node.brokers === 1 ? newClusterId() : sharedClusterId(dataDir)
  // An id that begins with a dash would be read as an option.
  const args = ['kafka.tools.StorageTool', 'format', `--cluster-id=${clusterId}`, `--config=${settings}`]
  await runTool(java, [QUICK_COMPILER, ...jvm, ...args], { env })
  rmSync(settings)
  renameSync(draft, join(dir, 'data'))
}

const newClusterId = (): string => randomBytes(16).toString('base64url')

/** The nodes of one cluster are formatted with the same id, whichever comes first. */
function sharedClusterId(dataDir: string): string {
  const file = join(dataDir, CLUSTER_ID_FILE)
  if (!existsSync(file)) {
    const draft = `${file}.draft`
    writeFileSync(draft, newClusterId())
    renameSync(draft, file)
  }
  return readFileSync(file, 'utf8')
}

const BROKER_PORTS = { 1: 'kafka', 2: 'kafka2', 3: 'kafka3' } as const
const CONTROLLER_PORTS = { 1: 'kafkaController', 2: 'kafkaController2', 3: 'kafkaController3' } as const

function portsOf({ id, ports }: KafkaNode): { broker: number; controller: number } {
  return { broker: ports[BROKER_PORTS[id]], controller: ports[CONTROLLER_PORTS[id]] }
}

/** The voters are named here and not kept in the log, so that the same data can be started on other ports. */
export function serverProperties(node: KafkaNode, dataDir: string): string {
  const { id, brokers, ports } = node
  const broker = `PLAINTEXT://${HOST}:${portsOf(node).broker}`
  const controller = `CONTROLLER://${HOST}:${portsOf(node).controller}`
  const voters = kafkaNodes(brokers, ports).map(voter => `${voter.id}@${HOST}:${portsOf(voter).controller}`)
  // All but one must have what is acknowledged: one of three may be lost.
  const inSyncMin = Math.max(1, brokers - 1)
  const settings: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': id,
    'controller.quorum.voters': voters.join(','),
    listeners: `${broker},${controller}`,
    'advertised.listeners': broker,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': dataDir,
    'auto.create.topics.enable': false,
    'unclean.leader.election.enable': false,
    'default.replication.factor': brokers,
    'min.insync.replicas': inSyncMin,
    'offsets.topic.num.partitions': 4,
    'offsets.topic.replication.factor': brokers,
    'transaction.state.log.num.partitions': 4,
    'transaction.state.log.replication.factor': brokers,
    'transaction.state.log.min.isr': inSyncMin,
    'share.coordinator.state.topic.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': brokers,
    'share.coordinator.state.topic.min.isr': inSyncMin,
    'group.initial.rebalance.delay.ms': 0,
    // A node that was killed may register again only when the session of its former life has ended; and so long a
    // partition whose leader was lost waits for another one.
    'broker.session.timeout.ms': 3_000,
    'broker.heartbeat.interval.ms': 500,
    // A frozen follower holds up every acknowledgement for this long.
    'replica.lag.time.max.ms': 5_000,
    // On few processors more threads only hand each request to one another: a tenth of the broker's time.
    'num.network.threads': 1,
    'num.io.threads': 2,
    'log.cleaner.dedupe.buffer.size': 33_554_432,
  }
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
