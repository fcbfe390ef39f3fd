import { createRequire } from 'node:module'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { LogRecord } from '../../topics/log.ts'
import { crc32c } from './crc32c.ts'
import { BATCH_HEADER_BYTES, decodeBatches, encodeBatch } from './record-batch.ts'

const require = createRequire(import.meta.url)
type KafkajsRecord = { offset: string; key: Buffer | null; value: Buffer | null; headers: Record<string, Buffer> }
const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => object
const decodeWithKafkajs = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (
  decoder: object,
) => Promise<{ records: KafkajsRecord[]; lastOffsetDelta: number; producerId: string }>
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => object
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch: (batch: object) => Promise<{ buffer: Buffer }>
}
const Long = require('kafkajs/src/utils/long') as { fromValue(value: string): object }

const bytes = (max = 300) => fc.uint8Array({ maxLength: max }).map(array => Buffer.from(array))
// Names such as `constructor` are left out: kafkajs adds their values to what every object inherits.
const anyRecord: fc.Arbitrary<LogRecord> = fc.record({
  key: fc.option(bytes()),
  value: fc.option(bytes(3_000)),
  headers: fc.dictionary(
    fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter(name => !(name in {})),
    bytes(100),
    { noNullPrototype: true, maxKeys: 4 },
  ),
})
const anyRecords = fc.array(anyRecord, { minLength: 1, maxLength: 40 })
const content = ({ key, value, headers }: LogRecord) => ({ key, value, headers: { ...headers } })

function at(batch: Buffer, baseOffset: number): Buffer {
  const moved = Buffer.from(batch)
  moved.writeBigInt64BE(BigInt(baseOffset), 0)
  return moved
}

/** The same batch with other attributes and, where given, another body; Kafka's readers do not look at the checksum. */
function altered(batch: Buffer, attributes: number, body = batch.subarray(BATCH_HEADER_BYTES)): Buffer {
  const made = Buffer.concat([batch.subarray(0, BATCH_HEADER_BYTES), body])
  made.writeInt16BE(attributes, 21)
  made.writeInt32BE(made.length - 12, 8)
  return made
}

const record = (value: string): LogRecord => ({ key: null, value: Buffer.from(value), headers: {} })
const valuesOf = (records: readonly LogRecord[]) => records.map(({ value }) => (value === null ? null : String(value)))

test('[LOG5] the checksum is CRC-32C', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
})

test('[LOG5] what is written here is read back, and read alike by kafkajs', async () => {
  await fc.assert(
    fc.asyncProperty(anyRecords, fc.integer({ min: 0, max: 2 ** 40 }), async (records, offset) => {
      const batch = at(encodeBatch(records, 1_700_000_000_000), offset)
      const own = decodeBatches(batch, offset)
      expect(own.next).toBe(offset + records.length)
      expect(own.records.map(content)).toEqual(records.map(content))
      expect(own.records.map(each => each.offset)).toEqual(records.map((_, index) => offset + index))
      const theirs = await decodeWithKafkajs(new Decoder(batch))
      expect(theirs.lastOffsetDelta).toBe(records.length - 1)
      expect(theirs.records.map(content)).toEqual(records.map(content))
      expect(theirs.records.map(each => Number(each.offset))).toEqual(own.records.map(each => each.offset))
      expect(batch.readUInt32BE(17)).toBe(crc32c(batch, 21))
    }),
  )
})

test('[LOG5] what kafkajs writes is read here, with its timestamps', async () => {
  await fc.assert(
    fc.asyncProperty(anyRecords, fc.integer({ min: -5_000, max: 1_000_000 }), async (records, delta) => {
      const firstTimestamp = 1_700_000_000_000
      const encoded = await RecordBatch({
        firstOffset: Long.fromValue('77'),
        firstTimestamp,
        maxTimestamp: firstTimestamp + 3_000_000,
        lastOffsetDelta: records.length - 1,
        records: records.map((each, offsetDelta) => encodeRecord({ ...each, offsetDelta, timestampDelta: delta })),
      })
      const { records: read, next } = decodeBatches(encoded.buffer, 77)
      expect(next).toBe(77 + records.length)
      expect(read.map(content)).toEqual(records.map(content))
      expect(read.map(each => each.appendedAt)).toEqual(records.map(() => firstTimestamp + delta))
    }),
  )
})

