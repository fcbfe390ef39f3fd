import type { Partition } from '../../schemas/ids.ts'
import type { Appended, Log, LogReader, LogRecord, PartitionBounds, ReadOptions } from '../../topics/log.ts'
import { type Clock, systemClock } from '../clock.ts'
import { type Logger, silentLogger } from '../logger.ts'
import { Appender } from './appender.ts'
import { Cluster } from './cluster.ts'
import { readBounds } from './offsets.ts'
import { KafkaReader } from './reader.ts'
import type { KafkaSecurity } from './security.ts'

export interface KafkaLogOptions {
  /** `host:port` of some brokers of the cluster. */
  brokers: readonly string[]
  /** Name of this process in the brokers' logs. */
  clientId: string
  security?: KafkaSecurity
  clock?: Clock
  logger?: Logger
}

/** How often `bounds` asks, and how long it pauses in between, ms. */
const BOUNDS_ATTEMPTS_MAX = 20
const BOUNDS_PAUSE_MS = 250

/**
 * The log on Kafka. Connects when first used. Appends have a cluster of connections of their own and every reader has
 * one, because a broker answers the requests of one connection in their order and a fetch waits there for data.
 */
export class KafkaLog implements Log {
  private readonly options: Required<KafkaLogOptions>
  private readonly cluster: Cluster
  private readonly appender: Appender
  private readonly readers = new Set<LogReader>()
  /** Connections of readers that have ended. */
  private readonly closing = new Set<Promise<void>>()

  constructor(options: KafkaLogOptions) {
    this.options = { security: {}, clock: systemClock, logger: silentLogger, ...options }
    this.cluster = new Cluster(this.options)
    const { clock, logger } = this.options
    this.appender = new Appender({ cluster: this.cluster, clock, logger })
  }

  append(request: { topic: string; partition: Partition; records: readonly LogRecord[] }): Promise<Appended> {
    return this.appender.append(request.topic, request.partition, request.records)
  }

  /** Throws when the topic does not exist or its leaders do not answer within BOUNDS_ATTEMPTS_MAX tries. */
  async bounds(topic: string): Promise<ReadonlyMap<Partition, PartitionBounds>> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.cluster.refresh(topic)
        const partitions = this.cluster.partitionsOf(topic)
        if (partitions.length === 0) throw new Error(`${topic}: ${this.cluster.problemOf(topic) ?? 'no leaders'}`)
        return await readBounds(this.cluster, topic, partitions)
      } catch (error) {
        if (attempt >= BOUNDS_ATTEMPTS_MAX) throw error
        await this.options.clock.sleep(BOUNDS_PAUSE_MS)
      }
    }
  }

  read(options: ReadOptions): LogReader {
    const cluster = new Cluster(this.options)
    const reader = new KafkaReader(cluster, options, this.options)
    this.readers.add(reader)
    const ended = () => {
      this.readers.delete(reader)
      const closed = cluster.close().finally(() => this.closing.delete(closed))
      this.closing.add(closed)
    }
    reader.done.then(ended, ended)
    return reader
  }

  async close(): Promise<void> {
    await Promise.all([...this.readers].map(reader => reader.close()))
    await this.appender.close()
    await Promise.all([this.cluster.close(), ...this.closing])
  }
}
