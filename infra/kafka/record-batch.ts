import { gunzipSync } from 'node:zlib'
import type { Headers, LogRecord, StoredRecord } from '../../topics/log.ts'
import type { Millis } from '../clock.ts'
import { crc32c } from './crc32c.ts'
import { readInt64, VarintReader, varintSize, writeVarint } from './varint.ts'

/**
 * Kafka's record batch, version 2, from and to bytes. Written here because kafkajs takes eight objects and three
 * BigInts for every record that it reads; reading is what every gateway does with every event.
 *
 * baseOffset int64, length int32, leaderEpoch int32, magic int8, crc uint32, attributes int16, lastOffsetDelta int32,
 * baseTimestamp int64, maxTimestamp int64, producerId int64, producerEpoch int16, baseSequence int32, count int32,
 * then the records.
 */

const LENGTH_AT = 8
const EPOCH_AT = 12
const MAGIC_AT = 16
const CRC_AT = 17
const ATTRIBUTES_AT = 21
const LAST_OFFSET_DELTA_AT = 23
const BASE_TIMESTAMP_AT = 27
const MAX_TIMESTAMP_AT = 35
const PRODUCER_ID_AT = 43
const PRODUCER_EPOCH_AT = 51
const BASE_SEQUENCE_AT = 53
const COUNT_AT = 57
export const BATCH_HEADER_BYTES = 61

const MAGIC = 2
const COMPRESSION_MASK = 0x07
const COMPRESSION_GZIP = 1
const LOG_APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20

/** A compressed batch may not grow beyond this; what does is unreadable. */
const UNCOMPRESSED_BYTES_MAX = 64 * 1024 * 1024

/** Bytes of one record within a batch, without what the batch itself takes. An upper bound, for the size of requests. */
export function recordBytes(record: LogRecord): number {
  let bytes = 32 + (record.key?.length ?? 0) + (record.value?.length ?? 0)
  for (const name in record.headers) bytes += 10 + 3 * name.length + record.headers[name]!.length
  return bytes
}

/** Who writes a batch inside a transaction, and the number of its first record among those of this epoch. */
export interface BatchProducer {
  producerId: bigint
  epoch: number
  sequence: number
}

/**
 * One batch without compression, in a transaction where a producer is given. `at`: the writer's clock; LogAppendTime
 * replaces it.
 */
export function encodeBatch(records: readonly LogRecord[], at: Millis, producer?: BatchProducer): Buffer {
  let bytesMax = BATCH_HEADER_BYTES
  for (const record of records) bytesMax += recordBytes(record)
  const batch = Buffer.allocUnsafe(bytesMax)
  let end = BATCH_HEADER_BYTES
  records.forEach((record, index) => {
    end = writeRecord(batch, end, record, index)
  })
  batch.writeBigInt64BE(0n, 0)
  batch.writeInt32BE(end - EPOCH_AT, LENGTH_AT)
  batch.writeInt32BE(-1, EPOCH_AT)
  batch.writeInt8(MAGIC, MAGIC_AT)
  batch.writeInt16BE(producer === undefined ? 0 : TRANSACTIONAL, ATTRIBUTES_AT)
  batch.writeInt32BE(records.length - 1, LAST_OFFSET_DELTA_AT)
  batch.writeBigInt64BE(BigInt(at), BASE_TIMESTAMP_AT)
  batch.writeBigInt64BE(BigInt(at), MAX_TIMESTAMP_AT)
  batch.writeBigInt64BE(producer?.producerId ?? -1n, PRODUCER_ID_AT)
  batch.writeInt16BE(producer?.epoch ?? -1, PRODUCER_EPOCH_AT)
  batch.writeInt32BE(producer?.sequence ?? -1, BASE_SEQUENCE_AT)
  batch.writeInt32BE(records.length, COUNT_AT)
  batch.writeUInt32BE(crc32c(batch, ATTRIBUTES_AT, end), CRC_AT)
  return batch.subarray(0, end)
}

function writeRecord(batch: Buffer, start: number, record: LogRecord, offsetDelta: number): number {
  const size = recordSize(record, offsetDelta)
  let at = writeVarint(batch, start, size)
  // Attributes and the timestamp's delta, both 0.
  batch[at++] = 0
  batch[at++] = 0
  at = writeVarint(batch, at, offsetDelta)
  at = writeBytes(batch, at, record.key)
  at = writeBytes(batch, at, record.value)
  const names = Object.keys(record.headers)
  at = writeVarint(batch, at, names.length)
  for (const name of names) {
    at = writeVarint(batch, at, Buffer.byteLength(name))
    at += batch.write(name, at, 'utf8')
    at = writeBytes(batch, at, record.headers[name]!)
  }
  return at
}

function recordSize(record: LogRecord, offsetDelta: number): number {
  let size = 2 + varintSize(offsetDelta) + bytesSize(record.key) + bytesSize(record.value)
  let headers = 0
  for (const name in record.headers) {
    headers++
    const nameBytes = Buffer.byteLength(name)
    size += varintSize(nameBytes) + nameBytes + bytesSize(record.headers[name]!)
  }
  return size + varintSize(headers)
}

function bytesSize(bytes: Buffer | null): number {
  return bytes === null ? 1 : varintSize(bytes.length) + bytes.length
}

