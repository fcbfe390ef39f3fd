import { readInt64 } from './varint.ts'

/** Writes Kafka's primitive types, big endian, into a buffer that grows. */
export class Writer {
  private target: Buffer
  private at = 0

  constructor(bytesExpected = 1024) {
    this.target = Buffer.allocUnsafe(bytesExpected)
  }
  int8(value: number): this {
    const at = this.room(1)
    this.target.writeInt8(value, at)
    return this
  }
  int16(value: number): this {
    const at = this.room(2)
    this.target.writeInt16BE(value, at)
    return this
  }
  int32(value: number): this {
    const at = this.room(4)
    this.target.writeInt32BE(value, at)
    return this
  }
  int64(value: number): this {
    const at = this.room(8)
    this.target.writeInt32BE(Math.floor(value / 4_294_967_296), at)
    this.target.writeUInt32BE(value >>> 0, at + 4)
    return this
  }
  bigint64(value: bigint): this {
    const at = this.room(8)
    this.target.writeBigInt64BE(value, at)
    return this
  }
  text(value: string): this {
    return this.int16(Buffer.byteLength(value)).bytes(Buffer.from(value))
  }
  bytes(value: Buffer): this {
    const at = this.room(value.length)
    value.copy(this.target, at)
    return this
  }
  done(): Buffer {
    return this.target.subarray(0, this.at)
  }
  private room(bytes: number): number {
    const start = this.at
    this.at += bytes
    if (this.at > this.target.length) {
      const larger = Buffer.allocUnsafe(2 * this.at)
      this.target.copy(larger, 0, 0, start)
      this.target = larger
    }
    return start
  }
}

/** Reads Kafka's primitive types one after the other. */
export class Reader {
  private at = 0
  private readonly source: Buffer

  constructor(source: Buffer) {
    this.source = source
  }
  int8(): number {
    return this.source.readInt8(this.skip(1))
  }
  int16(): number {
    return this.source.readInt16BE(this.skip(2))
  }
  int32(): number {
    return this.source.readInt32BE(this.skip(4))
  }
  int64(): number {
    return readInt64(this.source, this.skip(8))
  }
  bigint64(): bigint {
    return this.source.readBigInt64BE(this.skip(8))
  }
  text(): string {
    const length = this.int16()
    if (length < 0) return ''
    const start = this.skip(length)
    return this.source.toString('utf8', start, start + length)
  }
  bytes(): Buffer {
    const length = Math.max(0, this.int32())
    const start = this.skip(length)
    return this.source.subarray(start, Math.min(start + length, this.source.length))
  }
  array<T>(item: () => T): T[] {
    const items: T[] = []
    for (let left = this.int32(); left > 0; left--) items.push(item())
    return items
  }
  private skip(bytes: number): number {
    const start = this.at
    this.at += bytes
    return start
  }
}
