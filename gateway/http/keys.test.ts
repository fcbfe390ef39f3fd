import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import type { UserId } from '../../schemas/ids.ts'
import { drawKey, readKey } from './keys.ts'
import { HttpWorld } from './testing/http-world.ts'

/** Keys of apps, what they may do in the name of users, and how users are let in. */

let http: HttpWorld
let admin: string
beforeAll(async () => {
  http = await HttpWorld.start()
  admin = await http.key('shop')
})
afterAll(() => http.stop())

const send = (bearer: string, headers: Record<string, string> = { 'packlog-user': 'alice' }) =>
  http.call('POST', '/v1/messages/text', { bearer, body: { to: 'bob', text: 'hi' }, headers })

test('[HT9] a key acts in the name of the user that is named, and the log says who it was', async () => {
  expect(await send(admin)).toMatchObject({ status: 200, body: { sessionId: 's:alice:bob' } })
  expect(http.world.sequencer.packs.at(-1)).toMatchObject({
    from: 'alice',
    actor: { kind: 'APP', id: 'shop' },
    device: { type: 0, id: 'key:k1' },
  })
  expect(await send(admin, {})).toMatchObject({ status: 400, body: { code: 2 } })
  expect(await send(admin, { 'packlog-user': 'a:b' })).toMatchObject({ status: 400, body: { code: 2 } })
})

test('[HT9] a key without the scope, with another secret, or that has expired is refused', async () => {
  const reader = await http.key('shop', { keyId: 'reader', scopes: ['messages:read'] })
  expect(await send(reader)).toMatchObject({ status: 403, body: { code: 23 } })
  expect(await send(`${admin}x`)).toMatchObject({ status: 401, body: { code: 21 } })
  const old = await http.key('shop', { keyId: 'old', expiresAt: systemClock.now() - 1 })
  expect(await send(old)).toMatchObject({ status: 401, body: { code: 21 } })
})

test('[HT10] a key makes keys that may do no more than itself, and tells the secret once', async () => {
  const maker = await http.key('bank', { scopes: ['keys:write', 'keys:read', 'messages:write'] })
  const more = { name: 'n', scopes: ['tokens:write'] }
  expect(await http.call('POST', '/v1/keys', { bearer: maker, body: more })).toMatchObject({ status: 403 })
  const made = await http.call('POST', '/v1/keys', { bearer: maker, body: { name: 'n', scopes: ['messages:write'] } })
  expect(made).toMatchObject({ status: 201, body: { name: 'n', scopes: ['messages:write'] } })
  expect(await send(made.body.key as string)).toMatchObject({ status: 200 })
  const listed = await http.call('GET', '/v1/keys', { bearer: maker })
  expect(JSON.stringify(listed.body)).not.toMatch(/secret/i)
  expect((listed.body.keys as { keyId: string }[]).map(({ keyId }) => keyId)).toContain(made.body.keyId)
})

test('[HT10] a key that is rotated goes on for a while, one that is revoked ends at once', async () => {
  const first = await http.key('mill', { scopes: ['keys:write', 'messages:write'] })
  const { keyId } = readKey(first)!
  const next = await http.call('POST', `/v1/keys/${keyId}/rotate`, { bearer: first, body: { overlapMs: 60_000 } })
  expect(next).toMatchObject({ status: 201, body: { scopes: ['keys:write', 'messages:write'] } })
  const second = next.body.key as string
  expect([(await send(first)).status, (await send(second)).status]).toEqual([200, 200])
  const gone = await http.call('DELETE', `/v1/keys/${keyId}`, { bearer: second })
  expect(gone.body).toMatchObject({ sessionId: 'a:mill' })
  expect([(await send(first)).status, (await send(second)).status]).toEqual([401, 200])
  expect(await http.call('DELETE', '/v1/keys/nothing', { bearer: second })).toMatchObject({
    status: 404,
    body: { code: 120 },
  })
})

