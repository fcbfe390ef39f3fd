import type { ClientFrame, ServerFrame } from '../../../schemas/frames.ts'
import type { Seq, SessionId } from '../../../schemas/ids.ts'
import type { Device } from '../device.ts'
import type { World } from '../world.ts'
import type { Say } from './audit.ts'

/** SIM4 and SIM5 as they stand on the wire: what a gateway sends over one connection. */
export function checkConnections(world: World, say: Say): void {
  for (const device of world.devices) {
    const connections = new Map<number, Wire>()
    for (const seen of device.witness.seen) {
      if (seen.kind !== 'Sent' && seen.kind !== 'Received') continue
      const wire = connections.get(seen.connection) ?? new Wire(world, device, seen.connection, say)
      connections.set(seen.connection, wire)
      if (seen.kind === 'Sent') wire.sent(seen.frame)
      else wire.received(seen.frame)
    }
  }
}

/** Where a session stands on a connection. */
interface Stream {
  /** The highest seq that was sent, as event, ack or gap. */
  last: Seq
  /** The highest seq that came as an event, or that the client named. */
  lastEvent: Seq
  /** True where everything up to `last` was sent: from here on nothing may be left out. */
  isSettled: boolean
  /**
   * Resumes that were sent and not answered. What the gateway sent before it had read the resume comes again, so
   * meanwhile only the client's own order tells (deliveries.ts).
   */
  resumes: Set<number>
}

class Wire {
  private readonly streams = new Map<SessionId, Stream>()
  private readonly world: World
  private readonly device: Device
  private readonly number: number
  private readonly say: Say

  constructor(world: World, device: Device, number: number, say: Say) {
    this.world = world
    this.device = device
    this.number = number
    this.say = say
  }

  sent(frame: ClientFrame): void {
    if (frame.type !== 'resume') return
    for (const { sessionId, seq } of frame.sessions) {
      const resumes = new Set(this.streams.get(sessionId)?.resumes).add(frame.requestId)
      this.streams.set(sessionId, { last: seq, lastEvent: seq, isSettled: false, resumes })
    }
  }

  received(frame: ServerFrame): void {
    switch (frame.type) {
      case 'event':
        if (frame.seq > 0) this.event(frame.sessionId, frame.seq)
        return
      case 'ack':
        this.ack(frame)
        return
      case 'gap':
        this.gap(frame)
        return
      case 'resumed':
        this.resumed(frame)
        return
      case 'failed':
        this.answered(frame.requestId)
        return
      case 'page':
        for (const { seq } of frame.events) this.seen(frame.sessionId, seq, 'a page with')
        return
      case 'sessions':
        for (const { sessionId, last } of frame.sessions) {
          if (last !== undefined) this.seen(sessionId, last.seq, 'a list with')
        }
    }
  }

  private event(sessionId: SessionId, seq: Seq): void {
    this.seen(sessionId, seq, '')
    const stream = this.streams.get(sessionId)
    if (stream === undefined) {
      this.streams.set(sessionId, { last: seq, lastEvent: seq, isSettled: true, resumes: new Set() })
      return
    }
    if (seq <= stream.lastEvent && stream.resumes.size === 0)
      this.wrong('SIM4', sessionId, `#${seq} came after #${stream.lastEvent}`)
    if (stream.isSettled && this.leavesOut(sessionId, stream.last, seq)) {
      this.wrong('SIM4', sessionId, `#${seq} came right after #${stream.last}`)
    }
    stream.lastEvent = Math.max(stream.lastEvent, seq)
    stream.last = Math.max(stream.last, seq)
  }

  private ack({ sessionId, seq, repeated }: Extract<ServerFrame, { type: 'ack' }>): void {
    // What a repeat says stands anywhere.
    if (repeated === true || seq === 0) return
    const stream = this.streams.get(sessionId)
    if (stream === undefined) {
      this.streams.set(sessionId, { last: seq, lastEvent: 0, isSettled: true, resumes: new Set() })
      return
    }
    if (stream.isSettled && this.leavesOut(sessionId, stream.last, seq)) {
      this.wrong('SIM4', sessionId, `the ack of #${seq} came right after #${stream.last}`)
    }
    stream.last = Math.max(stream.last, seq)
  }

  private gap({ sessionId, fromSeq, toSeq }: Extract<ServerFrame, { type: 'gap' }>): void {
    const stream = this.streams.get(sessionId)
    if (stream === undefined) return
    if (fromSeq <= stream.lastEvent && stream.resumes.size === 0)
      this.wrong('SIM4', sessionId, `a gap from #${fromSeq} came after #${stream.lastEvent}`)
    stream.last = Math.max(stream.last, toSeq)
    stream.lastEvent = Math.max(stream.lastEvent, toSeq)
  }

  private resumed({ requestId, sessions }: Extract<ServerFrame, { type: 'resumed' }>): void {
    this.answered(requestId)
    for (const { sessionId, lastSeq, code } of sessions) {
      const stream = this.streams.get(sessionId)
      if (stream === undefined || code !== undefined || stream.resumes.size > 0) continue
      stream.isSettled = true
      stream.last = Math.max(stream.last, lastSeq)
    }
  }

  private answered(requestId: number): void {
    for (const { resumes } of this.streams.values()) resumes.delete(requestId)
  }

  private leavesOut(sessionId: SessionId, last: Seq, seq: Seq): boolean {
    return this.world.truth.session(sessionId).hasVisibleBetween(this.device.user, last, seq)
  }

  /** SIM5: only who was in at a seq gets it. */
  private seen(sessionId: SessionId, seq: Seq, how: string): void {
    if (!this.world.truth.session(sessionId).isVisible(this.device.user, seq)) {
      this.wrong('SIM5', sessionId, `got ${how} #${seq} without being in the session`)
    }
  }

  private wrong(rule: string, sessionId: SessionId, what: string): void {
    this.say(rule, `${this.device.name}, connection ${this.number}, ${sessionId}: ${what}`)
  }
}
