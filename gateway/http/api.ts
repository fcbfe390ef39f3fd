import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors, validatorCompiler } from 'fastify-type-provider-zod'
import type { z } from 'zod'
import type { Clock, Millis, Random } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import { Code } from '../../schemas/codes.ts'
import { APP_CALLS_PER_SECOND_MAX, BAD_CREDENTIALS_RATE, JSON_DEPTH_MAX, USER_CALLS_RATE } from '../limits.ts'
import { isShallow } from '../ws/client-frames.ts'
import { BadField } from '../ws/frame-fields.ts'
import { Buckets, type RateLimit } from '../ws/rate-limits.ts'
import { QuestionFailed } from '../ws/views.ts'
import { type Caller, type Callers, identityOf, USER_HEADER } from './callers.ts'
import { type DayCounts, dayLeftMs } from './day-counts.ts'
import type { PackIds } from './idempotency.ts'
import { PROBLEM_TYPE, Problem } from './problem.ts'
import type { ForeignRoute, Route, RouteCall } from './route.ts'

/**
 * The grammar of all routes, in this order: the caller (401), how often they may call (429), what they may do (403), what
 * they send (400), then the route itself; of whoever may not do it nothing is read beyond the head. Everything that is
 * refused is a problem with the code of the protocol.
 */

const FORM = 'application/x-www-form-urlencoded'
/** Requests larger than this are refused, bytes, where a route says nothing else. */
export const BODY_BYTES_MAX = 512 * 1024

export interface ApiOptions {
  clock: Clock
  random: Random
  logger: Logger
  callers: Callers
  packIds: PackIds
  /** Requests of keys that have a limit for a day. */
  dayCounts: DayCounts
  /** False while calls cannot be served. */
  isOpen(): boolean
  /** Wrong keys and tokens from one address. */
  badCredentialsRate?: RateLimit
  /** For tests: every answer is compared with its schema. */
  checkAnswers?: boolean
}

export class Api {
  readonly fastify: FastifyInstance
  /** Every route, for the description and for tests that must not forget one. */
  readonly routes: Route[] = []
  private readonly options: ApiOptions
  private readonly userCalls = new Buckets<string>(USER_CALLS_RATE)
  private readonly badCredentials: Buckets<string>
  private readonly appCalls = new Map<number, Buckets<string>>()

  constructor(fastify: FastifyInstance, options: ApiOptions) {
    this.fastify = fastify
    this.options = options
    this.badCredentials = new Buckets(options.badCredentialsRate ?? BAD_CREDENTIALS_RATE)
    fastify.setValidatorCompiler(part => {
      const validate = validatorCompiler(part as Parameters<typeof validatorCompiler>[0])
      // Fastify says null for a body that is not there.
      return data => validate(data ?? undefined)
    })
    fastify.setSerializerCompiler(() => data => JSON.stringify(data))
    fastify.setErrorHandler((error: FastifyError, request, reply) => this.refuse(error, request, reply))
    fastify.removeContentTypeParser(['application/json', 'text/plain'])
    fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
      try {
        done(null, parseJson(body as Buffer))
      } catch (error) {
        done(error as Error)
      }
    })
    fastify.addContentTypeParser(FORM, { parseAs: 'string' }, (request, body, done) => {
      const isTaken = request.routeOptions.config.route?.actsFor === 'nobody'
      if (isTaken) done(null, Object.fromEntries(new URLSearchParams(body as string)))
      else done(new Problem('PROTOCOL', 'send application/json', { status: 415 }) as unknown as FastifyError)
    })
  }

  add(routes: readonly Route[]): void {
    for (const route of routes) this.addRoute(route)
  }

  private addRoute(route: Route): void {
    this.routes.push(route)
    const { params, query, body, answer, status = 200 } = route
    this.fastify.route({
      method: route.method,
      url: route.url,
      bodyLimit: route.bodyBytesMax ?? BODY_BYTES_MAX,
      config: { route },
      // HEAD would be a second operation of the same name.
      exposeHeadRoute: false,
      schema: {
        operationId: route.id,
        tags: [route.tag],
        summary: route.summary,
        ...(route.description === undefined ? {} : { description: route.description }),
        ...(params === undefined ? {} : { params }),
        ...(query === undefined ? {} : { querystring: query }),
        ...(body === undefined ? {} : { body }),
        response: { [status]: answer },
      },
      onRequest: async (request, reply) => {
        const caller = await this.admit(request)
        reply.headers(await this.countDay(caller))
        request.acting = { caller, identity: identityOf(caller, textOf(request, USER_HEADER), route) }
      },
      handler: (request, reply) => this.handle(route, request, reply),
    })
  }

  /** Adds what services of others call; it is not part of the description. */
  addForeign(routes: readonly ForeignRoute[]): void {
    for (const route of routes) {
      const { method, url, params } = route
      this.fastify.route({
        method,
        url,
        config: { route },
        exposeHeadRoute: false,
        schema: { params },
        onRequest: async request => this.admitAddress(request),
        handler: async request => {
          const { params: given, headers, body } = request
          return this.knownOnly(request, () => route.handle({ params: given, headers, body }))
        },
      })
    }
  }

  private admitAddress(request: FastifyRequest): void {
    const { clock, isOpen } = this.options
    if (!isOpen()) throw new Problem('SERVICE_UNAVAILABLE', 'the gateway has not caught up with the log yet')
    if (!this.badCredentials.has(request.ip, clock.monotonic())) {
      throw tooMany('too many wrong keys and tokens from this address')
    }
  }

  /** Counts against its address who turns out to be nobody. */
  private async knownOnly<T>(request: FastifyRequest, task: () => Promise<T>): Promise<T> {
    try {
      return await task()
    } catch (error) {
      if (error instanceof Problem && error.codeName === 'BAD_CREDENTIALS') {
        this.badCredentials.take(request.ip, this.options.clock.monotonic())
      }
      throw error
    }
  }

  /** Who calls, if they may call now. */
  private async admit(request: FastifyRequest): Promise<Caller> {
    const { clock, callers } = this.options
    this.admitAddress(request)
    const caller = await this.knownOnly(request, () => callers.of(request.headers.authorization))
    if (!this.mayCall(caller, clock.monotonic())) throw tooMany('too many requests')
    return caller
  }

  /** What the caller is told of its day. Throws Problem where that is used up. */
  private async countDay(caller: Caller): Promise<Record<string, string>> {
    if (caller.kind !== 'app' || caller.perDay === undefined) return {}
    const { dayCounts, clock, logger } = this.options
    const { app, keyId, perDay } = caller
    const now = clock.now()
    const used = await dayCounts.take({ app, keyId, now }).catch(error => {
      // A limit of a day is not worth an outage of all partners.
      logger.warn({ err: error }, 'requests of a day could not be counted')
      return 0
    })
    const reset = String(Math.ceil(dayLeftMs(now) / 1_000))
    const headers = {
      'ratelimit-limit': String(perDay),
      'ratelimit-remaining': String(Math.max(0, perDay - used)),
      'ratelimit-reset': reset,
    }
    if (used <= perDay) return headers
    throw new Problem('RATE_LIMITED', `the key may make ${perDay} requests in a day (UTC)`, {
      headers: { ...headers, 'retry-after': reset },
    })
  }

  private mayCall(caller: Caller, now: Millis): boolean {
    if (caller.kind === 'user') return this.userCalls.take(caller.identity.userId, now)
    const perSecond = caller.perSecond ?? APP_CALLS_PER_SECOND_MAX
    let buckets = this.appCalls.get(perSecond)
    if (buckets === undefined) {
      buckets = new Buckets({ perSecond, atOnce: Math.max(2 * perSecond, 10) })
      this.appCalls.set(perSecond, buckets)
    }
    return buckets.take(caller.keyId, now)
  }

  private async handle(route: Route, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const { caller, identity } = request.acting!
    // What a disabled user has is still to be seen; nothing is done in their name.
    const isDoing = route.method !== 'GET' && caller.kind === 'app' && identity.userId !== caller.app
    if (isDoing) await this.options.callers.letIn(identity)
    const packId = await this.options.packIds.of(caller, textOf(request, 'idempotency-key'))
    const { params, query, body, id: requestId } = request
    const answer = await route.handle({ caller, identity, params, query, body, packId, requestId })
    if (this.options.checkAnswers === true) checkAnswer(route.answer, answer, route.id)
    return reply.code(route.status ?? 200).send(answer)
  }

  /** Answers with the problem that an error is. */
  refuse(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const problem = problemOf(error)
    if (problem.status === 500) this.options.logger.error({ err: error, requestId: request.id }, 'a request failed')
    return sendProblem(reply, problem, request.id)
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    acting?: Pick<RouteCall, 'caller' | 'identity'>
  }
  interface FastifyContextConfig {
    route?: Route | ForeignRoute
  }
}

