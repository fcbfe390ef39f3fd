import { createHmac } from 'node:crypto'
import { z } from 'zod'
import type { Millis } from '../../infra/clock.ts'
import { callByServerTime } from './access.ts'
import {
  accepted,
  configError,
  invalidToken,
  overlay,
  type PushMessage,
  rejected,
  retryService,
  type SendResult,
  type Vendor,
} from './vendor.ts'
import { failureResult, type HttpAnswer, JSON_BODY, jsonOf, retryAfter, type VendorParts } from './vendor-http.ts'

/**
 * Push by a service of the operator's own: signed HTTPS calls, for what no other vendor does (a pager, a desktop
 * notifier, a vendor that is not built in). One call for one notification; it can be taken back.
 *
 * Signature: `v1=` and HMAC-SHA256 in hex, by the secret, over `<timestamp>.<body>`; the receiver refuses what is more
 * than five minutes old.
 */

export const httpsCredentials = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  secret: z.string().min(16),
})
export type HttpsCredentials = z.infer<typeof httpsCredentials>

export function httpsVendor({ url, secret }: HttpsCredentials, { http, clock }: VendorParts): Vendor {
  const post = (action: 'push' | 'recall', body: string) => (now: Millis) => {
    const timestamp = String(Math.floor(now / 1_000))
    const signature = `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`
    const headers = { ...JSON_BODY, 'packlog-timestamp': timestamp, 'packlog-signature': signature }
    return http.post({ url: `${url.replace(/\/$/, '')}/${action}`, headers, body })
  }
  const call = async (action: 'push' | 'recall', message: PushMessage): Promise<SendResult> => {
    const body = JSON.stringify(action === 'push' ? pushBody(message) : recallBody(message))
    try {
      const answer = await callByServerTime(http, post(action, body), isUnsigned)
      const { status, text, headers: answered } = answer
      const { id, reason } = jsonOf(text)
      const said = `${status} ${typeof reason === 'string' ? reason : ''}`.trim()
      if (status >= 200 && status < 300) return accepted(id)
      if (status === 404 || status === 410) return invalidToken(said)
      if (isUnsigned(answer)) return configError(said)
      if (status === 429 || status >= 500) return retryService(said, retryAfter(answered, clock.now()))
      return rejected(said)
    } catch (error) {
      return failureResult(error)
    }
  }
  return {
    name: 'https',
    batchMax: 1,
    perSecondMax: 1_000,
    withdrawal: 'recall',
    send: messages => Promise.all(messages.map(message => call('push', message))),
    recall: message => call('recall', message),
    close: async () => {},
  }
}

/** The signature is not believed: its secret is wrong, or its time. */
function isUnsigned({ status }: HttpAnswer): boolean {
  return status === 401 || status === 403
}

function pushBody(message: PushMessage) {
  const { pushId, token, packageName, title, body, uri, badge, collapseKey, ttlMs, isUrgent, data, options } = message
  const base = { pushId, token, packageName, title, body, uri, badge, collapseKey }
  return overlay({ ...base, ttlSeconds: Math.floor(ttlMs / 1_000), urgent: isUrgent, data }, options)
}

function recallBody({ token, packageName, collapseKey, badge, data }: PushMessage) {
  return { token, packageName, collapseKey, badge, data }
}
