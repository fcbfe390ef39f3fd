import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import { makeOutbound } from '../../infra/outbound/outbound.ts'
import type { Attempt } from '../../processors/webhooks/attempt-log.ts'
import { MemoryWebhookStore } from '../../processors/webhooks/memory-webhook-store.ts'
import { makeSender } from '../../processors/webhooks/sender.ts'
import { WebhookDesk } from '../../processors/webhooks/webhook-desk.ts'
import type { SessionId } from '../../schemas/ids.ts'
import { testWebhook } from '../../schemas/testing/webhooks.ts'
import { WEBHOOKS_PER_APP_MAX, webhookSecret } from '../../schemas/webhooks.ts'
import { isRightlySigned, Receiver } from '../../tests/e2e/receiver.ts'
import { HttpWorld } from './testing/http-world.ts'

/** Webhooks that apps set over HTTP, and what they look after. */

const masterKey = Buffer.alloc(32, 7)
const LANE = { partition: 0, hook: 'shop/told', sessionId: 's:alice:bob' as SessionId }
const rows: Attempt[] = Array.from({ length: 5 }, (_, offset) => ({
  app: 'shop',
  webhookId: 'told',
  sessionId: LANE.sessionId,
  partition: 0,
  offset,
  kind: 'MessageAccepted',
  attempt: 1,
  at: 1_000 + offset,
  durationMs: 3,
  outcome: 'delivered' as const,
  status: 200,
  error: '',
}))
const store = new MemoryWebhookStore()
const outbound = makeOutbound({ clock: systemClock, allowedNetworks: ['127.0.0.0/8'] })
const named = testWebhook({ webhookId: 'named' })
let http: HttpWorld
let receiver: Receiver
let admin: string

beforeAll(async () => {
  receiver = await Receiver.listen()
  const desk = new WebhookDesk({
    masterKey,
    configured: () => [named],
    outbound,
    sender: makeSender({ outbound, masterKey, clock: systemClock }),
    queue: store,
    attempts: async ({ webhookId, before, limit }) =>
      rows
        .filter(row => row.webhookId === webhookId && (before === undefined || row.at < before.at))
        .slice(-limit)
        .reverse(),
    partitions: 1,
    partitionOf: () => 0,
    clock: systemClock,
  })
  http = await HttpWorld.start({ webhooks: desk })
  admin = await http.key('shop')
})
afterAll(async () => {
  receiver.close()
  outbound.close()
  await http.stop()
})

const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  http.call(method, `/v1/webhooks${path}`, { bearer: admin, headers, ...(body === undefined ? {} : { body }) })

test('[HT18] a webhook is created, read, changed and deleted; its secret is told once', async () => {
  const settings = {
    webhookId: 'orders',
    url: receiver.url('/orders'),
    kinds: ['MessageAccepted'],
    sessionKinds: ['group'],
  }
  const made = await call('POST', '', settings)
  expect(made).toMatchObject({ status: 201, body: { ...settings, use: 'after', secretVersion: 1, readOnly: false } })
  expect(made.body.secret).toBe(webhookSecret(masterKey, { ...testWebhook(), webhookId: 'orders' }))
  const { secret: _, ...shown } = made.body
  expect((await call('GET', '/orders')).body).toEqual(shown)
  expect(await call('POST', '', settings)).toMatchObject({ status: 409 })
  const changed = await call('PATCH', '/orders', { kinds: [] })
  expect(changed).toMatchObject({ status: 200, body: { ...shown, kinds: [] } })
  expect((await call('GET', '')).body.webhooks).toContainEqual(changed.body)
  expect(await call('DELETE', '/orders')).toMatchObject({ status: 200, body: { sessionId: 'a:shop' } })
  expect(await call('GET', '/orders')).toMatchObject({ status: 404 })
  expect((await call('POST', '', settings)).body).toMatchObject({ secretVersion: 2 })
})

