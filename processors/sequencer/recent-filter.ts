import { PACK_ID_CHARS_MAX } from './outcome.ts'

/**
 * Tells of nearly every new pack, from one byte of memory, that nothing is remembered of it, so that neither the layers
 * of the state nor the store are searched for a row that cannot be there. It never says so of a row that is there:
 *
 *   rows up to `uncovered`    it knows nothing about: they may be there
 *   rows behind               were added here; each sets one bit of the generation that is young at the time
 *
 * A full generation becomes the old one, and what the old one knew is uncovered. Keys sort by the time of their packId
 * (recentKey), so that what is uncovered is what is old; a bit that two packs share costs a search.
 */

/** Rows of a generation: eight bits each, so that at most one new pack in eight is searched for in vain. */
export const FILTER_ROWS_MAX = 131_072
/** Where the digits of a packId begin that are random in every id; the bits are chosen by them. */
const RANDOM_FROM = 24

export class RecentFilter {
  /** Keys up to here are not covered. */
  private uncovered: string
  private young: Generation
  private old: Generation
  private readonly rowsMax: number

  /** `newest`: the largest recentKey that is in the store already; undefined where there is none. */
  constructor(newest: string | undefined, rowsMax = FILTER_ROWS_MAX) {
    this.uncovered = newest ?? ''
    this.rowsMax = rowsMax
    this.young = new Generation(rowsMax)
    this.old = new Generation(rowsMax)
  }

  /** A row under this key is there from now on. */
  add(key: string): void {
    if (this.young.rows >= this.rowsMax) {
      if (this.old.newest > this.uncovered) this.uncovered = this.old.newest
      this.old = this.young
      this.young = new Generation(this.rowsMax)
    }
    this.young.add(key)
  }

  /** False where there is no row under this key. */
  mayHold(key: string): boolean {
    const hash = hashOf(key)
    return this.young.has(hash) || this.old.has(hash) || key <= this.uncovered
  }
}

class Generation {
  rows = 0
  /** The largest key. */
  newest = ''
  private readonly bytes: Uint8Array

  constructor(rowsMax: number) {
    this.bytes = new Uint8Array(rowsMax)
  }

  add(key: string): void {
    this.rows++
    if (key > this.newest) this.newest = key
    const hash = hashOf(key)
    this.bytes[this.place(hash)]! |= bitOf(hash)
  }

  has(hash: number): boolean {
    return (this.bytes[this.place(hash)]! & bitOf(hash)) !== 0
  }

  private place(hash: number): number {
    return (hash >>> 3) % this.bytes.length
  }
}

function bitOf(hash: number): number {
  return 1 << (hash & 7)
}

function hashOf(key: string): number {
  let hash = 0
  for (let at = RANDOM_FROM; at < PACK_ID_CHARS_MAX; at++) hash = Math.imul(hash, 31) + key.charCodeAt(at)
  // The digits of one place differ in few bits: what they add up to is spread over all.
  return Math.imul(hash ^ (hash >>> 15), 0x9e3779b1) >>> 0
}
