import type { Clock, Millis } from '../../infra/clock.ts'
import type { UserId } from '../../schemas/ids.ts'
import { LOOK_UPS, QUESTIONS_RATE, REFUSALS_RATE, SEARCHES } from '../limits.ts'
import { Buckets } from './rate-limits.ts'
import { QuestionFailed } from './views.ts'

/**
 * How much one user may do on this gateway, over all of their devices. What a device may do is in connection.ts.
 * Whoever is refused again and again is not let near the log for a while: each refusal is a record there.
 */
export class UserRates {
  private readonly clock: Clock
  private readonly packs: Buckets<UserId>
  private readonly refusals = new Buckets<UserId>(REFUSALS_RATE)
  private readonly searches = new Buckets<UserId>(SEARCHES)
  private readonly questions = new Buckets<UserId>(QUESTIONS_RATE)
  private readonly lookUps = new Buckets<UserId>(LOOK_UPS)

  constructor(clock: Clock, packsPerSecond: number) {
    this.clock = clock
    this.packs = new Buckets({ perSecond: packsPerSecond, atOnce: 2 * packsPerSecond })
  }

  /** Takes one pack out of the user's allowance; false when it is used up. */
  mayPack(userId: UserId): boolean {
    const now = this.clock.monotonic()
    return this.refusals.has(userId, now) && this.packs.take(userId, now)
  }

  /** When a pack of a user who may send none now may come, in ms from now. */
  packWaitMs(userId: UserId): Millis {
    const now = this.clock.monotonic()
    return Math.max(this.refusals.waitMs(userId, now), this.packs.waitMs(userId, now))
  }

  /** The log has refused a pack of the user. */
  refused(userId: UserId): void {
    this.refusals.take(userId, this.clock.monotonic())
  }

  maySearch(userId: UserId): boolean {
    return this.searches.take(userId, this.clock.monotonic())
  }

  mayAsk(userId: UserId): boolean {
    return this.questions.take(userId, this.clock.monotonic())
  }

  /** Counts others whom a user looks up; throws QuestionFailed where these are too many. */
  lookUp(userId: UserId, people: number): void {
    const now = this.clock.monotonic()
    if (this.lookUps.take(userId, now, people)) return
    const reason = 'too many users were looked up: try again later'
    throw new QuestionFailed('RATE_LIMITED', reason, undefined, this.lookUps.waitMs(userId, now, people))
  }

  questionWaitMs(userId: UserId): Millis {
    return this.questions.waitMs(userId, this.clock.monotonic())
  }
}
