import type { Clock, Millis } from '../clock.ts'
import { describeExit, type Exit } from './child.ts'

/** Something that can end by itself and be started again. */
export interface Restartable {
  name: string
  /** End of its present run; undefined when there is none to watch. */
  exited(): Promise<Exit> | undefined
  /** Starts it again and resolves when it works. Throws when it cannot. */
  restart(): Promise<void>
}

/** So many restarts in a row; a run of RESTARTS_FORGET_MS starts a new row. */
export const RESTARTS_MAX = 8
export const RESTARTS_FORGET_MS: Millis = 60_000
const DELAY_MS_FIRST: Millis = 200
const DELAY_MS_MAX: Millis = 10_000

/** Pause before restart number `restart` (1, 2, ...): doubles from 200 ms to at most 10 s. */
export function restartDelayMs(restart: number): Millis {
  return Math.min(DELAY_MS_MAX, DELAY_MS_FIRST * 2 ** (restart - 1))
}

/**
 * Starts a thing again whenever it ends, with a growing pause, at most RESTARTS_MAX times in a row. Resolves when the
 * signal aborts or the thing is given up; every restart is said in one line.
 */
export async function keepAlive(
  thing: Restartable,
  { clock, log, signal }: { clock: Clock; log: (line: string) => void; signal: AbortSignal },
): Promise<void> {
  let restarts = 0
  for (;;) {
    const begun = clock.monotonic()
    const exit = await thing.exited()
    if (exit === undefined || signal.aborted) return
    if (clock.monotonic() - begun > RESTARTS_FORGET_MS) restarts = 0
    restarts += 1
    if (restarts > RESTARTS_MAX) {
      log(`${thing.name} ended ${describeExit(exit)}; given up after ${RESTARTS_MAX} restarts in a row`)
      return
    }
    const delayMs = restartDelayMs(restarts)
    const count = `restart ${restarts} of at most ${RESTARTS_MAX}`
    log(`${thing.name} ended ${describeExit(exit)}; starting it again in ${delayMs} ms (${count})`)
    await clock.sleep(delayMs, signal)
    if (signal.aborted) return
    await thing.restart().then(
      () => log(`${thing.name} is back`),
      error => log(`${thing.name} did not come back: ${error instanceof Error ? error.message : String(error)}`),
    )
  }
}
