import type { EventFrame } from '../../schemas/frames.ts'
import type { Seq } from '../../schemas/ids.ts'

/**
 * Puts the events of one session in order, once each.
 *
 * Problem: an own message comes back as `ack`, others as `event`, and after a reconnect both may tell of the same
 * seq, or an answer may overtake what is still being resumed. Rule: what is delivered are rising seqs without a
 * hole; a seq at or below the last one is a repeat and dropped; one that leaves a hole is held until the hole is
 * filled, or until someone says that it never will be (`skip`). Seqs that will not come are held behind a hole as well:
 * what lies before them may still be on its way. Events without a seq (0) pass as they come.
 * The first seq of a session may be any, and so may the next one after the user was out of it (`release`).
 */

/** Events that wait behind a hole at most; beyond it the hole is given up, so that memory stays bounded. */
export const HELD_EVENTS_MAX = 1_000

/** Missing seqs, both ends included. */
export interface Hole {
  fromSeq: Seq
  toSeq: Seq
}

/** What the session goes on with: its next event, or seqs that will not come. */
export type Ready = EventFrame | ({ type: 'gap' } & Hole)

export interface Offered {
  /** Deliver these, in this order. */
  ready: Ready[]
  /** What is missing before the events that are held; absent when nothing is. */
  hole?: Hole
  /** True when the event was known already. */
  repeated: boolean
}

export class SessionCursor {
  private lastSeq: Seq
  private anchored: boolean
  private readonly held = new Map<Seq, EventFrame>()
  /** Seqs above the last one that will not come. */
  private gaps: Hole[] = []

  /** `seq` is the last one that the caller has; without it the session begins with whatever comes first. */
  constructor(seq?: Seq) {
    this.lastSeq = seq ?? 0
    this.anchored = seq !== undefined
  }

  /** The last seq that was delivered or skipped. */
  get seq(): Seq {
    return this.lastSeq
  }

  /** Takes an event and tells what can be delivered now. */
  offer(event: EventFrame): Offered {
    if (event.seq === 0) return { ready: [event], repeated: false }
    if (event.seq <= this.lastSeq || this.held.has(event.seq)) return this.outcome([], true)
    if (!this.anchored) {
      this.anchored = true
      this.lastSeq = event.seq - 1
    }
    this.held.set(event.seq, event)
    return this.outcome(this.takeReady(), false)
  }

  /** These seqs will not come: gives what can be told and delivered now. */
  skip(missing: Hole): Ready[] {
    if (missing.toSeq <= this.lastSeq) return []
    if (!this.anchored) {
      this.anchored = true
      this.lastSeq = Math.max(this.lastSeq, missing.fromSeq - 1)
    }
    this.gaps.push(missing)
    return this.takeReady()
  }

  /** The caller has everything up to `seq`: gives what waited behind it. */
  skipTo(seq: Seq): Ready[] {
    if (seq > this.lastSeq) {
      this.lastSeq = seq
      this.anchored = true
      for (const heldSeq of this.held.keys()) if (heldSeq <= seq) this.held.delete(heldSeq)
    }
    return this.takeReady()
  }

  /** The user is out of the session: the next seq may be any above the last. */
  release(): void {
    this.anchored = false
  }

  /** From here on the next seq is the one after the last, as before `release`. */
  anchor(): void {
    this.anchored = true
  }

  /** Begins the session again at 0. */
  reset(): void {
    this.lastSeq = 0
    this.anchored = true
    this.held.clear()
    this.gaps = []
  }

  /** What is missing right now; undefined when nothing is held. */
  hole(): Hole | undefined {
    if (this.held.size === 0 && this.gaps.length === 0) return undefined
    let first = Number.POSITIVE_INFINITY
    for (const seq of this.held.keys()) first = Math.min(first, seq)
    for (const { fromSeq } of this.gaps) first = Math.min(first, fromSeq)
    return { fromSeq: this.lastSeq + 1, toSeq: first - 1 }
  }

  /** True when so much is held that the hole must be given up. */
  isFull(): boolean {
    return this.held.size + this.gaps.length >= HELD_EVENTS_MAX
  }

  private outcome(ready: Ready[], repeated: boolean): Offered {
    const hole = this.hole()
    return hole === undefined ? { ready, repeated } : { ready, repeated, hole }
  }

  private takeReady(): Ready[] {
    const ready: Ready[] = []
    for (;;) {
      const next = this.held.get(this.lastSeq + 1) ?? this.gapAt(this.lastSeq + 1)
      if (next === undefined) return ready
      this.lastSeq = next.type === 'gap' ? next.toSeq : next.seq
      this.held.delete(this.lastSeq)
      if (this.gaps.length > 0) this.gaps = this.gaps.filter(({ toSeq }) => toSeq > this.lastSeq)
      ready.push(next)
    }
  }

  /** From this seq on what will not come, as far as nothing of it is there all the same. */
  private gapAt(seq: Seq): Ready | undefined {
    const gap = this.gaps.find(({ fromSeq, toSeq }) => fromSeq <= seq && seq <= toSeq)
    if (gap === undefined) return undefined
    let { toSeq } = gap
    for (const held of this.held.keys()) if (held <= toSeq) toSeq = held - 1
    return { type: 'gap', fromSeq: seq, toSeq }
  }
}
