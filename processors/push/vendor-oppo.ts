import { createHash } from 'node:crypto'
import { z } from 'zod'
import { AccessDenied, makeAccess, same, withAccess } from './access.ts'
import { accepted, type ErrorTable, overlay, type PushMessage, resultOf, retryService, type Vendor } from './vendor.ts'
import { FORM, formOf, jsonOf, retryAfter } from './vendor-http.ts'
import type { VendorParts } from './vendor-https.ts'
import { notifyIdOf } from './vendor-huawei.ts'
import { cutTo } from './vendor-xiaomi.ts'

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

export function oppoVendor(credentials: OppoCredentials, { http, clock }: VendorParts): Vendor {
  const { appKey, masterSecret, url } = credentials
  const access = makeAccess(async () => {
    const timestamp = String(http.serverNow())
    const sign = createHash('sha256')
      .update(appKey + timestamp + masterSecret)
      .digest('hex')
    const body = formOf({ app_key: appKey, timestamp, sign })
    const { status, text } = await http.post({ url: `${url}/server/v1/auth`, headers: FORM, body })
    const { code, data, message } = jsonOf(text)
    const { auth_token: token } = (data ?? {}) as Record<string, unknown>
    if (code === 0 && typeof token === 'string') return { token, lifeMs: ACCESS_MS }
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
        const batch = messages.map(message => messageBody(message, credentials))
        const body = formOf({ auth_token: token, messages: JSON.stringify(batch) })
        const answer = await http.post({
          url: `${url}/server/v1/message/notification/unicast_batch`,
          headers: FORM,
          body,
        })
        const { code, data, message } = jsonOf(answer.text)
        const name = String(code ?? '')
        if (name === '' || answer.status >= 500 || answer.status === 429) {
          return same(messages.length, retryService(`${answer.status}`, retryAfter(answer.headers, clock.now())))
        }
        if (OPPO_ERRORS[name] === 'renew') return 'renew'
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

function messageBody(message: PushMessage, { channelId, category }: OppoCredentials) {
  const { pushId, token, title, body, uri, badge, collapseKey, ttlMs, data, options } = message
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
  }
  return { target_type: 2, target_value: token, notification: overlay(notification, options) }
}
