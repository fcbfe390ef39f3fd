import type { Random } from './clock.ts'

/** Numbers from a seed (xoshiro128**, filled by splitmix32): the same seed gives the same run. */
export class SeededRandom implements Random {
  private a: number
  private b: number
  private c: number
  private d: number

  constructor(seed: number) {
    let state = seed >>> 0
    const fill = () => {
      state = (state + 0x9e3779b9) >>> 0
      let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
      return (mixed ^ (mixed >>> 15)) >>> 0
    }
    this.a = fill()
    this.b = fill()
    this.c = fill()
    this.d = fill()
  }

  /** 32 random bits. */
  bits(): number {
    const result = Math.imul(rotate(Math.imul(this.b, 5), 7), 9) >>> 0
    const shifted = this.b << 9
    this.c ^= this.a
    this.d ^= this.b
    this.b ^= this.c
    this.a ^= this.d
    this.c ^= shifted
    this.d = rotate(this.d, 11)
    return result
  }

  next(): number {
    return this.bits() / 2 ** 32
  }

  bytes(size: number): Buffer {
    const bytes = Buffer.allocUnsafe(size)
    for (let at = 0; at < size; at++) bytes[at] = this.bits() >>> 24
    return bytes
  }

  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.next() * items.length)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }

  /** `count` different items, or all when there are fewer. */
  sample<T>(items: readonly T[], count: number): T[] {
    const rest = [...items]
    for (let at = 0; at < Math.min(count, rest.length); at++) {
      const other = this.between(at, rest.length - 1)
      ;[rest[at], rest[other]] = [rest[other]!, rest[at]!]
    }
    return rest.slice(0, count)
  }

  /** One of the items, each as often as its weight says. */
  weighted<T extends { weight: number }>(items: readonly T[]): T {
    let drawn = this.next() * items.reduce((sum, { weight }) => sum + weight, 0)
    for (const item of items) {
      drawn -= item.weight
      if (drawn < 0) return item
    }
    return items.at(-1)!
  }

  /** Another generator whose numbers depend on this one's, so that a part of a run has numbers of its own. */
  fork(): SeededRandom {
    return new SeededRandom(this.bits())
  }
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by))
}
