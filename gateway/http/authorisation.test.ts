import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import type { Route } from './route.ts'
import { allRoutes } from './routes.ts'
import { ALL_SCOPES } from './scopes.ts'
import { HttpWorld } from './testing/http-world.ts'

/**
 * Every route with every kind of caller, made from the table of routes: a new one is tested as it is added. Only whether
 * the caller is let through counts, so that bodies are empty: who is let through is told what is wrong with them.
 */

const NOTHING = () => {
  throw new Error('not called')
}
const ROUTES: readonly Route[] = allRoutes(new Proxy({} as Parameters<typeof allRoutes>[0], { get: () => NOTHING }))

let http: HttpWorld
const bearers: Record<string, string> = {}

beforeAll(async () => {
  http = await HttpWorld.start({ badCredentialsRate: { perSecond: 1_000, atOnce: 10_000 } })
  bearers.full = await http.key('shop')
  bearers.expiredKey = await http.key('shop', { keyId: 'expired', expiresAt: systemClock.now() - 1 })
  bearers.revokedKey = await http.key('shop', { keyId: 'gone' })
  await http.append('a:shop', 'shop', { kind: 'RevokeKey', keyId: 'gone' })
  bearers.wrongSecret = `${bearers.full}x`
  for (const scope of ALL_SCOPES) {
    const scopes = ALL_SCOPES.filter(other => other !== scope)
    bearers[`not ${scope}`] = await http.key('shop', { keyId: `not-${scope.replace(':', '-')}`, scopes })
  }
  bearers.token = await http.token('alice')
  bearers.expiredToken = await http.token('alice', { forMs: -60_000 })
  bearers.revokedToken = await http.token('rita', { issuedAt: 1_000 })
  await http.append('u:rita', 'rita', { kind: 'RevokeTokens', notBefore: systemClock.now() - 1_000 })
})
afterAll(() => http.stop())

const pathOf = (url: string) =>
  url
    .replace(':sessionId', 's:alice:bob')
    .replace(':packId', http.packId())
    .replace(/:(seq|partition|offset)/g, '1')
    .replace(/:(groupId|userId|keyId|inviteId|app|jobId|processor|topic|webhookId)/g, 'thing')

async function statusOf({ method, url }: Route, bearer: string, headers: Record<string, string> = {}) {
  const body = method === 'GET' ? {} : { body: '{"nothing":true}' }
  const { status } = await http.call(method, pathOf(url), { bearer, user: '', headers, ...body })
  return status
}

describe.each(ROUTES)('$method $url', route => {
  test.each(['', 'expiredKey', 'revokedKey', 'wrongSecret', 'expiredToken', 'revokedToken'])(
    '[HT2] is 401 with "%s"',
    async name => {
      expect(await statusOf(route, bearers[name] ?? '')).toBe(401)
    },
  )

  test('[HT9] is 403 or a fault of the body with a key without its scope, never more', async () => {
    const status = await statusOf(route, bearers[`not ${route.scope}`]!, { 'packlog-user': 'alice' })
    expect([400, 403]).toContain(status)
  })

  test('[HT2] is not done in the name of another user with the token of a user', async () => {
    expect([400, 403]).toContain(await statusOf(route, bearers.token!, { 'packlog-user': 'bob' }))
  })

  test('[HT2] is for users and apps as it says', async () => {
    const status = await statusOf(route, bearers.token!)
    if (route.actsFor === 'app') expect([400, 403]).toContain(status)
    else expect(status).not.toBe(401)
  })
})
