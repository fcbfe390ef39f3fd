import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { createJsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { PROBLEM_TYPE } from './problem.ts'
import { type ForeignRoute, type Route, TAGS } from './route.ts'
import type { SCOPES } from './scopes.ts'

/** The description of all routes, made from the routes themselves; served at /openapi.json. */

export const OPENAPI_PATH = '/openapi.json'

const DESCRIPTION = `What a client does over the WebSocket, and what only a partner may do, as one HTTP API.

Every write becomes a pack in the log and is answered with its outcome: the seq that it got, or why it was refused, with the code that docs/protocol.md lists. An app calls with a key, a client with its token; an app names the user in whose name it acts in the header Packlog-User.

An Idempotency-Key that is a UUIDv7 makes a request exact: sent again, at any age, it has one effect and one answer. Any other key is remembered for a day.`

/** To be called before the routes are added. */
export function describeRoutes(fastify: FastifyInstance, version: string): void {
  fastify.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'packlog',
        version,
        description: DESCRIPTION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'A key of an app: pk.<app>.<id>.<secret>' },
          token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The token of a user.' },
        },
      },
    },
    transform: document => {
      const transformed = transformZod(document as Parameters<typeof transformZod>[0])
      const route = (document.route as { config?: { route?: Route | ForeignRoute } }).config?.route
      if (route === undefined || route.actsFor === 'nobody')
        return { ...transformed, schema: { ...transformed.schema, hide: true } }
      return { ...transformed, schema: { ...transformed.schema, ...around(route) } as typeof transformed.schema }
    },
    transformObject: document => finished(jsonSchemaTransformObject(document) as unknown as Document) as never,
  })
  fastify.get(OPENAPI_PATH, { schema: { hide: true } as object }, () => fastify.swagger())
}

const transformZod = createJsonSchemaTransform({ skipList: [] })

/** What no schema of the route says: who may call, and which headers count. */
function around({ actsFor, scope, method, body }: Route): Record<string, unknown> {
  const headers: Record<string, object> = {}
  if (actsFor !== 'app') {
    headers['packlog-user'] = {
      type: 'string',
      pattern: '^[A-Za-z0-9._@-]{1,64}$',
      description:
        actsFor === 'user'
          ? 'The user in whose name an app acts; required with a key.'
          : 'The user in whose name an app acts; without it the app speaks for itself.',
    }
  }
  if (method !== 'GET') {
    headers['idempotency-key'] = {
      type: 'string',
      minLength: 1,
      maxLength: 255,
      description: 'Makes a request that is sent again have one effect; a UUIDv7 does so at any age.',
    }
  }
  return {
    ...(Object.keys(headers).length === 0 ? {} : { headers: { type: 'object', properties: headers } }),
    security: actsFor === 'app' ? [{ key: [] }] : [{ key: [] }, { token: [] }],
    'x-scope': scope,
    'x-acts-for': actsFor,
    // For `finished`, which takes it out again: @fastify/swagger says of every body that it has to be there.
    ...(body?.safeParse(undefined).success === true ? { 'x-may-lack-body': true } : {}),
  }
}

interface Document {
  paths?: Record<string, Record<string, Operation>>
  components?: { schemas?: Record<string, unknown> }
}
interface Operation {
  description?: string
  'x-scope'?: keyof typeof SCOPES
  'x-may-lack-body'?: true
  requestBody?: object
  responses?: Record<string, unknown>
}

/** Every operation may be refused: said once, by reference to the schema that problem.ts names. */
function finished(document: Document): Document {
  const content = { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } }
  const refused = (description: string) => ({
    description,
    headers: { 'x-request-id': { schema: { type: 'string' }, description: 'Names the request in logs.' } },
    content,
  })
  const problems = {
    '4XX': refused('Refused: the code says why, and whether to try again.'),
    '5XX': refused('Temporarily not possible, or a failure of the server.'),
  }
  const paths = Object.fromEntries(
    Object.entries(document.paths ?? {}).map(([path, operations]) => [
      path,
      Object.fromEntries(
        Object.entries(operations).map(([method, operation]) => {
          const { 'x-may-lack-body': mayLackBody, ...rest } = operation
          const body = mayLackBody === true ? { requestBody: { ...rest.requestBody, required: false } } : {}
          const scope = rest['x-scope']
          const needs = scope === undefined ? '' : `Scope of a key: \`${scope}\`.`
          const description = [rest.description, needs].filter(Boolean).join('\n\n')
          return [method, { ...rest, ...body, description, responses: { ...rest.responses, ...problems } }]
        }),
      ),
    ]),
  )
  return { ...document, paths, components: { ...document.components, schemas: namedIn(paths, document) } }
}

/** The schemas that the paths name, and those that these name: what else the process has loaded is nothing of this API. */
function namedIn(paths: unknown, { components }: Document): Record<string, unknown> {
  const schemas = components?.schemas ?? {}
  const named = new Set<string>()
  const follow = (part: unknown) => {
    for (const [, name] of JSON.stringify(part).matchAll(SCHEMA_REF)) {
      if (named.has(name!) || schemas[name!] === undefined) continue
      named.add(name!)
      follow(schemas[name!])
    }
  }
  follow(paths)
  return Object.fromEntries(Object.entries(schemas).filter(([name]) => named.has(name)))
}

const SCHEMA_REF = /"\$ref":"#\/components\/schemas\/([^"]+)"/g
