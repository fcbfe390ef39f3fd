import type { Clock } from '../../infra/clock.ts'
import type { UserId } from '../../schemas/ids.ts'
import { QUESTIONS_RATE, REFUSALS_RATE } from '../limits.ts'
import { Buckets } from './rate-limits.ts'

/**
 * How much one user may do on this gateway, over all of their devices. What a device may do is in connection.ts.
 * Whoever is refused again and again is not let near the log for a while: each refusal is a record there.
 */
export class UserRates {
  private readonly clock: Clock
  private readonly packs: Buckets<UserId>
  private readonly refusals = new Buckets<UserId>(REFUSALS_RATE)
  private readonly questions = new Buckets<UserId>(QUESTIONS_RATE)

  constructor(clock: Clock, packsPerSecond: number) {
    this.clock = clock
    this.packs = new Buckets({ perSecond: packsPerSecond, atOnce: 2 * packsPerSecond })
  }

  /** Takes one pack out of the user's allowance; false when it is used up. */
  mayPack(userId: UserId): boolean {
    const now = this.clock.monotonic()
    return this.refusals.has(userId, now) && this.packs.take(userId, now)
  }

  /** The log has refused a pack of the user. */
  refused(userId: UserId): void {
    this.refusals.take(userId, this.clock.monotonic())
  }

  mayAsk(userId: UserId): boolean {
    return this.questions.take(userId, this.clock.monotonic())
  }
}
