import { randomFillSync } from 'node:crypto'
import { portableClock, portableRandom } from './portable-clock.ts'

/** Milliseconds since the Unix epoch, or a span of them. */
export type Millis = number

/**
 * The only source of time and of timers. Everything that waits or looks at the time takes a Clock, so that the
 * simulation can put a virtual one in its place. `Date.now`, `setTimeout` and their kin appear nowhere else.
 */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. May jump. */
  now(): Millis
  /** Monotonic milliseconds with fractions; only differences mean something. */
  monotonic(): Millis
  /** Resolves after `delayMs`, or at once when the signal aborts; never rejects. */
  sleep(delayMs: Millis, signal?: AbortSignal): Promise<void>
  /** Runs `task` once after `delayMs`; the returned function cancels it. */
  schedule(delayMs: Millis, task: () => void): () => void
  /** Runs `task` when the present tick's work is done, before any timer. */
  defer(task: () => void): void
}

/** Randomness as every platform has it. */
export interface PortableRandom {
  /** A number in [0, 1). */
  next(): number
  /** `size` random bytes. */
  bytes(size: number): Uint8Array
}

/** The only source of randomness. */
export interface Random extends PortableRandom {
  /** `size` random bytes. */
  bytes(size: number): Buffer
}

export const systemClock: Clock = {
  ...portableClock,
  defer: task => {
    setImmediate(task)
  },
}

/** A call of the system's generator takes as long for a few bytes as for some thousand, so they are drawn together. */
const POOL_BYTES = 4_096
const pool = Buffer.allocUnsafeSlow(POOL_BYTES)
let drawn = POOL_BYTES

function randomBytes(size: number): Buffer {
  if (size > POOL_BYTES) return randomFillSync(Buffer.allocUnsafe(size))
  if (drawn + size > POOL_BYTES) {
    randomFillSync(pool)
    drawn = 0
  }
  const bytes = Buffer.from(pool.subarray(drawn, drawn + size))
  // What was given is nowhere else: it may be a secret.
  pool.fill(0, drawn, drawn + size)
  drawn += size
  return bytes
}

export const systemRandom: Random = {
  next: portableRandom.next,
  bytes: randomBytes,
}
