/**
 * A map for entries that live for milliseconds, in a holder that lives for good.
 *
 * A Map builds its table anew after so many deletions, and the old table keeps pointing to the new one and to what stood
 * in it. Once a single table has become old, the collector of young objects takes all later ones for reachable, and
 * whatever was in them when they were replaced, until the next full collection. So everything that had ever waited in a
 * gateway was copied twice and collected late (docs/performance.md, Chat). Here nothing points to an entry that was
 * taken out.
 *
 * Whoever may choose keys may choose them so that they meet in one bucket: bound how many there are at a time.
 */
export class BriefMap<Key extends string, Value> {
  private buckets: (Entry<Key, Value> | undefined)[] = emptyBuckets(BUCKETS_MIN)
  private count = 0

  get size(): number {
    return this.count
  }

  get(key: Key): Value | undefined {
    return this.find(key)?.value
  }

  has(key: Key): boolean {
    return this.get(key) !== undefined
  }

  set(key: Key, value: Value & {}): void {
    const entry = this.find(key)
    if (entry !== undefined) {
      entry.value = value
      return
    }
    this.put({ key, value, next: undefined })
    if (++this.count > this.buckets.length) this.grow()
  }

  /** Does nothing where the key is not there. */
  delete(key: Key): void {
    const bucket = this.bucketOf(key)
    let before: Entry<Key, Value> | undefined
    let entry = this.buckets[bucket]
    while (entry !== undefined && entry.key !== key) {
      before = entry
      entry = entry.next
    }
    if (entry === undefined) return
    if (before === undefined) this.buckets[bucket] = entry.next
    else before.next = entry.next
    entry.next = undefined
    this.count--
  }

  private find(key: Key): Entry<Key, Value> | undefined {
    let entry = this.buckets[this.bucketOf(key)]
    while (entry !== undefined && entry.key !== key) entry = entry.next
    return entry
  }

  /** Puts it first into its bucket. */
  private put(entry: Entry<Key, Value>): void {
    const bucket = this.bucketOf(entry.key)
    entry.next = this.buckets[bucket]
    this.buckets[bucket] = entry
  }

  private bucketOf(key: Key): number {
    return hashOf(key) & (this.buckets.length - 1)
  }

  /** It never shrinks: as many entries may come again. */
  private grow(): void {
    const before = this.buckets
    this.buckets = emptyBuckets(2 * before.length)
    for (let entry of before) {
      while (entry !== undefined) {
        const { next } = entry
        this.put(entry)
        entry = next
      }
    }
    before.length = 0
  }
}

interface Entry<Key, Value> {
  readonly key: Key
  value: Value
  next: Entry<Key, Value> | undefined
}

/** A power of two, as every number of buckets. */
const BUCKETS_MIN = 64

function emptyBuckets<Key, Value>(count: number): (Entry<Key, Value> | undefined)[] {
  return new Array<Entry<Key, Value> | undefined>(count).fill(undefined)
}

/** FNV-1a over UTF-16 units, 32 bits, mixed so that its low bits depend on all of them. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return hash ^ (hash >>> 15)
}
