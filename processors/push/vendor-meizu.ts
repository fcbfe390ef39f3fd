import { createHash } from 'node:crypto'
import { z } from 'zod'
import { same } from './access.ts'
import {
  fieldOf,
  isSameSecret,
  parsedJson,
  type ReceiptFormat,
  type ReceiptOutcome,
  readBy,
  tokensOf,
} from './receipt-format.ts'
import {
  accepted,
  type ErrorTable,
  invalidToken,
  overlay,
  type PushMessage,
  resultOf,
  retryMessage,
  type SendResult,
  type Vendor,
} from './vendor.ts'
import { cutTo, receiptOf, sendGrouped } from './vendor-batch.ts'
import { FORM, failureResult, formOf, jsonOf, statusResult, type VendorParts } from './vendor-http.ts'

/** Meizu (PushAPI README). Not verified against the live service. */

export const meizuCredentials = z.strictObject({
  appId: z.string().min(1),
  appSecret: z.string().min(1),
  /** With which Meizu shows who it is when it reports (its console, receipts). */
  callbackToken: z.string().min(1).optional(),
  url: z.url().default('https://server-api-push.meizu.com'),
})
export type MeizuCredentials = z.infer<typeof meizuCredentials>

const BATCH_MAX = 1_000
const PER_SECOND_MAX = 500
const TITLE_CHARS_MAX = 32
const CONTENT_CHARS_MAX = 100
const NOTIFY_KEY_CHARS = 8
const VALID_HOURS_MAX = 72

/** Of the whole call. */
export const MEIZU_ERRORS: ErrorTable = {
  200: 'accepted',
  500: 'retryService',
  1001: 'retryService',
  1003: 'retryService',
  1005: 'rejected',
  1006: 'configError',
  110000: 'configError',
  110001: 'configError',
  110004: 'rejected',
  110009: 'configError',
  110010: 'retryService',
  110053: 'rejected',
}

/** Of single tokens. */
export const MEIZU_TOKEN_ERRORS: ErrorTable = {
  110002: 'invalidToken',
  110003: 'invalidToken',
  110005: 'rejected',
  201: 'rejected',
  501: 'retry',
  513: 'retry',
  519: 'retry',
  520: 'retry',
}

export function meizuVendor(credentials: MeizuCredentials, { http, clock, receiptUrl }: VendorParts): Vendor {
  const { appId, appSecret, url } = credentials
  const sendAlike = async (messages: readonly PushMessage[]): Promise<SendResult[]> => {
    const fields: Record<string, string> = {
      appId,
      pushIds: messages.map(({ token }) => token).join(','),
      messageJson: JSON.stringify(messageBody(messages[0]!, receiptUrl)),
    }
    const sign = signatureOf(fields, appSecret)
    try {
      const request = {
        url: `${url}/garcia/api/server/push/varnished/pushByPushId`,
        headers: FORM,
        body: formOf({ ...fields, sign }),
      }
      const answer = await http.post(request)
      const { code, message, value, msgId } = jsonOf(answer.text)
      const name = String(code ?? '')
      const failed = statusResult(answer, name, clock.now())
      if (failed !== undefined) return same(messages.length, failed)
      if (name !== '200')
        return same(messages.length, resultOf(MEIZU_ERRORS, name, String(message ?? ''), { now: clock.now() }))
      const faults = faultsOf(value)
      return messages.map(({ token }) => tokenResult(faults.get(token), msgId))
    } catch (error) {
      return same(messages.length, failureResult(error))
    }
  }
  return {
    name: 'meizu',
    batchMax: BATCH_MAX,
    perSecondMax: PER_SECOND_MAX,
    withdrawal: 'replace',
    send: messages => sendGrouped(messages, sendAlike),
    close: async () => {},
  }
}

/** MD5 over the sorted fields, one behind the other, and the secret. */
function signatureOf(fields: Readonly<Record<string, string>>, appSecret: string): string {
  const text = Object.keys(fields)
    .sort()
    .map(name => `${name}=${fields[name]}`)
    .join('')
  return createHash('md5')
    .update(text + appSecret)
    .digest('hex')
}

/** Token -> code, of `value`: code -> tokens. */
function faultsOf(value: unknown): Map<string, string> {
  const faults = new Map<string, string>()
  if (typeof value !== 'object' || value === null) return faults
  for (const [code, tokens] of Object.entries(value)) {
    if (Array.isArray(tokens)) for (const token of tokens) faults.set(String(token), code)
  }
  return faults
}

function tokenResult(code: string | undefined, msgId: unknown): SendResult {
  if (code === undefined) return accepted(msgId)
  if (MEIZU_TOKEN_ERRORS[code] === 'invalidToken') return invalidToken(code)
  return MEIZU_TOKEN_ERRORS[code] === 'retry' ? retryMessage(code) : { kind: 'rejected', reason: code }
}

function messageBody(message: PushMessage, receiptUrl: string | undefined) {
  const { title, body, uri, badge, collapseKey, ttlMs, isUrgent, data, options } = message
  const receipt = receiptOf(message, receiptUrl)
  const base = {
    noticeBarInfo: { noticeBarType: 0, title: cutTo(title, TITLE_CHARS_MAX), content: cutTo(body, CONTENT_CHARS_MAX) },
    clickTypeInfo: {
      ...(uri === '' ? { clickType: 0 } : { clickType: 2, url: uri }),
      parameters: { ...data, badge: String(badge) },
    },
    pushTimeInfo: { offLine: 1, validTime: Math.min(Math.max(1, Math.floor(ttlMs / 3_600_000)), VALID_HOURS_MAX) },
    advanceInfo: {
      notificationType: { vibrate: isUrgent ? 1 : 0, lights: 1, sound: 1 },
      notifyKey: collapseKey.slice(0, NOTIFY_KEY_CHARS),
    },
    ...(receipt === undefined
      ? {}
      : { extra: { callback: receipt.url, 'callback.param': receipt.tag, 'callback.type': DELIVERED_AND_OPENED } }),
  }
  return overlay(base, options)
}

const DELIVERED_AND_OPENED = 3
const MEIZU_RECEIPTS: Readonly<Record<number, ReceiptOutcome>> = { 1: 'delivered', 2: 'opened' }

const receiptsBody = z.record(
  z.string(),
  z.object({ param: z.string().default(''), type: z.coerce.number(), targets: z.array(z.string()) }),
)

/** A form: `cb` is JSON by message and type, `access_token` shows that it is Meizu who calls. */
export const meizuReceipts: ReceiptFormat<MeizuCredentials> = {
  isAuthentic: ({ body }, { callbackToken }) =>
    callbackToken !== undefined && isSameSecret(fieldOf(body, 'access_token'), callbackToken),
  read: body => readCallback(parsedJson(fieldOf(body, 'cb'))),
}
const readCallback = readBy(receiptsBody, messages =>
  Object.values(messages).flatMap(({ param, type, targets }) =>
    tokensOf(targets).map(token => ({
      tag: param,
      token,
      outcome: MEIZU_RECEIPTS[type] ?? 'pending',
      detail: `type ${type}`,
    })),
  ),
)