test('[HT18, AP8] of more webhooks than there may be that are created in one moment there are as many as may be', async () => {
  const bearer = await http.key('crowd')
  const bodies = Array.from({ length: WEBHOOKS_PER_APP_MAX + 4 }, (_, i) => ({ url: receiver.url(`/${i}`) }))
  const made = await Promise.all(bodies.map(body => http.call('POST', '/v1/webhooks', { bearer, body })))
  const refused = made.filter(({ status }) => status !== 201)
  expect(refused.map(({ status, body }) => [status, body.name])).toEqual(Array(4).fill([409, 'LIMIT_REACHED']))
  const { webhooks } = (await http.call('GET', '/v1/webhooks', { bearer })).body
  expect(webhooks).toHaveLength(WEBHOOKS_PER_APP_MAX)
})

test('[HT18] a request that comes again under its key gets the same webhook and secret', async () => {
  const headers = { 'idempotency-key': http.packId() }
  const first = await call('POST', '', { url: receiver.url('/x') }, headers)
  expect(first.status).toBe(201)
  expect((await call('POST', '', { url: receiver.url('/x') }, headers)).body).toEqual(first.body)
  const rotation = { 'idempotency-key': http.packId() }
  const path = `/${first.body.webhookId as string}/rotate`
  const second = await call('POST', path, undefined, rotation)
  expect(second.body).toMatchObject({ secretVersion: 2 })
  expect(second.body.secret).not.toBe(first.body.secret)
  expect((await call('POST', path, undefined, rotation)).body).toEqual(second.body)
})

test('[HT18, WH8] what nobody may call, and kinds that nobody is asked about, are refused', async () => {
  const status = async (settings: Record<string, unknown>) => (await call('POST', '', settings)).status
  expect(await status({ url: 'https://10.0.0.1/' })).toBe(400)
  expect(await status({ url: 'http://93.184.216.34/' })).toBe(400)
  expect(await status({ url: 'ftp://example.com/' })).toBe(400)
  expect(await status({ url: 'https://user:word@example.com/' })).toBe(400)
  expect(await status({ url: receiver.url('/'), use: 'before', kinds: ['MessageAccepted'] })).toBe(400)
  expect(await status({ url: receiver.url('/'), budgetMs: 60_000 })).toBe(400)
})

test('[WH40] an event that there is not is refused by name, when a webhook is made and when it is changed', async () => {
  const refused = { status: 400, body: { name: 'PARAM', detail: 'kinds: there is no event MessageSent' } }
  const webhookId = 'strict'
  expect(await call('POST', '', { webhookId, url: receiver.url('/'), kinds: ['MessageSent'] })).toMatchObject(refused)
  await call('POST', '', { webhookId, url: receiver.url('/'), kinds: ['MessageAccepted', 'UserOnline'] })
  expect(await call('PATCH', `/${webhookId}`, { kinds: ['MessageSent'] })).toMatchObject(refused)
  expect((await call('GET', `/${webhookId}`)).body.kinds).toEqual(['MessageAccepted', 'UserOnline'])
  await call('DELETE', `/${webhookId}`)
})

test('[HT18] what the installation names is shown, and not changed here', async () => {
  const listed = (await call('GET', '')).body.webhooks as { webhookId: string; readOnly: boolean }[]
  expect(listed.find(({ webhookId }) => webhookId === 'named')).toMatchObject({ readOnly: true })
  expect(await call('PATCH', '/named', { kinds: [] })).toMatchObject({ status: 403 })
  expect(await call('DELETE', '/named')).toMatchObject({ status: 403 })
  expect(await call('POST', '/named/rotate')).toMatchObject({ status: 403 })
  expect(await call('POST', '', { webhookId: 'named', url: receiver.url('/') })).toMatchObject({ status: 409 })
})

test('[HT18] another app sees and changes nothing of it', async () => {
  await call('POST', '', { webhookId: 'mine', url: receiver.url('/') })
  const other = await http.key('bank')
  const of = (method: string, path: string) => http.call(method, `/v1/webhooks${path}`, { bearer: other })
  expect((await of('GET', '')).body).toEqual({ webhooks: [] })
  for (const [method, path] of [
    ['GET', '/mine'],
    ['DELETE', '/mine'],
    ['POST', '/mine/rotate'],
    ['POST', '/mine/test'],
    ['GET', '/mine/deliveries'],
    ['GET', '/mine/dead'],
    ['POST', '/mine/dead/s:alice:bob/replay'],
  ] as const) {
    expect(await of(method, path)).toMatchObject({ status: 404 })
  }
})