test("[LOG5] with LogAppendTime all records of a batch have the broker's time", () => {
  const batch = altered(encodeBatch([record('a'), record('b')], 5), 0x08)
  batch.writeBigInt64BE(1_234n, 35)
  expect(decodeBatches(batch, 0).records.map(each => each.appendedAt)).toEqual([1_234, 1_234])
})

test('[LOG9] records below the wanted offset are dropped, a cut-off last batch is left for the next fetch', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 }),
      fc.nat(),
      fc.nat(),
      (sizes, fromSeed, cutSeed) => {
        let end = 10
        const ends: { bytes: number; offset: number }[] = []
        const batches = sizes.map(size => {
          const batch = at(
            encodeBatch(
              Array.from({ length: size }, () => record('x')),
              1,
            ),
            end,
          )
          end += size
          ends.push({ bytes: (ends.at(-1)?.bytes ?? 0) + batch.length, offset: end })
          return batch
        })
        const all = Buffer.concat(batches)
        const from = 10 + (fromSeed % (end - 10 + 1))
        const cut = cutSeed % (all.length + 1)
        const whole = ends.filter(each => each.bytes <= cut).at(-1)?.offset ?? 10
        const { records, next } = decodeBatches(all.subarray(0, cut), from)
        expect(next).toBe(Math.max(from, whole))
        expect(records.map(each => each.offset)).toEqual(
          Array.from({ length: Math.max(0, whole - from) }, (_, index) => from + index),
        )
      },
    ),
  )
})

test('[LOG9] offsets that compaction took away are skipped, also at the end of a batch', () => {
  const batch = at(encodeBatch([record('a')], 1), 10)
  // The batch once had five records; one is left.
  batch.writeInt32BE(4, 23)
  const { records, next } = decodeBatches(Buffer.concat([batch, at(encodeBatch([record('b')], 1), 15)]), 10)
  expect(records.map(each => each.offset)).toEqual([10, 15])
  expect(next).toBe(16)
})

test('[LOG19] gzip is read; a batch in a compression that is not known comes as records that nobody can read', () => {
  const batch = encodeBatch([record('a'), record('b')], 1)
  const body = batch.subarray(BATCH_HEADER_BYTES)
  expect(valuesOf(decodeBatches(altered(batch, 1, gzipSync(body)), 0).records)).toEqual(['a', 'b'])
  for (const attributes of [1, 2, 3, 4]) {
    const { records, next } = decodeBatches(altered(batch, attributes, Buffer.from('no such stream')), 0)
    expect(records.map(({ offset, key, value }) => ({ offset, key, value }))).toEqual([
      { offset: 0, key: null, value: null },
      { offset: 1, key: null, value: null },
    ])
    expect(next).toBe(2)
  }
})

test('[LOG19] a batch whose records do not fit its length is an error, not half a batch', () => {
  const batch = encodeBatch([record('a'), record('b')], 1)
  batch.writeInt32BE(3, 57)
  expect(() => decodeBatches(batch, 0)).toThrow(RangeError)
})

test('[LOG17] records of aborted transactions and control records are left out', () => {
  const TRANSACTIONAL = 0x10
  const CONTROL = 0x20
  let offset = 0
  const batch = (producerId: bigint, attributes: number, value: string) => {
    const made = at(
      altered(encodeBatch([record(value)], 1, { producerId, epoch: 0, sequence: 0 }), attributes),
      offset++,
    )
    return made
  }
  const log = Buffer.concat([
    batch(1n, TRANSACTIONAL, 'aborted 1'),
    batch(2n, TRANSACTIONAL, 'kept 2'),
    batch(-1n, 0, 'plain'),
    batch(1n, TRANSACTIONAL | CONTROL, 'abort 1'),
    batch(1n, TRANSACTIONAL, 'kept 1'),
    batch(2n, TRANSACTIONAL | CONTROL, 'commit 2'),
    batch(2n, TRANSACTIONAL, 'aborted 2'),
    batch(2n, TRANSACTIONAL | CONTROL, 'abort 2'),
  ])
  const aborted = [
    { producerId: 2n, firstOffset: 6 },
    { producerId: 1n, firstOffset: 0 },
  ]
  expect(valuesOf(decodeBatches(log, 0, aborted).records)).toEqual(['kept 2', 'plain', 'kept 1'])
  expect(decodeBatches(log, 0, aborted).next).toBe(8)
})
