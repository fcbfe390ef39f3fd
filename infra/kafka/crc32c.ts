/** The table of one byte, and those of a byte that 1, 2 and 3 more follow: four bytes are taken in one step. */
const [T0, T1, T2, T3] = makeTables()

function makeTables(): [Int32Array, Int32Array, Int32Array, Int32Array] {
  const first = new Int32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    first[byte] = crc
  }
  const after = (table: Int32Array) => table.map(crc => (crc >>> 8) ^ first[crc & 0xff]!)
  const second = after(first)
  const third = after(second)
  return [first, second, third, after(third)]
}

/** CRC-32C (Castagnoli), as Kafka's record batches carry it; unsigned. */
export function crc32c(bytes: Buffer, start = 0, end = bytes.length): number {
  let crc = -1
  let at = start
  for (const last = end - 3; at < last; at += 4) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    crc = T3[crc & 0xff]! ^ T2[(crc >>> 8) & 0xff]! ^ T1[(crc >>> 16) & 0xff]! ^ T0[crc >>> 24]!
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ T0[(crc ^ bytes[at]!) & 0xff]!
  return (crc ^ -1) >>> 0
}
