import { type ClientHttp2Session, connect, constants } from 'node:http2'
import { importPKCS8, SignJWT } from 'jose'
import { z } from 'zod'
import type { Millis } from '../../infra/clock.ts'
import { makeAccess, withAccess } from './access.ts'
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
import { failureResult, jsonOf, NoAnswer, NotSent, retryAfter, type VendorParts } from './vendor-http.ts'

/**
 * Apple Push Notification service: HTTP/2, one connection that is kept, and tokens signed with the team's key. Not
 * verified against the live service.
 */

export const apnsCredentials = z.strictObject({
  teamId: z.string().min(1),
  keyId: z.string().min(1),
  /** PEM of the .p8 file. */
  privateKey: z.string().min(1),
  /** The bundle id, where it is not the name of the app. */
  topic: z.string().optional(),
  /** https://api.sandbox.push.apple.com for development builds. */
  url: z.url().default('https://api.push.apple.com'),
})
export type ApnsCredentials = z.infer<typeof apnsCredentials>

const PER_SECOND_MAX = 2_000
/** Apple wants a token anew between 20 and 60 minutes; too often is refused. */
const ACCESS_MS: Millis = 50 * 60_000
const ANSWER_MS_MAX: Millis = 10_000
const PAYLOAD_BYTES_MAX = 4_096

/** By the reason that stands in the answer. */
export const APNS_REASONS: Readonly<
  Record<string, 'invalidToken' | 'configError' | 'rejected' | 'retry' | 'retryService' | 'renew'>
> = {
  BadDeviceToken: 'invalidToken',
  DeviceTokenNotForTopic: 'invalidToken',
  Unregistered: 'invalidToken',
  ExpiredToken: 'invalidToken',
  BadTopic: 'configError',
  TopicDisallowed: 'configError',
  MissingTopic: 'configError',
  InvalidProviderToken: 'configError',
  MissingProviderToken: 'configError',
  ExpiredProviderToken: 'renew',
  BadExpirationDate: 'rejected',
  BadCollapseId: 'rejected',
  BadPriority: 'rejected',
  InvalidPushType: 'rejected',
  PayloadEmpty: 'rejected',
  PayloadTooLarge: 'rejected',
  TooManyRequests: 'retry',
  TooManyProviderTokenUpdates: 'retryService',
  InternalServerError: 'retryService',
  ServiceUnavailable: 'retryService',
  Shutdown: 'retryService',
}

