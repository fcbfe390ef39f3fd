/**
 * The values that were used last, by key: two generations, of which the older is dropped when the younger is full. So
 * memory is bounded by twice `keptMax`, and a use costs no more than a look-up.
 */
export class Generations<Key, Value> {
  private readonly keptMax: number
  private young = new Map<Key, Value>()
  private old = new Map<Key, Value>()

  constructor(keptMax: number) {
    this.keptMax = keptMax
  }

  get(key: Key): Value | undefined {
    const value = this.young.get(key)
    if (value !== undefined) return value
    const before = this.old.get(key)
    if (before !== undefined) this.set(key, before)
    return before
  }

  set(key: Key, value: Value): void {
    if (this.young.size >= this.keptMax) {
      this.old = this.young
      this.young = new Map()
    }
    this.young.set(key, value)
  }
}
