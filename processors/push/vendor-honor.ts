import { z } from 'zod'
import { AccessDenied, makeAccess, same, withAccess } from './access.ts'
import {
  accepted,
  type ErrorTable,
  invalidToken,
  overlay,
  type PushMessage,
  resultOf,
  retryService,
  type Vendor,
} from './vendor.ts'
import { FORM, formOf, JSON_BODY, jsonOf, retryAfter } from './vendor-http.ts'
import type { VendorParts } from './vendor-https.ts'
import { notifyIdOf, sendGrouped } from './vendor-huawei.ts'

/** Honor Push. Its table of errors is taken from Huawei's, whose service it was. Not verified against the live service. */

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

export function honorVendor(
  { appId, clientId, clientSecret, authUrl, url }: HonorCredentials,
  { http, clock }: VendorParts,
): Vendor {
  const access = makeAccess(async () => {
    const body = formOf({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret })
    const { status, text } = await http.post({ url: `${authUrl}/auth/token`, headers: FORM, body })
    const { access_token: token, expires_in: seconds } = jsonOf(text)
    if (typeof token !== 'string')
      throw new AccessDenied(`${status} no token`, { mayPass: status >= 500 || status === 429 })
    return { token, lifeMs: Number(seconds ?? 3_600) * 1_000 }
  }, clock)
  const sendAlike = (messages: readonly PushMessage[]) =>
    withAccess(access, messages.length, async token => {
      const headers = { ...JSON_BODY, authorization: `Bearer ${token}`, timestamp: String(http.serverNow()) }
      const body = JSON.stringify(requestBody(messages))
      const answer = await http.post({ url: `${url}/api/v1/${appId}/sendMessage`, headers, body })
      const { code, message, data } = jsonOf(answer.text)
      const name = String(code ?? '')
      if (answer.status === 429 || answer.status >= 500) {
        return same(messages.length, retryService(`${answer.status}`, retryAfter(answer.headers, clock.now())))
      }
      if (HONOR_ERRORS[name] === 'renew' || answer.status === 401) return 'renew'
      const { requestId, expireTokens, failTokens } = (data ?? {}) as Record<string, unknown>
      if (HONOR_ERRORS[name] !== 'accepted') {
        return same(
          messages.length,
          resultOf(HONOR_ERRORS, name, String(message ?? answer.status), { now: clock.now() }),
        )
      }
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

function requestBody(messages: readonly PushMessage[]) {
  const { title, body, uri, badge, collapseKey, ttlMs, isUrgent, data, options } = messages[0]!
  const base = {
    data: JSON.stringify(data),
    android: {
      ttl: `${Math.floor(ttlMs / 1_000)}s`,
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
