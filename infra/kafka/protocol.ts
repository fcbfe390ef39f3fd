import type { Offset, Partition } from '../../schemas/ids.ts'
import type { AbortedTransaction } from './record-batch.ts'
import { Reader, Writer } from './wire.ts'

/**
 * The requests that the log needs, from and to bytes: Produce 7, Fetch 11, ListOffsets 3, Metadata 5, and to begin a
 * connection ApiVersions 0, SaslHandshake 1, SaslAuthenticate 0. Brokers from 2.3 to 4.x know these versions.
 */

export interface Call<T extends object> {
  apiKey: number
  apiVersion: number
  apiName: string
  body: Buffer
  /** Longest time to wait for the answer, ms, where that is longer than for others. */
  timeoutMs?: number
  decode(payload: Buffer): T
}

/** Error codes that are looked at by name. */
export const ErrorCode = {
  NONE: 0,
  OFFSET_OUT_OF_RANGE: 1,
  CORRUPT_MESSAGE: 2,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  NOT_LEADER: 6,
  REQUEST_TIMED_OUT: 7,
  MESSAGE_TOO_LARGE: 10,
  INVALID_TOPIC: 17,
  RECORD_LIST_TOO_LARGE: 18,
  NOT_ENOUGH_REPLICAS: 19,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 20,
  INVALID_REQUIRED_ACKS: 21,
  TOPIC_AUTHORIZATION_FAILED: 29,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  INVALID_TIMESTAMP: 32,
  UNSUPPORTED_VERSION: 35,
  INVALID_REQUEST: 42,
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 43,
  POLICY_VIOLATION: 44,
  KAFKA_STORAGE_ERROR: 56,
  UNSUPPORTED_COMPRESSION_TYPE: 76,
  INVALID_RECORD: 87,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  ILLEGAL_GENERATION: 22,
  INCONSISTENT_GROUP_PROTOCOL: 23,
  UNKNOWN_MEMBER_ID: 25,
  INVALID_SESSION_TIMEOUT: 26,
  REBALANCE_IN_PROGRESS: 27,
  GROUP_AUTHORIZATION_FAILED: 30,
  MEMBER_ID_REQUIRED: 79,
  FENCED_INSTANCE_ID: 82,
  INVALID_PRODUCER_EPOCH: 47,
  CONCURRENT_TRANSACTIONS: 51,
  PRODUCER_FENCED: 90,
} as const

const ERROR_NAMES = new Map<number, string>(Object.entries(ErrorCode).map(([name, code]) => [code, name]))

export function errorName(code: number): string {
  return ERROR_NAMES.get(code) ?? `error ${code}`
}

/** A broker that throttles a client says for how long, ms: the connection waits for so long before the next request. */
interface Throttled {
  clientSideThrottleTime: number
}

export interface ProduceAnswer extends Throttled {
  partitions: { topic: string; partition: Partition; errorCode: number; baseOffset: Offset }[]
}

/** acks=all. `batches`: topic -> partition -> one encoded record batch. */
export function produceCall(
  batches: ReadonlyMap<string, ReadonlyMap<Partition, Buffer>>,
  timeoutMs: number,
  transactionalId?: string,
): Call<ProduceAnswer> {
  let bytes = 1024
  for (const partitions of batches.values()) for (const batch of partitions.values()) bytes += batch.length + 64
  const body = new Writer(bytes)
  if (transactionalId === undefined) body.int16(-1)
  else body.text(transactionalId)
  body.int16(-1).int32(timeoutMs).int32(batches.size)
  for (const [topic, partitions] of batches) {
    body.text(topic).int32(partitions.size)
    for (const [partition, batch] of partitions) body.int32(partition).int32(batch.length).bytes(batch)
  }
  return { apiKey: 0, apiVersion: 7, apiName: 'Produce', body: body.done(), decode: decodeProduce }
}

function decodeProduce(payload: Buffer): ProduceAnswer {
  const reader = new Reader(payload)
  const partitions: ProduceAnswer['partitions'] = []
  reader.array(() => {
    const topic = reader.text()
    reader.array(() => {
      partitions.push({ topic, partition: reader.int32(), errorCode: reader.int16(), baseOffset: reader.int64() })
      // The log's append time and start.
      reader.int64()
      reader.int64()
    })
  })
  return { partitions, clientSideThrottleTime: reader.int32() }
}

export interface FetchRequest {
  topic: string
  partitions: readonly { partition: Partition; offset: Offset }[]
  committed: boolean
  maxWaitMs: number
  bytesMax: number
  partitionBytesMax: number
}

export interface FetchedPartition {
  partition: Partition
  errorCode: number
  highWatermark: Offset
  aborted: AbortedTransaction[]
  batches: Buffer
}

export interface FetchAnswer extends Throttled {
  errorCode: number
  partitions: FetchedPartition[]
}

export function fetchCall(request: FetchRequest): Call<FetchAnswer> {
  const body = new Writer()
    .int32(-1)
    .int32(request.maxWaitMs)
    .int32(1)
    .int32(request.bytesMax)
    .int8(request.committed ? 1 : 0)
    // No fetch session.
    .int32(0)
    .int32(-1)
    .int32(1)
    .text(request.topic)
    .int32(request.partitions.length)
  for (const { partition, offset } of request.partitions) {
    body.int32(partition).int32(-1).int64(offset).int64(-1).int32(request.partitionBytesMax)
  }
  body.int32(0).text('')
  return { apiKey: 1, apiVersion: 11, apiName: 'Fetch', body: body.done(), decode: decodeFetch }
}

