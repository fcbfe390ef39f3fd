import type { Millis } from '../../infra/clock.ts'

/**
 * Token buckets by key: so many at once, so many per second on average. Pure: the time is an argument (monotonic).
 *
 * A bucket that has not been used for as long as it takes to fill is as good as none, so that two generations of
 * buckets, exchanged that often, hold all there is to remember: memory follows the keys that are in use.
 */
export interface RateLimit {
  perSecond: number
  atOnce: number
}

interface Bucket {
  left: number
  at: Millis
}

/** How long it takes until what is missing has come back, in whole ms; at least 1. */
export function waitMsOf(missing: number, perSecond: number): Millis {
  return Math.max(1, Math.ceil((missing / perSecond) * 1_000))
}

export class Buckets<Key> {
  private readonly limit: RateLimit
  private readonly fillMs: Millis
  private young = new Map<Key, Bucket>()
  private old = new Map<Key, Bucket>()
  private bornAt = Number.NEGATIVE_INFINITY

  constructor(limit: RateLimit) {
    this.limit = limit
    this.fillMs = (limit.atOnce / limit.perSecond) * 1_000
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.young.size + this.old.size
  }

  /** Takes `cost` out of the key's bucket; false, and nothing taken, where there is too little in it. */
  take(key: Key, now: Millis, cost = 1): boolean {
    const bucket = this.filled(key, now)
    if (bucket.left < cost) return false
    bucket.left -= cost
    return true
  }

  /** How long it takes until `cost` can be taken, in ms; at least 1. */
  waitMs(key: Key, now: Millis, cost = 1): Millis {
    return waitMsOf(cost - this.filled(key, now).left, this.limit.perSecond)
  }

  /** True where something is left in the key's bucket. */
  has(key: Key, now: Millis): boolean {
    const bucket = this.young.get(key) ?? this.old.get(key)
    return bucket === undefined || this.leftAt(bucket, now) >= 1
  }

  private leftAt({ left, at }: Bucket, now: Millis): number {
    const { perSecond, atOnce } = this.limit
    return Math.min(atOnce, left + ((now - at) / 1_000) * perSecond)
  }

  private filled(key: Key, now: Millis): Bucket {
    if (now - this.bornAt > this.fillMs) this.age(now)
    const young = this.young.get(key)
    const bucket = young ?? this.old.get(key) ?? { left: this.limit.atOnce, at: now }
    bucket.left = this.leftAt(bucket, now)
    bucket.at = now
    if (young === undefined) this.young.set(key, bucket)
    return bucket
  }

  /** Those not used since the last time are full by now. */
  private age(now: Millis): void {
    this.old = now - this.bornAt > 2 * this.fillMs ? new Map() : this.young
    this.young = new Map()
    this.bornAt = now
  }
}
