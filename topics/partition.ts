import type { Partition } from '../schemas/ids.ts'

/**
 * Kafka's default partitioner for keyed records: murmur2 (seed 0x9747b28c) with the sign bit cleared, mod n; the
 * same as org.apache.kafka.common.utils.Utils.murmur2 and not the same as librdkafka's default.
 */
export function partitionOf(key: Uint8Array, partitions: number): Partition {
  return (murmur2(key) & 0x7fffffff) % partitions
}

function murmur2(data: Uint8Array): number {
  const m = 0x5bd1e995
  const length = data.length
  let hash = 0x9747b28c ^ length
  const blocks = length >> 2
  for (let block = 0; block < blocks; block++) {
    const at = block * 4
    let k = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)
    k = Math.imul(k, m)
    k ^= k >>> 24
    k = Math.imul(k, m)
    hash = Math.imul(hash, m) ^ k
  }
  const tail = blocks * 4
  switch (length & 3) {
    // biome-ignore lint/suspicious/noFallthroughSwitchClause: the reference algorithm falls through on purpose.
    case 3:
      hash ^= data[tail + 2]! << 16
    // biome-ignore lint/suspicious/noFallthroughSwitchClause: the reference algorithm falls through on purpose.
    case 2:
      hash ^= data[tail + 1]! << 8
    case 1:
      hash ^= data[tail]!
      hash = Math.imul(hash, m)
  }
  hash ^= hash >>> 13
  hash = Math.imul(hash, m)
  hash ^= hash >>> 15
  return hash
}
