import { createHmac } from 'node:crypto'
import { z } from 'zod'
import type { Millis } from '../../infra/clock.ts'
import { same, withAccess } from './access.ts'
import { clientCredentials } from './client-credentials.ts'
import { isSameSecret, type ReceiptCall, type ReceiptFormat, type ReceiptOutcome, readBy } from './receipt-format.ts'
import {
  accepted,
  type ErrorTable,
  invalidToken,
  overlay,
  type PushMessage,
  resultOf,
  type SendResult,
  type Vendor,
} from './vendor.ts'
import { notifyIdOf, receiptOf, sendGrouped } from './vendor-batch.ts'
import { JSON_BODY, jsonOf, statusResult, type VendorParts } from './vendor-http.ts'

/** Huawei Push Kit, v1 (https-send-api-0000001050986197). Not verified against the live service. */

export const huaweiCredentials = z.strictObject({
  clientId: z.string().min(1),
  clientSecret: z.string().min(1),
  category: z.string().default('IM'),
  channelId: z.string().optional(),
  /** With which Huawei signs its receipts, as they stand in AppGallery Connect. */
  callbackUser: z.string().min(1).optional(),
  callbackSecret: z.string().min(1).optional(),
  authUrl: z.url().default('https://oauth-login.cloud.huawei.com'),
  url: z.url().default('https://push-api.cloud.huawei.com'),
})
export type HuaweiCredentials = z.infer<typeof huaweiCredentials>

const BATCH_MAX = 1_000
const PER_SECOND_MAX = 3_000

export const HUAWEI_ERRORS: ErrorTable = {
  80000000: 'accepted',
  80300007: 'invalidToken',
  80200001: 'renew',
  80200003: 'renew',
  80200005: 'renew',
  80100001: 'rejected',
  80100003: 'rejected',
  80100004: 'rejected',
  80100013: 'rejected',
  80100016: 'rejected',
  80100017: 'rejected',
  80300002: 'configError',
  80300011: 'configError',
  80300008: 'rejected',
  80300010: 'rejected',
  80600003: 'retryService',
  81000001: 'retryService',
}

/** What is left where the code says that some tokens are dead. */
const PARTIAL = '80100000'

export function huaweiVendor(credentials: HuaweiCredentials, { http, clock, receiptUrl }: VendorParts): Vendor {
  const { clientId, clientSecret, authUrl, url } = credentials
  const access = clientCredentials({ url: `${authUrl}/oauth2/v3/token`, clientId, clientSecret }, { http, clock })
  const sendAlike = (messages: readonly PushMessage[]) =>
    withAccess(access, messages.length, async token => {
      const headers = { ...JSON_BODY, authorization: `Bearer ${token}` }
      const body = JSON.stringify(requestBody(messages, credentials, receiptUrl))
      const answer = await http.post({ url: `${url}/v1/${clientId}/messages:send`, headers, body })
      const { code, msg, requestId } = jsonOf(answer.text)
      const name = String(code ?? '')
      if (HUAWEI_ERRORS[name] === 'renew' || answer.status === 401) return 'renew'
      const failed = statusResult(answer, name, clock.now())
      if (failed !== undefined) return same(messages.length, failed)
      if (name === PARTIAL) return partial(messages, msg, requestId)
      if (HUAWEI_ERRORS[name] === 'accepted') return same(messages.length, accepted(requestId))
      return same(messages.length, resultOf(HUAWEI_ERRORS, name, String(msg ?? ''), { now: clock.now() }))
    })
  return {
    name: 'huawei',
    batchMax: BATCH_MAX,
    perSecondMax: PER_SECOND_MAX,
    withdrawal: 'replace',
    send: messages => sendGrouped(messages, sendAlike),
    close: async () => {},
  }
}

