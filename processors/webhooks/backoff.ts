import type { Millis, Random } from '../../infra/clock.ts'

/** When a delivery that failed is tried again, and when it is given up. Pure. */

export const RETRY_MS_FIRST: Millis = 1_000
export const RETRY_MS_MAX: Millis = 600_000
/** How long a delivery is tried where the configuration does not say otherwise. */
export const GIVE_UP_MS: Millis = 86_400_000

export type Next = { kind: 'retry'; at: Millis; failingSince: Millis } | { kind: 'dead'; at: Millis }

/**
 * What happens after a failure: `attempts` were made before this one, the first failure was at `failingSince` (0: this
 * is it). The pause doubles up to RETRY_MS_MAX; half of it is random, so that lanes do not come back all at once.
 */
export function afterFailure(
  { attempts, failingSince }: { attempts: number; failingSince: Millis },
  { now, giveUpMs, random }: { now: Millis; giveUpMs: Millis; random: Random },
): Next {
  const since = failingSince === 0 ? now : failingSince
  const full = Math.min(RETRY_MS_FIRST * 2 ** Math.min(attempts, 20), RETRY_MS_MAX)
  const at = Math.ceil(now + full / 2 + (full / 2) * random.next())
  // The last try comes at the end of the time, not after it.
  if (now >= since + giveUpMs) return { kind: 'dead', at: now }
  return { kind: 'retry', at: Math.min(at, Math.max(now + 1, since + giveUpMs)), failingSince: since }
}
