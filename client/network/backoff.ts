import type { Millis, PortableRandom } from '../../infra/clock.ts'

/** The first wait before connecting again, in ms; each further one doubles. */
export const BACKOFF_MS_MIN = 250
/** The longest wait, in ms: a server that is back is found within this time. */
export const BACKOFF_MS_MAX = 8_000

/**
 * How long to wait before try number `attempt` (0, 1, 2, ...). Half of it is random, so that the clients of a server
 * that was restarted do not come back all at once.
 */
export function backoffMs(attempt: number, random: PortableRandom): Millis {
  const ceiling = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(attempt, 30))
  return ceiling / 2 + (ceiling / 2) * random.next()
}
