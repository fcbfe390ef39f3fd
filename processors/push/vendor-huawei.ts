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
  type SendResult,
  type Vendor,
} from './vendor.ts'
import { FORM, formOf, JSON_BODY, jsonOf, retryAfter } from './vendor-http.ts'
import type { VendorParts } from './vendor-https.ts'

/** Huawei Push Kit, v1 (https-send-api-0000001050986197). Not verified against the live service. */

export const huaweiCredentials = z.strictObject({
  clientId: z.string().min(1),
  clientSecret: z.string().min(1),
  category: z.string().default('IM'),
  channelId: z.string().optional(),
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

export function huaweiVendor(credentials: HuaweiCredentials, { http, clock }: VendorParts): Vendor {
  const { clientId, clientSecret, authUrl, url } = credentials
  const access = makeAccess(async () => {
    const body = formOf({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret })
    const { status, text } = await http.post({ url: `${authUrl}/oauth2/v3/token`, headers: FORM, body })
    const { access_token: token, expires_in: seconds, error } = jsonOf(text)
    if (typeof token !== 'string') {
      throw new AccessDenied(`${status} ${String(error ?? 'no token')}`, { mayPass: status >= 500 || status === 429 })
    }
    return { token, lifeMs: Number(seconds ?? 3_600) * 1_000 }
  }, clock)

  const sendAlike = (messages: readonly PushMessage[]) =>
    withAccess(access, messages.length, async token => {
      const headers = { ...JSON_BODY, authorization: `Bearer ${token}` }
      const body = JSON.stringify(requestBody(messages, credentials))
      const answer = await http.post({ url: `${url}/v1/${clientId}/messages:send`, headers, body })
      const { code, msg, requestId } = jsonOf(answer.text)
      const name = String(code ?? '')
      if (answer.status === 503 || answer.status === 429 || (answer.status >= 500 && name === '')) {
        return same(messages.length, retryService(`${answer.status}`, retryAfter(answer.headers, clock.now())))
      }
      if (name === PARTIAL) return partial(messages, msg, requestId)
      if (HUAWEI_ERRORS[name] === 'renew' || answer.status === 401) return 'renew'
      if (name === '80000000') return same(messages.length, accepted(requestId))
      return same(messages.length, resultOf(HUAWEI_ERRORS, name, String(msg ?? answer.status), { now: clock.now() }))
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

function requestBody(messages: readonly PushMessage[], { category, channelId }: HuaweiCredentials) {
  const { title, body, uri, badge, collapseKey, ttlMs, isUrgent, data, options } = messages[0]!
  const message = {
    data: JSON.stringify(data),
    android: {
      collapse_key: -1,
      urgency: isUrgent ? 'HIGH' : 'NORMAL',
      category,
      ttl: `${Math.floor(ttlMs / 1_000)}s`,
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

/** Notifications with the same number take the place of each other. */
export function notifyIdOf(collapseKey: string): number {
  return Number.parseInt(collapseKey.slice(0, 7), 16)
}

/** Sends what differs in nothing but the token in one call. Results in the order of the messages. */
export async function sendGrouped(
  messages: readonly PushMessage[],
  sendAlike: (messages: readonly PushMessage[]) => Promise<SendResult[]>,
): Promise<SendResult[]> {
  const groups = new Map<string, number[]>()
  for (const [index, { token: _, pushId: __, data, ...rest }] of messages.entries()) {
    const { pushId: ___, ...shared } = data
    const key = JSON.stringify([rest, shared])
    groups.set(key, [...(groups.get(key) ?? []), index])
  }
  const results = new Array<SendResult>(messages.length)
  const calls = [...groups.values()].map(async indexes => {
    const alike = indexes.map(index => messages[index]!)
    // What differs from device to device cannot be told to many at once.
    const answers = await sendAlike(alike.length === 1 ? alike : alike.map(withoutPushId))
    for (const [i, index] of indexes.entries()) results[index] = answers[i]!
  })
  await Promise.all(calls)
  return results
}

function withoutPushId(message: PushMessage): PushMessage {
  const { pushId: _, ...data } = message.data
  // The part before the device is the same for all of them.
  return { ...message, data: { ...data, pushId: message.pushId.split('-').slice(0, 2).join('-') } }
}