function decodeFetch(payload: Buffer): FetchAnswer {
  const reader = new Reader(payload)
  const clientSideThrottleTime = reader.int32()
  const errorCode = reader.int16()
  // The fetch session.
  reader.int32()
  const partitions: FetchedPartition[] = []
  reader.array(() => {
    reader.text()
    reader.array(() => partitions.push(decodeFetchedPartition(reader)))
  })
  return { clientSideThrottleTime, errorCode, partitions }
}

function decodeFetchedPartition(reader: Reader): FetchedPartition {
  const partition = reader.int32()
  const errorCode = reader.int16()
  const highWatermark = reader.int64()
  // Last stable offset and log start.
  reader.int64()
  reader.int64()
  const aborted = reader.array(() => ({ producerId: reader.bigint64(), firstOffset: reader.int64() }))
  // The preferred read replica.
  reader.int32()
  return { partition, errorCode, highWatermark, aborted, batches: reader.bytes() }
}

export const OFFSET_EARLIEST = -2
/** The high watermark. */
export const OFFSET_LATEST = -1

export interface OffsetsAnswer {
  partitions: { partition: Partition; errorCode: number; offset: Offset }[]
}

export function listOffsetsCall(
  topic: string,
  partitions: readonly Partition[],
  which: typeof OFFSET_EARLIEST | typeof OFFSET_LATEST,
): Call<OffsetsAnswer> {
  const body = new Writer().int32(-1).int8(0).int32(1).text(topic).int32(partitions.length)
  for (const partition of partitions) body.int32(partition).int64(which)
  return { apiKey: 2, apiVersion: 3, apiName: 'ListOffsets', body: body.done(), decode: decodeOffsets }
}

function decodeOffsets(payload: Buffer): OffsetsAnswer {
  const reader = new Reader(payload)
  reader.int32()
  const topics = reader.array(() => {
    reader.text()
    return reader.array(() => {
      const partition = reader.int32()
      const errorCode = reader.int16()
      reader.int64()
      return { partition, errorCode, offset: reader.int64() }
    })
  })
  return { partitions: topics.flat() }
}

export interface MetadataAnswer {
  brokers: { nodeId: number; host: string; port: number }[]
  topics: {
    topic: string
    errorCode: number
    partitions: { partition: Partition; errorCode: number; leader: number }[]
  }[]
}

/** Never creates a topic. */
export function metadataCall(topics: readonly string[]): Call<MetadataAnswer> {
  const body = new Writer().int32(topics.length)
  for (const topic of topics) body.text(topic)
  body.int8(0)
  return { apiKey: 3, apiVersion: 5, apiName: 'Metadata', body: body.done(), decode: decodeMetadata }
}

function decodeMetadata(payload: Buffer): MetadataAnswer {
  const reader = new Reader(payload)
  reader.int32()
  const brokers = reader.array(() => {
    const broker = { nodeId: reader.int32(), host: reader.text(), port: reader.int32() }
    reader.text()
    return broker
  })
  reader.text()
  reader.int32()
  const topics = reader.array(() => {
    const errorCode = reader.int16()
    const topic = reader.text()
    reader.int8()
    return { topic, errorCode, partitions: reader.array(() => decodePartition(reader)) }
  })
  return { brokers, topics }
}

function decodePartition(reader: Reader): { partition: Partition; errorCode: number; leader: number } {
  const errorCode = reader.int16()
  const partition = reader.int32()
  const leader = reader.int32()
  // Replicas, those in sync, those offline.
  for (let list = 0; list < 3; list++) reader.array(() => reader.int32())
  return { partition, errorCode, leader }
}

/** The first request on a connection; what matters is that it is answered. */
export function apiVersionsCall(): Call<{ errorCode: number }> {
  return {
    apiKey: 18,
    apiVersion: 0,
    apiName: 'ApiVersions',
    body: Buffer.alloc(0),
    decode: payload => ({ errorCode: new Reader(payload).int16() }),
  }
}

export function saslHandshakeCall(mechanism: string): Call<{ errorCode: number; mechanisms: string[] }> {
  return {
    apiKey: 17,
    apiVersion: 1,
    apiName: 'SaslHandshake',
    body: new Writer().text(mechanism).done(),
    decode: payload => {
      const reader = new Reader(payload)
      return { errorCode: reader.int16(), mechanisms: reader.array(() => reader.text()) }
    },
  }
}

/** `message` is what the mechanism says, with its size before it; so is `bytes` of the answer. */
export function saslAuthenticateCall(
  message: Buffer,
): Call<{ errorCode: number; errorMessage: string; bytes: Buffer }> {
  return {
    apiKey: 36,
    apiVersion: 0,
    apiName: 'SaslAuthenticate',
    body: message,
    decode: payload => {
      const reader = new Reader(payload)
      const [errorCode, errorMessage, bytes] = [reader.int16(), reader.text(), reader.bytes()]
      return { errorCode, errorMessage, bytes: new Writer().int32(bytes.length).bytes(bytes).done() }
    },
  }
}