test('[HT20] a key has a number of requests for a day, told with each answer, and its successor has the same', async () => {
  const keeper = await http.key('pub', { scopes: ['keys:write', 'keys:read', 'messages:write'] })
  const till = await http.key('pub', { keyId: 'till', scopes: ['messages:write'] })
  expect((await send(till)).headers.get('ratelimit-limit')).toBeNull()
  const path = '/v1/keys/till/quota'
  expect(await http.call('PUT', path, { bearer: keeper, body: { perDay: 2 } })).toMatchObject({ status: 200 })
  const first = await send(till)
  expect([first.status, first.headers.get('ratelimit-limit'), first.headers.get('ratelimit-remaining')]).toEqual([
    200,
    '2',
    '1',
  ])
  expect(Number(first.headers.get('ratelimit-reset'))).toBeLessThanOrEqual(86_400)
  await send(till)
  const third = await send(till)
  expect(third).toMatchObject({ status: 429, body: { name: 'RATE_LIMITED' } })
  expect(third.headers.get('retry-after')).toBe(third.headers.get('ratelimit-reset'))
  const listed = (await http.call('GET', '/v1/keys', { bearer: keeper })).body.keys as Record<string, unknown>[]
  expect(listed.find(({ keyId }) => keyId === 'till')).toMatchObject({ perDay: 2, usedToday: 3 })
  const next = await http.call('POST', '/v1/keys/till/rotate', { bearer: keeper })
  expect((await send(next.body.key as string)).headers.get('ratelimit-limit')).toBe('2')
  expect(await http.call('PUT', path, { bearer: keeper, body: { perDay: null } })).toMatchObject({ status: 200 })
  expect(await send(till)).toMatchObject({ status: 200 })
  expect(await http.call('PUT', '/v1/keys/none/quota', { bearer: keeper, body: { perDay: 2 } })).toMatchObject({
    status: 404,
  })
})

test('[HT10] only apps:write makes keys of other apps', async () => {
  const body = { name: 'first', scopes: ['messages:write'] }
  const made = await http.call('POST', '/v1/apps/newcomer/keys', { bearer: admin, body })
  expect(made).toMatchObject({ status: 201 })
  expect(await send(made.body.key as string)).toMatchObject({ status: 200 })
  const other = await http.key('bank', { keyId: 'other', scopes: ['keys:write'] })
  expect(await http.call('POST', '/v1/apps/newcomer/keys', { bearer: other, body })).toMatchObject({ status: 403 })
})

async function connect(token: string) {
  const url = `ws://127.0.0.1:${http.gateway.port}/v1/ws?deviceType=web&deviceId=d${http.packId()}`
  const socket = new WebSocket(url, ['packlog.v1.json'], { headers: { authorization: `Bearer ${token}` } })
  const closed = once(socket, 'close').then(([code]) => code as number)
  await Promise.race([once(socket, 'message'), closed])
  return { socket, closed }
}

test('[HT11] a token that is issued lets in, and one that is revoked closes what it has opened', async () => {
  const issued = await http.call('POST', '/v1/tokens', { bearer: admin, body: { userId: 'carol' } })
  expect(issued.status).toBe(201)
  const { token, tokenId, expiresAt } = issued.body as { token: string; tokenId: string; expiresAt: number }
  const { closed } = await connect(token)
  expect(await http.call('GET', '/v1/groups', { bearer: token })).toMatchObject({ status: 200 })
  const revoked = await http.call('POST', '/v1/tokens/revoke', {
    bearer: admin,
    body: { userId: 'carol', tokenId, expiresAt },
  })
  expect(revoked.status).toBe(200)
  expect(await closed).toBe(4021)
  expect(await http.call('GET', '/v1/groups', { bearer: token })).toMatchObject({ status: 401, body: { code: 21 } })
  expect(await (await connect(token)).closed).toBe(4021)
})

test('[HT11] all tokens of a user are revoked, and what is issued after that is good', async () => {
  const before = await http.token('dora')
  await http.call('POST', '/v1/tokens/revoke', { bearer: admin, body: { userId: 'dora' } })
  expect(await http.call('GET', '/v1/groups', { bearer: before })).toMatchObject({ status: 401 })
  const after = await http.call('POST', '/v1/tokens', { bearer: admin, body: { userId: 'dora' } })
  expect(await http.call('GET', '/v1/groups', { bearer: after.body.token as string })).toMatchObject({ status: 200 })
})

