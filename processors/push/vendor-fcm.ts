import { Agent } from 'node:https'
import { connect as connectTls } from 'node:tls'
import { deleteApp, initializeApp } from 'firebase-admin/app'
import { getMessaging, type Message } from 'firebase-admin/messaging'
import { importPKCS8, SignJWT } from 'jose'
import { z } from 'zod'
import type { Millis } from '../../infra/clock.ts'
import { AccessDenied, callByServerTime, type Granted, makeAccess, withAccess } from './access.ts'
import { FcmRefusal, sendOnce } from './fcm-transport.ts'
import {
  accepted,
  type ErrorTable,
  overlay,
  type PushMessage,
  REASON_CHARS_MAX,
  rejected,
  resultOf,
  retryService,
  type SendResult,
  type Vendor,
} from './vendor.ts'
import {
  FORM,
  formOf,
  type HttpAnswer,
  jsonOf,
  statusResult,
  type VendorHttp,
  type VendorParts,
} from './vendor-http.ts'

/** Firebase Cloud Messaging (Android, web push), by Google's own firebase-admin. Not verified against the live service. */

export const fcmCredentials = z.strictObject({
  projectId: z.string().min(1),
  clientEmail: z.string().min(1),
  /** PEM, of the service account. */
  privateKey: z.string().min(1),
  channelId: z.string().optional(),
  tokenUrl: z.url().default('https://oauth2.googleapis.com/token'),
  /** `host:port` that is spoken to in the place of Google; for fakes. */
  host: z.string().optional(),
})
export type FcmCredentials = z.infer<typeof fcmCredentials>

const PER_SECOND_MAX = 10_000
const CALLS_MAX = 100

/** By FCM's own code, or the status of an error of Google's. */
export const FCM_ERRORS: ErrorTable = {
  UNREGISTERED: 'invalidToken',
  INVALID_ARGUMENT: 'rejected',
  SENDER_ID_MISMATCH: 'configError',
  THIRD_PARTY_AUTH_ERROR: 'configError',
  PERMISSION_DENIED: 'configError',
  NOT_FOUND: 'configError',
  UNAUTHENTICATED: 'renew',
  QUOTA_EXCEEDED: 'retryService',
  UNAVAILABLE: 'retryService',
  INTERNAL: 'retryService',
}

let apps = 0

export function fcmVendor(credentials: FcmCredentials, { http, clock, ca }: VendorParts): Vendor {
  const { projectId, host } = credentials
  const agent = agentOf(host, ca)
  const access = makeAccess(() => grantOf(credentials, http), clock)
  // It never keeps a token that is about to end: when that is, `access` knows.
  const credential = { getAccessToken: async () => ({ access_token: await access.token(), expires_in: 0 }) }
  const app = initializeApp({ credential, projectId, httpAgent: agent }, `packlog-${++apps}`)
  const messaging = getMessaging(app)
  sendOnce(messaging)
  const sendOne = async (message: PushMessage): Promise<SendResult> => {
    const [result] = await withAccess(access, 1, async () => {
      try {
        return [accepted(await messaging.send(messageOf(message, credentials)))]
      } catch (error) {
        if (!(error instanceof FcmRefusal)) return [failureOf(error)]
        http.learnTime(error.answer.headers)
        const meant = refusalResult(error.answer, clock.now())
        return meant === 'renew' ? meant : [meant]
      }
    })
    return result!
  }
  return {
    name: 'fcm',
    batchMax: CALLS_MAX,
    perSecondMax: PER_SECOND_MAX,
    withdrawal: 'replace',
    send: messages => Promise.all(messages.map(sendOne)),
    close: async () => {
      await deleteApp(app)
      agent.destroy()
    },
  }
}

/** A token for a signed statement of who we are (OAuth 2.0, JWT bearer). */
async function grantOf({ clientEmail, privateKey, tokenUrl }: FcmCredentials, http: VendorHttp): Promise<Granted> {
  const key = await importPKCS8(privateKey, 'RS256')
  const ask = async (now: Millis) => {
    const issuedAt = Math.floor(now / 1_000)
    const assertion = await new SignJWT({ scope: SCOPE })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
      .setIssuer(clientEmail)
      .setAudience(tokenUrl)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + ASSERTION_SECONDS)
      .sign(key)
    const body = formOf({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion })
    return http.post({ url: tokenUrl, headers: FORM, body })
  }
  const { status, text } = await callByServerTime(http, ask, answer => answer.status !== 200)
  const { access_token: token, expires_in: seconds, error } = jsonOf(text)
  if (typeof token === 'string') return { token, lifeMs: Number(seconds ?? ASSERTION_SECONDS) * 1_000 }
  throw new AccessDenied(`${status} ${String(error ?? 'no token')}`, { mayPass: status >= 500 || status === 429 })
}

const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging'
const ASSERTION_SECONDS = 3_600

/** With a host, every connection goes there; its certificate is trusted by `ca`, whatever name stands in it. */
function agentOf(host: string | undefined, ca: string | undefined): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: CALLS_MAX })
  if (host === undefined) return agent
  const [name, port] = host.split(':')
  const target = { host: name!, port: Number(port), ...(ca === undefined ? {} : { ca }) }
  agent.createConnection = () => connectTls({ ...target, checkServerIdentity: () => undefined })
  return agent
}

function refusalResult(answer: HttpAnswer, now: Millis): SendResult | 'renew' {
  const { error } = jsonOf(answer.text)
  const { status, message, details } = (error ?? {}) as Record<string, unknown>
  const own = (Array.isArray(details) ? details : []).find(one => one?.['@type'] === FCM_ERROR)
  const code = String(own?.errorCode ?? status ?? '')
  if (FCM_ERRORS[code] === 'renew') return 'renew'
  return statusResult(answer, code, now) ?? resultOf(FCM_ERRORS, code, String(message ?? ''), { now })
}

const FCM_ERROR = 'type.googleapis.com/google.firebase.fcm.v1.FcmError'

/** Where no answer came. */
function failureOf(error: unknown): SendResult {
  const { code = '', message = '' } = error as { code?: string; message?: string }
  const said = `${code} ${message}`.trim().slice(0, REASON_CHARS_MAX)
  // What firebase-admin itself refuses to send.
  if (code.startsWith('messaging/')) return rejected(said)
  const isUnsent = code === 'app/invalid-credential' || UNREACHED.test(message)
  return isUnsent ? retryService(said) : { kind: 'unknown', reason: said }
}

/** No connection came about. */
const UNREACHED = /Error code: (ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)\b/

function messageOf(message: PushMessage, { channelId }: FcmCredentials): Message {
  const { token, title, body, uri, badge, collapseKey, ttlMs, isUrgent, data, options } = message
  const base = {
    token,
    notification: { title, body },
    data: { ...data, badge: String(badge), ...(uri === '' ? {} : { uri }) },
    android: {
      collapseKey,
      priority: isUrgent ? ('high' as const) : ('normal' as const),
      ttl: ttlMs,
      notification: { tag: collapseKey, notificationCount: badge, ...(channelId === undefined ? {} : { channelId }) },
    },
    webpush: { notification: { tag: collapseKey }, headers: { TTL: String(Math.floor(ttlMs / 1_000)) } },
  }
  return overlay(base, options) as Message
}
