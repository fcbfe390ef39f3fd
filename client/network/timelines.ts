import type { EventFrame } from '../../schemas/frames.ts'
import type { Seq, SessionId, UserId } from '../../schemas/ids.ts'
import { takesOut } from './own-event.ts'
import { type Hole, type Ready, SessionCursor } from './session-cursor.ts'

/** What the timelines tell their owner. */
export interface TimelineSink {
  /** The next event of its session. */
  deliver(event: EventFrame): void
  /** Events wait behind seqs that have not come: somebody should ask for them. */
  holed(sessionId: SessionId): void
  /** These seqs will not be delivered. */
  gap(sessionId: SessionId, missing: Hole): void
}

/** Events of sessions that are not known yet, held while sessions are looked up, at most. */
export const HELD_UNKNOWN_MAX = 5_000

/** The cursors of all sessions of one user, and what happens to an event that comes in. */
export class Timelines {
  private readonly cursors = new Map<SessionId, SessionCursor>()
  /** Sessions that the user was taken out of: nothing more is to be resumed there. */
  private readonly left = new Set<SessionId>()
  private heldUnknown: EventFrame[] | undefined
  /** Sessions that the user was out of when the looking up began, and that were not found since. */
  private away = new Set<SessionId>()
  /**
   * Sessions that were asked for above a seq and have not been brought yet, by the number of the latest such resume.
   * Until it is through, acks and events may come before what it brings: also before the beginning of a later stay.
   */
  private readonly expected = new Map<SessionId, number>()
  private resumes = 0
  private readonly sink: TimelineSink
  private readonly me: () => UserId | undefined

  constructor(sink: TimelineSink, me: () => UserId | undefined) {
    this.sink = sink
    this.me = me
  }

  /** The user has everything of the session up to `seq` and nothing more: what is above it is wanted (again). */
  follow(sessionId: SessionId, seq: Seq): void {
    const known = this.cursors.get(sessionId)
    // Of a session that the user was out of, the next event may be any: from here on it may not.
    const wasLeft = this.left.delete(sessionId)
    this.away.delete(sessionId)
    if (known === undefined || wasLeft || seq < known.seq) this.cursors.set(sessionId, new SessionCursor(seq))
    else this.deliverAll(sessionId, known.skipTo(seq))
  }

  isFollowed(sessionId: SessionId): boolean {
    return this.cursors.has(sessionId) && !this.left.has(sessionId)
  }

  /** A resume that names these sessions goes out; gives its number for `brought`. */
  expect(sessionIds: Iterable<SessionId>): number {
    const resume = ++this.resumes
    for (const sessionId of sessionIds) this.expected.set(sessionId, resume)
    return resume
  }

  /** The resume has brought these sessions, or will never. A later one that is under way keeps them expected. */
  brought(sessionIds: Iterable<SessionId>, resume: number): void {
    for (const sessionId of sessionIds) if (this.expected.get(sessionId) === resume) this.expected.delete(sessionId)
  }

  /** What a resume has to name: a session that the user is out of only as long as a later stay may have been missed. */
  positions(): { sessionId: SessionId; seq: Seq }[] {
    return [...this.cursors]
      .filter(([sessionId]) => !this.left.has(sessionId) || this.expected.has(sessionId))
      .map(([sessionId, cursor]) => ({ sessionId, seq: cursor.seq }))
  }

  seqOf(sessionId: SessionId): Seq | undefined {
    return this.cursors.get(sessionId)?.seq
  }

  /** Takes an event in, from the wire or of an own pack. */
  offer(event: EventFrame): void {
    // What takes no seq says nothing of where a session stands.
    if (event.seq === 0) {
      this.sink.deliver(event)
      return
    }
    const isUnknown = !this.cursors.has(event.sessionId) || this.away.has(event.sessionId)
    if (isUnknown && this.heldUnknown !== undefined && this.heldUnknown.length < HELD_UNKNOWN_MAX) {
      this.heldUnknown.push(event)
      return
    }
    const cursor = this.cursors.get(event.sessionId) ?? new SessionCursor()
    this.cursors.set(event.sessionId, cursor)
    // What is known already says nothing of a later stay.
    const isKnown = event.seq <= cursor.seq
    if (!isKnown && this.left.delete(event.sessionId) && this.expected.has(event.sessionId)) cursor.anchor()
    const { ready, hole } = cursor.offer(event)
    this.deliverAll(event.sessionId, ready)
    if (hole === undefined) return
    if (cursor.isFull()) this.giveUp(event.sessionId)
    else this.sink.holed(event.sessionId)
  }

  /**
   * Events of sessions that are not followed wait from here on: they may have begun, or the user may have come back
   * into them, while nobody was connected.
   */
  holdUnknown(): void {
    this.heldUnknown ??= []
    this.away = new Set([...this.left].filter(sessionId => !this.expected.has(sessionId)))
  }

  /** Sessions have been looked up: those that still have no cursor begin with what came. */
  releaseUnknown(): void {
    const held = this.heldUnknown ?? []
    this.heldUnknown = undefined
    this.away.clear()
    for (const event of held) this.offer(event)
  }

  /** The server says that the seqs are not kept any more. */
  skip(sessionId: SessionId, missing: Hole): void {
    const cursor = this.cursors.get(sessionId) ?? new SessionCursor()
    this.cursors.set(sessionId, cursor)
    if (this.left.has(sessionId) && this.expected.has(sessionId)) cursor.anchor()
    this.deliverAll(sessionId, cursor.skip(missing))
    if (cursor.isFull()) this.giveUp(sessionId)
    else if (cursor.hole() !== undefined) this.sink.holed(sessionId)
  }

  /** What is missing before held events, if anything still is, is given up and told. */
  giveUp(sessionId: SessionId): void {
    const hole = this.cursors.get(sessionId)?.hole()
    if (hole !== undefined) this.skip(sessionId, hole)
  }

  /** Sessions in which events wait behind a hole. */
  holed(): SessionId[] {
    return [...this.cursors.keys()].filter(sessionId => this.hasHole(sessionId))
  }

  hasHole(sessionId: SessionId): boolean {
    return this.cursors.get(sessionId)?.hole() !== undefined
  }

  /** The server has less of the session than we: it begins again at 0. */
  reset(sessionId: SessionId): void {
    this.cursors.get(sessionId)?.reset()
  }

  /** The user is out: the session begins anew with whatever comes first. */
  private leave(sessionId: SessionId): void {
    const cursor = this.cursors.get(sessionId)
    // What is held already is of a later stay, but perhaps not its beginning: that is asked for as any hole is.
    if (cursor?.hole() !== undefined) {
      this.sink.holed(sessionId)
      return
    }
    this.left.add(sessionId)
    cursor?.release()
  }

  private deliverAll(sessionId: SessionId, ready: readonly Ready[]): void {
    for (const event of ready) {
      if (event.type === 'gap') {
        this.sink.gap(sessionId, { fromSeq: event.fromSeq, toSeq: event.toSeq })
        continue
      }
      const me = this.me()
      if (me !== undefined && takesOut(event.body, event.from, me)) this.leave(event.sessionId)
      else if (this.left.delete(event.sessionId)) this.cursors.get(event.sessionId)?.anchor()
      this.sink.deliver(event)
    }
  }
}
