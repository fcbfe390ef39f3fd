import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import type { Route } from './route.ts'
import { allRoutes } from './routes.ts'
import { ALL_SCOPES } from './scopes.ts'
import { HttpWorld } from './testing/http-world.ts'

/**
 * Every route with every kind of caller, made from the table of routes: a new one is tested as it is added. Only whether
 * the caller is let through counts, so that bodies say nothing: who may not call is told so before they are looked at.
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

function replyTo({ method, url }: Route, bearer: string, headers: Record<string, string> = {}) {
  const body = method === 'GET' ? {} : { body: '{"nothing":true}' }
  return http.call(method, pathOf(url), { bearer, user: '', headers, ...body })
}

async function statusOf(...call: Parameters<typeof replyTo>): Promise<number> {
  return (await replyTo(...call)).status
}

describe.each(ROUTES)('$method $url', route => {
  test.each(['', 'expiredKey', 'revokedKey', 'wrongSecret', 'expiredToken', 'revokedToken'])(
    '[HT2] is 401 with "%s"',
    async name => {
      expect(await statusOf(route, bearers[name] ?? '')).toBe(401)
    },
  )

  test('[HT9, HT44] is 403 with a key without its scope, whatever is sent', async () => {
    const refused = await replyTo(route, bearers[`not ${route.scope}`]!, { 'packlog-user': 'alice' })
    expect(refused).toMatchObject({ status: 403, body: { detail: `the key has no scope ${route.scope}` } })
  })

  test('[HT2] is 403 in the name of another user with the token of a user', async () => {
    expect(await statusOf(route, bearers.token!, { 'packlog-user': 'bob' })).toBe(403)
  })

  test('[HT2] is for users and apps as it says', async () => {
    const status = await statusOf(route, bearers.token!)
    if (route.actsFor === 'app') expect(status).toBe(403)
    else expect(status).not.toBe(401)
    // A full key gets as far as what it sends.
    expect(await statusOf(route, bearers.full!, { 'packlog-user': 'alice' })).not.toBe(401)
  })
})

/** What belongs to an app, by the parameter that names it; webhooks in routes-webhooks.test.ts, which has some. */
const OWNED = /:(keyId|jobId)/
/** A body that is right, where one has to be there. */
const BODIES: Readonly<Record<string, object>> = { setKeyQuota: { perDay: 5 } }

describe.each(ROUTES.filter(({ url }) => OWNED.test(url)))('$method $url', ({ id, method, url }) => {
  test('[HT9] is 404 with the key of another app, and changes nothing', async () => {
    const erasure = { bearer: bearers.full!, body: { userIds: ['nobody'] } }
    const { jobId } = (await http.call('POST', '/v1/jobs/erase-users', erasure)).body as { jobId: string }
    const made = { bearer: bearers.full!, body: { name: 'theirs', scopes: ['messages:read'] } }
    const { keyId, key } = (await http.call('POST', '/v1/keys', made)).body as { keyId: string; key: string }
    const bank = await http.key('bank')
    const path = url.replace(':keyId', keyId).replace(':jobId', jobId)
    const body = BODIES[id] === undefined ? {} : { body: BODIES[id] }
    expect(await http.call(method, path, { bearer: bank, ...body })).toMatchObject({ status: 404 })
    expect(await http.call('GET', '/v1/sessions', { bearer: key, headers: { 'packlog-user': 'alice' } })).toMatchObject(
      {
        status: 200,
      },
    )
    expect((await http.call('GET', `/v1/jobs/${jobId}`, { bearer: bearers.full! })).body.state).not.toBe('cancelled')
    await http.call('DELETE', `/v1/keys/${keyId}`, { bearer: bearers.full! })
  })
})
