import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import type { SessionId } from '../../schemas/ids.ts'
import { FakeGateway } from '../testing/fake-gateway.ts'
import { serveFakeGateway } from '../testing/fake-gateway-server.ts'
import { type Client, type ClientEvents, connect } from './client.ts'
import { openWsTransport } from './ws-transport.ts'

const AB = 's:alice:bob' as SessionId
const closers: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

function join(url: string, token: string): Client {
  const client = connect({
    url,
    token,
    deviceType: 'linux',
    deviceId: 'test',
    open: openWsTransport,
    clock: systemClock,
    random: systemRandom,
  })
  closers.push(() => client.close())
  return client
}

function next<Name extends keyof ClientEvents>(
  client: Client,
  name: Name,
  is: (value: ClientEvents[Name]) => boolean = () => true,
): Promise<ClientEvents[Name]> {
  return new Promise(resolve => {
    const stop = client.on(name, value => {
      if (!is(value)) return
      stop()
      resolve(value)
    })
  })
}

test('[CL6] over real sockets a client finds a restarted server again and misses nothing', async () => {
  const gateway = new FakeGateway(systemClock)
  const server = await serveFakeGateway(gateway)
  const client = join(server.url, 'alice')
  const heard: number[] = []
  client.on('event', event => heard.push(event.seq))
  await next(client, 'caughtUp')
  gateway.say(AB, 'bob', 'one')
  expect((await next(client, 'event')).seq).toBe(1)
  await server.close()
  await next(client, 'phase', phase => phase.kind === 'Waiting')
  gateway.say(AB, 'bob', 'two')
  const { answer } = client.submit({ type: 'send', sessionId: AB, content: { kind: 'Text', text: 'three' } })
  const again = await serveFakeGateway(gateway, server.port)
  closers.push(() => again.close())
  expect(await answer).toMatchObject({ kind: 'Accepted', seq: 3 })
  expect(heard).toEqual([1, 2, 3])
})

test('[CL8] a refused token ends the client with the reason of the close frame', async () => {
  const server = await serveFakeGateway(new FakeGateway(systemClock))
  closers.push(() => server.close())
  const phase = await next(join(server.url, 'wrong'), 'phase', ({ kind }) => kind === 'Closed')
  expect(phase).toEqual({ kind: 'Closed', reason: 'the token is wrong', byRequest: false })
})

test('[CL8] an upgrade that is refused with 401 ends the client, one with 503 is tried again', async () => {
  let status = 503
  const http = createServer()
  http.on('upgrade', (_request, socket) => socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  closers.push(() => void http.close())
  const client = join(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/ws`, 'alice')
  const waiting = await next(client, 'phase', ({ kind }) => kind === 'Waiting')
  expect(waiting).toMatchObject({ reason: 'the server answered 503' })
  status = 401
  const closed = await next(client, 'phase', ({ kind }) => kind === 'Closed')
  expect(closed).toMatchObject({ reason: 'the server answered 401', byRequest: false })
})

test('[CL8] a server that is not there is tried again, and the reason names the failure', async () => {
  const server = await serveFakeGateway(new FakeGateway(systemClock))
  await server.close()
  const waiting = await next(join(server.url, 'alice'), 'phase', ({ kind }) => kind === 'Waiting')
  expect(waiting).toMatchObject({ reason: expect.stringContaining('ECONNREFUSED') })
})
