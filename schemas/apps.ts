import type { Millis } from '../infra/clock.ts'

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
