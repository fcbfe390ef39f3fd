/**
 * Lets so many go on at once, each until it gives its place back, in the order in which they asked. Whoever has a place
 * and asks again keeps it.
 */
export class Places<Holder> {
  private readonly max: number
  private readonly holders = new Set<Holder>()
  private readonly waiting: { holder: Holder; resolve: () => void }[] = []
  private closed = false

  constructor(max: number) {
    this.max = max
  }

  /** Resolves when the holder has a place, or when nobody has to wait any more. */
  take(holder: Holder): Promise<void> {
    if (this.closed || this.holders.has(holder)) return Promise.resolve()
    if (this.holders.size < this.max) {
      this.holders.add(holder)
      return Promise.resolve()
    }
    return new Promise(resolve => this.waiting.push({ holder, resolve }))
  }

  give(holder: Holder): void {
    if (!this.holders.delete(holder)) return
    const next = this.waiting.shift()
    if (next === undefined) return
    this.holders.add(next.holder)
    next.resolve()
  }

  /** Lets all who wait, and all who come, go on. */
  close(): void {
    this.closed = true
    for (const { resolve } of this.waiting.splice(0)) resolve()
  }
}
