import type { IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Clock, Random } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import { WS_PATH } from '../auth/login-request.ts'
import { Api, type ApiOptions, BODY_BYTES_MAX, sendProblem } from './api.ts'
import { ASYNCAPI_PATH, serveAsyncapi } from './asyncapi.ts'
import { serveDevelopmentLogin } from './development-login.ts'
import { describeRoutes, OPENAPI_PATH } from './openapi.ts'
import { isToWebSocket, readWithoutOffer } from './other-upgrades.ts'
import { Problem } from './problem.ts'
import { REFERENCE_PATH, serveReferencePage } from './reference-page.ts'
import type { ForeignRoute, Route } from './route.ts'
import { refuseUnread, refuseUpgrade, type UnreadError } from './unread-requests.ts'
import { serveWebPages } from './web-pages.ts'

/** A whole request, and its headers alone, have to be there in time; it is looked at now and then (SC12). */
export const SLOW_LIMITS = { requestMs: 10_000, headersMs: 5_000, lookMs: 1_000 }
/** Address and headers of a request together, bytes; beyond it is 431. */
const HEAD_BYTES_MAX = 16 * 1024
const REQUEST_ID_BYTES = 9
/** Of the routes; rises with every change that a partner could notice. */
export const API_VERSION = '1.0.0'

export interface HttpServerOptions {
  clock: Clock
  random: Random
  logger: Logger
  /** Who calls, and which id a request has. */
  api: Pick<ApiOptions, 'callers' | 'packIds' | 'dayCounts' | 'checkAnswers' | 'badCredentialsRate'>
  /** Everything that can be called. */
  routes: readonly Route[]
  /** What services of others call. */
  foreignRoutes: readonly ForeignRoute[]
  /** Certificate and key in PEM. */
  tls?: { cert: string; key: string }
  /** How long a socket may take to say what it wants; SLOW_LIMITS unless told otherwise. */
  slow?: typeof SLOW_LIMITS
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
  private readonly api: Api
  private readonly random: Random

  constructor(served: HttpServerOptions) {
    const { clock, random, logger, api, routes, foreignRoutes, tls, isReady, upgrade, webDir, developmentKey } = served
    const { slow = SLOW_LIMITS } = served
    this.random = random
    const options = {
      logger: false,
      bodyLimit: BODY_BYTES_MAX,
      requestTimeout: slow.requestMs,
      // Connections that were upgraded are closed by the hub, with a code.
      forceCloseConnections: 'idle' as const,
      genReqId: () => this.newRequestId(),
      requestIdHeader: false as const,
      // How long a part of a path may be is said by its schema.
      routerOptions: { maxParamLength: HEAD_BYTES_MAX },
      // While it closes the routes say so themselves.
      return503OnClosing: false,
      frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
        reply.header('x-request-id', request.id)
        this.api.refuse(error, request, reply)
      },
      clientErrorHandler: (error: UnreadError, socket: Socket) => refuseUnread(error, socket, this.newRequestId()),
    }
    const http = {
      connectionsCheckingInterval: slow.lookMs,
      headersTimeout: slow.headersMs,
      maxHeaderSize: HEAD_BYTES_MAX,
      // Node would answer with nothing but a status: see the hook below.
      requireHostHeader: false,
    }
    // Over TLS it is another class of server, and the same to everything here.
    this.fastify =
      tls === undefined
        ? Fastify({ ...options, http })
        : (Fastify({ ...options, https: { ...tls, ...http } }) as unknown as FastifyInstance)
    const { server } = this.fastify
    server.on('upgrade', (request, stream, head) => {
      if (isToWebSocket(request)) upgrade(request, stream, head)
      else readWithoutOffer(server, request, stream, head)
    })
    // What a client expects beyond 100-continue is not looked at; Node would refuse it with nothing but a status.
    server.on('checkExpectation', (request, response) => server.emit('request', request, response))
    this.fastify.addHook('onRequest', async (request, reply) => {
      reply.header('x-request-id', request.id)
      if (request.raw.httpVersion === '1.1' && request.headers.host === undefined) {
        throw new Problem('PROTOCOL', 'a request says which host it is for')
      }
    })
    this.fastify.setNotFoundHandler((request, reply) => {
      const [path] = request.url.split('?')
      const problem = new Problem('PROTOCOL', `there is nothing at ${path}`, { status: 404, title: 'Not Found' })
      return sendProblem(reply, problem, request.id)
    })
    this.api = new Api(this.fastify, { ...api, clock, random, logger, isOpen: isReady })
    describeRoutes(this.fastify, API_VERSION)
    serveReferencePage(this.fastify)
    serveAsyncapi(this.fastify, API_VERSION)
    this.fastify.register(async () => {
      this.api.add(routes)
      this.api.addForeign(foreignRoutes)
    })
    const health = { time: '/v1/time', health: '/healthz', ready: '/readyz' }
    const paths = {
      name: 'packlog',
      webSocket: WS_PATH,
      ...health,
      api: OPENAPI_PATH,
      webSocketApi: ASYNCAPI_PATH,
      reference: REFERENCE_PATH,
    }
    if (webDir === undefined) this.fastify.get('/', () => paths)
    else serveWebPages(this.fastify, webDir)
    if (developmentKey !== undefined) serveDevelopmentLogin(this.fastify, { key: developmentKey, clock })
    this.fastify.get('/healthz', (_request, reply) => reply.type('text/plain').send('ok\n'))
    this.fastify.get('/readyz', (request, reply) => {
      if (isReady()) return reply.type('text/plain').send('ready\n')
      const problem = new Problem('SERVICE_UNAVAILABLE', 'the gateway has not caught up with the log yet')
      return sendProblem(reply, problem, request.id)
    })
    this.fastify.get('/v1/time', () => ({ serverTime: clock.now() }))
  }

  private newRequestId(): string {
    return this.random.bytes(REQUEST_ID_BYTES).toString('base64url')
  }

  /** Answers an upgrade that is none of a WebSocket of ours; the connection ends. */
  refuseUpgrade(stream: Duplex, problem: Problem): void {
    refuseUpgrade(stream, problem, this.newRequestId())
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
