import { z } from 'zod'
import { same } from './access.ts'
import { fieldOf, parsedJson, type ReceiptFormat, type ReceiptOutcome, readBy, tokensOf } from './receipt-format.ts'
import {
  accepted,
  type ErrorTable,
  invalidToken,
  type PushMessage,
  resultOf,
  type SendResult,
  type Vendor,
} from './vendor.ts'
import { cutTo, notifyIdOf, receiptOf, sendGrouped } from './vendor-batch.ts'
import { FORM, failureResult, formOf, type HttpAnswer, jsonOf, statusResult, type VendorParts } from './vendor-http.ts'

/** Xiaomi (MiPush v3; codes: pId=1560). Not verified against the live service. */

export const xiaomiCredentials = z.strictObject({
  appSecret: z.string().min(1),
  channelId: z.string().optional(),
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

export function xiaomiVendor(credentials: XiaomiCredentials, { http, clock, receiptUrl }: VendorParts): Vendor {
  const { appSecret, url } = credentials
  const sendAlike = async (messages: readonly PushMessage[]): Promise<SendResult[]> => {
    try {
      const headers = { ...FORM, authorization: `key=${appSecret}` }
      const body = formOf(requestForm(messages, credentials, receiptUrl))
      const answer = await http.post({ url: `${url}/v3/message/regid`, headers, body })
      return resultsOf(messages, answer)
    } catch (error) {
      return same(messages.length, failureResult(error))
    }
  }
  const resultsOf = (messages: readonly PushMessage[], answer: HttpAnswer): SendResult[] => {
    const { code, data, description, reason } = jsonOf(answer.text)
    const name = String(code ?? '')
    const failed = statusResult(answer, name, clock.now())
    if (failed !== undefined) return same(messages.length, failed)
    const { id, bad_regids: bad } = (data ?? {}) as Record<string, unknown>
    if (name === '0') {
      const dead = new Set(String(bad ?? '').split(','))
      return messages.map(({ token }) => (dead.has(token) ? invalidToken('bad regid') : accepted(id)))
    }
    const why = String(reason ?? description ?? '')
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

function requestForm(
  messages: readonly PushMessage[],
  { channelId }: XiaomiCredentials,
  receiptUrl: string | undefined,
) {
  const { packageName, title, body, uri, badge, collapseKey, ttlMs, data, options } = messages[0]!
  const receipt = receiptOf(messages[0]!, receiptUrl)
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
    ...(receipt === undefined
      ? {}
      : {
          'extra.callback': receipt.url,
          'extra.callback.param': receipt.tag,
          'extra.callback.type': String(CALLBACK_TYPES),
        }),
    ...given,
  }
}

/** By the type of a receipt: bits, so that their sum asks for all of them. */
export const XIAOMI_RECEIPTS: Readonly<Record<number, ReceiptOutcome>> = {
  1: 'delivered',
  2: 'opened',
  16: 'invalidToken',
  32: 'failed',
  64: 'failed',
  128: 'failed',
}
const CALLBACK_TYPES = Object.keys(XIAOMI_RECEIPTS).reduce((sum, type) => sum + Number(type), 0)

const receiptsBody = z.record(
  z.string(),
  z.object({
    param: z.string().default(''),
    type: z.coerce.number(),
    targets: z.string(),
    timestamp: z.coerce.number().optional().catch(undefined),
  }),
)

/** A form whose field `data` is JSON: by message, who. Xiaomi signs nothing: the key in the URL is what it has. */
export const xiaomiReceipts: ReceiptFormat<XiaomiCredentials> = {
  isAuthentic: () => true,
  read: body => readData(parsedJson(fieldOf(body, 'data'))),
}
const readData = readBy(receiptsBody, messages =>
  Object.values(messages).flatMap(({ param, type, targets, timestamp }) =>
    tokensOf(targets).map(token => ({
      tag: param,
      token,
      outcome: XIAOMI_RECEIPTS[type] ?? 'pending',
      detail: `type ${type}`,
      at: timestamp,
    })),
  ),
)