test('[HT12] a disabled user is closed, refused everywhere, and let in again', async () => {
  const token = await http.token('erin')
  const { closed } = await connect(token)
  expect(await http.call('POST', '/v1/users/erin/disable', { bearer: admin })).toMatchObject({ status: 200 })
  expect(await closed).toBe(4024)
  expect(await http.call('GET', '/v1/groups', { bearer: token })).toMatchObject({ status: 403, body: { code: 23 } })
  expect(await send(admin, { 'packlog-user': 'erin' })).toMatchObject({ status: 403 })
  const looked = await http.call('GET', '/v1/groups', { bearer: admin, headers: { 'packlog-user': 'erin' } })
  expect(looked).toMatchObject({ status: 200 })
  expect(await (await connect(token)).closed).toBe(4024)
  await http.call('POST', '/v1/users/erin/enable', { bearer: admin })
  const { socket } = await connect(token)
  expect(socket.readyState).toBe(WebSocket.OPEN)
  socket.close()
})

test('[HT12] a user is logged out everywhere', async () => {
  const { closed } = await connect(await http.token('finn'))
  const body = { reason: 'maintenance' }
  expect(await http.call('POST', '/v1/users/finn/logout', { bearer: admin, body })).toMatchObject({ status: 200 })
  expect(await closed).toBe(4022)
})

test('[HT13] what is done with keys is in the audit log of the app, without secrets', async () => {
  const keeper = await http.key('inn', { scopes: ['tokens:write', 'audit:read'] })
  await http.call('POST', '/v1/tokens', { bearer: keeper, body: { userId: 'gus' } })
  const { body } = await http.call('GET', '/v1/audit?limit=1', { bearer: keeper })
  const acts = body.acts as { act: string; subject: string; detail: string }[]
  expect(acts).toMatchObject([{ act: 'issueToken', subject: 'gus' }])
  expect(JSON.parse(acts[0]!.detail)).toMatchObject({ keyId: 'k1' })
  const rest = await http.call('GET', `/v1/audit?cursor=${body.cursor as string}`, { bearer: keeper })
  expect(rest.body).toMatchObject({ acts: [{ act: 'KeySet', subject: 'k1' }] })
  expect(JSON.stringify(rest.body)).not.toContain('ecret')
})

test('[HT14] notifications go to users, each once, and the app takes them back', async () => {
  const headers = { 'idempotency-key': http.packId() }
  const body = { to: ['alice', 'bob'], content: { kind: 'Text', text: 'Your parcel' } }
  const first = await http.call('POST', '/v1/notifications', { bearer: admin, body, headers })
  expect(first).toMatchObject({ status: 200, body: { accepted: 2 } })
  const [one] = first.body.outcomes as { sessionId: string; outcome: { seq: number; packId: string } }[]
  expect(one!.sessionId).toBe('b:shop:alice')
  const events = await http.call('GET', '/v1/sessions/b:shop:alice/events')
  expect(events.body).toMatchObject({ events: [{ from: 'shop', seq: 1 }] })
  const target = { seq: one!.outcome.seq, packId: one!.outcome.packId, from: 'shop' }
  const revoked = await http.call('POST', '/v1/sessions/b:shop:alice/revoke', { bearer: admin, body: { target } })
  expect(revoked).toMatchObject({ status: 200, body: { sessionId: 'b:shop:alice' } })
  const other = await http.key('bank', { keyId: 'spy' })
  expect(await http.call('GET', '/v1/sessions/b:shop:alice/events', { bearer: other })).toMatchObject({ status: 403 })
})

test('[HT42] no id of a key would be taken for an option of a command', () => {
  const dashes = { ...systemRandom, bytes: (size: number) => Buffer.alloc(size, 0xfb) }
  expect(drawKey('acme' as UserId, dashes).keyId).toBe('__v7-_v7-_v7')
})
