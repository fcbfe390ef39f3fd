import type { Millis } from '../../infra/clock.ts'
import type { Partition, SessionId } from '../../schemas/ids.ts'

/** Sessions remembered per partition; beyond, all are forgotten and entered again. */
const ENTERED_MAX = 50_000

/**
 * Which sessions stand in the lists of their users, confirmed, with the present minute (hotTime): they need not be
 * written there again. It holds for what one writer knows to be stored, so it is forgotten with that.
 */
export class EnteredSessions {
  private readonly partitions = new Map<Partition, { time: Millis; sessions: Set<SessionId> }>()

  has(partition: Partition, sessionId: SessionId, time: Millis): boolean {
    const entered = this.partitions.get(partition)
    return entered !== undefined && entered.time === time && entered.sessions.has(sessionId)
  }

  /** Time does not fall within a partition: what is older than what is known is not worth remembering. */
  add(partition: Partition, sessionId: SessionId, time: Millis): void {
    let entered = this.partitions.get(partition)
    if (entered === undefined || entered.time < time || entered.sessions.size === ENTERED_MAX) {
      entered = { time, sessions: new Set() }
      this.partitions.set(partition, entered)
    }
    if (entered.time === time) entered.sessions.add(sessionId)
  }

  delete(partition: Partition, sessionId: SessionId): void {
    this.partitions.get(partition)?.sessions.delete(sessionId)
  }

  forget(partition: Partition): void {
    this.partitions.delete(partition)
  }
}
