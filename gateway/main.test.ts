import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { systemClock } from '../infra/clock.ts'
import { silentLogger } from '../infra/logger.ts'
import { Metrics } from '../infra/metrics.ts'
import type { ClientFrame, ServerFrame } from '../schemas/frames.ts'
import { decodeServerFrame, encodeClientFrame } from '../schemas/frames-avro.ts'
import { makePackId, type SessionId, type UserId } from '../schemas/ids.ts'
import { issueToken } from './auth/tokens.ts'
import { FRAME_BYTES_MAX } from './limits.ts'
import { type GatewayService, makeGateway } from './main.ts'
import { World } from './testing/world.ts'

/** The gateway with its real sockets, on the memory log. */

const key = Buffer.alloc(32, 1)
const chat = 's:alice:bob' as SessionId

let world: World<typeof systemClock>
let gateway: GatewayService
const sockets: WebSocket[] = []

beforeEach(async () => {
  world = await World.on(systemClock)
  world.sequencer.isFollowing = true
  gateway = await started()
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate()
  await gateway.drain()
})

async function started(): Promise<GatewayService> {
  const { log, topics, codecs, history, membership, people, archive, random } = world
  const service = makeGateway({
    http: { host: '127.0.0.1', port: 0 },
    tokens: key,
    log,
    topics,
    codecs,
    history,
    membership,
    people,
    archive,
    random,
    clock: systemClock,
    logger: silentLogger,
    metrics: new Metrics(),
    nodeName: 'gw',
  })
  await service.start()
  while (!service.ready()) await world.settle()
  return service
}

const tokenOf = (user: string, forMs = 60_000) =>
  issueToken(key, { userId: user as UserId, expiresAt: systemClock.now() + forMs })

class Client {
  readonly socket: WebSocket
  readonly frames: ServerFrame[] = []
  readonly closed: Promise<{ code: number; reason: string }>
  chunks = 0
  private readonly waiters = new Set<() => void>()

