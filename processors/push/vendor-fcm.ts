import { Agent } from 'node:https'
import { connect as connectTls } from 'node:tls'
import { deleteApp, initializeApp } from 'firebase-admin/app'
import { getMessaging, type Message } from 'firebase-admin/messaging'
import { importPKCS8, SignJWT } from 'jose'
import { z } from 'zod'
import {
  accepted,
  configError,
  invalidToken,
  overlay,
  type PushMessage,
  rejected,
  retryMessage,
  retryService,
  type SendResult,
  type Vendor,
} from './vendor.ts'
import { FORM, formOf, jsonOf, type VendorHttp, type VendorParts } from './vendor-http.ts'

/**
 * Firebase Cloud Messaging (Android, web push), by Google's own firebase-admin. Not verified against the live service.
 *
 * @NOTE firebase-admin itself sends a request again whose connection broke; the collapse key and the tag keep a second
 * copy from showing beside the first.
 */

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

/** By the code that firebase-admin gives, without `messaging/`. */
export const FCM_CODES: Readonly<
  Record<string, 'invalidToken' | 'configError' | 'rejected' | 'retry' | 'retryService'>
> = {
  'registration-token-not-registered': 'invalidToken',
  'invalid-registration-token': 'invalidToken',
  'mismatched-credential': 'configError',
  'third-party-auth-error': 'configError',
  'authentication-error': 'configError',
  'invalid-argument': 'rejected',
  'invalid-recipient': 'rejected',
  'payload-size-limit-exceeded': 'rejected',
  'message-rate-exceeded': 'retryService',
  'device-message-rate-exceeded': 'retry',
  'quota-exceeded': 'retryService',
  'server-unavailable': 'retryService',
  'internal-error': 'retryService',
}

let apps = 0

export function fcmVendor(credentials: FcmCredentials, { http, ca }: VendorParts): Vendor {
  const { projectId, host } = credentials
  const agent = agentOf(host, ca)
  // firebase-admin asks for a token when its last one is about to end.
  const credential = { getAccessToken: () => accessToken(credentials, http) }
  const app = initializeApp({ credential, projectId, httpAgent: agent }, `packlog-${++apps}`)
  const messaging = getMessaging(app)
  const sendOne = async (message: PushMessage): Promise<SendResult> => {
    try {
      return accepted(await messaging.send(messageOf(message, credentials)))
    } catch (error) {
      return resultOfError(error)
    }
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
async function accessToken({ clientEmail, privateKey, tokenUrl }: FcmCredentials, http: VendorHttp) {
  const key = await importPKCS8(privateKey, 'RS256')
  const issuedAt = Math.floor(http.serverNow() / 1_000)
  const assertion = await new SignJWT({ scope: SCOPE })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
    .setIssuer(clientEmail)
    .setAudience(tokenUrl)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + ASSERTION_SECONDS)
    .sign(key)
  const body = formOf({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion })
  const { status, text } = await http.post({ url: tokenUrl, headers: FORM, body })
  const { access_token: token, expires_in: seconds } = jsonOf(text)
  if (typeof token !== 'string') throw new Error(`no token: ${status}`)
  return { access_token: token, expires_in: Number(seconds ?? ASSERTION_SECONDS) }
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

function resultOfError(error: unknown): SendResult {
  const { code = '', message = '' } = error as { code?: string; message?: string }
  const name = code.split('/').at(-1) ?? ''
  const said = `${name} ${message}`.trim().slice(0, 200)
  switch (FCM_CODES[name]) {
    case 'invalidToken':
      return invalidToken(name)
    case 'configError':
      return configError(said)
    case 'retry':
      return retryMessage(said)
    case 'retryService':
      return retryService(said)
    case 'rejected':
      return rejected(said)
    default:
      // Of the app, not of messaging: no token was got, so that nothing was sent.
      if (code === 'app/invalid-credential') return configError(said)
      return code.startsWith('app/network') ? { kind: 'unknown', reason: said } : rejected(said)
  }
}

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
