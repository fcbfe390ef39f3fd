import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { systemClock } from '../infra/clock.ts'
import { silentLogger } from '../infra/logger.ts'
import { Metrics } from '../infra/metrics.ts'
import type { UserId } from '../schemas/ids.ts'
import { issueToken } from './auth/tokens.ts'
import { type GatewayOptions, type GatewayService, makeGateway } from './main.ts'
import { TEST_CERTIFICATE } from './testing/certificate.ts'
import { World } from './testing/world.ts'

/** What lets a client in over real sockets: tokens that run out, a third party, TLS. */

const key = Buffer.alloc(32, 1)
const closers: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function started(more: Partial<GatewayOptions> = {}): Promise<GatewayService> {
  const world = await World.on(systemClock)
  world.sequencer.isFollowing = true
  const { log, topics, codecs, history, membership, people, archive, random } = world
  const parts = { log, topics, codecs, history, membership, people, archive, random }
  const around = { tokens: key, clock: systemClock, logger: silentLogger, metrics: new Metrics(), nodeName: 'gw' }
  const gateway = makeGateway({ http: { host: '127.0.0.1', port: 0 }, ...parts, ...around, ...more })
  await gateway.start()
  closers.push(() => gateway.drain())
  while (!gateway.ready()) await world.settle()
  return gateway
}

async function connect(gateway: GatewayService, { forMs = 60_000, scheme = 'ws', options = {} } = {}) {
  const token = await issueToken(key, { userId: 'alice' as UserId, expiresAt: systemClock.now() + forMs })
  const url = `${scheme}://127.0.0.1:${gateway.port}/v1/ws?deviceType=web&deviceId=d`
  const socket = new WebSocket(url, ['packlog.v1.json'], { headers: { authorization: `Bearer ${token}` }, ...options })
  socket.on('error', () => {})
  const closed = new Promise<number>(resolve => socket.on('close', resolve))
  const welcomed = new Promise<void>(resolve => socket.on('message', () => resolve()))
  closers.push(async () => socket.terminate())
  return { closed, welcomed }
}

/** A third party that answers with the status. */
async function party(status: number): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = []
  const bodyOf = async (request: IncomingMessage) => {
    let text = ''
    for await (const chunk of request) text += String(chunk)
    return text
  }
  const server = createServer((request, response) => {
    void bodyOf(request).then(text => {
      asked.push(text)
      response.writeHead(status).end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  closers.push(async () => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked }
}

test('[AU7] a connection is closed when its token has run out', async () => {
  const gateway = await started({ heartbeatMs: 100 })
  const short = await connect(gateway, { forMs: 1_000 })
  await short.welcomed
  expect(await short.closed).toBe(4021)
})

test('[AU8] a third party lets users in, and is told who they are', async () => {
  const { url, asked } = await party(204)
  const gateway = await started({ thirdPartyUrl: url })
  await (await connect(gateway)).welcomed
  expect(asked.map(text => JSON.parse(text))).toEqual([{ userId: 'alice', deviceType: 6, deviceId: 'd' }])
})

test.each([
  [403, 4025],
  [500, 4012],
])('[AU8] a third party that answers %i closes the login with %i', async (status, code) => {
  const gateway = await started({ thirdPartyUrl: (await party(status)).url })
  expect(await (await connect(gateway)).closed).toBe(code)
})

test('[AU8] without the third party a login is refused temporarily', async () => {
  const gateway = await started({ thirdPartyUrl: 'http://127.0.0.1:9/' })
  expect(await (await connect(gateway)).closed).toBe(4012)
})

test('[AU9] a gateway with a certificate speaks TLS, and nothing else', async () => {
  const gateway = await started({ tls: TEST_CERTIFICATE })
  const trusting = { scheme: 'wss', options: { ca: TEST_CERTIFICATE.cert } }
  await (await connect(gateway, trusting)).welcomed
  expect(await (await connect(gateway, { scheme: 'wss' })).closed).toBe(1006)
  expect(await (await connect(gateway)).closed).toBe(1006)
})
