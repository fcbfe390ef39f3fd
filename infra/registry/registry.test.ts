import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { IncompatibleSchema } from '../../schemas/codec.ts'
import { type Clock, systemClock } from '../clock.ts'
import { HttpSchemaRegistry, REGISTRY_ATTEMPTS_MAX, RegistryRefused, RegistryUnavailable } from './registry.ts'

/** A registry that answers what the test says, and time that passes only where the client waits. */

let server: Server | undefined
afterEach(() => new Promise<void>(resolve => (server === undefined ? resolve() : server.close(() => resolve()))))

interface Seen {
  method: string
  path: string
  authorization: string | undefined
}

async function makeRegistry(answer: (request: Seen, count: number) => { status: number; body: string }) {
  const seen: Seen[] = []
  server = createServer((request: IncomingMessage, response) => {
    const { method = '', url: path = '', headers } = request
    seen.push({ method, path, authorization: headers.authorization })
    const { status, body } = answer(seen.at(-1)!, seen.length)
    response.writeHead(status, { connection: 'close' }).end(body)
  })
  await new Promise<void>(resolve => server!.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const slept: number[] = []
  let now = 0
  const clock: Clock = {
    ...systemClock,
    monotonic: () => now,
    sleep: async delayMs => {
      slept.push(delayMs)
      now += delayMs
    },
  }
  const registry = new HttpSchemaRegistry({ url: `http://me:p%40ss@127.0.0.1:${port}/api/`, clock })
  return { registry, seen, slept, pass: (ms: number) => (now += ms) }
}

const json = (status: number, body: object) => ({ status, body: JSON.stringify(body) })

test('[SC7] a registry that is down for a moment is asked again, with growing pauses', async () => {
  const { registry, seen, slept } = await makeRegistry((_, count) =>
    count < 4 ? { status: 503, body: '<html>' } : json(200, { schema: '{"type":"int"}' }),
  )
  expect(await registry.schemaById(5)).toEqual({ type: 'int' })
  expect(slept).toEqual([100, 200, 400])
  expect(seen.at(-1)).toEqual({
    method: 'GET',
    path: '/api/schemas/ids/5',
    authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}`,
  })
})

test('[SC7] a registry that stays down is said to be unavailable after a named number of tries', async () => {
  const { registry, seen } = await makeRegistry(() => json(500, { message: 'no' }))
  await expect(registry.register('x-value', { type: 'int' })).rejects.toThrow(RegistryUnavailable)
  expect(seen).toHaveLength(REGISTRY_ATTEMPTS_MAX)
})

test('[SC7] a schema is asked for once; an id without one again only after a while', async () => {
  const known = await makeRegistry(() => json(200, { schema: '{"type":"int"}' }))
  await known.registry.schemaById(1)
  await known.registry.schemaById(1)
  expect(known.seen).toHaveLength(1)
  await new Promise(resolve => server!.close(resolve))

  const unknown = await makeRegistry(() => json(404, { error_code: 40403, message: 'not found' }))
  await unknown.registry.schemaById(1)
  await unknown.registry.schemaById(1)
  expect(unknown.seen).toHaveLength(1)
  unknown.pass(60_000)
  await unknown.registry.schemaById(1)
  expect(unknown.seen).toHaveLength(2)
})

test('[SC7] another 404 than "no such schema" is a wrong address, not an unknown id', async () => {
  const { registry } = await makeRegistry(() => ({ status: 404, body: 'not here' }))
  await expect(registry.schemaById(1)).rejects.toThrow(RegistryRefused)
})

test('[SC5] the rule is set before the schema comes, and the refusal carries what the registry said', async () => {
  const { registry, seen } = await makeRegistry(({ method }) =>
    method === 'PUT' ? json(200, {}) : json(409, { message: 'field y has no default' }),
  )
  const registered = registry.register('im.packs-value', { type: 'int' })
  await expect(registered).rejects.toThrow(IncompatibleSchema)
  await expect(registered).rejects.toThrow('field y has no default')
  expect(seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'PUT /api/config/im.packs-value',
    'POST /api/subjects/im.packs-value/versions',
  ])
})

test('[SC7] a subject that is just being made by somebody else is asked for again', async () => {
  const { registry, seen } = await makeRegistry(({ method }, count) => {
    if (method === 'PUT') return json(200, {})
    const message = "An artifact with ID 'x-value' in group 'null' already exists."
    return count < 3 ? json(409, { message }) : json(200, { id: 7 })
  })
  expect(await registry.register('x-value', { type: 'int' })).toBe(7)
  expect(seen).toHaveLength(3)
})