  constructor(socket: WebSocket) {
    this.socket = socket
    sockets.push(socket)
    socket.on('message', (data: Buffer, isBinary) => {
      this.frames.push(isBinary ? decodeServerFrame(data) : (JSON.parse(data.toString()) as ServerFrame))
      for (const look of this.waiters) look()
    })
    this.closed = new Promise(resolve => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
    socket.on('error', () => {})
  }

  send(frame: ClientFrame): void {
    this.socket.send(this.socket.protocol === 'packlog.v1.avro' ? encodeClientFrame(frame) : JSON.stringify(frame))
  }

  /** Resolves when so many frames of the type have come. */
  async next<Type extends ServerFrame['type']>(type: Type, count = 1): Promise<Extract<ServerFrame, { type: Type }>[]> {
    const found = () => this.frames.filter((f): f is Extract<ServerFrame, { type: Type }> => f.type === type)
    while (found().length < count) {
      await new Promise<void>(resolve => {
        const look = () => {
          this.waiters.delete(look)
          resolve()
        }
        this.waiters.add(look)
      })
    }
    return found()
  }
}

async function connect(
  user: string,
  { protocols = ['packlog.v1.json'], query = '?deviceType=web&deviceId=d', token = '' } = {},
) {
  const authorization = `Bearer ${token === '' ? await tokenOf(user) : token}`
  const url = `ws://127.0.0.1:${gateway.port}/v1/ws${query}`
  return new Client(new WebSocket(url, protocols, { headers: { authorization } }))
}

function send(client: Client, text: string) {
  const packId = makePackId(systemClock.now(), world.random.bytes(10))
  client.send({ type: 'send', packId, sessionId: chat, flags: 4, content: { kind: 'Text', text } })
}

test('[GW37] two people talk over real sockets, one in JSON and one in Avro', async () => {
  const alice = await connect('alice')
  const bob = await connect('bob', { protocols: ['packlog.v1.avro'] })
  expect(await alice.next('welcome')).toMatchObject([
    { userId: 'alice', gateway: 'gw', heartbeatMs: 25_000, frameBytesMax: FRAME_BYTES_MAX },
  ])
  expect((await bob.next('welcome'))[0]!.userId).toBe('bob')
  // More than a socket takes in one write, in frames of every header size.
  const texts = ['hello', '', 'é', 'x'.repeat(100), 'y'.repeat(300), 'z'.repeat(65_000)].filter(Boolean)
  const all = Array.from({ length: 60 }, (_, i) => texts[i % texts.length]!)
  for (const text of all) send(alice, text)
  expect((await alice.next('ack', all.length)).map(({ seq }) => seq)).toEqual(all.map((_, i) => i + 1))
  const events = await bob.next('event', all.length)
  expect(events.map(({ body }) => body.kind === 'MessageAccepted' && body.content)).toEqual(
    all.map(text => ({ kind: 'Text', text })),
  )
})

test('[AU3] a browser gives its token in a subprotocol; the one that is chosen is ours', async () => {
  const protocols = [`packlog.token.${await tokenOf('alice')}`, 'packlog.v1.json']
  const url = `ws://127.0.0.1:${gateway.port}/v1/ws?deviceType=web&deviceId=d`
  const alice = new Client(new WebSocket(url, protocols))
  await alice.next('welcome')
  expect(alice.socket.protocol).toBe('packlog.v1.json')
})

test('[AU5] a refused login completes the handshake and is closed with a code and a reason', async () => {
  const cases: [Parameters<typeof connect>[1], number, string][] = [
    [{ token: 'nonsense' }, 4021, 'BAD_CREDENTIALS'],
    [{ token: await tokenOf('alice', -60_000) }, 4021, 'BAD_CREDENTIALS'],
    [{ query: '?deviceType=fridge&deviceId=d' }, 4020, 'BAD_CLIENT_IDENTITY'],
    [{ query: '' }, 4020, 'BAD_CLIENT_IDENTITY'],
  ]
  for (const [options, code, name] of cases) {
    const client = await connect('alice', options)
    const closed = await client.closed
    expect(closed.code).toBe(code)
    expect(JSON.parse(closed.reason)).toMatchObject({ name })
    expect(client.frames).toEqual([])
  }
})

test('[AU5] a wrong path or no subprotocol of ours is an HTTP error', async () => {
  const statusOf = async (path: string, protocols: string[]) => {
    const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}${path}`, protocols)
    socket.on('error', () => {})
    const [, response] = await once(socket, 'unexpected-response')
    const status = response.statusCode
    socket.terminate()
    return status
  }
  expect(await statusOf('/v1/else', ['packlog.v1.json'])).toBe(404)
  expect(await statusOf('/v1/ws', ['mqtt'])).toBe(400)
  expect(await statusOf('/v1/ws', [])).toBe(400)
})

test('[GW38] a frame that is too large closes its connection with 1009, and no other', async () => {
  const [alice, bob] = [await connect('alice'), await connect('bob')]
  await Promise.all([alice.next('welcome'), bob.next('welcome')])
  alice.socket.send('x'.repeat(FRAME_BYTES_MAX + 1))
  expect((await alice.closed).code).toBe(1009)
  bob.send({ type: 'ping', requestId: 1 })
  await bob.next('pong')
})

test('[GW23] the older connection of a device is closed with a code', async () => {
  const old = await connect('alice')
  await old.next('welcome')
  const fresh = await connect('alice')
  await fresh.next('welcome')
  expect((await old.closed).code).toBe(4022)
})

test('[GW25] a drain closes with "reconnect", in order, and lets the port go', async () => {
  const alice = await connect('alice')
  await alice.next('welcome')
  send(alice, 'last')
  await alice.next('ack')
  const { port } = gateway
  await gateway.drain()
  expect((await alice.closed).code).toBe(4010)
  await gateway.done
  await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow()
  gateway = await started()
})

test('[GW39] HTTP: health, readiness, time, links; errors are problems', async () => {
  const get = async (path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${gateway.port}${path}`, init)
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
  }
  expect(await get('/healthz')).toMatchObject({ status: 200, text: 'ok\n' })
  expect(await get('/readyz')).toMatchObject({ status: 200, text: 'ready\n' })
  expect(JSON.parse((await get('/')).text)).toMatchObject({ name: 'packlog', webSocket: '/v1/ws' })
  const { serverTime } = JSON.parse((await get('/v1/time')).text)
  expect(Math.abs(serverTime - systemClock.now())).toBeLessThan(5_000)
  const missing = await get('/nothing?token=secret')
  expect(missing).toMatchObject({ status: 404, type: expect.stringContaining('application/problem+json') })
  expect(JSON.parse(missing.text)).toMatchObject({ status: 404, title: 'Not Found' })
  expect(missing.text).not.toContain('secret')
  const broken = await get('/v1/time', { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } })
  expect(broken.type).toContain('application/problem+json')
})

test('[GW24] before it has caught up a gateway is not ready and refuses logins temporarily', async () => {
  await gateway.drain()
  world.membership.isDown = true
  const { log, topics, codecs, history, membership, people, archive, random } = world
  gateway = makeGateway({
    http: { host: '127.0.0.1', port: 0 },
    tokens: key,
    log,
    topics,
    codecs,
    history,
    membership,
    people,
    archive,
    random,
    clock: systemClock,
    logger: silentLogger,
    metrics: new Metrics(),
    nodeName: 'gw',
  })
  await gateway.start()
  const ready = await fetch(`http://127.0.0.1:${gateway.port}/readyz`)
  expect(ready.status).toBe(503)
  const client = await connect('alice')
  expect((await client.closed).code).toBe(4012)
})
