import type { Clock } from '../../infra/clock.ts'
import type { EventFrame, PackFrame } from '../../schemas/frames.ts'
import type { Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { PackRequest } from '../network/client.ts'
import type { SessionRow } from './rows.ts'
import type { Wire } from './wire.ts'

/** Marks of one session are said at most this often, ms: the server takes no more. */
export const MARK_MS = 2_000

/** Read and delivered marks: the first at once, then the highest of those that came meanwhile. */
export class Marks {
  private readonly waiting = new Map<string, { seq: Seq }>()
  private readonly said = new Map<string, Seq>()
  private readonly wire: Wire
  private readonly clock: Clock
  private readonly me: UserId

  constructor({ wire, clock, me }: { wire: Wire; clock: Clock; me: UserId }) {
    this.wire = wire
    this.clock = clock
    this.me = me
  }

  /** Says through `submit`, which keeps it over a restart. */
  read(sessionId: SessionId, seq: Seq, submit: (request: PackRequest) => void): void {
    this.mark(`read ${sessionId}`, seq, at => submit({ type: 'markRead', sessionId, seq: at }))
  }

  /** A message of the other user in a single chat is here. A mark that is lost is made up for by the next. */
  received(event: EventFrame, row: SessionRow | undefined): void {
    const { sessionId, from, seq, body } = event
    const wanted = sessionId.startsWith('s:') && from !== this.me && body.kind === 'MessageAccepted'
    if (!wanted || row === undefined || seq <= row.readSeq || this.wire.phase.kind !== 'Live' || !this.wire.isKeeper)
      return
    this.mark(`delivered ${sessionId}`, seq, at => {
      if (at <= (this.said.get(`read ${sessionId}`) ?? 0)) return
      const frame: PackFrame = { type: 'markDelivered', packId: this.wire.newPackId(), sessionId, seq: at }
      this.wire.submitFrame(frame, sessionId)
    })
  }

  private mark(key: string, seq: Seq, say: (seq: Seq) => void): void {
    if (seq <= (this.said.get(key) ?? 0)) return
    const waiting = this.waiting.get(key)
    if (waiting !== undefined) {
      waiting.seq = Math.max(waiting.seq, seq)
      return
    }
    this.said.set(key, seq)
    say(seq)
    const next = { seq }
    this.waiting.set(key, next)
    this.clock.schedule(MARK_MS, () => {
      this.waiting.delete(key)
      this.mark(key, next.seq, say)
    })
  }
}
