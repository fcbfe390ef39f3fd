import type { Clock } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { MembershipReader } from '../../processors/membership/membership-store.ts'
import type { UserId } from '../../schemas/ids.ts'
import { LOGIN_ATTEMPTS_MAX, LOGIN_RETRY_MS, LOGINS_MAX, QUESTION_MS_MAX } from '../limits.ts'
import type { Audience } from './audience.ts'
import { Deadline } from './deadline.ts'
import type { MembershipIndex, Positions } from './membership-index.ts'
import { isStill, type Views } from './views.ts'

export interface LoginsOptions {
  membership: MembershipReader
  views: Views
  index: MembershipIndex
  audience: Audience
  clock: Clock
  logger: Logger
}

type UserGroups = Awaited<ReturnType<MembershipReader['groupsOf']>>

/** Takes users over from the membership view into the index, as membership-index.ts describes. */
export class Logins {
  private readonly options: LoginsOptions
  private running = 0

  constructor(options: LoginsOptions) {
    this.options = options
  }

  /**
   * True when the user's groups are in the index and stay there until `audience.unreserve`. False when that is not
   * possible now: the view is down, or behind what this gateway has seen, or too many logins run already.
   */
  async admit(userId: UserId): Promise<boolean> {
    const { index, audience, clock, logger } = this.options
    if (index.isAdmitted(userId)) return this.reserve(userId)
    if (this.running >= LOGINS_MAX) return false
    this.running++
    const deadline = new Deadline(clock, QUESTION_MS_MAX)
    try {
      for (let attempt = 0; attempt < LOGIN_ATTEMPTS_MAX; attempt++) {
        if (attempt > 0) await clock.sleep(LOGIN_RETRY_MS, deadline.signal)
        const read = await deadline.race(this.read(userId))
        // Nothing waits between the two: who is in the index has a connection or a reservation.
        if (read !== undefined && index.admit(userId, read.view, read.groups)) return this.reserve(userId)
      }
    } catch (error) {
      logger.warn({ err: error }, 'a login could not read the membership view')
    } finally {
      this.running--
      deadline.end()
    }
    return audience.ofUser(userId).length > 0 && this.reserve(userId)
  }

  /** The user's groups and a position that the view had before them; undefined when they cannot be relied on. */
  private async read(userId: UserId): Promise<{ view: Positions; groups: UserGroups } | undefined> {
    const { index, membership, views } = this.options
    const view = index.viewPositions
    if (!index.reaches(view)) return undefined
    const groups = await membership.groupsOf(userId)
    const after = await views.membershipPositions()
    // The view went back meanwhile: it was emptied, and so may be the groups.
    return isStill(view, after) ? { view, groups } : undefined
  }

  private reserve(userId: UserId): true {
    this.options.audience.reserve(userId)
    return true
  }
}
