import type { Millis } from '../infra/clock.ts'
import { type EventBody, KEY_QUOTA_ACT } from './event.ts'

/** Keys and jobs of apps, and the tokens of users. The fields are those of the schemas, which say what each means. */

export interface NewKey {
  keyId: string
  name: string
  secretHash: string
  scopes: string[]
  expiresAt?: Millis
  perSecond?: number
}

/** A key of an app, as it is now. */
export interface AppKey extends NewKey {
  at: Millis
}

/** Requests that one key may make in a day, UTC. */
export const PER_DAY_MAX = 1_000_000_000

/** How much a key may do in a day. */
export interface KeyQuota {
  keyId: string
  /** Undefined: no limit. */
  perDay: number | undefined
}

/** What an event says of that (docs/adr/0024); undefined for all others, and for what nobody of ours has written. */
export function keyQuota(body: EventBody): KeyQuota | undefined {
  if (body.kind !== 'ActRecorded' || body.act !== KEY_QUOTA_ACT) return undefined
  const [, digits] = /"perDay":(null|[1-9]\d{0,9})[,}]/.exec(body.detail ?? '') ?? []
  if (digits === undefined) return undefined
  return { keyId: body.subject, perDay: digits === 'null' ? undefined : Number(digits) }
}

export interface RevokedToken {
  tokenId: string
  expiresAt: Millis
}

/** Which tokens of a user are good no more. */
export interface Revoked {
  notBefore: Millis
  tokens: RevokedToken[]
}

/** Of a user of whom none was revoked. */
export const NONE_REVOKED: Revoked = { notBefore: 0, tokens: [] }

/** What is to be done by a job. */
export interface JobStart {
  jobId: string
  job: string
  spec: string
  total: number
}

export interface JobStep {
  jobId: string
  step: number
  done: number
  failed: number
  cursor: string
}

export interface JobEnd {
  jobId: string
  done: number
  failed: number
  error?: string
  result?: string
}
