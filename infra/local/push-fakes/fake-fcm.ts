import { verify } from 'node:crypto'
import { type FakeAnswer, type FakeRequest, type FakeWorld, parseForm, parseJson, unknownFields } from './fake.ts'
import { type GrantingFake, Grants } from './grants.ts'

/** Google's token endpoint and FCM v1, for one service account. Both are at the root of their hosts. */

const TOKEN_SECONDS = 3_599
const SKEW_SECONDS_MAX = 300
const MESSAGE_FIELDS = ['token', 'notification', 'data', 'android', 'webpush', 'apns']
const ANDROID_FIELDS = ['collapse_key', 'priority', 'ttl', 'notification']
const NOTE_FIELDS = ['tag', 'notification_count', 'channel_id']

export function fakeFcm(
  world: FakeWorld,
  { projectId, clientEmail, publicKey }: { projectId: string; clientEmail: string; publicKey: string },
): GrantingFake {
  const grants = new Grants(world, TOKEN_SECONDS)
  return {
    name: 'fcm',
    spoil: () => grants.spoil(),
    handle: ({ path, headers, text }: FakeRequest) => {
      if (path.endsWith('/token')) return grant(text)
      if (path !== `/v1/projects/${projectId}/messages:send`) return { status: 404, body: {} }
      if (!grants.has(String(headers.authorization ?? '').replace('Bearer ', ''))) return unauthenticated()
      const body = parseJson(text)
      const message = body?.message as Record<string, Record<string, unknown>> | undefined
      const unknown = [
        ...unknownFields(body, ['message', 'validate_only']),
        ...unknownFields(message, MESSAGE_FIELDS),
        ...unknownFields(message?.android, ANDROID_FIELDS),
        ...unknownFields(message?.android?.notification, NOTE_FIELDS),
      ]
      if (unknown.length > 0) return fail(400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT', String(unknown))
      const token = String(message!.token)
      if (world.isDead(token)) return fail(404, 'NOT_FOUND', 'UNREGISTERED')
      const { title, body: words } = message!.notification as { title: string; body: string }
      const data = message!.data as Record<string, unknown>
      const collapseKey = String(message!.android!.collapse_key)
      world.show({
        vendor: 'fcm',
        app: projectId,
        token,
        title,
        body: words,
        badge: Number(data.badge),
        collapseKey,
        data,
      })
      return { status: 200, body: { name: `projects/${projectId}/messages/1` } }
    },
  }

  function grant(text: string): FakeAnswer {
    const form = parseForm(text) ?? {}
    const [head = '', claims = '', signature = ''] = String(form.assertion ?? '').split('.')
    const isSigned = verify('sha256', Buffer.from(`${head}.${claims}`), publicKey, Buffer.from(signature, 'base64url'))
    const body = parseJson(Buffer.from(claims, 'base64url').toString())
    if (!isSigned || body?.iss !== clientEmail) return refused('Invalid JWT Signature.')
    const [issuedAt, endsAt, now] = [Number(body.iat), Number(body.exp), world.now() / 1_000]
    const isTimely = Math.abs(now - issuedAt) < SKEW_SECONDS_MAX && now < endsAt && endsAt - issuedAt <= 3_600
    if (!isTimely) return refused('Invalid JWT: Token must be a short-lived token and in a reasonable timeframe.')
    return { status: 200, body: { access_token: grants.grant(), expires_in: TOKEN_SECONDS, token_type: 'Bearer' } }
  }

  function refused(description: string): FakeAnswer {
    return { status: 400, body: { error: 'invalid_grant', error_description: description } }
  }
}

/** An error as FCM v1 gives it. */
export function fcmError(status: number, errorCode: string): FakeAnswer {
  return fail(status, errorCode, errorCode)
}

/** No token, or one that is no longer good: an error of Google's, not of FCM's. */
function unauthenticated(): FakeAnswer {
  const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'ACCESS_TOKEN_EXPIRED' }]
  const error = { code: 401, status: 'UNAUTHENTICATED', message: 'Request had invalid credentials.', details }
  return { status: 401, body: { error } }
}

function fail(code: number, status: string, errorCode: string, message = errorCode): FakeAnswer {
  const type = 'type.googleapis.com/google.firebase.fcm.v1.FcmError'
  return { status: code, body: { error: { code, status, message, details: [{ '@type': type, errorCode }] } } }
}
