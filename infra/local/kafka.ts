import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PartSpec } from './part.ts'
import { HOST, type PartPorts } from './ports.ts'
import { kafkaLacks } from './probes.ts'
import { runTool } from './run-tool.ts'

interface KafkaOptions {
  java: string
  lib: string
  /** Everything of Kafka: settings, and the log in `data`. */
  dir: string
  ports: PartPorts
  logFile: string
  env: NodeJS.ProcessEnv
}

const HEAP = ['-Xms256m', '-Xmx512m']

/** One Kafka node that is broker and controller (KRaft). */
export function kafkaPart(options: KafkaOptions): PartSpec {
  const { java, lib, dir, ports, logFile, env } = options
  const settings = join(dir, 'server.properties')
  const logging = fileURLToPath(new URL('./kafka/log4j2.properties', import.meta.url))
  const jvm = ['-cp', join(lib, '*'), `-Dlog4j2.configurationFile=${logging}`]
  return {
    name: 'kafka',
    title: 'Kafka',
    command: {
      file: java,
      args: [...HEAP, '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', ...jvm, 'kafka.Kafka', settings],
      env,
      logFile,
    },
    stop: { signal: 'SIGTERM', graceMs: 20_000 },
    readyMsMax: 90_000,
    prepare: async () => {
      mkdirSync(dir, { recursive: true })
      if (!existsSync(join(dir, 'data', 'meta.properties'))) await format(options, jvm)
      writeFileSync(settings, serverProperties(ports, join(dir, 'data')))
    },
    lacks: () => kafkaLacks(`${HOST}:${ports.kafka}`),
  }
}

/** Formats beside the final place and renames, so that a start that is killed here leaves nothing half-formatted. */
async function format({ java, dir, ports, env }: KafkaOptions, jvm: readonly string[]): Promise<void> {
  const draft = join(dir, 'data.partial')
  const settings = join(dir, 'format.properties')
  rmSync(draft, { recursive: true, force: true })
  rmSync(join(dir, 'data'), { recursive: true, force: true })
  writeFileSync(settings, serverProperties(ports, draft))
  const clusterId = randomBytes(16).toString('base64url')
  // An id that begins with a dash would be read as an option.
  const args = ['kafka.tools.StorageTool', 'format', `--cluster-id=${clusterId}`, `--config=${settings}`]
  await runTool(java, ['-XX:TieredStopAtLevel=1', ...jvm, ...args], { env })
  rmSync(settings)
  renameSync(draft, join(dir, 'data'))
}

/** The voters are named here and not kept in the log, so that the same data can be started on other ports. */
export function serverProperties(ports: Pick<PartPorts, 'kafka' | 'kafkaController'>, dataDir: string): string {
  const broker = `PLAINTEXT://${HOST}:${ports.kafka}`
  const controller = `CONTROLLER://${HOST}:${ports.kafkaController}`
  const settings: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@${HOST}:${ports.kafkaController}`,
    listeners: `${broker},${controller}`,
    'advertised.listeners': broker,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': dataDir,
    'auto.create.topics.enable': false,
    'unclean.leader.election.enable': false,
    'offsets.topic.num.partitions': 4,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    // A node that was killed may register again only when the session of its former life has ended.
    'broker.session.timeout.ms': 3_000,
    'broker.heartbeat.interval.ms': 500,
    'num.network.threads': 2,
    'num.io.threads': 4,
    'log.cleaner.dedupe.buffer.size': 33_554_432,
  }
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
