import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Millis } from '../../infra/clock.ts'
import { AccessDenied, callByServerTime, makeAccess, withAccess } from './access.ts'
import { type ReceiptFormat, type ReceiptOutcome, readBy, tokensOf } from './receipt-format.ts'
import {
  accepted,
  type ErrorTable,
  overlay,
  type PushMessage,
  resultOf,
  type SendResult,
  type Vendor,
} from './vendor.ts'
import { cutTo, notifyIdOf, receiptOf } from './vendor-batch.ts'
import { JSON_BODY, jsonOf, statusResult, type VendorParts } from './vendor-http.ts'

/** vivo Push (doc/362, v2.9.2). Not verified against the live service. */

export const vivoCredentials = z.strictObject({
  appId: z.string().min(1),
  appKey: z.string().min(1),
  appSecret: z.string().min(1),
  category: z.string().default('IM'),
  /** 1 only on test users. */
  pushMode: z.union([z.literal(0), z.literal(1)]).default(0),
  url: z.url().default('https://api-push.vivo.com.cn'),
})
export type VivoCredentials = z.infer<typeof vivoCredentials>

const PER_SECOND_MAX = 500
const TITLE_CHARS_MAX = 40
const CONTENT_CHARS_MAX = 100
const TTL_SECONDS = { min: 60, max: 604_800 }
/** A token is good for a day; renewing hourly is what vivo advises. */
const ACCESS_MS = 2 * 3_600_000

export const VIVO_ERRORS: ErrorTable = {
  0: 'accepted',
  10302: 'invalidToken',
  10000: 'renew',
  10200: 'configError',
  10201: 'configError',
  10202: 'configError',
  10203: 'configError',
  10204: 'configError',
  10205: 'configError',
  10206: 'configError',
  10207: 'configError',
  10250: 'retryService',
  10040: 'retryService',
  10072: 'retryService',
  10070: 'stopForDay',
  10073: 'stopForDay',
  10071: 'rejected',
  10050: 'rejected',
  10051: 'rejected',
  10054: 'rejected',
  10055: 'rejected',
  10056: 'rejected',
  10085: 'rejected',
  10104: 'rejected',
  10094: 'configError',
  10252: 'stopForDay',
  10254: 'stopForDay',
}

/** By the status of `invalidUser`, which stands in answers that are no failure otherwise. */
export const VIVO_USERS: Readonly<Record<number, { kind: 'invalidToken' | 'rejected'; reason: string }>> = {
  1: { kind: 'invalidToken', reason: 'no such user' },
  2: { kind: 'rejected', reason: 'the app is gone or shows no notifications' },
  3: { kind: 'rejected', reason: 'the device was not seen for 90 days' },
  4: { kind: 'rejected', reason: 'no test user' },
}

export function vivoVendor(credentials: VivoCredentials, { http, clock, receiptUrl }: VendorParts): Vendor {
  const { appId, appKey, appSecret, url } = credentials
  const ask = async (timestamp: Millis) => {
    const sign = createHash('md5').update(`${appId}${appKey}${timestamp}${appSecret}`).digest('hex')
    const body = JSON.stringify({ appId, appKey, timestamp, sign })
    const { status, text } = await http.post({ url: `${url}/message/auth`, headers: JSON_BODY, body })
    return { status, ...jsonOf(text) } as { status: number; result?: number; desc?: string; authToken?: string }
  }
  const access = makeAccess(async () => {
    const answer = await callByServerTime(http, ask, ({ result }) => result !== 0)
    const { status, result, desc, authToken } = answer
    if (result === 0 && typeof authToken === 'string') return { token: authToken, lifeMs: ACCESS_MS }
    const mayPass = status >= 500 || status === 429 || VIVO_ERRORS[String(result)] === 'retryService'
    throw new AccessDenied(`${result ?? status} ${desc ?? ''}`.trim(), { mayPass })
  }, clock)
  const sendOne = async (message: PushMessage): Promise<SendResult> => {
    const [result] = await withAccess(access, 1, async token => {
      const headers = { ...JSON_BODY, authToken: token }
      const body = JSON.stringify(messageBody(message, credentials, receiptUrl))
      const answer = await http.post({ url: `${url}/message/send`, headers, body })
      const { result: code, desc, taskId, invalidUser } = jsonOf(answer.text)
      const name = String(code ?? '')
      if (VIVO_ERRORS[name] === 'renew') return 'renew'
      const failed = statusResult(answer, name, clock.now())
      if (failed !== undefined) return [failed]
      const { status } = (invalidUser ?? {}) as { status?: number }
      const user = status === undefined ? undefined : VIVO_USERS[status]
      if (user !== undefined) return [{ kind: user.kind, reason: `invalid user ${status}: ${user.reason}` }]
      if (name === '0') return [accepted(taskId)]
      return [resultOf(VIVO_ERRORS, name, String(desc ?? ''), { now: clock.now() })]
    })
    return result!
  }
  return {
    name: 'vivo',
    batchMax: 1,
    perSecondMax: PER_SECOND_MAX,
    withdrawal: 'replace',
    send: messages => Promise.all(messages.map(sendOne)),
    close: async () => {},
  }
}

function messageBody(
  message: PushMessage,
  { appId, category, pushMode }: VivoCredentials,
  receiptUrl: string | undefined,
) {
  const { pushId, token, title, body, uri, badge, collapseKey, ttlMs, data, options } = message
  const receipt = receiptOf(message, receiptUrl)
  const base = {
    appId,
    regId: token,
    notifyType: 4,
    title: cutTo(title, TITLE_CHARS_MAX),
    content: cutTo(body, CONTENT_CHARS_MAX),
    timeToLive: Math.min(Math.max(Math.floor(ttlMs / 1_000), TTL_SECONDS.min), TTL_SECONDS.max),
    ...(uri === '' ? { skipType: 1 } : { skipType: 4, skipContent: uri }),
    networkType: -1,
    classification: 1,
    category,
    requestId: pushId,
    pushMode,
    clientCustomMap: { ...data, badge: String(badge) },
    notifyId: notifyIdOf(collapseKey),
    ...(receipt === undefined ? {} : { extra: { callback: receipt.url, 'callback.param': receipt.tag } }),
  }
  return overlay(base, options)
}

const VIVO_RECEIPTS: Readonly<Record<string, ReceiptOutcome>> = { 0: 'delivered', 1: 'opened' }

const receiptsBody = z.record(
  z.string(),
  z.object({
    param: z.string().default(''),
    targets: z.string(),
    ackType: z.union([z.string(), z.number()]).default('0'),
    ackTime: z.coerce.number().optional().catch(undefined),
  }),
)

/** By task, who. vivo signs nothing: the key in the URL is what it has. */
export const vivoReceipts: ReceiptFormat<VivoCredentials> = {
  isAuthentic: () => true,
  read: readBy(receiptsBody, tasks =>
    Object.values(tasks).flatMap(({ param, targets, ackType, ackTime }) =>
      tokensOf(targets).map(token => ({
        tag: param,
        token,
        outcome: VIVO_RECEIPTS[String(ackType)] ?? 'pending',
        detail: `ackType ${ackType}`,
        at: ackTime,
      })),
    ),
  ),
}
