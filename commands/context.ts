import type { ClickHouseOptions } from '../infra/clickhouse/clickhouse.ts'
import { type Clock, type Random, systemClock, systemRandom } from '../infra/clock.ts'
import { type Config, readConfig } from '../infra/config.ts'
import { KafkaLog } from '../infra/kafka/kafka-log.ts'
import type { KafkaSecurity } from '../infra/kafka/security.ts'
import { type Logger, makeLogger } from '../infra/logger.ts'
import { Metrics } from '../infra/metrics.ts'
import { HttpSchemaRegistry } from '../infra/registry/registry.ts'
import { Turns } from '../infra/turns.ts'
import { eventCodec, packCodec, type RecordCodec, type SchemaRegistry } from '../schemas/codec.ts'
import type { Event } from '../schemas/event.ts'
import type { Pack } from '../schemas/pack.ts'
import type { Log } from '../topics/log.ts'
import { makeTopics, type Topics, valueSubject } from '../topics/topics.ts'
import { readKafkaSecurity, requireAccess } from './kafka-security.ts'

/** What every command and role of a process shares: the third of the steps env -> config -> context. */
export interface Context {
  config: Config
  /** For secrets that a file of credentials names. */
  env: NodeJS.ProcessEnv
  logger: Logger
  metrics: Metrics
  clock: Clock
  random: Random
  topics: Topics
  log: Log
  /** How Kafka is reached, for those that open connections of their own. */
  kafka: { brokers: readonly string[]; security: KafkaSecurity }
  registry: SchemaRegistry
  codecs: { packs: RecordCodec<Pack>; events: RecordCodec<Event> }
  /** What computes for long in this process takes turns. */
  turns: Turns
  /** Lets everything go, newest first. Things opened by roles are added to it. */
  closers: (() => Promise<void>)[]
}

/** Opens the context. `name` stands in logs and as the client id at Kafka. Throws BadConfig. */
export async function openContext(env: NodeJS.ProcessEnv, name: string): Promise<Context> {
  const config = readConfig(env)
  const logger = makeLogger({ name, level: config.logLevel })
  const metrics = new Metrics()
  const topics = makeTopics({
    prefix: config.topicPrefix,
    partitions: config.partitionCount,
    eventRetentionDays: config.eventRetentionDays,
  })
  const clock = systemClock
  const registry = new HttpSchemaRegistry({ url: config.registryUrl, clock, logger })
  const kafka = { brokers: config.kafkaBrokers, security: await readKafkaSecurity(config.kafkaSecurity) }
  const clientId = `${name}-${config.nodeName}`
  await requireAccess({ ...kafka, clientId })
  const log = new KafkaLog({ ...kafka, clientId, clock, logger })
  const codecs = {
    packs: await packCodec(registry, valueSubject(topics.packs)),
    events: await eventCodec(registry, valueSubject(topics.events)),
  }
  return {
    config,
    env,
    logger,
    metrics,
    clock,
    random: systemRandom,
    topics,
    log,
    kafka,
    registry,
    codecs,
    turns: new Turns(clock),
    closers: [() => log.close()],
  }
}

/** Closes what the context holds, newest first. */
export async function closeContext(context: Context): Promise<void> {
  for (const close of context.closers.reverse()) await close()
}

/** Where the archive is, as its client wants it. */
export function clickHouseOptions({ clickhouse }: Config): ClickHouseOptions {
  return { ...clickhouse }
}
