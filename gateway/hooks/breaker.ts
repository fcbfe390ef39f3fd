import type { Millis } from '../../infra/clock.ts'

/** Failures in a row after which a hook is not asked for a while. */
export const BREAKER_FAILURES_MAX = 5
/** How long it is then left alone; afterwards one pack asks it, and so on once in this time until it answers. */
export const BREAKER_OPEN_MS: Millis = 10_000

/** Leaves a hook alone that does not answer, so that not every pack waits for it in vain. Pure but for its own state. */
export class Breaker {
  private failures = 0
  private openUntil: Millis = 0

  /** False while the hook is left alone; `now` is monotonic. Whoever gets true asks, and says what came of it. */
  mayCall(now: Millis): boolean {
    if (this.failures < BREAKER_FAILURES_MAX) return true
    if (now < this.openUntil) return false
    this.openUntil = now + BREAKER_OPEN_MS
    return true
  }

  succeeded(): void {
    this.failures = 0
  }

  failed(now: Millis): void {
    this.failures++
    if (this.failures >= BREAKER_FAILURES_MAX) this.openUntil = now + BREAKER_OPEN_MS
  }

  get isOpen(): boolean {
    return this.failures >= BREAKER_FAILURES_MAX
  }
}
