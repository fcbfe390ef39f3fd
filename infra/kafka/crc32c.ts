const TABLE = makeTable()

function makeTable(): Int32Array {
  const table = new Int32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    table[byte] = crc
  }
  return table
}

/** CRC-32C (Castagnoli), as Kafka's record batches carry it; unsigned. */
export function crc32c(bytes: Buffer, start = 0, end = bytes.length): number {
  let crc = -1
  for (let at = start; at < end; at++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[at]!) & 0xff]!
  return (crc ^ -1) >>> 0
}
