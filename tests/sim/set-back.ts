import type { SeededRandom } from '../../infra/seeded-random.ts'

/** What the server of a view held at moments before, so that it can be set back: a failover to a replica that was behind. */
export class Copies<Contents extends object> {
  private readonly copies: Contents[] = []

  take(contents: Contents): void {
    this.copies.push(copyOf(contents))
    if (this.copies.length > COPIES_MAX) this.copies.shift()
  }

  /** Puts a copy in the place of what is there; false where there is none. The server stays the same to its clients. */
  setBack(contents: Contents, random: SeededRandom): boolean {
    if (this.copies.length === 0) return false
    const at = random.between(0, this.copies.length - 1)
    Object.assign(contents, copyOf(this.copies[at]!))
    // What came later never was.
    this.copies.length = at + 1
    return true
  }

  clear(): void {
    this.copies.length = 0
  }
}

const COPIES_MAX = 5

/** A copy of all that hangs on a value; what was one thing in it is one thing in the copy. */
export function copyOf<T>(value: T, copies = new Map<unknown, unknown>()): T {
  if (typeof value !== 'object' || value === null) return value
  const known = copies.get(value)
  if (known !== undefined) return known as T
  if (value instanceof Uint8Array) return value
  const copy = emptyLike(value)
  copies.set(value, copy)
  if (value instanceof Map) {
    for (const [key, entry] of value) (copy as Map<unknown, unknown>).set(key, copyOf(entry, copies))
  } else if (value instanceof Set) {
    for (const entry of value) (copy as Set<unknown>).add(copyOf(entry, copies))
  } else {
    for (const key of Object.keys(value)) {
      ;(copy as Record<string, unknown>)[key] = copyOf((value as Record<string, unknown>)[key], copies)
    }
  }
  return copy as T
}

function emptyLike(value: object): object {
  if (value instanceof Map) return new Map()
  if (value instanceof Set) return new Set()
  if (Array.isArray(value)) return []
  return Object.create(Object.getPrototypeOf(value) as object | null) as object
}
