import { assert, unreachable } from '../../infra/assert.ts'

/**
 * Rows to ClickHouse's RowBinary: values of a row one after the other, without names. It costs a third of JSON to
 * make and to read, and carries bytes that are no text (`digest`).
 */
export interface Column<Row> {
  name: keyof Row & string
  type: ColumnType
}

export type ColumnType =
  | 'UInt16'
  | 'UInt32'
  | 'Int32'
  | 'UInt64'
  | 'Bool'
  | 'String'
  | 'FixedString16'
  | 'UUID'
  | 'DateTime64'
  | 'ArrayOfString'

/** A string of n UTF-16 units takes at most 3n bytes, and its length at most 5. */
const BYTES_PER_UNIT_MAX = 3
const VARINT_BYTES_MAX = 5
/** Room that any value but a string or an array fits into. */
const SCALAR_BYTES_MAX = 16
/** Up to here a loop over the characters is faster than the call into the runtime; the length takes one byte. */
const SHORT_UNITS_MAX = 40
const DASH = 0x2d

/** A buffer that grows; made once per batch, so that rows are not joined from small pieces. Takes rows, or value by value. */
export class RowBinaryWriter {
  private buffer: Buffer
  private end = 0

  constructor(bytesExpected: number) {
    this.buffer = Buffer.allocUnsafe(Math.max(bytesExpected, 1_024))
  }

  /** What was written; valid until the next write. */
  bytes(): Buffer {
    return this.buffer.subarray(0, this.end)
  }

  /** Begins anew in the same memory. */
  clear(): void {
    this.end = 0
  }

  row<Row>(columns: readonly Column<Row>[], row: Row): void {
    for (const { name, type } of columns) this.value(type, row[name])
  }

  private value(type: ColumnType, value: unknown): void {
    switch (type) {
      case 'String':
        this.string(value as string)
        break
      case 'ArrayOfString':
        this.strings(value as readonly string[])
        break
      case 'UInt16':
        this.littleEndian(value as number, 2)
        break
      case 'UInt32':
      case 'Int32':
        this.littleEndian(value as number, 4)
        break
      case 'UInt64':
      case 'DateTime64':
        this.long(value as number)
        break
      case 'Bool':
        this.littleEndian(value === true ? 1 : 0, 1)
        break
      case 'FixedString16':
        this.fixed16(value as Buffer)
        break
      case 'UUID':
        this.uuid(value as string)
        break
      default:
        unreachable(type)
    }
  }

  /** The low bytes of a 32-bit number. Written by hand here and below: Buffer's own methods cost more than the copy. */
  littleEndian(value: number, bytes: 1 | 2 | 4): void {
    this.reserve(SCALAR_BYTES_MAX)
    for (let byte = 0; byte < bytes; byte++) this.buffer[this.end++] = (value >>> (8 * byte)) & 0xff
  }

  /** A whole number of 64 bits. */
  long(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, 'a 64-bit column takes whole numbers from 0 to 2^53')
    this.littleEndian(value % 0x1_0000_0000, 4)
    this.littleEndian(Math.floor(value / 0x1_0000_0000), 4)
  }

  fixed16(value: Buffer): void {
    assert(value.length === 16, 'a digest has 16 bytes')
    this.reserve(SCALAR_BYTES_MAX)
    for (let at = 0; at < 16; at++) this.buffer[this.end++] = value[at]!
  }

  /** Two halves of 8 bytes, each little endian. `text` is in the canonical 36 characters. */
  uuid(text: string): void {
    assert(text.length === 36, 'a UUID has 36 characters')
    this.reserve(SCALAR_BYTES_MAX)
    let byte = 0
    for (let at = 0; at < 36; at += 2) {
      if (text.charCodeAt(at) === DASH) at++
      const place = byte < 8 ? 7 - byte : 23 - byte
      this.buffer[this.end + place] = (nibble(text.charCodeAt(at)) << 4) | nibble(text.charCodeAt(at + 1))
      byte++
    }
    this.end += 16
  }

  /** So many zero bytes: empty strings and arrays, numbers that are 0. */
  zeros(bytes: number): void {
    this.reserve(bytes)
    this.buffer.fill(0, this.end, this.end + bytes)
    this.end += bytes
  }

  string(text: string): void {
    this.reserve(VARINT_BYTES_MAX + BYTES_PER_UNIT_MAX * text.length)
    if (text.length > SHORT_UNITS_MAX || !this.shortAscii(text)) this.utf8(text)
  }

  /** Ids and names; false, and nothing written, where one is not ASCII. */
  private shortAscii(text: string): boolean {
    const start = this.end + 1
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at)
      if (unit > 0x7f) return false
      this.buffer[start + at] = unit
    }
    this.buffer[this.end] = text.length
    this.end = start + text.length
    return true
  }

  private utf8(text: string): void {
    const guess = this.end + varintBytes(text.length)
    const written = this.buffer.write(text, guess, 'utf8')
    const start = this.end + varintBytes(written)
    // The length was guessed from the number of characters; where they take more bytes the text moves up.
    if (start !== guess) this.buffer.copyWithin(start, guess, guess + written)
    this.varint(written)
    this.end += written
  }

  private strings(texts: readonly string[]): void {
    this.reserve(VARINT_BYTES_MAX)
    this.varint(texts.length)
    for (const text of texts) this.string(text)
  }

  private varint(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.buffer[this.end++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.buffer[this.end++] = rest
  }

  private reserve(bytes: number): void {
    if (this.end + bytes <= this.buffer.length) return
    const larger = Buffer.allocUnsafe(2 * (this.end + bytes))
    this.buffer.copy(larger, 0, 0, this.end)
    this.buffer = larger
  }
}

