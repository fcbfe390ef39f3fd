import { createHmac, randomUUID } from 'node:crypto'
import type { Shown } from './fake.ts'

/** What vendors call back with when a notification has come somewhere, each as its documents say. */

export type Reported = 'delivered' | 'opened' | 'invalidToken'

/** What the vendor knows of whom it reports to, from its console. */
export interface ReportParty {
  /** Of Huawei: user and secret with which it signs. */
  user?: string
  secret?: string
  /** Of Meizu. */
  accessToken?: string
  now?: () => number
}

export interface ReportCall {
  url: string
  headers: Record<string, string>
  body: string
}

type Reporter = (shown: Shown, what: Reported, party: ReportParty) => Omit<ReportCall, 'url'> | undefined

const json = (value: unknown, headers: Record<string, string> = {}) => ({
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(value),
})
const form = (fields: Record<string, string>) => ({
  headers: { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' },
  body: new URLSearchParams(fields).toString(),
})

function statuses({ receipt, token, app }: Shown, what: Reported, now: number) {
  const status = { delivered: 0, opened: undefined, invalidToken: 2 }[what]
  if (status === undefined) return undefined
  return { statuses: [{ biTag: receipt!.tag, appid: app, token, status, timestamp: now, requestId: 'r' }] }
}

const REPORTERS: Record<string, Reporter> = {
  huawei: (shown, what, { user = '', secret = '', now = Date.now }) => {
    const [timestamp, nonce] = [String(now()), randomUUID()]
    const value = createHmac('sha256', secret)
      .update(timestamp + nonce + user)
      .digest('base64')
    const body = statuses(shown, what, now())
    return body && json(body, { 'x-huawei-callback-id': `timestamp=${timestamp}; nonce=${nonce}; value=${value}` })
  },
  honor: (shown, what, { now = Date.now }) => {
    const body = statuses(shown, what, now())
    return body && json(body)
  },
  xiaomi: ({ receipt, token }, what, { now = Date.now }) => {
    const type = { delivered: 1, opened: 2, invalidToken: 16 }[what]
    const one = { param: receipt!.tag, type, targets: token, jobkey: '', barStatus: 'Enable', timestamp: now() }
    return form({ data: JSON.stringify({ x1: one }) })
  },
  oppo: ({ receipt, token, app }, what, { now = Date.now }) => {
    const eventType = { delivered: 'push_arrive', opened: undefined, invalidToken: 'regid_invalid' }[what]
    if (eventType === undefined) return undefined
    const ids = { messageId: 'o1', appId: app, taskId: 'o1', registrationIds: token }
    return json([{ ...ids, eventTime: String(now()), param: receipt!.tag, eventType }])
  },
  vivo: ({ receipt, token }, what, { now = Date.now }) => {
    const ackType = { delivered: '0', opened: '1', invalidToken: undefined }[what]
    return ackType === undefined
      ? undefined
      : json({ v1: { param: receipt!.tag, targets: token, ackType, ackTime: now() } })
  },
  meizu: ({ receipt, token }, what, { accessToken = '' }) => {
    const type = { delivered: 1, opened: 2, invalidToken: undefined }[what]
    if (type === undefined) return undefined
    const cb = JSON.stringify({ [`z1-${type}`]: { param: receipt!.tag, type, targets: [token] } })
    return form({ cb, access_token: accessToken })
  },
}

/** The call with which the vendor reports; undefined where it does not tell such a thing, or was not asked to. */
export function reportCall(
  shown: Shown,
  what: Reported,
  party: ReportParty & { url?: string },
): ReportCall | undefined {
  const url = shown.receipt?.url ?? party.url
  if (shown.receipt === undefined || url === undefined) return undefined
  const call = REPORTERS[shown.vendor]?.(shown, what, party)
  return call && { url, ...call }
}

/** Reports over the network; gives the status of the answer, undefined where there is nothing to report. */
export async function report(
  shown: Shown,
  what: Reported,
  party: ReportParty & { url?: string } = {},
): Promise<number | undefined> {
  const call = reportCall(shown, what, party)
  if (call === undefined) return undefined
  const { status } = await fetch(call.url, { method: 'POST', headers: call.headers, body: call.body })
  return status
}
