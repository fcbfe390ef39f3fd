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
  return new Pacing(schedule, clock, send).run()
}

/**
 * A schedule on its way. A timer of a millisecond comes half a millisecond late in the mean, which is no fault of
 * whatever is measured: a load whose process is woken by answers anyway calls `catchUp` with each of them.
 */
export class Pacing {
  private readonly schedule: Schedule
  private readonly clock: Clock
  private readonly send: (dueAt: Millis) => void
  private startedAt: Millis | undefined
  private sent = 0

  /** `send` gets the time at which its message was due. */
  constructor(schedule: Schedule, clock: Clock, send: (dueAt: Millis) => void) {
    this.schedule = schedule
    this.clock = clock
    this.send = send
  }

  /** Starts; resolves when all messages are sent, with how long that took, in ms. */
  run(): Promise<Millis> {
    const startedAt = this.clock.monotonic()
    this.startedAt = startedAt
    return new Promise(resolve => {
      const tick = () => {
        this.catchUp()
        if (this.sent === this.schedule.count) resolve(Math.max(1, this.clock.monotonic() - startedAt))
        else this.clock.schedule(TICK_MS, tick)
      }
      tick()
    })
  }

  /** Sends what has become due since the last time; nothing before the start. */
  catchUp(): void {
    const { startedAt, schedule } = this
    if (startedAt === undefined) return
    const due = schedule.dueCount(this.clock.monotonic() - startedAt)
    while (this.sent < due) this.send(startedAt + schedule.dueAt(this.sent++))
  }
}
