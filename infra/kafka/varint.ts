/** Zigzag varints as Kafka's records carry them, and 64-bit integers as JavaScript numbers (exact up to 2^53). */

export function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 4_294_967_296 + bytes.readUInt32BE(at + 4)
}

/** Bytes that a 32-bit value takes. */
export function varintSize(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  return zigzag === 0 ? 1 : Math.ceil((32 - Math.clz32(zigzag)) / 7)
}

/** Writes a 32-bit value and gives the position after it. */
export function writeVarint(target: Buffer, start: number, value: number): number {
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  let at = start
  while (zigzag >= 0x80) {
    target[at++] = (zigzag & 0x7f) | 0x80
    zigzag >>>= 7
  }
  target[at++] = zigzag
  return at
}

/** Reads varints and what they measure, one after the other. */
export class VarintReader {
  at = 0
  private readonly source: Buffer

  constructor(source: Buffer) {
    this.source = source
  }

  varint(): number {
    let zigzag = 0
    let shift = 0
    let byte: number
    do {
      if (this.at >= this.source.length || shift > 28) throw new RangeError('a varint runs past its record batch')
      byte = this.source[this.at++]!
      zigzag |= (byte & 0x7f) << shift
      shift += 7
    } while (byte >= 0x80)
    return (zigzag >>> 1) ^ -(zigzag & 1)
  }

  varlong(): number {
    let zigzag = 0
    let scale = 1
    let byte: number
    do {
      if (this.at >= this.source.length) throw new RangeError('a varlong runs past its record batch')
      byte = this.source[this.at++]!
      zigzag += (byte & 0x7f) * scale
      scale *= 128
    } while (byte >= 0x80)
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
  }

  /** Null where the length is -1. */
  bytes(): Buffer | null {
    const length = this.varint()
    if (length < 0) return null
    const start = this.at
    if (start + length > this.source.length) throw new RangeError('a value runs past its record batch')
    this.at += length
    return this.source.subarray(start, this.at)
  }

  text(): string {
    const length = this.varint()
    const start = this.at
    this.at += length
    return this.source.toString('utf8', start, this.at)
  }
}
