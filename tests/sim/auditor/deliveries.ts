import type { EventFrame } from '../../../schemas/frames.ts'
import type { Seq, SessionId } from '../../../schemas/ids.ts'
import type { Device } from '../device.ts'
import type { World } from '../world.ts'
import type { Say } from './audit.ts'
import { wrongFrame } from './shown.ts'
import type { SessionTruth } from './truth.ts'

/**
 * SIM4 as an app sees it: per session a contiguous run of seqs, each once, as the log has them; a seq that is left
 * out was told as a gap and could not be had; in the end everything is there that the user may see.
 */
export function checkDeliveries(world: World, say: Say): void {
  for (const device of world.devices) {
    const runs = new Map<SessionId, Run>()
    const runOf = (sessionId: SessionId) => {
      const run = runs.get(sessionId) ?? new Run(world, device, world.truth.session(sessionId), say)
      runs.set(sessionId, run)
      return run
    }
    for (const seen of device.witness.seen) {
      if (seen.kind === 'Delivered') runOf(seen.event.sessionId).deliver(seen.event)
      if (seen.kind === 'Gap') runOf(seen.sessionId).gap(seen.fromSeq, seen.toSeq)
      if (seen.kind === 'Follows') runOf(seen.sessionId).follow(seen.seq)
      if (seen.kind === 'StartsAnew') for (const run of runs.values()) run.startAnew()
      if (seen.kind === 'Reset')
        say('SIM4', `${device.name}: ${seen.sessionId} was reset, though nothing was ever lost`)
    }
    if (!device.isOut) for (const sessionId of world.truth.sessions.keys()) runOf(sessionId).finish()
  }
}

/** What one device was given of one session. */
class Run {
  private last: Seq | undefined
  private readonly got = new Set<Seq>()
  private readonly world: World
  private readonly device: Device
  private readonly session: SessionTruth
  private readonly say: Say

  constructor(world: World, device: Device, session: SessionTruth, say: Say) {
    this.world = world
    this.device = device
    this.session = session
    this.say = say
  }

  deliver(event: EventFrame): void {
    const { seq } = event
    if (seq === 0) {
      this.compare(event)
      return
    }
    const { last } = this
    const leavesOut = last !== undefined && this.session.hasVisibleBetween(this.device.user, last, seq)
    if (last !== undefined && (seq <= last || leavesOut)) this.wrong(`#${seq} was delivered right after #${last}`)
    this.last = seq
    this.got.add(seq)
    this.compare(event)
  }

  private compare(event: EventFrame): void {
    const wrong = wrongFrame(this.session, event, event.from === this.device.user)
    if (wrong !== undefined) this.wrong(`#${event.seq} ${wrong}`)
  }

  gap(fromSeq: Seq, toSeq: Seq): void {
    for (let seq = fromSeq; seq <= toSeq; seq++) {
      if (!this.isExcused(seq) && !this.got.has(seq)) this.wrong(`#${seq} was told as a gap, though it can be had`)
    }
    this.last = Math.max(this.last ?? 0, toSeq)
  }

  follow(seq: Seq): void {
    this.last = Math.min(this.last ?? seq, seq)
  }

  /** What the app had is gone: it begins anywhere. */
  startAnew(): void {
    this.last = undefined
  }

  /** A seq that the device need not have. */
  private isExcused(seq: Seq): boolean {
    const isTrimmed = this.session.lastSeq - seq >= this.world.options.historyEventsMax
    const { world, device, session } = this
    return (
      isTrimmed || !session.isVisible(device.user, seq) || world.truth.isHidden(device.user, session.sessionId, seq)
    )
  }

  finish(): void {
    for (let seq = 1; seq <= this.session.lastSeq; seq++) {
      if (this.got.has(seq) || this.isExcused(seq)) continue
      this.wrong(`#${seq} of ${this.session.lastSeq} was never delivered`)
      return
    }
  }

  private wrong(what: string): void {
    this.say('SIM4', `${this.device.name}, ${this.session.sessionId}: ${what}`)
  }
}
