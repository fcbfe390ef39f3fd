import { inject } from 'vitest'

/** Where the real parts of a test run are. */
export interface TestStack {
  /** `host:port`, comma-separated. */
  kafkaBrokers: string
  /** Replicas of every topic: as many as there are brokers. */
  replicationFactor: number
  /** Base URL of the Confluent-compatible API, version 7. */
  registryUrl: string
  /** `redis://host:port`. */
  redisUrl: string
  /** `http://host:port` of ClickHouse's HTTP interface. */
  clickhouseUrl: string
}

declare module 'vitest' {
  interface ProvidedContext {
    stack: TestStack
  }
}

/** The real parts that all files of the project `real` share: use random topic names, prefixes and databases on them. */
export function testStack(): TestStack {
  return inject('stack')
}

/** The same servers as they stand in the environment of roles and commands. */
export function serverEnv() {
  const { kafkaBrokers, registryUrl, redisUrl, clickhouseUrl } = testStack()
  return {
    KAFKA_BROKERS: kafkaBrokers,
    SCHEMA_REGISTRY_URL: registryUrl,
    REDIS_URL: redisUrl,
    CLICKHOUSE_URL: clickhouseUrl,
  }
}
