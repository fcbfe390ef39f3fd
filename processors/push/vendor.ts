import type { Millis } from '../../infra/clock.ts'
import type { VendorName } from '../../schemas/push-devices.ts'

/**
 * What a push service is to the rest of the product, whatever it speaks. Each vendor-<name>.ts is one of them, in the
 * same grammar: credentials, access (how it is authenticated, and when that is renewed), the request, and the table of
 * what its answers mean.
 */

/** One notification for one device. */
export interface PushMessage {
  pushId: string
  token: string
  packageName: string
  title: string
  body: string
  /** What opens; empty: the app. */
  uri: string
  badge: number
  collapseKey: string
  ttlMs: Millis
  /** Wall clock. */
  sentAt: Millis
  isUrgent: boolean
  /** What the app is given, besides what is shown. */
  data: Readonly<Record<string, string>>
  /** In the vendor's own terms, over what the product says. */
  options: Readonly<Record<string, unknown>>
  /** It takes the place of one that is gone, and makes no sound. */
  isWithdrawal: boolean
}

export type SendResult =
  /** `messageId`: as the vendor calls it; may be empty. */
  | { kind: 'accepted'; messageId: string }
  /** The token is dead; `before`: what was registered later is not. */
  | { kind: 'invalidToken'; reason: string; before?: Millis }
  /** Nothing was taken; the same again after this time. `service`: nothing else is to be sent before then either. */
  | { kind: 'retry'; reason: string; afterMs: Millis; scope: 'message' | 'service' }
  /** The operator has to do something: credentials, rights, names of apps. */
  | { kind: 'configError'; reason: string }
  /** It is refused as it is, for good. */
  | { kind: 'rejected'; reason: string }
  /** It was sent and no answer came: it may have arrived. */
  | { kind: 'unknown'; reason: string }

/** What becomes of a notification whose message is gone. */
export type Withdrawal = 'recall' | 'replace' | 'none'

export interface Vendor {
  readonly name: VendorName
  /** Messages of one call at most. */
  readonly batchMax: number
  /** How many messages per second it takes. */
  readonly perSecondMax: number
  readonly withdrawal: Withdrawal
  /** Gives one result for each message, in their order. Never rejects. */
  send(messages: readonly PushMessage[]): Promise<SendResult[]>
  /** Takes a notification back; only where `withdrawal` is recall. */
  recall?(message: PushMessage): Promise<SendResult>
  close(): Promise<void>
}

/** How long a vendor that says nothing else is left alone, at first. */
export const RETRY_MS_DEFAULT: Millis = 1_000
export const DAY_MS: Millis = 86_400_000
/** Longest pause that a vendor can ask for. */
export const RETRY_MS_MAX: Millis = DAY_MS

export const accepted = (messageId: unknown): SendResult => ({
  kind: 'accepted',
  messageId: typeof messageId === 'string' || typeof messageId === 'number' ? String(messageId) : '',
})
export const retryMessage = (reason: string, afterMs = RETRY_MS_DEFAULT): SendResult => ({
  kind: 'retry',
  reason,
  afterMs: Math.min(afterMs, RETRY_MS_MAX),
  scope: 'message',
})
export const retryService = (reason: string, afterMs = RETRY_MS_DEFAULT): SendResult => ({
  kind: 'retry',
  reason,
  afterMs: Math.min(afterMs, RETRY_MS_MAX),
  scope: 'service',
})
export const configError = (reason: string): SendResult => ({ kind: 'configError', reason })
export const rejected = (reason: string): SendResult => ({ kind: 'rejected', reason })
export const invalidToken = (reason: string, before?: Millis): SendResult =>
  before === undefined ? { kind: 'invalidToken', reason } : { kind: 'invalidToken', reason, before }

/** A row of an error table: the same for every message of the call. */
export type ErrorTable = Readonly<Record<string, SendResult['kind'] | 'retryService' | 'stopForDay' | 'renew'>>

/** What a code means by its table; a code that nobody knows is rejected, with the code as its reason. */
export function resultOf(table: ErrorTable, code: string, reason: string, { now }: { now: Millis }): SendResult {
  const text = `${code} ${reason}`.trim().slice(0, REASON_CHARS_MAX)
  switch (table[code]) {
    case 'accepted':
      return accepted('')
    case 'invalidToken':
      return invalidToken(text)
    case 'retry':
      return retryMessage(text)
    // Whoever gets here has renewed already.
    case 'renew':
    case 'retryService':
      return retryService(text)
    case 'stopForDay':
      return retryService(text, untilTomorrow(now))
    case 'configError':
      return configError(text)
    default:
      return rejected(text)
  }
}

export const REASON_CHARS_MAX = 200
/** The vendors that count by the day do so in China. */
const DAY_OFFSET_MS = 8 * 3_600_000

/** How long the present day lasts there. */
export function untilTomorrow(now: Millis): Millis {
  return DAY_MS - ((now + DAY_OFFSET_MS) % DAY_MS)
}

/** Lays what is given in the vendor's own terms over what the product says, object by object. */
export function overlay<T extends object>(base: T, options: Readonly<Record<string, unknown>>): T {
  const result = { ...base } as Record<string, unknown>
  for (const [name, value] of Object.entries(options)) {
    if (name === '__proto__') continue
    const before = result[name]
    result[name] = isObject(before) && isObject(value) ? overlay(before, value) : value
  }
  return result as T
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
