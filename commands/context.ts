import type { ClickHouseOptions } from '../infra/clickhouse/clickhouse.ts'
import { type Clock, type Random, systemClock, systemRandom } from '../infra/clock.ts'
import { type Config, readConfig } from '../infra/config.ts'
import { KafkaLog } from '../infra/kafka/kafka-log.ts'
import { type Logger, makeLogger } from '../infra/logger.ts'
import { Metrics } from '../infra/metrics.ts'
import { HttpSchemaRegistry } from '../infra/registry/registry.ts'
import { eventCodec, packCodec, type RecordCodec, type SchemaRegistry } from '../schemas/codec.ts'
import type { Event } from '../schemas/event.ts'
import type { Pack } from '../schemas/pack.ts'
import type { Log } from '../topics/log.ts'
import { makeTopics, type Topics, valueSubject } from '../topics/topics.ts'

/** What every command and role of a process shares: the third of the steps env -> config -> context. */
export interface Context {
  config: Config
  logger: Logger
  metrics: Metrics
  clock: Clock
  random: Random
  topics: Topics
  log: Log
  registry: SchemaRegistry
  codecs: { packs: RecordCodec<Pack>; events: RecordCodec<Event> }
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
  const log = new KafkaLog({ brokers: config.kafkaBrokers, clientId: `${name}-${config.nodeName}`, clock, logger })
  const codecs = {
    packs: await packCodec(registry, valueSubject(topics.packs)),
    events: await eventCodec(registry, valueSubject(topics.events)),
  }
  return {
    config,
    logger,
    metrics,
    clock,
    random: systemRandom,
    topics,
    log,
    registry,
    codecs,
    closers: [() => log.close()],
  }
}

/** Closes what the context holds, newest first. */
export async function closeContext(context: Context): Promise<void> {
  for (const close of context.closers.reverse()) await close()
}

/** Where the archive is, as its client wants it. */
export function clickHouseOptions({ clickhouse }: Config): ClickHouseOptions {
  return { url: clickhouse.url, database: clickhouse.database }
}