export function apnsVendor(credentials: ApnsCredentials, { http, clock, ca }: VendorParts): Vendor {
  const { teamId, keyId, privateKey, url } = credentials
  const access = makeAccess(async () => {
    const key = await importPKCS8(privateKey, 'ES256')
    const issuedAt = Math.floor(http.serverNow() / 1_000)
    const token = await new SignJWT({ iss: teamId, iat: issuedAt })
      .setProtectedHeader({ alg: 'ES256', kid: keyId })
      .sign(key)
    return { token, lifeMs: ACCESS_MS }
  }, clock)
  let session: ClientHttp2Session | undefined
  const connected = () => {
    if (session === undefined || session.closed || session.destroyed) {
      const fresh = connect(url, ca === undefined ? {} : { ca })
      // Streams tell of failures themselves; without a listener an error would end the process.
      fresh.on('error', () => {})
      fresh.on('goaway', () => leave(fresh))
      session = fresh
    }
    return session
  }
  /** Streams that are under way end; new ones go over another connection. */
  const leave = (old: ClientHttp2Session) => {
    if (session === old) session = undefined
    old.close()
  }
  const post = (path: string, headers: Record<string, string>, body: string) =>
    new Promise<{ status: number; text: string; headers: Record<string, string> }>((resolve, reject) => {
      const own = connected()
      const stream = own.request({ ':method': 'POST', ':path': path, ...headers })
      let status = 0
      let answered: Record<string, string> = {}
      const chunks: Buffer[] = []
      const fail = (error: Error) => {
        // What the server says that it has not looked at, and what never had a connection, was not taken.
        const isUnsent = own.connecting || stream.rstCode === constants.NGHTTP2_REFUSED_STREAM || stream.pending
        reject(isUnsent ? new NotSent(error.message) : new NoAnswer(error.message))
      }
      const cancel = clock.schedule(ANSWER_MS_MAX, () => {
        fail(new Error('no answer in time'))
        stream.close(constants.NGHTTP2_CANCEL)
        // Nobody may be at the other end any more, and nothing else would tell.
        leave(own)
      })
      stream.on('response', response => {
        status = Number(response[':status'] ?? 0)
        answered = response as never
        http.learnTime(answered)
      })
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('error', fail)
      stream.on('close', () => {
        cancel()
        if (status === 0) fail(new Error('the connection was closed'))
        else resolve({ status, text: Buffer.concat(chunks).toString('utf8'), headers: answered })
      })
      stream.end(body)
    })
  const sendOne = async (message: PushMessage): Promise<SendResult> => {
    const body = JSON.stringify(payloadOf(message))
    if (Buffer.byteLength(body) > PAYLOAD_BYTES_MAX) return rejected('the payload is too large')
    try {
      const [result] = await withAccess(access, 1, async token => {
        const answer = await post(
          `/3/device/${encodeURIComponent(message.token)}`,
          headersOf(message, credentials, token),
          body,
        )
        return answer.status === 200 ? [accepted(answer.headers['apns-id'])] : resultOfReason(answer)
      })
      return result!
    } catch (error) {
      return failureResult(error)
    }
  }
  const resultOfReason = (answer: {
    status: number
    text: string
    headers: Record<string, string>
  }): SendResult[] | 'renew' => {
    const { reason, timestamp } = jsonOf(answer.text)
    const said = `${answer.status} ${String(reason ?? '')}`.trim()
    switch (APNS_REASONS[String(reason)] ?? byStatus(answer.status)) {
      case 'renew':
        return 'renew'
      case 'invalidToken':
        return [invalidToken(said, typeof timestamp === 'number' ? timestamp : undefined)]
      case 'configError':
        return [configError(said)]
      case 'retry':
        return [retryMessage(said, retryAfter(answer.headers, clock.now()))]
      case 'retryService':
        return [retryService(said, retryAfter(answer.headers, clock.now()))]
      default:
        return [rejected(said)]
    }
  }
  return {
    name: 'apns',
    batchMax: 1,
    perSecondMax: PER_SECOND_MAX,
    withdrawal: 'replace',
    send: messages => Promise.all(messages.map(sendOne)),
    close: async () => {
      session?.destroy()
    },
  }
}

/** For reasons that this build does not know. */
function byStatus(status: number): 'retryService' | 'configError' | 'rejected' {
  if (status === 429 || status >= 500) return 'retryService'
  return status === 403 ? 'configError' : 'rejected'
}

function headersOf(message: PushMessage, { topic }: ApnsCredentials, token: string): Record<string, string> {
  return {
    authorization: `bearer ${token}`,
    'apns-topic': topic ?? message.packageName,
    'apns-push-type': 'alert',
    'apns-priority': message.isWithdrawal ? '5' : '10',
    'apns-expiration': String(Math.floor(message.ttlMs / 1_000) + secondsOf(message)),
    'apns-collapse-id': message.collapseKey,
  }
}

/** The wall clock at which the message was made, in s, from the time that it carries. */
function secondsOf({ sentAt }: PushMessage): number {
  return Math.floor(sentAt / 1_000)
}

function payloadOf({ title, body, uri, badge, collapseKey, data, options, isWithdrawal }: PushMessage) {
  const aps = { alert: { title, body }, badge, 'thread-id': collapseKey, ...(isWithdrawal ? {} : { sound: 'default' }) }
  return overlay({ aps, ...data, ...(uri === '' ? {} : { uri }) }, options)
}
