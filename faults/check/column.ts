/** Whole numbers by index, four bytes each: an hour of messages is millions of them. Unset ones read as 0. */
export class Column {
  private values = new Int32Array(1_024)
  private size = 0

  get length(): number {
    return this.size
  }

  get(index: number): number {
    return this.values[index] ?? 0
  }

  set(index: number, value: number): void {
    if (index >= this.values.length) {
      const larger = new Int32Array(Math.max(index + 1, 2 * this.values.length))
      larger.set(this.values)
      this.values = larger
    }
    this.values[index] = value
    this.size = Math.max(this.size, index + 1)
  }
}

/** 32 bits of FNV-1a, never 0: tells one message's identity from another's without keeping it. */
export function fingerprint(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash === 0 ? 1 : hash | 0
}
