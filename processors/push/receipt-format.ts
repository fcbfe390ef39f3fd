import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { z } from 'zod'
import type { Millis } from '../../infra/clock.ts'

/** How a vendor reports what became of pushes: each vendor-<name>.ts that knows of it has a format. */

/** What became of a push after the vendor had taken it. */
export interface Receipt {
  /** As it was sent (receiptTagOf). */
  tag: string
  /** Names the device. */
  token: string
  outcome: ReceiptOutcome
  /** What the vendor said. */
  detail: string
  /** By the vendor's clock; undefined where it does not tell. */
  at?: Millis | undefined
}

export type ReceiptOutcome = 'delivered' | 'opened' | 'invalidToken' | 'failed' | 'pending'

/** A call of a vendor, whose URL had the right key. */
export interface ReceiptCall {
  headers: IncomingHttpHeaders
  /** Parsed JSON, or the fields of a form. */
  body: unknown
}

export interface ReceiptFormat<Credentials = unknown> {
  /** By the vendor's own contract, beside the key of the URL. */
  isAuthentic(call: ReceiptCall, credentials: Credentials, now: Millis): boolean
  /** Undefined where it is not what the vendor sends. */
  read(body: unknown): Receipt[] | undefined
}

/** Whoever compares secrets does not tell by the time it takes how much was right. */
export function isSameSecret(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}

/** The last part of the URL that a vendor calls: whoever does not have it from us cannot make it. */
export function receiptKey(secret: string, vendor: string, packageName: string): string {
  return createHmac('sha256', secret).update(`${vendor} ${packageName}`).digest('hex').slice(0, RECEIPT_KEY_CHARS)
}

export const RECEIPT_KEY_CHARS = 32
/** The path that vendors call; the gateway has a route of it. */
export const RECEIPT_PATH = '/v1/push-receipts'
/** vivo and Meizu take no longer URL. */
export const RECEIPT_URL_CHARS_MAX = 128

/** Reads a body by its schema. */
export function readBy<T>(
  schema: z.ZodType<T>,
  receipts: (body: T) => Receipt[],
): (body: unknown) => Receipt[] | undefined {
  return body => {
    const { data, success } = schema.safeParse(body)
    return success ? receipts(data) : undefined
  }
}

/** A text of tokens, comma separated, or a list of them. */
export function tokensOf(targets: string | readonly string[]): string[] {
  const list = typeof targets === 'string' ? targets.split(',') : targets
  return list.map(token => token.trim()).filter(token => token !== '')
}

/** A field of a form; empty where it is not there. */
export function fieldOf(form: unknown, name: string): string {
  const value = typeof form === 'object' && form !== null ? (form as Record<string, unknown>)[name] : undefined
  return typeof value === 'string' ? value : ''
}

/** Undefined where it is no JSON. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
