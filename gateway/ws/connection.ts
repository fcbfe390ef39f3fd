import type { Millis } from '../../infra/clock.ts'
import type { Seq, SessionId } from '../../schemas/ids.ts'
import {
  BROKEN_FRAMES_MAX,
  BUFFER_BYTES_MAX,
  BUFFER_EVENTS_MAX,
  CURSORS_MAX,
  PACKS_PER_SECOND_MAX,
  UNANSWERED_PINGS_MAX,
} from '../limits.ts'
import { type Merged, mergeAbove } from './merge.ts'
import { waitMsOf } from './rate-limits.ts'

/**
 * What one connection has been given and what it may get next. Pure: it decides, hub.ts performs.
 *
 * A connection is Held for a moment after its welcome, so that a resume comes before live events; then Open. Apart
 * from that, each session is in one of these phases:
 * - CatchingUp: history is being read. Live events wait in a buffer; own acks leave a mark in it.
 * - with a cursor: it was resumed up to a seq that this gateway may not have reached itself. What comes live at or
 *   below the cursor was delivered already, on this connection or another one, and is dropped.
 * - live, which needs no state at all: events of a session come to a gateway in rising order, so the first one above
 *   the cursor ends the need for it. An idle connection costs nothing per session.
 */

/** A live event, or the mark of an own pack that was acked. */
export interface Buffered<Event> {
  seq: Seq
  /** undefined: the client has an ack for this seq and gets no event. */
  event: Event | undefined
  bytes: number
}

interface CatchingUp<Event> {
  /** Names the resume that this belongs to; a later resume of the same session takes it over. */
  token: number
  /** Delivered up to here. */
  cursor: Seq
  buffer: Buffered<Event>[]
  /** Seqs of own packs that were acked since this resume began. */
  acked: Set<Seq> | undefined
}

/** What becomes of a live event: sent, kept until history is read, or dropped because the client has it. */
export type Offer = 'Send' | 'Keep' | 'Drop' | 'Overflow'

interface HeldEvent<Event> {
  sessionId: SessionId
  seq: Seq
  event: Event
  bytes: number
}

export class ConnectionState<Event> {
  private held: HeldEvent<Event>[] | undefined = []
  private catchingUp: Map<SessionId, CatchingUp<Event>> | undefined
  private cursors: Map<SessionId, Seq> | undefined
  private bufferedEvents = 0
  private bufferedBytes = 0
  private brokenInRow = 0
  private unansweredPings = 0
  private packsLeft: number
  private packsCountedAt: Millis
  private readonly packsPerSecond: number

  constructor(now: Millis, packsPerSecond = PACKS_PER_SECOND_MAX) {
    this.packsPerSecond = packsPerSecond
    this.packsLeft = 2 * packsPerSecond
    this.packsCountedAt = now
  }

  get isHeld(): boolean {
    return this.held !== undefined
  }

  /** More waits than a connection may keep. */
  get isOverfull(): boolean {
    return this.bufferedEvents > BUFFER_EVENTS_MAX || this.bufferedBytes > BUFFER_BYTES_MAX
  }

  /** Decides about a live event. After Overflow end the hold, and when that does not help, the connection. */
  offer(sessionId: SessionId, seq: Seq, event: Event, bytes: number): Offer {
    // What takes no seq has no place among what is read from history, and may be repeated.
    if (seq === 0) return 'Send'
    const phase = this.catchingUp?.get(sessionId)
    if (phase !== undefined) {
      if (seq <= phase.cursor) return 'Drop'
      phase.buffer.push({ seq, event, bytes })
      return this.count(bytes)
    }
    const cursor = this.cursors?.get(sessionId)
    if (cursor !== undefined) return this.passCursor(sessionId, cursor, seq) ? 'Send' : 'Drop'
    if (this.held === undefined) return 'Send'
    this.held.push({ sessionId, seq, event, bytes })
    return this.count(bytes)
  }

  private count(bytes: number): Offer {
    this.bufferedEvents++
    this.bufferedBytes += bytes
    return this.isOverfull ? 'Overflow' : 'Keep'
  }

  private discount(entries: readonly { bytes: number }[]): void {
    this.bufferedEvents -= entries.length
    for (const { bytes } of entries) this.bufferedBytes -= bytes
  }

  /** True when seq is above the cursor, which then moves, or goes as soon as nothing is held any more. */
  private passCursor(sessionId: SessionId, cursor: Seq, seq: Seq): boolean {
    if (seq <= cursor) return false
    if (this.held === undefined) this.cursors!.delete(sessionId)
    else this.cursors!.set(sessionId, seq)
    return true
  }

