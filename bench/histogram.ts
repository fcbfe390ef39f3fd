import type { Millis } from '../infra/clock.ts'

/**
 * Latencies in a fixed amount of memory: buckets of equal width up to a power of two, then twice as wide for each
 * further power (log-linear, as HdrHistogram does). Values are kept in microseconds; a percentile is at most 1 %
 * too high, minimum and maximum are exact.
 */

const SUB_BUCKET_BITS = 8
const SUB_BUCKETS = 1 << SUB_BUCKET_BITS
const MICROS_PER_MS = 1_000
/** Longest latency that is told apart, in ms: more than an hour. */
const VALUE_MS_MAX = 2 ** 32 / MICROS_PER_MS

export interface LatencySummary {
  /** All in ms; 0 where nothing was recorded. */
  p50: Millis
  p99: Millis
  max: Millis
}

export class Histogram {
  private readonly counts = new Float64Array((32 - SUB_BUCKET_BITS + 1) * SUB_BUCKETS)
  private recorded = 0
  private highest = 0

  get count(): number {
    return this.recorded
  }

  /** Adds one latency, in ms; what is below zero counts as zero. */
  record(ms: Millis): void {
    const micros = Math.min(Math.max(0, ms), VALUE_MS_MAX - 1) * MICROS_PER_MS
    this.counts[bucketOf(Math.floor(micros))]!++
    this.recorded++
    if (ms > this.highest) this.highest = ms
  }

  /** The value that `share` (0 to 1) of all are not above, in ms. */
  percentile(share: number): Millis {
    const rank = Math.max(1, Math.ceil(share * this.recorded))
    let seen = 0
    for (let bucket = 0; bucket < this.counts.length; bucket++) {
      seen += this.counts[bucket]!
      if (seen >= rank) return Math.min(this.highest, upperBound(bucket) / MICROS_PER_MS)
    }
    return 0
  }

  summary(): LatencySummary {
    return { p50: round(this.percentile(0.5)), p99: round(this.percentile(0.99)), max: round(this.highest) }
  }
}

/** The first two powers share the narrowest buckets; each further one has half as many as it has sub-buckets. */
function bucketOf(micros: number): number {
  const power = Math.max(0, 32 - Math.clz32(micros) - SUB_BUCKET_BITS)
  return power * SUB_BUCKETS + Math.floor(micros / 2 ** power)
}

/** Just above the largest value of the bucket, in µs. */
function upperBound(bucket: number): number {
  const power = Math.floor(bucket / SUB_BUCKETS)
  return ((bucket % SUB_BUCKETS) + 1) * 2 ** power
}

function round(ms: Millis): Millis {
  return Math.round(ms * 100) / 100
}
