import type { Clock, Millis } from '../infra/clock.ts'

/**
 * The open-loop schedule: message number k is due at a time that is known beforehand, whatever became of those before
 * it. Latency is measured from there, so that a server that stalls cannot hide it by slowing the sender down
 * (coordinated omission). Messages of one millisecond are due together at its start: no timer is finer.
 */
export class Schedule {
  readonly ratePerSecond: number
  readonly count: number

  /** `count` messages at `ratePerSecond`. */
  constructor(ratePerSecond: number, count: number) {
    this.ratePerSecond = ratePerSecond
    this.count = count
  }

  /** When message `index` is due, in ms after the start. */
  dueAt(index: number): Millis {
    return Math.floor((index * 1_000) / this.ratePerSecond)
  }

  /** How many messages are due `elapsedMs` after the start. */
  dueCount(elapsedMs: Millis): number {
    if (elapsedMs < 0) return 0
    return Math.min(this.count, Math.ceil(((Math.floor(elapsedMs) + 1) * this.ratePerSecond) / 1_000))
  }
}

/** No timer is finer. */
const TICK_MS = 1

/** Calls `send` for every message as soon as it is due, with when that was; resolves with how long it took, in ms. */
export function runSchedule(schedule: Schedule, clock: Clock, send: (dueAt: Millis) => void): Promise<Millis> {
  const startedAt = clock.monotonic()
  let sent = 0
  return new Promise(resolve => {
    const tick = () => {
      const due = schedule.dueCount(clock.monotonic() - startedAt)
      while (sent < due) send(startedAt + schedule.dueAt(sent++))
      if (sent === schedule.count) resolve(Math.max(1, clock.monotonic() - startedAt))
      else clock.schedule(TICK_MS, tick)
    }
    tick()
  })
}