function writeBytes(target: Buffer, start: number, bytes: Buffer | null): number {
  if (bytes === null) return writeVarint(target, start, -1)
  const at = writeVarint(target, start, bytes.length)
  bytes.copy(target, at)
  return at + bytes.length
}

export interface AbortedTransaction {
  producerId: bigint
  firstOffset: number
}

export interface DecodedRecords {
  /** Without control records, records below `from` and those of aborted transactions. */
  records: StoredRecord[]
  /** The offset to fetch next: after the last whole batch, `from` where there was none. */
  next: number
}

/**
 * Reads the batches of one partition as a fetch brought them. The last one may be cut off; the first may begin below
 * `from`. A batch whose compression is not known here comes as records without key and value, so that it is refused
 * as unreadable like any other record instead of stopping everybody. Keys and values share the memory of `bytes`.
 */
export function decodeBatches(
  bytes: Buffer,
  from: number,
  aborted: readonly AbortedTransaction[] = [],
): DecodedRecords {
  const records: StoredRecord[] = []
  const filter = new AbortedFilter(aborted)
  let next = from
  let at = 0
  while (at + BATCH_HEADER_BYTES <= bytes.length) {
    const end = at + EPOCH_AT + bytes.readInt32BE(at + LENGTH_AT)
    if (end > bytes.length) break
    const batch = bytes.subarray(at, end)
    at = end
    if (batch[MAGIC_AT] !== MAGIC) throw new Error(`a record batch of version ${batch[MAGIC_AT]}; only 2 is known`)
    const nextAfter = readInt64(batch, 0) + batch.readInt32BE(LAST_OFFSET_DELTA_AT) + 1
    if (nextAfter <= from) continue
    next = nextAfter
    if (filter.admits(batch, nextAfter)) readRecords(batch, from, records)
  }
  return { records, next }
}

/** Follows which producers are inside an aborted transaction; batches must come in order. */
class AbortedFilter {
  private readonly waiting: AbortedTransaction[]
  private readonly inside = new Set<bigint>()

  constructor(aborted: readonly AbortedTransaction[]) {
    this.waiting = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  admits(batch: Buffer, nextAfter: number): boolean {
    const attributes = batch.readInt16BE(ATTRIBUTES_AT)
    if ((attributes & TRANSACTIONAL) === 0) return (attributes & CONTROL) === 0
    const producerId = batch.readBigInt64BE(PRODUCER_ID_AT)
    while (this.waiting.length > 0 && this.waiting[0]!.firstOffset < nextAfter) {
      this.inside.add(this.waiting.shift()!.producerId)
    }
    if ((attributes & CONTROL) === 0) return !this.inside.has(producerId)
    // A control record ends its producer's transaction; a commit never belongs to an aborted one.
    this.inside.delete(producerId)
    return false
  }
}

function readRecords(batch: Buffer, from: number, into: StoredRecord[]): void {
  const attributes = batch.readInt16BE(ATTRIBUTES_AT)
  const baseOffset = readInt64(batch, 0)
  const count = batch.readInt32BE(COUNT_AT)
  const maxTimestamp = readInt64(batch, MAX_TIMESTAMP_AT)
  const body = uncompressed(batch, attributes & COMPRESSION_MASK)
  if (body === undefined) {
    for (let index = 0; index < count; index++) {
      const offset = baseOffset + index
      if (offset >= from) into.push({ offset, appendedAt: maxTimestamp, key: null, value: null, headers: NO_HEADERS })
    }
    return
  }
  const baseTimestamp = (attributes & LOG_APPEND_TIME) === 0 ? readInt64(batch, BASE_TIMESTAMP_AT) : undefined
  const reader = new VarintReader(body)
  for (let index = 0; index < count; index++) {
    const end = reader.varint() + reader.at
    reader.at++
    const timestampDelta = reader.varlong()
    const offset = baseOffset + reader.varint()
    if (offset >= from) {
      const appendedAt = baseTimestamp === undefined ? maxTimestamp : baseTimestamp + timestampDelta
      const key = reader.bytes()
      const value = reader.bytes()
      into.push({ offset, appendedAt, key, value, headers: readHeaders(reader) })
    }
    reader.at = end
  }
}

/** Undefined where the compression is not known or the bytes do not fit it. */
function uncompressed(batch: Buffer, compression: number): Buffer | undefined {
  const body = batch.subarray(BATCH_HEADER_BYTES)
  if (compression === 0) return body
  if (compression !== COMPRESSION_GZIP) return undefined
  try {
    return gunzipSync(body, { maxOutputLength: UNCOMPRESSED_BYTES_MAX })
  } catch {
    return undefined
  }
}

const NO_HEADERS: Headers = Object.freeze({})
const EMPTY = Buffer.alloc(0)

/** Of headers with one name the last is kept; a header without a value is an empty one. */
function readHeaders(reader: VarintReader): Headers {
  const count = reader.varint()
  if (count === 0) return NO_HEADERS
  const headers: Record<string, Buffer> = {}
  for (let index = 0; index < count; index++) {
    const name = reader.text()
    const value = reader.bytes() ?? EMPTY
    // Such a name would change the object instead of being kept in it.
    if (name !== '__proto__') headers[name] = value
  }
  return headers
}
