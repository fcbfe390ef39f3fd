import type { Clock, Millis } from '../../infra/clock.ts'
import { configError, retryService, type SendResult } from './vendor.ts'
import { failureResult, type VendorHttp } from './vendor-http.ts'

/**
 * The token by which a vendor is spoken to: got once, kept until shortly before it ends, got anew when the vendor says
 * that it is no longer good. However many ask at once, the vendor is asked once.
 */
export interface Access {
  /** Rejects with what `renew` rejects with. */
  token(): Promise<string>
  /** The vendor does not take this one any more; another one that was got meanwhile stays. */
  refused(token: string): void
}

export interface Granted {
  token: string
  /** How long it is good for, from when it was asked for. */
  lifeMs: Millis
}

/** Of its life a token is used for this share: clocks differ, and requests take their time. */
const USED_SHARE = 0.9

export function makeAccess(renew: () => Promise<Granted>, clock: Clock): Access {
  let current: { token: string; until: Millis } | undefined
  let renewal: Promise<string> | undefined
  const renewed = async () => {
    const begun = clock.monotonic()
    const { token, lifeMs } = await renew()
    current = { token, until: begun + lifeMs * USED_SHARE }
    return token
  }
  return {
    token: () => {
      if (current !== undefined && clock.monotonic() < current.until) return Promise.resolve(current.token)
      renewal ??= renewed().finally(() => {
        renewal = undefined
      })
      return renewal
    },
    refused: token => {
      if (current?.token === token) current = undefined
    },
  }
}

/** By so much a vendor's clock has to differ from what it was taken for, before a refusal is put down to that. */
const WRONG_TIME_MS_MIN: Millis = 60_000

/**
 * Makes a call that is signed with the time by the vendor's clock. A refusal tells what that is: where it is another one
 * than was signed with, the call is made once more.
 */
export async function callByServerTime<A>(
  { serverNow }: Pick<VendorHttp, 'serverNow'>,
  call: (now: Millis) => Promise<A>,
  isRefused: (answer: A) => boolean,
): Promise<A> {
  const signedAt = serverNow()
  const answer = await call(signedAt)
  const isTimeRight = Math.abs(serverNow() - signedAt) < WRONG_TIME_MS_MIN
  return isTimeRight || !isRefused(answer) ? answer : call(serverNow())
}

/** A vendor did not give a token. */
export class AccessDenied extends Error {
  override readonly name = 'AccessDenied'
  /** False: the credentials are wrong. True: it may work later. */
  readonly mayPass: boolean
  constructor(message: string, { mayPass }: { mayPass: boolean }) {
    super(message)
    this.mayPass = mayPass
  }
}

/** One result for every message of a call. */
export function same(count: number, result: SendResult): SendResult[] {
  return Array.from({ length: count }, () => result)
}

/**
 * Makes a call with the vendor's token; one that the vendor does not take is renewed, and the call made once more.
 * Gives a result for each of `count` messages, whatever fails. `attempt` answers `renew` where the token was refused.
 */
export async function withAccess(
  access: Access,
  count: number,
  attempt: (token: string) => Promise<SendResult[] | 'renew'>,
): Promise<SendResult[]> {
  try {
    for (let tries = 1; ; tries++) {
      const token = await access.token().catch(error => {
        // No message was sent yet, whatever became of the request for a token.
        throw error instanceof AccessDenied ? error : new AccessDenied((error as Error).message, { mayPass: true })
      })
      const results = await attempt(token)
      if (results !== 'renew') return results
      access.refused(token)
      if (tries === 2) return same(count, retryService('the vendor refuses its own fresh token'))
    }
  } catch (error) {
    return same(count, accessFailure(error))
  }
}

function accessFailure(error: unknown): SendResult {
  if (!(error instanceof AccessDenied)) return failureResult(error)
  return error.mayPass ? retryService(error.message) : configError(error.message)
}
