import { createPublicKey, verify } from 'node:crypto'
import { createSecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { type FakeAnswer, type FakeWorld, parseJson, unknownFields } from './fake.ts'

/** Apple's service, over HTTP/2 and TLS, with provider tokens checked by the team's public key. */

export interface FakeApns {
  url: string
  /** How many connections it has seen. */
  sessions(): number
  /** Ends every connection as Apple does before a shutdown. */
  goAway(): void
  close(): Promise<void>
}

const HEADERS = [
  ...[':method', ':path', ':scheme', ':authority', 'authorization', 'apns-topic', 'apns-push-type', 'apns-priority'],
  ...['apns-expiration', 'apns-collapse-id', 'apns-id'],
]
const TOKEN_AGE_S_MAX = 3_600
const PAYLOAD_BYTES_MAX = 4_096

export async function startFakeApns(
  world: FakeWorld,
  {
    tls,
    teamId,
    keyId,
    publicKey,
    topics,
  }: { tls: { cert: string; key: string }; teamId: string; keyId: string; publicKey: string; topics: string[] },
): Promise<FakeApns> {
  const sessions = new Set<ServerHttp2Session>()
  let seen = 0
  const server = createSecureServer(tls)
  server.on('session', session => {
    seen++
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    session.on('error', () => {})
  })
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => answer(stream, headers as Record<string, string>, Buffer.concat(chunks).toString('utf8')))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `https://127.0.0.1:${port}`,
    sessions: () => seen,
    goAway: () => {
      for (const session of sessions) session.goaway()
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        for (const session of sessions) session.destroy()
      }),
  }

  function answer(stream: ServerHttp2Stream, headers: Record<string, string>, text: string): void {
    const path = headers[':path']!
    world.note('apns', { method: headers[':method']!, path, headers, text })
    const forced = world.isDown('apns') ? { status: 503, body: { reason: 'ServiceUnavailable' } } : world.next('apns')
    if (forced === 'hang') return
    if (forced === 'drop') return void stream.session?.destroy()
    const { status, headers: more = {}, body } = forced ?? judge(path, headers, text)
    stream.respond({ ':status': status, 'apns-id': 'A-1', date: new Date(world.now()).toUTCString(), ...more })
    stream.end(status === 200 ? '' : JSON.stringify(body))
  }

  function judge(path: string, headers: Record<string, string>, text: string): FakeAnswer {
    const fail = (status: number, reason: string, more = {}) => ({ status, body: { reason, ...more } })
    const fault = tokenFault(headers.authorization ?? '')
    if (fault !== undefined) return fail(403, fault)
    const unknown = Object.keys(headers).filter(name => !HEADERS.includes(name) && !name.startsWith('content-'))
    if (unknown.length > 0) return fail(400, 'BadHeader')
    if (!topics.includes(headers['apns-topic'] ?? '')) return fail(400, 'TopicDisallowed')
    if ((headers['apns-collapse-id']?.length ?? 0) > 64) return fail(400, 'BadCollapseId')
    if (!/^(1|5|10)$/.test(headers['apns-priority'] ?? '')) return fail(400, 'BadPriority')
    if (Number(headers['apns-expiration']) * 1_000 < world.now()) return fail(400, 'BadExpirationDate')
    if (Buffer.byteLength(text) > PAYLOAD_BYTES_MAX) return fail(413, 'PayloadTooLarge')
    const body = parseJson(text)
    const aps = body?.aps as Record<string, unknown> | undefined
    if (unknownFields(aps, ['alert', 'badge', 'thread-id', 'sound']).length > 0) return fail(400, 'PayloadEmpty')
    const token = decodeURIComponent(path.split('/').at(-1)!)
    if (world.isDead(token)) return fail(410, 'Unregistered', { timestamp: world.now() - 1_000 })
    const { title, body: words } = aps!.alert as { title: string; body: string }
    const collapseKey = headers['apns-collapse-id']!
    world.show({
      vendor: 'apns',
      app: headers['apns-topic']!,
      token,
      title,
      body: words,
      badge: Number(aps!.badge),
      collapseKey,
      data: body!,
    })
    return { status: 200, body: '' }
  }

  function tokenFault(authorization: string): string | undefined {
    const [head = '', claims = '', signature = ''] = authorization.replace(/^bearer /, '').split('.')
    if (signature === '') return 'MissingProviderToken'
    const header = parseJson(Buffer.from(head, 'base64url').toString())
    const body = parseJson(Buffer.from(claims, 'base64url').toString())
    const key = { key: createPublicKey(publicKey), dsaEncoding: 'ieee-p1363' } as const
    const isSigned = verify('sha256', Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, 'base64url'))
    if (!isSigned || header?.alg !== 'ES256' || header.kid !== keyId || body?.iss !== teamId)
      return 'InvalidProviderToken'
    return Math.abs(world.now() / 1_000 - Number(body.iat)) > TOKEN_AGE_S_MAX ? 'ExpiredProviderToken' : undefined
  }
}
