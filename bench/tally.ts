import type { Millis } from '../infra/clock.ts'
import { Histogram } from './histogram.ts'
import type { PlannedMessage } from './traffic.ts'

/**
 * Counts what became of every message, in arrays: message `index` was sent, acked, refused, delivered, and when. The
 * order is checked at each end of a session: seqs come 1, 2, 3, ... without a hole (acks and deliveries together),
 * and each sender's messages in the order of sending. Figures leave out messages below `measuredFrom` (the warm-up),
 * checks do not.
 */

const ACKED = 1
const DELIVERED = 2
const REFUSED = 4

export interface TallyFigures {
  sent: number
  acked: number
  delivered: number
  /** Acked and not delivered. */
  lost: number
  /** Deliveries and acks beyond the first of a message, and messages that came back to their sender. */
  duplicated: number
  outOfOrder: number
  /** Neither acked nor refused. */
  unanswered: number
  /** By name of the code. */
  refused: Record<string, number>
}

export class Tally {
  readonly ackMs = new Histogram()
  readonly endToEndMs = new Histogram()
  private readonly measuredFrom: number
  private readonly states: Uint8Array
  private readonly dueAt: Float64Array
  private readonly sessions: Int32Array
  private readonly senders: Int32Array
  private readonly receivers: Int32Array
  /** By session and side (0: the side of `sender` 2i, 1: of 2i + 1): the last seq seen and the last index received. */
  private readonly lastSeq: Int32Array
  private readonly lastIndex: Int32Array
  private readonly refusedBy = new Map<string, number>()
  private sentCount = 0
  private duplicatedCount = 0
  private outOfOrderCount = 0
  private open = 0
  private undelivered = 0

  /** For `count` messages, warm-up included, in at most `sessions` sessions. */
  constructor({ count, sessions, measuredFrom }: { count: number; sessions: number; measuredFrom: number }) {
    this.measuredFrom = measuredFrom
    this.states = new Uint8Array(count)
    this.dueAt = new Float64Array(count)
    this.sessions = new Int32Array(count)
    this.senders = new Int32Array(count)
    this.receivers = new Int32Array(count)
    this.lastSeq = new Int32Array(2 * sessions)
    this.lastIndex = new Int32Array(2 * sessions).fill(-1)
  }

  /** True when every message was answered and every acked one delivered. */
  get isComplete(): boolean {
    return this.open === 0 && this.undelivered === 0
  }

  /** The message goes out now; it was due at `dueAt` (monotonic ms). */
  sent(index: number, { session, sender, receiver }: PlannedMessage, dueAt: Millis): void {
    this.dueAt[index] = dueAt
    this.sessions[index] = session
    this.senders[index] = sender
    this.receivers[index] = receiver
    this.open++
    if (index >= this.measuredFrom) this.sentCount++
  }

  acked(index: number, seq: number, now: Millis): void {
    const state = this.states[index]!
    if ((state & ACKED) !== 0) {
      this.duplicatedCount++
      return
    }
    if ((state & REFUSED) === 0) this.open--
    this.states[index] = state | ACKED
    if ((state & DELIVERED) === 0) this.undelivered++
    if (index >= this.measuredFrom) this.ackMs.record(now - this.dueAt[index]!)
    this.checkOrder(index, seq, this.senders[index]!)
  }

  refused(index: number, code: string): void {
    const state = this.states[index]!
    if ((state & (ACKED | REFUSED)) !== 0) return
    this.open--
    this.states[index] = state | REFUSED
    if (index >= this.measuredFrom) this.refusedBy.set(code, (this.refusedBy.get(code) ?? 0) + 1)
  }

  /** The message arrived at a user's connection. */
  delivered(index: number, seq: number, user: number, now: Millis): void {
    const state = this.states[index]!
    if (user !== this.receivers[index] || (state & DELIVERED) !== 0) {
      this.duplicatedCount++
      return
    }
    this.states[index] = state | DELIVERED
    if ((state & ACKED) !== 0) this.undelivered--
    if (index >= this.measuredFrom) this.endToEndMs.record(now - this.dueAt[index]!)
    this.checkOrder(index, seq, user)
  }

  figures(): TallyFigures {
    let [acked, delivered, lost, unanswered] = [0, 0, 0, 0]
    for (let index = this.measuredFrom; index < this.states.length; index++) {
      const state = this.states[index]!
      if ((state & ACKED) !== 0) acked++
      if ((state & DELIVERED) !== 0) delivered++
      if ((state & (ACKED | DELIVERED)) === ACKED) lost++
      if ((state & (ACKED | REFUSED)) === 0) unanswered++
    }
    // Messages of a run that was broken off were never sent.
    unanswered -= this.states.length - this.measuredFrom - this.sentCount
    return {
      sent: this.sentCount,
      acked,
      delivered,
      lost,
      duplicated: this.duplicatedCount,
      outOfOrder: this.outOfOrderCount,
      unanswered,
      refused: Object.fromEntries(this.refusedBy),
    }
  }

  /** What `user` sees of the session must be the next seq, and the next of its sender's messages. */
  private checkOrder(index: number, seq: number, user: number): void {
    const end = 2 * this.sessions[index]! + (user % 2)
    const side = 2 * this.sessions[index]! + (this.senders[index]! % 2)
    const isSeqNext = seq === this.lastSeq[end]! + 1
    this.lastSeq[end] = Math.max(this.lastSeq[end]!, seq)
    // Acks come to the sender's own end, deliveries to the other: the index is checked where it is delivered.
    const isReceiver = user !== this.senders[index]
    const isIndexNext = !isReceiver || index > this.lastIndex[side]!
    if (isReceiver) this.lastIndex[side] = Math.max(this.lastIndex[side]!, index)
    if (!isSeqNext || !isIndexNext) this.outOfOrderCount++
  }
}