/** `msg` is JSON in a text: which tokens are dead; the others were taken. */
function partial(messages: readonly PushMessage[], msg: unknown, requestId: unknown): SendResult[] {
  const { illegal_tokens: illegal } = jsonOf(String(msg ?? ''))
  const dead = new Set(Array.isArray(illegal) ? illegal.map(String) : [])
  return messages.map(({ token }) => (dead.has(token) ? invalidToken(`${PARTIAL} illegal token`) : accepted(requestId)))
}

function requestBody(
  messages: readonly PushMessage[],
  { category, channelId }: HuaweiCredentials,
  receiptUrl: string | undefined,
) {
  const { title, body, uri, badge, collapseKey, ttlMs, isUrgent, data, options } = messages[0]!
  const receipt = receiptOf(messages[0]!, receiptUrl)
  const message = {
    data: JSON.stringify(data),
    android: {
      collapse_key: -1,
      urgency: isUrgent ? 'HIGH' : 'NORMAL',
      category,
      ttl: `${Math.floor(ttlMs / 1_000)}s`,
      ...(receipt === undefined ? {} : { bi_tag: receipt.tag }),
      notification: {
        title,
        body,
        click_action: uri === '' ? { type: 3 } : { type: 1, intent: uri },
        ...(channelId === undefined ? {} : { channel_id: channelId }),
        notify_id: notifyIdOf(collapseKey),
        importance: 'NORMAL',
        badge: { set_num: badge },
      },
    },
    token: messages.map(({ token }) => token),
  }
  return { validate_only: false, message: overlay(message, options) }
}

/** By the status of a receipt; what is not named here has not arrived. */
export const HUAWEI_RECEIPTS: Readonly<Record<number, ReceiptOutcome>> = {
  0: 'delivered',
  2: 'invalidToken',
  5: 'invalidToken',
  27: 'pending',
  51: 'pending',
  201: 'pending',
}

const statusesBody = z.object({
  statuses: z.array(
    z.object({
      biTag: z.string().default(''),
      token: z.string(),
      status: z.number().optional(),
      timestamp: z.number().optional(),
      // The second version of receipts.
      deliveryStatus: z.object({ result: z.number(), timestamp: z.number().optional() }).optional(),
    }),
  ),
})

/** Receipts as Huawei and Honor give them. */
export const readStatuses = readBy(statusesBody, ({ statuses }) =>
  statuses.map(({ biTag, token, status, timestamp, deliveryStatus }) => {
    const code = deliveryStatus?.result ?? status ?? 0
    const at = deliveryStatus?.timestamp ?? timestamp
    return { tag: biTag, token, outcome: HUAWEI_RECEIPTS[code] ?? 'failed', detail: `status ${code}`, at }
  }),
)

export const huaweiReceipts: ReceiptFormat<HuaweiCredentials> = { isAuthentic: isSignedCall, read: readStatuses }

/** `X-HUAWEI-CALLBACK-ID: timestamp=<ms>; nonce=<UUID>; value=<Base64 of HMAC-SHA256 over timestamp, nonce and user>`. */
function isSignedCall(
  { headers }: ReceiptCall,
  { callbackUser, callbackSecret }: HuaweiCredentials,
  now: Millis,
): boolean {
  if (callbackUser === undefined || callbackSecret === undefined) return false
  const fields = Object.fromEntries(
    String(headers['x-huawei-callback-id'] ?? '')
      .split(';')
      .map(part => /^\s*(\w+)=(.*)$/.exec(part)?.slice(1) ?? []),
  ) as Record<string, string | undefined>
  const { timestamp = '', nonce = '', value = '' } = fields
  if (!/^\d+$/.test(timestamp) || Math.abs(Number(timestamp) - now) > SIGNATURE_AGE_MS_MAX) return false
  const signed = createHmac('sha256', callbackSecret).update(`${timestamp}${nonce}${callbackUser}`)
  return isSameSecret(value, signed.digest('base64'))
}

const SIGNATURE_AGE_MS_MAX: Millis = 300_000
