import type { Partition } from '../schemas/ids.ts'
import { partitionOf } from './partition.ts'

/**
 * Every topic of the product as a value. Partition counts never change after creation: a session lives in
 * murmur2(sessionId) mod n for ever.
 */

export type TopicName = string

export interface Topic {
  name: TopicName
  partitions: number
  /** Kafka settings that the topic is created with; setup compares and applies them on every run. */
  settings: Readonly<Record<string, string>>
}

export interface Topics {
  /** Key sessionId, value Pack. Written by gateways, read by the sequencer only. */
  packs: Topic
  /** Key sessionId, value Event, headers pos and prev. Written by the sequencer only. */
  events: Topic
  /** Key sessionId + field, value SessionRecord; compacted. The sequencer's state, so that a partition can move. */
  sessions: Topic
  /** Key userId, value PushRecord. What was sent to which push vendor and what came back. */
  pushes: Topic
  /** Key of the record, headers topic, partition, offset, processor, error. What a processor could not read or apply. */
  dead: Topic
}

const DAY_MS = 86_400_000

/** Largest record batch of im.packs, bytes. */
export const PACK_BATCH_BYTES_MAX = 1_000_000
/** An event carries its pack's body and more: at least twice as much. */
export const EVENT_BATCH_BYTES_MAX = 2 * PACK_BATCH_BYTES_MAX

export interface TopicOptions {
  /** Put before every name; empty in production. */
  prefix: string
  partitions: number
  /** How long im.events keeps events, in days. */
  eventRetentionDays: number
}

export function makeTopics({ prefix, partitions, eventRetentionDays }: TopicOptions): Topics {
  const logAppendTime = { 'message.timestamp.type': 'LogAppendTime', 'unclean.leader.election.enable': 'false' }
  return {
    packs: {
      name: `${prefix}im.packs`,
      partitions,
      settings: {
        ...logAppendTime,
        'cleanup.policy': 'delete',
        'retention.ms': String(7 * DAY_MS),
        'max.message.bytes': String(PACK_BATCH_BYTES_MAX),
      },
    },
    events: {
      name: `${prefix}im.events`,
      partitions,
      settings: {
        ...logAppendTime,
        'cleanup.policy': 'delete',
        'retention.ms': String(eventRetentionDays * DAY_MS),
        'max.message.bytes': String(EVENT_BATCH_BYTES_MAX),
      },
    },
    sessions: {
      name: `${prefix}im.sessions`,
      partitions,
      settings: { 'cleanup.policy': 'compact', 'unclean.leader.election.enable': 'false' },
    },
    pushes: {
      name: `${prefix}im.pushes`,
      partitions,
      settings: { ...logAppendTime, 'cleanup.policy': 'delete', 'retention.ms': String(7 * DAY_MS) },
    },
    dead: {
      name: `${prefix}im.dead`,
      partitions,
      settings: { ...logAppendTime, 'cleanup.policy': 'delete', 'retention.ms': String(30 * DAY_MS) },
    },
  }
}

/** The subject under which the registry keeps the schema of a topic's values. */
export function valueSubject(topic: Topic): string {
  return `${topic.name}-value`
}

/** The partition that a session lives in. */
export function sessionPartition(topic: Topic, sessionId: string): Partition {
  return partitionOf(Buffer.from(sessionId), topic.partitions)
}
