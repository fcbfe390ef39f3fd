import { deflateSync } from 'node:zlib'
import type { SeededRandom } from '../../infra/seeded-random.ts'

/** Paints mountains at some hour of the day: a PNG that nobody else has, for people to send to each other. */

export const PAINTING = { width: 960, height: 600 }
type Colour = readonly [number, number, number]

interface Hour {
  high: Colour
  low: Colour
  sun: Colour
  /** Of the ridge that is nearest; those behind it fade into the sky. */
  near: Colour
}

const HOURS: readonly Hour[] = [
  { high: [38, 70, 130], low: [255, 178, 120], sun: [255, 240, 200], near: [28, 32, 58] },
  { high: [88, 160, 224], low: [222, 240, 250], sun: [255, 252, 230], near: [24, 74, 70] },
  { high: [52, 32, 92], low: [244, 116, 118], sun: [255, 214, 150], near: [30, 18, 46] },
]
const RIDGES = 5
const SUN_RADIUS = 46

/** The bytes of a PNG. */
export function paint(random: SeededRandom): Buffer {
  const { width, height } = PAINTING
  const hour = random.pick(HOURS)
  const sun = { x: width * (0.2 + 0.6 * random.next()), y: height * (0.2 + 0.2 * random.next()) }
  const ridges = Array.from({ length: RIDGES }, (_, index) => ridge(index, random))
  const rows = Buffer.alloc(height * (1 + width * 3))
  for (let y = 0; y < height; y++) {
    const sky = mix(hour.high, hour.low, Math.min(1, y / (height * 0.6)))
    for (let x = 0; x < width; x++) {
      const inFront = ridges.findLastIndex(line => y > line[x]!)
      const isSun = Math.hypot(x - sun.x, y - sun.y) < SUN_RADIUS
      const colour = inFront >= 0 ? mix(hour.low, hour.near, (inFront + 1) / RIDGES) : isSun ? hour.sun : sky
      rows.set(colour, y * (1 + width * 3) + 1 + x * 3)
    }
  }
  return png(rows)
}

/** How high the mountains stand at each x; the first ridge is the farthest. */
function ridge(index: number, random: SeededRandom): number[] {
  const { width, height } = PAINTING
  const waves = Array.from({ length: 6 }, (_, octave) => ({
    length: (2 ** octave * (1 + random.next())) / width,
    phase: random.next() * 7,
    size: (height * 0.09) / 1.7 ** octave,
  }))
  const base = height * (0.5 + 0.11 * index)
  return Array.from({ length: width }, (_, x) =>
    waves.reduce((y, { length, phase, size }) => y + size * Math.sin(phase + x * length * 2 * Math.PI), base),
  )
}

function mix(one: Colour, other: Colour, part: number): Colour {
  return [0, 1, 2].map(at => Math.round(one[at]! + (other[at]! - one[at]!) * part)) as unknown as Colour
}

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex')
const EIGHT_BITS_RGB = [8, 2, 0, 0, 0]

/** Rows of a filter byte and three bytes a pixel, as a file. */
function png(rows: Buffer): Buffer {
  const head = Buffer.alloc(13)
  head.writeUInt32BE(PAINTING.width, 0)
  head.writeUInt32BE(PAINTING.height, 4)
  head.set(EIGHT_BITS_RGB, 8)
  return Buffer.concat([SIGNATURE, chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.of())])
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}

function crc32(bytes: Buffer): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1
  }
  return ~crc >>> 0
}
