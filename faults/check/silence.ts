import type { Millis } from '../../infra/clock.ts'

/**
 * How long acks stayed away: per lane (whatever has to be acked all the time), and charged to the fault that began
 * last. Pure. Everything is told in the order of time.
 */
export interface FaultSilence {
  number: number
  kind: string
  /** The longest time between two acks of one lane that ended after the fault began. */
  silenceMs: Millis
  /** From the moment at which what was hit was back until every lane had an ack; Infinity: some never did. */
  resumeMs: Millis
}

interface Open extends FaultSilence {
  backAt: Millis | undefined
  /** Lanes without an ack since. */
  waiting: Set<number>
}

export class AckSilence {
  private readonly lastAcks: (Millis | undefined)[]
  private readonly faults: Open[] = []
  /** The longest silence before the first fault. */
  undisturbedMs: Millis = 0

  constructor(lanes: number) {
    this.lastAcks = new Array<undefined>(lanes).fill(undefined)
  }

  acked(lane: number, at: Millis): void {
    const before = this.lastAcks[lane]
    this.lastAcks[lane] = at
    const silenceMs = before === undefined ? 0 : at - before
    const current = this.faults.at(-1)
    if (current === undefined) this.undisturbedMs = Math.max(this.undisturbedMs, silenceMs)
    else current.silenceMs = Math.max(current.silenceMs, silenceMs)
    for (const fault of this.faults) {
      if (fault.backAt === undefined || !fault.waiting.delete(lane)) continue
      if (fault.waiting.size === 0) fault.resumeMs = at - fault.backAt
    }
  }

  began(number: number, kind: string): void {
    this.faults.push({
      number,
      kind,
      silenceMs: 0,
      resumeMs: Number.POSITIVE_INFINITY,
      backAt: undefined,
      waiting: new Set(),
    })
  }

  /** What the fault hit is back. */
  back(number: number, at: Millis): void {
    const fault = this.faults.find(one => one.number === number)!
    fault.backAt = at
    fault.waiting = new Set(this.lastAcks.keys())
  }

  figures(): FaultSilence[] {
    return this.faults.map(({ number, kind, silenceMs, resumeMs }) => ({ number, kind, silenceMs, resumeMs }))
  }
}
