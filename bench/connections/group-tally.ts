import type { Millis } from '../../infra/clock.ts'
import { Histogram } from '../histogram.ts'
import type { TallyFigures } from '../tally.ts'

/**
 * Counts what became of every message of a group: acked to its sender, delivered to each connected member. What a
 * member sees must be the next seq each time. Figures leave out messages below `measuredFrom` (the warm-up), checks do
 * not.
 */

export class GroupTally {
  readonly ackMs = new Histogram()
  readonly deliveryMs = new Histogram()
  private readonly receivers: number
  private readonly measuredFrom: number
  private readonly dueAt: Float64Array
  private readonly isAcked: Uint8Array
  private readonly deliveredTo: Int32Array
  /** By member: the last seq seen; 0 before the first. */
  private readonly lastSeq: Int32Array
  private readonly refusedBy = new Map<string, number>()
  private sentCount = 0
  private duplicated = 0
  private outOfOrder = 0
  /** Answers and deliveries that are still to come. */
  private open = 0
  private allDeliveries = 0

  /** `members` counts the sender, who is member 0 and gets acks in place of events. */
  constructor({ count, members, measuredFrom }: { count: number; members: number; measuredFrom: number }) {
    this.receivers = members - 1
    this.measuredFrom = measuredFrom
    this.dueAt = new Float64Array(count)
    this.isAcked = new Uint8Array(count)
    this.deliveredTo = new Int32Array(count)
    this.lastSeq = new Int32Array(members)
  }

  /** All of them, the warm-up's too. */
  get deliveries(): number {
    return this.allDeliveries
  }

  get isComplete(): boolean {
    return this.open === 0
  }

  /** A member has seen an event that changes the group. */
  joined(member: number, seq: number): void {
    this.checkOrder(member, seq)
  }

  sent(index: number, dueAt: Millis): void {
    this.dueAt[index] = dueAt
    this.open += 1 + this.receivers
    if (index >= this.measuredFrom) this.sentCount++
  }

  acked(index: number, seq: number, now: Millis): void {
    if (this.isAcked[index] === 1) {
      this.duplicated++
      return
    }
    this.isAcked[index] = 1
    this.open--
    if (index >= this.measuredFrom) this.ackMs.record(now - this.dueAt[index]!)
    this.checkOrder(0, seq)
  }

  refused(index: number, code: string): void {
    this.open -= 1 + this.receivers
    if (index >= this.measuredFrom) this.refusedBy.set(code, (this.refusedBy.get(code) ?? 0) + 1)
  }

  delivered(index: number, seq: number, member: number, now: Millis): void {
    if (!this.checkOrder(member, seq)) return
    this.deliveredTo[index]!++
    this.allDeliveries++
    this.open--
    if (index >= this.measuredFrom) this.deliveryMs.record(now - this.dueAt[index]!)
  }

  /** `delivered` and `lost` count each receiver. */
  figures(): TallyFigures {
    let [acked, delivered] = [0, 0]
    for (let index = this.measuredFrom; index < this.dueAt.length; index++) {
      acked += this.isAcked[index]!
      delivered += this.deliveredTo[index]!
    }
    const refused = Object.fromEntries(this.refusedBy)
    const refusals = [...this.refusedBy.values()].reduce((sum, count) => sum + count, 0)
    return {
      sent: this.sentCount,
      acked,
      delivered,
      lost: acked * this.receivers - delivered,
      duplicated: this.duplicated,
      outOfOrder: this.outOfOrder,
      unanswered: this.sentCount - acked - refusals,
      refused,
    }
  }

  /** False for a seq that the member had before. */
  private checkOrder(member: number, seq: number): boolean {
    const last = this.lastSeq[member]!
    if (seq <= last) {
      this.duplicated++
      return false
    }
    if (last > 0 && seq !== last + 1) this.outOfOrder++
    this.lastSeq[member] = seq
    return true
  }
}
