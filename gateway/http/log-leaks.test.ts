import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { makeLogger } from '../../infra/logger.ts'
import type { ClientFrame } from '../../schemas/frames.ts'
import { CLIENT_FRAMES, eachFrame } from '../../schemas/testing/frame-samples.ts'
import type { Route } from './route.ts'
import { allRoutes } from './routes.ts'
import { HttpWorld } from './testing/http-world.ts'

/**
 * What a gateway writes to its log, at the most talkative level, when everything that can be said to it is said with a
 * canary in the place of contents and secrets: every route of the table, and every frame.
 */

const CANARY = 'canary-7f3a9c'
const NOTHING = () => {
  throw new Error('not called')
}
const ROUTES: readonly Route[] = allRoutes(new Proxy({} as Parameters<typeof allRoutes>[0], { get: () => NOTHING }))

const lines: string[] = []
let http: HttpWorld
let admin: string

beforeAll(async () => {
  const logger = makeLogger({ name: 'gateway', level: 'trace', to: { write: line => void lines.push(line) } })
  http = await HttpWorld.start({ logger, badCredentialsRate: { perSecond: 1_000, atOnce: 10_000 } })
  admin = await http.key('shop')
})
afterAll(() => http.stop())

/** Nothing of this is in the log; who acts is told by id, never by secret. */
function expectNothing(...secrets: string[]): void {
  const log = lines.join('\n')
  for (const secret of [CANARY, ...secrets]) expect(log.includes(secret), secret).toBe(false)
}

const BODIES = [
  `{"${CANARY}":`,
  JSON.stringify({ [CANARY]: CANARY }),
  JSON.stringify({ to: 'bob', text: CANARY, content: { kind: 'Text', text: CANARY }, name: CANARY, value: CANARY }),
]

describe.each(ROUTES)('$method $url', route => {
  test('[SC10] logs neither contents nor credentials', async () => {
    const path = `${route.url.replace(/:[a-zA-Z]+/g, CANARY)}?cursor=${CANARY}&q=${CANARY}`
    const token = await http.token('alice')
    const headers = { 'packlog-user': 'alice', 'idempotency-key': CANARY, 'x-request-id': CANARY }
    const call = (bearer: string, body?: string) =>
      http.call(route.method, path, { bearer, headers, ...(route.method === 'GET' ? {} : { body }) })
    for (const bearer of [`pk.shop.k1.${CANARY}`, `${token}${CANARY}`]) await call(bearer, BODIES[1])
    await call(token, BODIES[2])
    for (const body of route.method === 'GET' ? [''] : BODIES) await call(admin, body)
    expectNothing(admin, token)
  })
})

/** The same frame with the canary in the place of all that is no id. */
function withCanary(value: unknown, name = ''): unknown {
  if (typeof value === 'string') return /^(type|kind|.*Id|from|at)$/.test(name) ? value : CANARY
  if (Array.isArray(value)) return value.map(one => withCanary(one, name))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withCanary(one, key)]))
}

async function connect(token: string): Promise<{ socket: WebSocket; closed: Promise<unknown> }> {
  const url = `ws://127.0.0.1:${http.gateway.port}/v1/ws?deviceType=web&deviceId=d1&token=${CANARY}`
  const socket = new WebSocket(url, ['packlog.v1.json'], { headers: { authorization: `Bearer ${token}` } })
  const closed = once(socket, 'close')
  await Promise.race([once(socket, 'message'), closed])
  return { socket, closed }
}

/** Says one thing on a connection of its own, and waits until an answer or the end has come. */
async function say(token: string, text: string): Promise<void> {
  const { socket, closed } = await connect(token)
  // The first answer is of the frame, the second one of the ping behind it: one of the two comes whatever the frame is.
  socket.send(text)
  socket.send('{"type":"ping"}')
  await Promise.race([once(socket, 'message'), closed])
  socket.close()
  await closed
}

test('[SC10] no frame, whole or broken, and no token of a login is logged', async () => {
  const token = await http.token('alice')
  const frames = eachFrame<ClientFrame>(CLIENT_FRAMES)
  for (const frame of frames)
    await say(token, JSON.stringify({ ...(withCanary(frame) as object), packId: http.packId() }))
  await say(token, `{"type":"send","${CANARY}`)
  await say(token, JSON.stringify({ type: CANARY, [CANARY]: CANARY }))
  const { socket, closed } = await connect(`${token}${CANARY}`)
  expect(socket.readyState).not.toBe(WebSocket.OPEN)
  await closed
  expectNothing(token)
})