  /** The client was told by an ack that its own pack stands at `seq`: it gets no event for it. */
  acked(sessionId: SessionId, seq: Seq): void {
    if (seq === 0) return
    const phase = this.catchingUp?.get(sessionId)
    if (phase !== undefined) {
      phase.buffer.push({ seq, event: undefined, bytes: 0 })
      phase.acked ??= new Set()
      phase.acked.add(seq)
      this.count(0)
      return
    }
    const cursor = this.cursors?.get(sessionId)
    if (cursor !== undefined) this.passCursor(sessionId, cursor, seq)
  }

  /** Ends the hold and gives what waited, in order. Empty when it had ended already. */
  release(): Event[] {
    const held = this.held
    if (held === undefined) return []
    this.held = undefined
    this.discount(held)
    return held.map(({ event }) => event)
  }

  /**
   * Begins to catch up with the sessions, each from the client's own seq: from here on their live events wait. False,
   * and nothing begun, when the connection would have to remember too many sessions.
   */
  beginResume(sessions: readonly { sessionId: SessionId; seq: Seq }[], token: number): boolean {
    this.catchingUp ??= new Map()
    if (this.catchingUp.size + (this.cursors?.size ?? 0) + sessions.length > CURSORS_MAX) return false
    for (const { sessionId, seq } of sessions) {
      // What was acked before is asked for again where it lies above the seq: only what is acked from here on is known.
      const buffer = this.catchingUp.get(sessionId)?.buffer ?? []
      this.catchingUp.set(sessionId, { token, cursor: seq, buffer, acked: undefined })
      this.cursors?.delete(sessionId)
    }
    this.moveHeld()
    return true
  }

  /** Held events of sessions that now catch up wait with them. */
  private moveHeld(): void {
    if (this.held === undefined || this.held.length === 0) return
    this.held = this.held.filter(({ sessionId, seq, event, bytes }) => {
      const phase = this.catchingUp!.get(sessionId)
      phase?.buffer.push({ seq, event, bytes })
      return phase === undefined
    })
  }

  /** How far a session has caught up; undefined when it is not, or no longer, catching up under this token. */
  caughtUpTo(sessionId: SessionId, token: number): Seq | undefined {
    const phase = this.catchingUp?.get(sessionId)
    return phase?.token === token ? phase.cursor : undefined
  }

  /** True when the client was told of this seq by an ack after the present resume of the session began. */
  isAcked(sessionId: SessionId, seq: Seq): boolean {
    return this.catchingUp?.get(sessionId)?.acked?.has(seq) ?? false
  }

  /** Everything up to `seq` was delivered from history, or told as a gap. */
  advance(sessionId: SessionId, token: number, seq: Seq): void {
    const phase = this.catchingUp?.get(sessionId)
    if (phase?.token === token) phase.cursor = seq
  }

  /**
   * The session goes live: gives what waited above the cursor, with the gaps in it; undefined when it does not catch
   * up under this token.
   */
  finishResume(sessionId: SessionId, token: number): Merged<Buffered<Event>> | undefined {
    const phase = this.catchingUp?.get(sessionId)
    if (phase?.token !== token) return undefined
    this.catchingUp!.delete(sessionId)
    const merged = mergeAbove(phase.cursor, phase.buffer)
    this.cursors ??= new Map()
    this.cursors.set(sessionId, merged.cursor)
    this.discount(phase.buffer)
    return merged
  }

  /** A frame could not be read. */
  broken(): 'Answer' | 'Close' {
    return ++this.brokenInRow > BROKEN_FRAMES_MAX ? 'Close' : 'Answer'
  }

  /** A frame could be read. */
  good(): void {
    this.brokenInRow = 0
  }

  /** The heartbeat's turn. */
  beat(): 'Ping' | 'Close' {
    if (this.unansweredPings >= UNANSWERED_PINGS_MAX) return 'Close'
    this.unansweredPings++
    return 'Ping'
  }

  /** Something came from the client: it lives. */
  heard(): void {
    this.unansweredPings = 0
  }

  /** Takes one pack out of the allowance; false when it is used up. `now` is monotonic. */
  admitPack(now: Millis): boolean {
    const earned = ((now - this.packsCountedAt) / 1_000) * this.packsPerSecond
    this.packsLeft = Math.min(2 * this.packsPerSecond, this.packsLeft + earned)
    this.packsCountedAt = now
    if (this.packsLeft < 1) return false
    this.packsLeft--
    return true
  }

  /** How long it takes until a pack is admitted, in ms, as of the last that was asked for. */
  get packWaitMs(): Millis {
    return waitMsOf(1 - this.packsLeft, this.packsPerSecond)
  }
}
