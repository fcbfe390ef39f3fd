import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify'
import type { Clock } from '../../infra/clock.ts'
import { WS_PATH } from '../auth/login-request.ts'
import { serveDevelopmentLogin } from './development-login.ts'
import { serveWebPages } from './web-pages.ts'

/** Requests larger than this are refused, bytes. */
const BODY_BYTES_MAX = 64 * 1024
const REQUEST_MS_MAX = 10_000

export interface HttpServerOptions {
  clock: Clock
  /** Certificate and key in PEM. */
  tls?: { cert: string; key: string }
  isReady(): boolean
  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void
  /** The folder of the web chat, where there is one. */
  webDir?: string | undefined
  /** The key of the development login, where that is wanted. */
  developmentKey?: Uint8Array | undefined
}

/** The gateway's HTTP side: health, time, and the upgrade to WebSocket. Errors are RFC 9457 problems. */
export class HttpServer {
  private readonly fastify: FastifyInstance

  constructor({ clock, tls, isReady, upgrade, webDir, developmentKey }: HttpServerOptions) {
    const options = {
      logger: false,
      bodyLimit: BODY_BYTES_MAX,
      requestTimeout: REQUEST_MS_MAX,
      // Connections that were upgraded are closed by the hub, with a code.
      forceCloseConnections: 'idle' as const,
    }
    // Over TLS it is another class of server, and the same to everything here.
    this.fastify =
      tls === undefined ? Fastify(options) : (Fastify({ ...options, https: tls }) as unknown as FastifyInstance)
    this.fastify.server.on('upgrade', upgrade)
    this.fastify.setNotFoundHandler((request, reply) => {
      sendProblem(reply, 404, 'Not Found', `there is nothing at ${request.url.split('?')[0]}`)
    })
    this.fastify.setErrorHandler((error: FastifyError, _request, reply) => {
      const status = error.statusCode ?? 500
      sendProblem(
        reply,
        status,
        status < 500 ? 'Bad Request' : 'Internal Server Error',
        status < 500 ? error.message : '',
      )
    })
    const paths = { name: 'packlog', webSocket: WS_PATH, time: '/v1/time', health: '/healthz', ready: '/readyz' }
    if (webDir === undefined) this.fastify.get('/', () => paths)
    else serveWebPages(this.fastify, webDir)
    if (developmentKey !== undefined) serveDevelopmentLogin(this.fastify, { key: developmentKey, clock })
    this.fastify.get('/healthz', (_request, reply) => reply.type('text/plain').send('ok\n'))
    this.fastify.get('/readyz', (_request, reply) => {
      if (isReady()) return reply.type('text/plain').send('ready\n')
      return sendProblem(reply, 503, 'Service Unavailable', 'the gateway has not caught up with the log yet')
    })
    this.fastify.get('/v1/time', () => ({ serverTime: clock.now() }))
  }

  /** Listens. Rejects when the address cannot be had. */
  async listen({ host, port }: { host: string; port: number }): Promise<void> {
    await this.fastify.listen({ host, port })
  }

  /** The port that it listens on. */
  get port(): number {
    return (this.fastify.server.address() as AddressInfo).port
  }

  /** Takes no more connections; resolves when those of HTTP are gone. */
  async close(): Promise<void> {
    await this.fastify.close()
  }
}

interface Reply {
  code(status: number): Reply
  type(contentType: string): Reply
  send(body: string): Reply
}

function sendProblem<R extends Reply>(reply: R, status: number, title: string, detail: string): Reply {
  return reply
    .code(status)
    .type('application/problem+json')
    .send(JSON.stringify({ type: 'about:blank', title, status, detail }))
}
