import { z } from 'zod'
import { same } from './access.ts'
import {
  accepted,
  type ErrorTable,
  invalidToken,
  type PushMessage,
  resultOf,
  retryService,
  type SendResult,
  type Vendor,
} from './vendor.ts'
import { FORM, failureResult, formOf, jsonOf, retryAfter } from './vendor-http.ts'
import type { VendorParts } from './vendor-https.ts'
import { notifyIdOf, sendGrouped } from './vendor-huawei.ts'

/** Xiaomi (MiPush v3; codes: pId=1560). Not verified against the live service. */

export const xiaomiCredentials = z.strictObject({
  appSecret: z.string().min(1),
  channelId: z.string().optional(),
  /** Where Xiaomi reports what was delivered (docs/push.md). */
  callbackUrl: z.url().optional(),
  url: z.url().default('https://api.xmpush.xiaomi.com'),
})
export type XiaomiCredentials = z.infer<typeof xiaomiCredentials>

const BATCH_MAX = 1_000
const PER_SECOND_MAX = 3_000
const TITLE_CHARS_MAX = 49
const DESCRIPTION_CHARS_MAX = 127
const TTL_MS_MAX = 14 * 86_400_000

export const XIAOMI_ERRORS: ErrorTable = {
  0: 'accepted',
  10001: 'retryService',
  10002: 'retryService',
  10003: 'retryService',
  10012: 'retryService',
  10027: 'retryService',
  10034: 'stopForDay',
  10029: 'invalidToken',
  65003: 'invalidToken',
  10031: 'rejected',
  10008: 'rejected',
  10016: 'rejected',
  10017: 'rejected',
  22102: 'rejected',
  26004: 'rejected',
  65009: 'rejected',
  21301: 'configError',
  21303: 'configError',
  22000: 'configError',
  22006: 'configError',
  22007: 'configError',
  22022: 'configError',
  27001: 'configError',
}

/** No target was valid: of many it does not say which. */
const NO_TARGET = '20301'

export function xiaomiVendor(credentials: XiaomiCredentials, { http, clock }: VendorParts): Vendor {
  const { appSecret, url } = credentials
  const sendAlike = async (messages: readonly PushMessage[]): Promise<SendResult[]> => {
    try {
      const headers = { ...FORM, authorization: `key=${appSecret}` }
      const body = formOf(requestForm(messages, credentials))
      const answer = await http.post({ url: `${url}/v3/message/regid`, headers, body })
      return resultsOf(messages, answer)
    } catch (error) {
      return same(messages.length, failureResult(error))
    }
  }
  const resultsOf = (messages: readonly PushMessage[], answer: Awaited<ReturnType<typeof http.post>>): SendResult[] => {
    const { code, data, description, reason } = jsonOf(answer.text)
    const name = String(code ?? '')
    if (name === '' && (answer.status >= 500 || answer.status === 429)) {
      return same(messages.length, retryService(`${answer.status}`, retryAfter(answer.headers, clock.now())))
    }
    const { id, bad_regids: bad } = (data ?? {}) as Record<string, unknown>
    if (name === '0') {
      const dead = new Set(String(bad ?? '').split(','))
      return messages.map(({ token }) => (dead.has(token) ? invalidToken('bad regid') : accepted(id)))
    }
    const why = String(reason ?? description ?? answer.status)
    if (name === NO_TARGET && messages.length === 1) return [invalidToken(`${NO_TARGET} ${why}`)]
    return same(messages.length, resultOf(XIAOMI_ERRORS, name, why, { now: clock.now() }))
  }
  return {
    name: 'xiaomi',
    batchMax: BATCH_MAX,
    perSecondMax: PER_SECOND_MAX,
    withdrawal: 'replace',
    send: messages => sendGrouped(messages, sendAlike),
    close: async () => {},
  }
}

function requestForm(messages: readonly PushMessage[], { channelId, callbackUrl }: XiaomiCredentials) {
  const { packageName, title, body, uri, badge, collapseKey, ttlMs, data, options } = messages[0]!
  const intent: Record<string, string> =
    uri === '' ? { 'extra.notify_effect': '1' } : { 'extra.notify_effect': '2', 'extra.intent_uri': uri }
  const given = Object.fromEntries(Object.entries(options).map(([name, value]) => [name, String(value)]))
  return {
    registration_id: messages.map(({ token }) => token).join(','),
    restricted_package_name: packageName,
    title: cutTo(title, TITLE_CHARS_MAX),
    description: cutTo(body, DESCRIPTION_CHARS_MAX),
    payload: encodeURIComponent(JSON.stringify({ ...data, badge })),
    pass_through: '0',
    notify_type: '-1',
    notify_id: String(notifyIdOf(collapseKey)),
    time_to_live: String(Math.min(ttlMs, TTL_MS_MAX)),
    ...intent,
    ...(channelId === undefined ? {} : { 'extra.channel_id': channelId }),
    ...(callbackUrl === undefined
      ? {}
      : { 'extra.callback': callbackUrl, 'extra.callback.param': data.pushId ?? '', 'extra.callback.type': '3' }),
    ...given,
  }
}

/** Cuts a text to so many characters; the last one says that there was more. */
export function cutTo(text: string, charsMax: number): string {
  const chars = [...text]
  return chars.length <= charsMax ? text : `${chars.slice(0, charsMax - 1).join('')}…`
}
