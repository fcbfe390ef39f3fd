import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Column, encodeRows, RowBinaryReader, RowBinaryWriter } from './row-binary.ts'

interface Sample {
  text: string
  texts: string[]
  small: number
  long: number
  flag: boolean
}

const COLUMNS: Column<Sample>[] = [
  { name: 'text', type: 'String' },
  { name: 'texts', type: 'ArrayOfString' },
  { name: 'small', type: 'Int32' },
  { name: 'long', type: 'UInt64' },
  { name: 'flag', type: 'Bool' },
]

/** Reads RowBinary back, by its documentation and not by our writer. */
class Reader {
  private at = 0
  private readonly bytes: Buffer
  constructor(bytes: Buffer) {
    this.bytes = bytes
  }
  varint(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }
  text(): string {
    const length = this.varint()
    this.at += length
    return this.bytes.toString('utf8', this.at - length, this.at)
  }
  sample(): Sample {
    const text = this.text()
    const texts = Array.from({ length: this.varint() }, () => this.text())
    const small = this.bytes.readInt32LE(this.at)
    const long = Number(this.bytes.readBigUInt64LE(this.at + 4))
    const flag = this.bytes[this.at + 12] === 1
    this.at += 13
    return { text, texts, small, long, flag }
  }
  isAtEnd(): boolean {
    return this.at === this.bytes.length
  }
}

const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ minLength: 30, maxLength: 200, unit: 'grapheme' }))
const sample = fc.record<Sample>({
  text,
  texts: fc.array(text, { maxLength: 5 }),
  small: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  long: fc.maxSafeNat(),
  flag: fc.boolean(),
})

test('[AR2] rows survive RowBinary, whatever the length and the script of their text', () => {
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 20 }), rows => {
      const reader = new Reader(encodeRows(COLUMNS, rows, 0))
      expect(rows.map(() => reader.sample())).toEqual(rows)
      expect(reader.isAtEnd()).toBe(true)
    }),
  )
})

test('[AR2] a UUID is two halves, each little endian', () => {
  const writer = new RowBinaryWriter(0)
  writer.row([{ name: 'id', type: 'UUID' }], { id: '00112233-4455-6677-8899-aabbccddeeff' })
  expect(writer.bytes().toString('hex')).toBe('7766554433221100ffeeddccbbaa9988')
})

test('[AR2] what does not fit its column is a broken invariant', () => {
  const write = (type: Column<{ value: unknown }>['type'], value: unknown) => () =>
    encodeRows([{ name: 'value', type }], [{ value }], 0)
  expect(write('UInt64', -1)).toThrow('64-bit')
  expect(write('UInt64', 2 ** 53)).toThrow('64-bit')
  expect(write('UUID', 'g0112233-4455-6677-8899-aabbccddeeff')).toThrow('hex')
  expect(write('UUID', '')).toThrow('36 characters')
  expect(write('FixedString16', Buffer.alloc(15))).toThrow('16 bytes')
})

test('[AR2] rows are read back from RowBinary, wherever the pieces of an answer end', () => {
  interface Odd extends Sample {
    id: string
    digest: Buffer
    tiny: number
    at: number
  }
  const columns: Column<Odd>[] = [
    ...COLUMNS,
    { name: 'id', type: 'UUID' },
    { name: 'digest', type: 'FixedString16' },
    { name: 'tiny', type: 'UInt16' },
    { name: 'at', type: 'DateTime64' },
  ]
  const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(bytes => Buffer.from(bytes))
  const odd = fc.tuple(sample, fc.uuid(), bytes16, fc.nat(65_535), fc.maxSafeNat())
  fc.assert(
    fc.property(fc.array(odd, { maxLength: 10 }), fc.integer({ min: 1, max: 200 }), (made, size) => {
      const rows = made.map(([first, id, digest, tiny, at]): Odd => ({ ...first, id, digest, tiny, at }))
      const bytes = Buffer.from(encodeRows(columns, rows, 0))
      const reader = new RowBinaryReader<Odd>(columns)
      const read: Odd[] = []
      for (let at = 0; at < bytes.length; at += size) read.push(...reader.read(bytes.subarray(at, at + size)))
      reader.end()
      expect(read).toEqual(rows)
    }),
  )
})

test('[AR2] an answer that ends inside of a row is an error', () => {
  const columns: Column<{ text: string }>[] = [{ name: 'text', type: 'String' }]
  const reader = new RowBinaryReader<{ text: string }>(columns)
  expect(reader.read(encodeRows(columns, [{ text: 'one' }, { text: 'two' }], 0).subarray(0, 6))).toEqual([
    { text: 'one' },
  ])
  expect(() => reader.end()).toThrow('inside of a row')
})