export function sendProblem(reply: FastifyReply, problem: Problem, requestId: string): FastifyReply {
  return reply
    .code(problem.status)
    .headers(problem.headers)
    .type(PROBLEM_TYPE)
    .serializer(text => text as string)
    .send(JSON.stringify(problem.body(requestId)))
}

/** A header; of several of one name the first. */
function textOf({ headers }: FastifyRequest, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

function tooMany(detail: string): Problem {
  return new Problem('RATE_LIMITED', detail, { headers: { 'retry-after': '1' } })
}

function problemOf(error: FastifyError): Problem {
  if (error instanceof Problem) return error
  if (error instanceof QuestionFailed) return new Problem(error.code, error.message)
  // What no schema says, the reader of the frame does.
  if (error instanceof BadField) return new Problem('PARAM', error.message)
  if (hasZodFastifySchemaValidationErrors(error)) {
    const place = error.validationContext ?? 'body'
    const errors = error.validation.map(({ instancePath, message }) => ({
      path: `${place}${instancePath}`,
      message: message ?? 'is not valid',
    }))
    const [first] = errors
    return new Problem('PARAM', `${first?.path ?? place}: ${first?.message ?? 'is not valid'}`, { errors })
  }
  const status = error.statusCode ?? 500
  if (status === 413) return new Problem('FRAME_TOO_LARGE', 'the request is too large', { status })
  if (status === 415) return new Problem('PROTOCOL', 'send application/json', { status })
  if (status < 500) return new Problem('PARAM', error.message, { status })
  return new Problem('SERVER_EXCEPTION', Code.SERVER_EXCEPTION.text)
}

function parseJson(body: Buffer): unknown {
  if (!isShallow(body)) throw new Problem('PROTOCOL', `nested more than ${JSON_DEPTH_MAX} deep`)
  const value = jsonOf(body)
  // Fastify says null as well where there is no body, which may be right.
  if (value === null) throw new Problem('PARAM', 'body: null is none, leave it out')
  return value
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    throw new Problem('PROTOCOL', 'the body is not a JSON text')
  }
}

function checkAnswer(schema: z.ZodType, answer: unknown, id: string): void {
  const { error } = schema.safeParse(JSON.parse(JSON.stringify(answer)))
  if (error !== undefined) throw new Error(`${id} answers what its schema does not allow: ${error.message}`)
}
