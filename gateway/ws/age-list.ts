/** What stands in an AgeList keeps its neighbours there itself. */
export interface Aged<Item> {
  older: Item | undefined
  newer: Item | undefined
}

/**
 * Items in the order in which they were added. A Set keeps that order as well, but to find the first one it walks over
 * the places of all that were taken out since it was last rebuilt: asked with every pack that was a tenth of a gateway's
 * time.
 */
export class AgeList<Item extends Aged<Item>> {
  private first: Item | undefined
  private last: Item | undefined
  private count = 0

  get size(): number {
    return this.count
  }

  get oldest(): Item | undefined {
    return this.first
  }

  /** Puts an item at the end that is in no list. */
  add(item: Item): void {
    item.older = this.last
    if (this.last === undefined) this.first = item
    else this.last.newer = item
    this.last = item
    this.count++
  }

  /** Takes an item out that is in this list. */
  remove(item: Item): void {
    const { older, newer } = item
    if (older === undefined) this.first = newer
    else older.newer = newer
    if (newer === undefined) this.last = older
    else newer.older = older
    item.older = undefined
    item.newer = undefined
    this.count--
  }
}
