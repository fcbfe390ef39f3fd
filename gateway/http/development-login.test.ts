import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import { verifyToken } from '../auth/tokens.ts'
import { DEVELOPMENT_TOKEN_PATH, serveDevelopmentLogin } from './development-login.ts'

const key = Buffer.alloc(32, 7)

async function ask(request: { userId?: unknown; host?: string; origin?: string; remoteAddress?: string }) {
  const fastify = Fastify()
  const clock = new VirtualClock()
  serveDevelopmentLogin(fastify, { key, clock })
  const { userId, host = '127.0.0.1:8080', origin, remoteAddress = '127.0.0.1' } = request
  const headers = { host, ...(origin !== undefined && { origin }) }
  const response = await fastify.inject({
    method: 'POST',
    url: DEVELOPMENT_TOKEN_PATH,
    headers,
    remoteAddress,
    payload: { userId },
  })
  return { status: response.statusCode, body: response.json() as { token: string; detail?: string }, clock }
}

test('[WEB5] anybody on this machine gets a token of any user', async () => {
  const { status, body, clock } = await ask({ userId: 'alice', origin: 'http://127.0.0.1:8080' })
  expect(status).toBe(200)
  expect(await verifyToken({ secret: key }, body.token, clock.now())).toMatchObject({ userId: 'alice' })
  expect((await ask({ userId: 'alice', host: 'localhost:8080' })).status).toBe(200)
})

test('[WEB5] nobody else does: other machines, other names of this one, pages of others', async () => {
  expect((await ask({ userId: 'alice', remoteAddress: '192.0.2.1' })).status).toBe(403)
  expect((await ask({ userId: 'alice', host: 'evil.example' })).status).toBe(403)
  expect((await ask({ userId: 'alice', origin: 'https://evil.example' })).status).toBe(403)
  expect((await ask({ userId: 'alice', origin: 'null' })).status).toBe(403)
})

test('[WEB5] a name that is none is refused', async () => {
  for (const userId of ['', 'a b', 'x'.repeat(65), 7, undefined]) {
    expect(await ask({ userId })).toMatchObject({ status: 400, body: { detail: expect.stringContaining('userId') } })
  }
})
