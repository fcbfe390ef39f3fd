import { verify } from 'node:crypto'
import { type FakeAnswer, type FakeRequest, type FakeWorld, parseForm, parseJson, unknownFields } from './fake.ts'

/** Google's token endpoint and FCM v1, for one service account. Both are at the root of their hosts. */

export interface FakeFcm {
  handle(request: FakeRequest): FakeAnswer
  spoil(): void
}

const MESSAGE_FIELDS = ['token', 'notification', 'data', 'android', 'webpush', 'apns']
const ANDROID_FIELDS = ['collapse_key', 'priority', 'ttl', 'notification']
const NOTE_FIELDS = ['tag', 'notification_count', 'channel_id']

export function fakeFcm(
  { world }: { world: FakeWorld },
  { projectId, clientEmail, publicKey }: { projectId: string; clientEmail: string; publicKey: string },
): FakeFcm {
  const good = new Set<string>()
  let made = 0
  return {
    spoil: () => good.clear(),
    handle: ({ path, headers, text }) => {
      if (path.endsWith('/token')) return grant(text)
      if (path !== `/v1/projects/${projectId}/messages:send`) return { status: 404, body: {} }
      if (!good.has(String(headers.authorization ?? '').replace('Bearer ', '')))
        return fail(401, 'UNAUTHENTICATED', 'THIRD_PARTY_AUTH_ERROR')
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
    if (!isSigned || body?.iss !== clientEmail) return { status: 400, body: { error: 'invalid_grant' } }
    const token = `fcm-${++made}`
    good.add(token)
    return { status: 200, body: { access_token: token, expires_in: 3_599, token_type: 'Bearer' } }
  }
}

/** An error as FCM v1 gives it. */
export function fcmError(status: number, errorCode: string): FakeAnswer {
  return fail(status, errorCode, errorCode)
}

function fail(code: number, status: string, errorCode: string, message = errorCode): FakeAnswer {
  const type = 'type.googleapis.com/google.firebase.fcm.v1.FcmError'
  return { status: code, body: { error: { code, status, message, details: [{ '@type': type, errorCode }] } } }
}
