import { z } from 'zod'
import { same, withAccess } from './access.ts'
import { clientCredentials } from './client-credentials.ts'
import type { ReceiptFormat } from './receipt-format.ts'
import { accepted, type ErrorTable, invalidToken, overlay, type PushMessage, resultOf, type Vendor } from './vendor.ts'
import { notifyIdOf, receiptOf, sendGrouped } from './vendor-batch.ts'
import { JSON_BODY, jsonOf, statusResult, type VendorParts } from './vendor-http.ts'
import { readStatuses } from './vendor-huawei.ts'

/**
 * Honor Push. Its tables of errors and of receipts are taken from Huawei's, whose service it was. Not verified against
 * the live service.
 */

export const honorCredentials = z.strictObject({
  appId: z.string().min(1),
  clientId: z.string().min(1),
  clientSecret: z.string().min(1),
  authUrl: z.url().default('https://iam.developer.hihonor.com'),
  url: z.url().default('https://push-api.cloud.hihonor.com'),
})
export type HonorCredentials = z.infer<typeof honorCredentials>

const BATCH_MAX = 1_000
const PER_SECOND_MAX = 3_000

export const HONOR_ERRORS: ErrorTable = {
  200: 'accepted',
  80000000: 'accepted',
  80300007: 'invalidToken',
  80200001: 'renew',
  80200003: 'renew',
  80100001: 'rejected',
  80100003: 'rejected',
  80100004: 'rejected',
  80300002: 'configError',
  80300008: 'rejected',
  80300010: 'rejected',
  80600003: 'retryService',
  81000001: 'retryService',
}

export function honorVendor(credentials: HonorCredentials, { http, clock, receiptUrl }: VendorParts): Vendor {
  const { appId, clientId, clientSecret, authUrl, url } = credentials
  const access = clientCredentials({ url: `${authUrl}/auth/token`, clientId, clientSecret }, { http, clock })
  const sendAlike = (messages: readonly PushMessage[]) =>
    withAccess(access, messages.length, async token => {
      const headers = { ...JSON_BODY, authorization: `Bearer ${token}`, timestamp: String(http.serverNow()) }
      const body = JSON.stringify(requestBody(messages, receiptUrl))
      const answer = await http.post({ url: `${url}/api/v1/${appId}/sendMessage`, headers, body })
      const { code, message, data } = jsonOf(answer.text)
      const name = String(code ?? '')
      if (HONOR_ERRORS[name] === 'renew' || answer.status === 401) return 'renew'
      const failed = statusResult(answer, name, clock.now())
      if (failed !== undefined) return same(messages.length, failed)
      if (HONOR_ERRORS[name] !== 'accepted') {
        return same(messages.length, resultOf(HONOR_ERRORS, name, String(message ?? ''), { now: clock.now() }))
      }
      const { requestId, expireTokens, failTokens } = (data ?? {}) as Record<string, unknown>
      const dead = new Set([expireTokens, failTokens].flatMap(list => (Array.isArray(list) ? list.map(String) : [])))
      return messages.map(one => (dead.has(one.token) ? invalidToken('expired token') : accepted(requestId)))
    })
  return {
    name: 'honor',
    batchMax: BATCH_MAX,
    perSecondMax: PER_SECOND_MAX,
    withdrawal: 'replace',
    send: messages => sendGrouped(messages, sendAlike),
    close: async () => {},
  }
}

function requestBody(messages: readonly PushMessage[], receiptUrl: string | undefined) {
  const { title, body, uri, badge, collapseKey, ttlMs, isUrgent, data, options } = messages[0]!
  const receipt = receiptOf(messages[0]!, receiptUrl)
  const base = {
    data: JSON.stringify(data),
    android: {
      ttl: `${Math.floor(ttlMs / 1_000)}s`,
      ...(receipt === undefined ? {} : { biTag: receipt.tag }),
      notification: {
        title,
        body,
        clickAction: uri === '' ? { type: 3 } : { type: 1, intent: uri },
        importance: isUrgent ? 'HIGH' : 'NORMAL',
        notifyId: notifyIdOf(collapseKey),
        badge: { setNum: badge },
      },
    },
    token: messages.map(({ token }) => token),
  }
  return overlay(base, options)
}

/** Honor signs nothing that is known to us: the key in the URL is what it has. */
export const honorReceipts: ReceiptFormat<HonorCredentials> = { isAuthentic: () => true, read: readStatuses }
