import { createServer as createPlain, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTls } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Fake, FakeAnswer, FakeWorld } from './fake.ts'
import { inboxPage } from './inbox-page.ts'

/** The fakes of vendors that speak HTTP/1.1, each under its name, and the inbox of what they show, at `/`. */

export interface FakeServer {
  /** `http(s)://host:port`; a vendor's base is `<url>/<name>`. */
  url: string
  close(): Promise<void>
}

const HOST = '127.0.0.1'
const BODY_BYTES_MAX = 4_000_000

export async function startFakeServer(
  world: FakeWorld,
  fakes: readonly Fake[],
  { port = 0, tls, only }: { port?: number; tls?: { cert: string; key: string }; only?: string } = {},
): Promise<FakeServer> {
  const handle = (request: IncomingMessage, response: ServerResponse) =>
    void serve(world, fakes, { request, response, only })
  const server = tls === undefined ? createPlain(handle) : createTls(tls, handle)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: HOST, port }, resolve)
  })
  const { port: bound } = server.address() as AddressInfo
  return {
    url: `http${tls === undefined ? '' : 's'}://${HOST}:${bound}`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function serve(
  world: FakeWorld,
  fakes: readonly Fake[],
  { request, response, only }: { request: IncomingMessage; response: ServerResponse; only: string | undefined },
): Promise<void> {
  const text = await bodyOf(request)
  const url = (request.url ?? '/').split('?')[0]!
  // A host of one vendor has its calls at the root.
  const [, name = '', ...rest] = (only === undefined ? url : `/${only}${url}`).split('/')
  const send = ({ status, headers = {}, body }: FakeAnswer) => {
    const isText = typeof body === 'string'
    const type = isText ? 'text/html; charset=utf-8' : 'application/json'
    response.writeHead(status, { 'content-type': type, date: new Date(world.now()).toUTCString(), ...headers })
    response.end(isText ? body : JSON.stringify(body))
  }
  if (name === '') return send({ status: 200, body: inboxPage() })
  if (name === 'inbox.json') return send({ status: 200, body: [...world.shown].reverse() })
  const fake = fakes.find(one => one.name === name)
  if (fake === undefined) return send({ status: 404, body: { reason: 'no such vendor' } })
  const call = { method: request.method ?? '', path: `/${rest.join('/')}`, headers: request.headers, text }
  world.note(name, call)
  if (world.isDown(name)) return send({ status: 503, body: {} })
  const forced = world.next(name)
  if (forced === 'drop') {
    request.socket.destroy()
    return
  }
  if (forced === 'hang') return
  send(forced ?? fake.handle(call))
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) break
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
