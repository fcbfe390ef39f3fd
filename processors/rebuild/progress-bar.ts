import type { Clock, Millis } from '../../infra/clock.ts'

const PROGRESS_EVERY_MS: Millis = 1_000
const BAR_CHARS = 20

/** How far it is: of all offsets that are to be passed, by the archive or the log. */
export interface FillProgress {
  /** Events that were taken. */
  events: number
  /** Offsets that are to be passed in all. */
  total: number
  /** Those that are not passed yet. */
  remaining: number
}

export const NO_PROGRESS: FillProgress = { events: 0, total: 0, remaining: 0 }

/** Of several that work side by side. */
export function sumOf(parts: readonly FillProgress[]): FillProgress {
  return parts.reduce(
    (sum, part) => ({
      events: sum.events + part.events,
      total: sum.total + part.total,
      remaining: sum.remaining + part.remaining,
    }),
    NO_PROGRESS,
  )
}

/** Prints a line a second until it is ended. */
export class ProgressBar {
  private readonly over = new AbortController()

  constructor(options: { name: string; clock: Clock; print: (line: string) => void; progress: () => FillProgress }) {
    void this.report(options)
  }

  end(): void {
    this.over.abort()
  }

  private async report({ name, clock, print, progress }: ConstructorParameters<typeof ProgressBar>[0]): Promise<void> {
    let before = progress()
    while (!this.over.signal.aborted) {
      await clock.sleep(PROGRESS_EVERY_MS, this.over.signal)
      if (this.over.signal.aborted) return
      const now = progress()
      print(`${name}: ${progressLine({ ...now, before })}`)
      before = now
    }
  }
}

/** `[#####.....] 50 %, 1000 events, 500/s, 2 s left`; what is left goes by the last second. */
export function progressLine(state: FillProgress & { before: Pick<FillProgress, 'events' | 'remaining'> }): string {
  const { total, remaining, events, before } = state
  const share = total === 0 ? 1 : Math.max(0, total - remaining) / total
  const filled = Math.floor(share * BAR_CHARS)
  const bar = '#'.repeat(filled) + '.'.repeat(BAR_CHARS - filled)
  const perSecond = (events - before.events) / (PROGRESS_EVERY_MS / 1_000)
  const passed = (before.remaining - remaining) / (PROGRESS_EVERY_MS / 1_000)
  const left = passed <= 0 ? '' : `, ${Math.ceil(remaining / passed)} s left`
  return `[${bar}] ${Math.floor(share * 100)} %, ${events} events, ${Math.round(perSecond)}/s${left}`
}
