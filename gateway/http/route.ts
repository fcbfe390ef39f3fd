import type { IncomingHttpHeaders } from 'node:http'
import type { z } from 'zod'
import type { PackId } from '../../schemas/ids.ts'
import type { Identity } from '../ws/asker.ts'
import type { ActsFor, Caller } from './callers.ts'
import type { Scope } from './scopes.ts'

/**
 * A route as a value. Its zod schemas are the only source of what is checked, typed and described; who may call it and
 * with which scope stands in it, so that nothing is reachable that says neither (api.ts, authorisation test).
 */
export interface Route<P = unknown, Q = unknown, B = unknown, R = unknown> {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Fastify's spelling: `/v1/groups/:groupId`. */
  url: string
  /** The operationId; unique. */
  id: string
  /** The resource; one of TAGS. */
  tag: string
  summary: string
  description?: string
  scope: Scope
  actsFor: ActsFor
  params?: z.ZodType<P>
  query?: z.ZodType<Q>
  body?: z.ZodType<B>
  /** Bytes of the body at most; undefined: BODY_BYTES_MAX. */
  bodyBytesMax?: number
  answer: z.ZodType<R>
  /** 200 where nothing else is said. */
  status?: 200 | 201 | 202
  handle(call: RouteCall<P, Q, B>): Promise<R>
}

/** One request to a route, checked. */
export interface RouteCall<P = unknown, Q = unknown, B = unknown> {
  caller: Caller
  /** In whose name the route acts. */
  identity: Identity
  params: P
  query: Q
  body: B
  /** The id of the pack that the request becomes: of its Idempotency-Key, or a new one. */
  packId: PackId
  requestId: string
}

/**
 * A route that services of others call, as their contracts say: nobody with a token or a key. The route itself tells who
 * it is, and throws Problem BAD_CREDENTIALS for everybody else. It takes JSON and forms.
 */
export interface ForeignRoute<P = unknown, R = unknown> {
  method: 'POST'
  url: string
  /** Unique. */
  id: string
  actsFor: 'nobody'
  params: z.ZodType<P>
  answer: z.ZodType<R>
  /** `body`: parsed JSON, or the fields of a form. */
  handle(call: { params: P; headers: IncomingHttpHeaders; body: unknown }): Promise<R>
}

/** Gives a route its types from its schemas. */
export function route<P, Q, B, R>(definition: Route<P, Q, B, R>): Route {
  return definition as unknown as Route
}

/** The resources, as the reference groups them. */
export const TAGS: Readonly<Record<string, string>> = {
  messages: 'Send, change and take back messages.',
  sessions: 'Sessions of a user, their history and what the user keeps of them.',
  groups: 'Groups and their members.',
  moderation: 'What operators do in sessions that they are not in.',
  friends: 'Friends and blocks.',
  users: 'Users: who they are, what they have chosen.',
  presence: 'Who is online.',
  notifications: 'Messages of an app to users, who cannot answer.',
  tokens: 'Tokens with which clients connect.',
  jobs: 'Work that takes long.',
  keys: 'Keys of an app.',
  audit: 'What was done with keys of an app.',
  holds: 'What is not erased, whoever asks.',
  dead: 'Records that a processor could not apply.',
  search: 'Search in messages.',
  statistics: 'Figures.',
  health: 'How the installation is.',
  media: 'Files of messages.',
  push: 'Devices that are registered for push.',
  webhooks: 'What a partner is told, and asked.',
}
