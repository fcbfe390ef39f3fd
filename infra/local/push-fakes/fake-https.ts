import { createHmac, timingSafeEqual } from 'node:crypto'
import { type Fake, type FakeAnswer, type FakeRequest, type FakeWorld, parseJson, unknownFields } from './fake.ts'

/** A push service of the operator's own, as docs/push.md describes it. */
export function fakeHttps(world: FakeWorld, { secret }: { secret: string }): Fake {
  return { name: 'https', handle: request => answer(request) }

  function answer(request: FakeRequest): FakeAnswer {
    if (!isSigned(request)) return { status: 401, body: { reason: 'bad signature' } }
    const body = parseJson(request.text)
    if (body === undefined) return { status: 400, body: { reason: 'no JSON' } }
    if (request.path === '/push') return push(body)
    if (request.path === '/recall') return recall(body)
    return { status: 405, body: { reason: 'no such call' } }
  }

  function isSigned({ headers, text }: FakeRequest): boolean {
    const timestamp = String(headers['packlog-timestamp'] ?? '')
    if (Math.abs(world.now() / 1_000 - Number(timestamp)) > 300) return false
    const expected = Buffer.from(`v1=${createHmac('sha256', secret).update(`${timestamp}.${text}`).digest('hex')}`)
    const given = Buffer.from(String(headers['packlog-signature'] ?? ''))
    return given.length === expected.length && timingSafeEqual(given, expected)
  }

  function push(body: Record<string, unknown>): FakeAnswer {
    const unknown = unknownFields(body, PUSH_FIELDS)
    if (unknown.length > 0) return { status: 400, body: { reason: `unknown: ${unknown.join(', ')}` } }
    const { token, title, body: text, badge, collapseKey, packageName, uri, data, pushId } = body as never as PushBody
    if (typeof token !== 'string' || typeof badge !== 'number') return { status: 400, body: { reason: 'malformed' } }
    if (world.isDead(token)) return { status: 410, body: { reason: 'gone' } }
    world.show({ vendor: 'https', app: packageName, token, title, body: text, badge, uri, collapseKey, data })
    return { status: 200, body: { id: `h-${pushId}` } }
  }

  function recall(body: Record<string, unknown>): FakeAnswer {
    const unknown = unknownFields(body, RECALL_FIELDS)
    if (unknown.length > 0) return { status: 400, body: { reason: `unknown: ${unknown.join(', ')}` } }
    world.hide('https', String(body.token), String(body.collapseKey))
    return { status: 200, body: { id: '' } }
  }
}

interface PushBody {
  pushId: string
  token: string
  packageName: string
  title: string
  body: string
  uri: string
  badge: number
  collapseKey: string
  data: Record<string, unknown>
}

const PUSH_FIELDS = [
  ...['pushId', 'token', 'packageName', 'title', 'body', 'uri', 'badge', 'collapseKey'],
  ...['ttlSeconds', 'urgent', 'data'],
]
const RECALL_FIELDS = ['token', 'packageName', 'collapseKey', 'badge', 'data']