/** Value of a lower-case hex digit. */
function nibble(unit: number): number {
  const value = unit <= 0x39 ? unit - 0x30 : unit - 0x57
  assert(value >= 0 && value <= 15, 'a UUID is written in lower-case hex')
  return value
}

function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes++
  return bytes
}

/** Rows as the body of one insert. */
export function encodeRows<Row>(columns: readonly Column<Row>[], rows: readonly Row[], bytesExpected: number): Buffer {
  const writer = new RowBinaryWriter(bytesExpected)
  for (const row of rows) writer.row(columns, row)
  return writer.bytes()
}

/** Thrown inside of the reader where the bytes at hand end in the middle of a value. */
const ENDS_HERE = Symbol('the bytes end here')

/** Rows of an answer in RowBinary, as the bytes come: what is left of a row waits for the next piece. */
export class RowBinaryReader<Row> {
  private readonly columns: readonly Column<Row>[]
  private bytes: Buffer = Buffer.alloc(0)
  private at = 0

  constructor(columns: readonly Column<Row>[]) {
    this.columns = columns
  }

  /** Takes the next piece; gives the rows that are whole now. */
  read(piece: Buffer): Row[] {
    const left = this.bytes.subarray(this.at)
    this.bytes = left.length === 0 ? piece : Buffer.concat([left, piece])
    this.at = 0
    const rows: Row[] = []
    for (;;) {
      const start = this.at
      try {
        if (start === this.bytes.length) return rows
        rows.push(this.row())
      } catch (error) {
        if (error !== ENDS_HERE) throw error
        this.at = start
        return rows
      }
    }
  }

  /** The row that begins there, and where it ends; undefined where the bytes end inside of it. */
  rowAt(bytes: Buffer, at: number): { row: Row; end: number } | undefined {
    this.bytes = bytes
    this.at = at
    try {
      return { row: this.row(), end: this.at }
    } catch (error) {
      if (error !== ENDS_HERE) throw error
      return undefined
    }
  }

  /** Throws where the answer has ended inside of a row. */
  end(): void {
    if (this.at < this.bytes.length) throw new Error('an answer in RowBinary ended inside of a row')
  }

  private row(): Row {
    const row: Record<string, unknown> = {}
    for (const { name, type } of this.columns) row[name] = this.value(type)
    return row as Row
  }

  private value(type: ColumnType): unknown {
    switch (type) {
      case 'String':
        return this.string()
      case 'ArrayOfString':
        return Array.from({ length: this.varint() }, () => this.string())
      case 'UInt16':
        return this.bytes.readUInt16LE(this.take(2))
      case 'UInt32':
        return this.bytes.readUInt32LE(this.take(4))
      case 'Int32':
        return this.bytes.readInt32LE(this.take(4))
      case 'UInt64':
      case 'DateTime64':
        return this.long(this.take(8))
      case 'Bool':
        return this.bytes[this.take(1)] === 1
      case 'FixedString16': {
        const from = this.take(16)
        return this.bytes.subarray(from, from + 16)
      }
      case 'UUID':
        return this.uuid(this.take(16))
      default:
        return unreachable(type)
    }
  }

  /** Where so many bytes begin, which are passed. */
  private take(length: number): number {
    const from = this.at
    if (from + length > this.bytes.length) throw ENDS_HERE
    this.at = from + length
    return from
  }

  private long(from: number): number {
    const value = this.bytes.readUInt32LE(from + 4) * 0x1_0000_0000 + this.bytes.readUInt32LE(from)
    assert(Number.isSafeInteger(value), 'a 64-bit column has whole numbers from 0 to 2^53')
    return value
  }

  private uuid(from: number): string {
    const half = (first: number) =>
      Buffer.from(this.bytes.subarray(first, first + 8))
        .reverse()
        .toString('hex')
    const text = half(from) + half(from + 8)
    const parts = [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)]
    return parts.join('-')
  }

  private string(): string {
    const length = this.varint()
    if (length === 0) return ''
    const from = this.take(length)
    return this.bytes.toString('utf8', from, from + length)
  }

  private varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.bytes[this.take(1)]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }
}
