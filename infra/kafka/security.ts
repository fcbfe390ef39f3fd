import { type Clock, systemClock } from '../clock.ts'
import type { SaslMechanism } from '../config.ts'
import { silentLogger } from '../logger.ts'
import { Cluster } from './cluster.ts'
import { UserRefused } from './sasl.ts'

/** How the brokers are spoken to: plainly unless told otherwise. Contents of files, not their names. */
export interface KafkaSecurity {
  tls?: {
    /** PEM of the authority that signed the brokers' certificates; the system's authorities when left out. */
    ca?: string
    /** PEM of our own certificate and its key, where the brokers ask for one. */
    cert?: string
    key?: string
  }
  sasl?: { mechanism: SaslMechanism; username: string; password: string }
}

/** The brokers can be reached and do not let us in, or we do not trust them: waiting does not help. */
export class AccessRefused extends Error {
  override readonly name = 'AccessRefused'
}

/** What TLS says of a certificate that it does not trust, and of a partner that speaks no TLS. */
const TLS_CODES = /CERT|SELF_SIGNED|UNABLE_TO_|^ERR_SSL|^ERR_TLS|^ERR_OSSL|EPROTO/

/**
 * Tries once to get in. Throws AccessRefused when the brokers refuse the user or their certificate is not trusted;
 * brokers that cannot be reached now are nobody's mistake, and waited for later.
 */
export async function checkAccess(options: {
  brokers: readonly string[]
  clientId: string
  security: KafkaSecurity
  clock?: Clock
}): Promise<void> {
  const cluster = new Cluster({ clock: systemClock, logger: silentLogger, ...options })
  try {
    await cluster.refresh()
  } catch (error) {
    const refusal = refusalIn(error)
    if (refusal !== undefined) throw new AccessRefused(refusal, { cause: error })
  } finally {
    await cluster.close()
  }
}

function refusalIn(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown }
    if (cause instanceof UserRefused) return `the brokers refuse the user: ${cause.message}`
    if (typeof code === 'string' && TLS_CODES.test(code))
      return `TLS with the brokers fails: ${cause.message} (${code})`
  }
  return undefined
}
