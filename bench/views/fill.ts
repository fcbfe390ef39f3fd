import type { Clock } from '../../infra/clock.ts'
import { setupTopics } from '../../infra/kafka/create-topics.ts'
import { KafkaLog } from '../../infra/kafka/kafka-log.ts'
import { silentLogger } from '../../infra/logger.ts'
import { HttpSchemaRegistry } from '../../infra/registry/registry.ts'
import { eventCodec, type RecordCodec } from '../../schemas/codec.ts'
import { changesMembership, type Event, isFact } from '../../schemas/event.ts'
import type { Partition } from '../../schemas/ids.ts'
import { APPEND_RECORDS_MAX, type Log, type LogRecord } from '../../topics/log.ts'
import { sessionPartition, type Topics, valueSubject } from '../../topics/topics.ts'
import { chainHash, chainHeaders, HEADER_FACTS, HEADER_MEMBERS, POSITION_START } from '../../topics/valid-events.ts'
import { Traffic } from '../archive/traffic.ts'

export interface FillParameters {
  /** Every one of them has at least one event. */
  sessions: number
  events: number
  users: number
  textBytes: number
  seed: number
}

/** Events that are made before they are appended. */
const CHUNK = 60_000
const GROUP_EVERY = 10
const DAY_MS = 86_400_000

/** Writes generated traffic to im.events as a sequencer does: chained, with the headers that views look at. */
export async function fillLog(
  { sessions, events, users, textBytes, seed }: FillParameters,
  {
    topics,
    env,
    clock,
    log: progress,
  }: { topics: Topics; env: NodeJS.ProcessEnv; clock: Clock; log(line: string): void },
): Promise<void> {
  const kafka = { brokers: (env.KAFKA_BROKERS ?? '').split(','), clientId: 'packlog-bench' }
  await setupTopics([topics.events, topics.dead], { ...kafka, replicationFactor: 1, minInsyncReplicas: 1 })
  const registry = new HttpSchemaRegistry({ url: env.SCHEMA_REGISTRY_URL!, clock, logger: silentLogger })
  const log = new KafkaLog(kafka)
  const writer = new ChainedWriter(log, topics, await eventCodec(registry, valueSubject(topics.events)))
  const span = { startAt: clock.now() - DAY_MS, spanMs: DAY_MS / 2 }
  const partitionOf = (sessionId: Parameters<typeof sessionPartition>[1]) => sessionPartition(topics.events, sessionId)
  const shape = { groupEvery: GROUP_EVERY, beginsAll: true }
  const traffic = new Traffic({ seed, events, users, sessions, textBytes, ...span, ...shape, partitionOf })
  try {
    for (let made = 0; made < events; made += CHUNK) {
      const chunk = traffic.next(CHUNK)
      await Promise.all([...chunk].map(([partition, placed]) => writer.append(partition, placed)))
      progress(`filling the log: ${Math.min(events, made + CHUNK)} of ${events} events`)
    }
  } finally {
    await log.close()
  }
}

class ChainedWriter {
  private readonly log: Log
  private readonly topics: Topics
  private readonly codec: RecordCodec<Event>
  private readonly ends = new Map<Partition, { offset: number; hash: string }>()

  constructor(log: Log, topics: Topics, codec: RecordCodec<Event>) {
    this.log = log
    this.topics = topics
    this.codec = codec
  }

  async append(partition: Partition, placed: readonly { event: Event }[]): Promise<void> {
    for (let from = 0; from < placed.length; from += APPEND_RECORDS_MAX) {
      const records = placed.slice(from, from + APPEND_RECORDS_MAX).map(({ event }) => this.record(partition, event))
      await this.log.append({ topic: this.topics.events.name, partition, records })
    }
  }

  private record(partition: Partition, event: Event): LogRecord {
    const { offset, hash } = this.ends.get(partition) ?? { offset: 0, hash: POSITION_START.hash! }
    const headers = {
      ...chainHeaders(offset, hash),
      ...(changesMembership(event.body) && { [HEADER_MEMBERS]: ONE }),
      ...(isFact(event.body) && { [HEADER_FACTS]: ONE }),
    }
    const record = { key: Buffer.from(event.sessionId), value: this.codec.encode(event), headers }
    this.ends.set(partition, { offset: offset + 1, hash: chainHash(record) })
    return record
  }
}

const ONE = Buffer.from([1])
