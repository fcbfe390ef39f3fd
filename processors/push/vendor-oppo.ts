import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Millis } from '../../infra/clock.ts'
import { AccessDenied, callByServerTime, makeAccess, same, withAccess } from './access.ts'
import { type ReceiptFormat, type ReceiptOutcome, readBy, tokensOf } from './receipt-format.ts'
import { accepted, type ErrorTable, overlay, type PushMessage, resultOf, type Vendor } from './vendor.ts'
import { cutTo, notifyIdOf, receiptOf } from './vendor-batch.ts'
import { FORM, formOf, jsonOf, statusResult, type VendorParts } from './vendor-http.ts'

/** OPPO Push. Not verified against the live service. */

export const oppoCredentials = z.strictObject({
  appKey: z.string().min(1),
  masterSecret: z.string().min(1),
  channelId: z.string().optional(),
  category: z.string().optional(),
  url: z.url().default('https://api.push.oppomobile.com'),
})
export type OppoCredentials = z.infer<typeof oppoCredentials>

const BATCH_MAX = 1_000
const PER_SECOND_MAX = 1_000
const TITLE_CHARS_MAX = 50
const CONTENT_CHARS_MAX = 200
const ACCESS_MS = 24 * 3_600_000

export const OPPO_ERRORS: ErrorTable = {
  0: 'accepted',
  10000: 'invalidToken',
  11: 'renew',
  '-1': 'retryService',
  '-2': 'retryService',
  13: 'retryService',
  55: 'retryService',
  33: 'stopForDay',
  12: 'configError',
  14: 'configError',
  15: 'configError',
  16: 'configError',
  17: 'configError',
  18: 'configError',
  19: 'configError',
  25: 'configError',
  26: 'configError',
  27: 'configError',
  28: 'configError',
  29: 'configError',
  30: 'configError',
  40: 'rejected',
  41: 'rejected',
  51: 'rejected',
  59: 'rejected',
  67: 'rejected',
}

export function oppoVendor(credentials: OppoCredentials, { http, clock, receiptUrl }: VendorParts): Vendor {
  const { appKey, masterSecret, url } = credentials
  const ask = async (now: Millis) => {
    const timestamp = String(now)
    const sign = createHash('sha256')
      .update(appKey + timestamp + masterSecret)
      .digest('hex')
    const body = formOf({ app_key: appKey, timestamp, sign })
    const { status, text } = await http.post({ url: `${url}/server/v1/auth`, headers: FORM, body })
    const { code, data, message } = jsonOf(text)
    const { auth_token: token } = (data ?? {}) as Record<string, unknown>
    return { status, code, message, token: code === 0 && typeof token === 'string' ? token : undefined }
  }
  const access = makeAccess(async () => {
    const { status, code, message, token } = await callByServerTime(http, ask, answer => answer.token === undefined)
    if (token !== undefined) return { token, lifeMs: ACCESS_MS }
    const kind = OPPO_ERRORS[String(code)]
    const mayPass = status >= 500 || status === 429 || kind === 'retryService'
    throw new AccessDenied(`${String(code ?? status)} ${String(message ?? '')}`.trim(), { mayPass })
  }, clock)
  return {
    name: 'oppo',
    batchMax: BATCH_MAX,
    perSecondMax: PER_SECOND_MAX,
    withdrawal: 'replace',
    send: messages =>
      withAccess(access, messages.length, async token => {
        const batch = messages.map(message => messageBody(message, credentials, receiptUrl))
        const body = formOf({ auth_token: token, messages: JSON.stringify(batch) })
        const answer = await http.post({
          url: `${url}/server/v1/message/notification/unicast_batch`,
          headers: FORM,
          body,
        })
        const { code, data, message } = jsonOf(answer.text)
        const name = String(code ?? '')
        if (OPPO_ERRORS[name] === 'renew') return 'renew'
        const failed = statusResult(answer, name, clock.now())
        if (failed !== undefined) return same(messages.length, failed)
        if (name !== '0')
          return same(messages.length, resultOf(OPPO_ERRORS, name, String(message ?? ''), { now: clock.now() }))
        const answers = Array.isArray(data) ? (data as Record<string, unknown>[]) : []
        return messages.map((_, i) => {
          const { messageId, errorCode, errorMessage } = answers[i] ?? {}
          if (errorCode === undefined || errorCode === 0) return accepted(messageId)
          return resultOf(OPPO_ERRORS, String(errorCode), String(errorMessage ?? ''), { now: clock.now() })
        })
      }),
    close: async () => {},
  }
}

function messageBody(message: PushMessage, { channelId, category }: OppoCredentials, receiptUrl: string | undefined) {
  const { pushId, token, title, body, uri, badge, collapseKey, ttlMs, data, options } = message
  const receipt = receiptOf(message, receiptUrl)
  const notification = {
    app_message_id: pushId,
    title: cutTo(title, TITLE_CHARS_MAX),
    content: cutTo(body, CONTENT_CHARS_MAX),
    ...(uri === '' ? { click_action_type: 0 } : { click_action_type: 5, click_action_url: uri }),
    action_parameters: JSON.stringify({ ...data, badge: String(badge) }),
    ...(channelId === undefined ? {} : { channel_id: channelId }),
    ...(category === undefined ? {} : { category }),
    off_line: true,
    off_line_ttl: Math.floor(ttlMs / 1_000),
    notify_id: notifyIdOf(collapseKey),
    ...(receipt === undefined ? {} : { call_back_url: receipt.url, call_back_parameter: receipt.tag }),
  }
  return { target_type: 2, target_value: token, notification: overlay(notification, options) }
}

const OPPO_RECEIPTS: Readonly<Record<string, ReceiptOutcome>> = {
  push_arrive: 'delivered',
  regid_invalid: 'invalidToken',
  user_daily_limit: 'failed',
}

const receiptsBody = z.array(
  z.object({
    registrationIds: z.string(),
    param: z.string().default(''),
    eventType: z.string(),
    eventTime: z.coerce.number().optional().catch(undefined),
  }),
)

/** A list of what happened. OPPO signs nothing: the key in the URL is what it has. */
export const oppoReceipts: ReceiptFormat<OppoCredentials> = {
  isAuthentic: () => true,
  read: readBy(receiptsBody, all =>
    all.flatMap(({ registrationIds, param, eventType, eventTime }) =>
      tokensOf(registrationIds).map(token => ({
        tag: param,
        token,
        outcome: OPPO_RECEIPTS[eventType] ?? 'pending',
        detail: eventType,
        at: eventTime,
      })),
    ),
  ),
}