test('[WH7, HT18] a test sends a signed sample and tells what came back', async () => {
  const { body } = await call('POST', '', { webhookId: 'probe', url: receiver.url('/probe') })
  receiver.answer = (_request, response) => void response.writeHead(418).end('short and stout')
  expect((await call('POST', '/probe/test')).body).toMatchObject({
    delivered: false,
    status: 418,
    answer: 'short and stout',
  })
  const [sample] = receiver.of('/probe')
  expect(sample!.headers['packlog-test']).toBe('1')
  expect(isRightlySigned(sample!, body.secret as string)).toBe(true)
  receiver.answer = (_request, response) => void response.socket?.destroy()
  expect((await call('POST', '/probe/test')).body).toMatchObject({ delivered: false, error: /UNREACHABLE/ })
  receiver.answer = (_request, response) => void response.end()
})

test('[HT19] deliveries are read by pages; what was given up is listed, replayed and discarded', async () => {
  await call('POST', '', { webhookId: 'told', url: receiver.url('/told') })
  const first = await call('GET', '/told/deliveries?limit=3')
  expect((first.body.deliveries as { offset: number }[]).map(({ offset }) => offset)).toEqual([4, 3, 2])
  const rest = await call('GET', `/told/deliveries?limit=3&cursor=${first.body.cursor as string}`)
  expect((rest.body.deliveries as { offset: number }[]).map(({ offset }) => offset)).toEqual([1, 0])
  expect(rest.body.cursor).toBeUndefined()
  expect(await call('GET', '/told/deliveries?cursor=x')).toMatchObject({ status: 400 })
  await giveUp()
  const dead = await call('GET', '/told/dead')
  expect(dead.body.sessions).toMatchObject([{ sessionId: LANE.sessionId, deliveries: 1, firstKind: 'MessageAccepted' }])
  const path = `/told/dead/${LANE.sessionId}`
  expect(await call('POST', `${path}/replay`)).toMatchObject({ status: 200, body: { replayed: true } })
  expect(await call('POST', `${path}/replay`)).toMatchObject({ status: 404 })
  await giveUp()
  expect(await call('DELETE', path)).toMatchObject({ status: 200, body: { discarded: 1 } })
  expect(await call('DELETE', '/told/dead/nothing')).toMatchObject({ status: 400 })
})

test('[HT13] what was done with webhooks is in the audit log, without secrets', async () => {
  const { body } = await http.call('GET', '/v1/audit?limit=100', { bearer: admin })
  const acts = (body.acts as { act: string; subject: string }[]).map(({ act, subject }) => `${act} ${subject}`)
  expect(acts).toEqual(
    expect.arrayContaining([
      'createWebhook orders',
      'changeWebhook orders',
      'deleteWebhook orders',
      `replayWebhook told ${LANE.sessionId}`,
      `discardWebhook told ${LANE.sessionId}`,
    ]),
  )
  expect(acts.some(act => act.startsWith('rotateWebhookSecret'))).toBe(true)
  expect(JSON.stringify(body)).not.toContain('whsec_')
})

/** Lets one delivery fail for the last time, unless one waits already. */
async function giveUp(): Promise<void> {
  const { partition, hook, sessionId } = LANE
  const delivery = { hook, sessionId, offset: 1, kind: 'MessageAccepted', at: 5, body: '{}' }
  const place = { position: { offset: 1, cause: null, hash: null }, notBefore: 0 }
  const now = systemClock.now()
  await store.enqueue({ partition, deliveries: [delivery], place, now })
  await store.claim({ partition, hook, token: 't', now, until: now + 1_000, limit: 1 })
  await store.settle(LANE, { token: 't', offset: 1, outcome: { kind: 'dead', at: now } })
}
