import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { closeContext, openContext } from '../../commands/context.ts'
import { systemClock } from '../../infra/clock.ts'
import type { SessionId } from '../../schemas/ids.ts'
import { PartitionReader } from '../../verify/read-log.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { runCommand } from '../run-command.ts'
import { ApiClient, type ApiReply } from './api-client.ts'
import { Device } from './device.ts'

/** Stories of partners over HTTP against the real parts, beside clients on the WebSocket. */

let product: TestProduct
let api: ApiClient
const devices: Device[] = []

beforeAll(async () => {
  product = await startProduct({ together: true })
  api = new ApiClient(product, product.adminKey)
  // The key that setup has made is there as soon as the log has been read so far.
  await api.until(({ status }) => status === 200, 'GET', '/v1/keys')
}, 120_000)
afterEach(() => {
  for (const device of devices.splice(0)) device.drop()
})
afterAll(() => product?.stop(), 60_000)

async function device(user: string, deviceId = `${user}-1`): Promise<Device> {
  const made = await Device.connect(product, user, { deviceId })
  devices.push(made)
  return made
}

test('[HT1] what a partner sends in the name of a user comes to the devices of both, once', async () => {
  const bob = await device('api-bob')
  const key = api.newKey()
  const call = { as: 'api-ann', key, body: { to: 'api-bob', text: 'hello' } }
  const first = await api.settled('POST', '/v1/messages/text', call)
  expect(first).toMatchObject({ status: 200, body: { sessionId: 's:api-ann:api-bob', seq: 1 } })
  expect(await api.settled('POST', '/v1/messages/text', call)).toMatchObject({ body: { seq: 1, repeated: true } })
  const event = await bob.event('s:api-ann:api-bob' as SessionId, 1)
  expect(event).toMatchObject({ from: 'api-ann', packId: first.body.packId })
  const other = { ...call, body: { to: 'api-bob', text: 'other words' } }
  expect(await api.settled('POST', '/v1/messages/text', other)).toMatchObject({ status: 409, body: { code: 102 } })
})

test('[HT7] a user does over HTTP what they do on the WebSocket, under their own token', async () => {
  const bearer = await product.token('api-cat')
  const group = await api.settled('POST', '/v1/groups', {
    bearer,
    body: { info: { name: 'Cats' }, members: ['api-dog'] },
  })
  expect(group.status).toBe(200)
  const sessionId = group.body.sessionId as SessionId
  const groupId = sessionId.slice(2)
  expect(await api.settled('POST', '/v1/messages/text', { bearer, body: { groupId, text: 'meow' } })).toMatchObject({
    body: { sessionId, seq: 2 },
  })
  const dog = await device('api-dog')
  expect((await dog.history(sessionId, events => events.length === 2)).map(({ seq }) => seq)).toEqual([1, 2])
  const members = await api.settled('GET', `/v1/groups/${groupId}/members`)
  expect((members.body.members as { userId: string }[]).map(({ userId }) => userId).sort()).toEqual([
    'api-cat',
    'api-dog',
  ])
  expect(
    await api.settled('GET', `/v1/groups/${groupId}/members`, { bearer: await product.token('api-eve') }),
  ).toMatchObject({
    status: 403,
    body: { code: 30 },
  })
  await api.settled('PUT', '/v1/blocks/api-dog', { bearer })
  const friends = await api.until(
    ({ body }) => (body.friends as object[] | undefined)?.length === 1,
    'GET',
    '/v1/friends',
    { bearer },
  )
  expect(friends.body).toMatchObject({ friends: [{ userId: 'api-dog', blocked: true }] })
})

test('[HT10] a key of another app is made, does what it may, and is revoked on every gateway within a second', async () => {
  const body = { name: 'shop', scopes: ['messages:write', 'keys:write'] }
  const made = await api.settled('POST', '/v1/apps/api-shop/keys', { body })
  expect(made.status).toBe(201)
  const bearer = made.body.key as string
  const send = { bearer, as: 'api-ann', body: { to: 'api-fox', text: 'offer' } }
  expect(await api.settled('POST', '/v1/messages/text', send)).toMatchObject({ status: 200 })
  expect(await api.settled('GET', '/v1/audit', { bearer })).toMatchObject({ status: 403, body: { code: 23 } })
  expect((await api.settled('DELETE', `/v1/keys/${made.body.keyId as string}`, { bearer })).status).toBe(200)
  await api.until(({ status }) => status === 401, 'POST', '/v1/messages/text', send)
})

test('[HT11, HT12] tokens are issued and revoked, users disabled and enabled, and open connections follow', async () => {
  const issued = await api.settled('POST', '/v1/tokens', { body: { userId: 'api-gus' } })
  const bearer = issued.body.token as string
  expect(await api.settled('GET', '/v1/groups', { bearer })).toMatchObject({ status: 200 })
  const gus = await device('api-gus')
  await api.settled('POST', '/v1/tokens/revoke', { body: { userId: 'api-gus' } })
  expect((await gus.closed).code).toBe(4021)
  await api.until(({ status }) => status === 401, 'GET', '/v1/groups', { bearer })
  const hal = await device('api-hal')
  await api.settled('POST', '/v1/users/api-hal/disable')
  expect((await hal.closed).code).toBe(4024)
  await api.settled('POST', '/v1/users/api-hal/enable')
  expect(await api.settled('GET', '/v1/groups', { bearer: await product.token('api-hal') })).toMatchObject({
    status: 200,
  })
  const acts = await api.until(({ body }) => JSON.stringify(body).includes('enableUser'), 'GET', '/v1/audit')
  expect((acts.body.acts as { act: string }[])[0]!.act).toBe('enableUser')
})

test('[HT14] a notification reaches users, who cannot answer it, and is taken back', async () => {
  const ida = await device('api-ida')
  const body = { to: ['api-ida', 'api-joe'], content: { kind: 'Text', text: 'Your parcel' } }
  const sent = await api.settled('POST', '/v1/notifications', { body })
  expect(sent).toMatchObject({ status: 200, body: { accepted: 2 } })
  const sessionId = 'b:admin:api-ida' as SessionId
  const { packId } = await ida.event(sessionId, 1)
  expect(await ida.outcome({ type: 'send', sessionId, content: { kind: 'Text', text: 'thanks' } })).toBe(
    'MSG_FORBIDDEN',
  )
  const target = { seq: 1, packId, from: 'admin' }
  expect(await api.settled('POST', `/v1/sessions/${sessionId}/revoke`, { body: { target } })).toMatchObject({
    status: 200,
  })
  expect((await ida.event(sessionId, 2)).body.kind).toBe('MessageRevoked')
})

/** By hand with 100,000: see docs/partners.md. */
const BROADCAST_USERS = Number(process.env.BROADCAST_USERS ?? 2_000)
const IMPORT_USERS_MAX = 5_000

/** Messages in sessions that begin so, on im.events: sessionId -> how many. */
async function messagesOnTheLog(beginning: string): Promise<Map<string, number>> {
  const context = await openContext({ ...product.env, PACKLOG_LOG_LEVEL: 'silent' }, 'count')
  try {
    const { log, topics, codecs } = context
    const source = { log, topic: topics.events.name, codec: codecs.events }
    const counts = new Map<string, number>()
    for (const [partition, { start, end }] of await log.bounds(source.topic)) {
      await new PartitionReader(source, partition, start).readTo(end, ({ body, sessionId }) => {
        if (body.kind === 'MessageAccepted' && sessionId.startsWith(beginning)) {
          counts.set(sessionId, (counts.get(sessionId) ?? 0) + 1)
        }
        return undefined
      })
    }
    return counts
  } finally {
    await closeContext(context)
  }
}

const ended = (reply: ApiReply) => reply.body.endedAt !== undefined
const jobOf = (started: ApiReply) => `/v1/jobs/${started.body.jobId as string}`

test('[AP6] users are brought in by a job, and a broadcast to all reaches each once though its worker is killed twice', async () => {
  const names = Array.from({ length: BROADCAST_USERS }, (_, i) => `mass-${String(i).padStart(6, '0')}`)
  for (let i = 0; i < names.length; i += IMPORT_USERS_MAX) {
    const users = names.slice(i, i + IMPORT_USERS_MAX).map(userId => ({ userId, profile: { name: 'm' } }))
    const started = await api.settled('POST', '/v1/jobs/import-users', { body: { users, perSecond: 5_000 } })
    expect(started).toMatchObject({ status: 202, body: { job: 'importUsers', total: users.length } })
    const done = await api.until(ended, 'GET', jobOf(started))
    expect(done.body).toMatchObject({ state: 'done', done: users.length, failed: 0, failures: [] })
  }
  const key = api.newKey()
  const body = {
    to: 'all',
    content: { kind: 'Text', text: 'to all' },
    perSecond: BROADCAST_USERS > 10_000 ? 5_000 : 1_000,
  }
  const begun = systemClock.monotonic()
  const started = await api.settled('POST', '/v1/jobs/broadcast', { key, body })
  expect(started).toMatchObject({ status: 202, body: { job: 'broadcast' } })
  for (const share of [0.2, 0.5]) {
    await api.until(({ body: job }) => Number(job.done) >= share * BROADCAST_USERS, 'GET', jobOf(started))
    product.roles.gateway!.kill('SIGKILL')
    await product.roles.gateway!.exited
    await product.restart('gateway')
  }
  const done = await api.until(ended, 'GET', jobOf(started))
  const seconds = (systemClock.monotonic() - begun) / 1_000
  if (BROADCAST_USERS > 10_000) process.stdout.write(`${JSON.stringify({ ...done.body, seconds })}\n`)
  expect(done.body).toMatchObject({ state: 'done', failed: 0, failures: [] })
  const mass = [...(await messagesOnTheLog('b:admin:mass-'))].sort()
  expect(mass).toEqual(names.map(userId => [`b:admin:${userId}`, 1]))
  // The same request again is the same job.
  expect((await api.settled('POST', '/v1/jobs/broadcast', { key, body })).body).toMatchObject({
    jobId: started.body.jobId,
    state: 'done',
  })
  const cancelled = await api.settled('POST', `${jobOf(started)}/cancel`)
  expect(cancelled).toMatchObject({ status: 409, body: { name: 'MSG_REPEATED' } })
}, 600_000)

test('[HT21, HT22, HT23, HT24] search, figures, users and dead letters are answered by the real parts', async () => {
  await api.settled('POST', '/v1/messages/text', { as: 'api-kim', body: { to: 'api-lea', text: 'a heliotrope' } })
  const found = (words: string, as?: string) =>
    api.until(
      ({ status, body }) => status === 200 && (body.events as object[]).length > 0,
      'GET',
      `/v1/search?words=${words}`,
      as === undefined ? {} : { as },
    )
  for (const as of ['api-lea', undefined]) {
    expect((await found('heliotrope', as)).body).toMatchObject({ events: [{ sessionId: 's:api-kim:api-lea' }] })
  }
  const figures = ['totals', 'active-users', 'messages', 'groups', 'retention', 'latency', 'pushes']
  for (const name of figures) {
    const { status, body } = await api.settled('GET', `/v1/statistics/${name}`)
    expect({ name, status, body }).toMatchObject({
      name,
      status: 200,
      body: name === 'totals' ? {} : { rows: expect.any(Array) },
    })
  }
  const totals = await api.until(({ body }) => Number(body.messages) > 0, 'GET', '/v1/statistics/totals')
  expect(Object.values(totals.body).map(value => typeof value)).toEqual(['number', 'number', 'number', 'number'])
  expect((await api.settled('GET', '/v1/dead-letters')).body).toEqual({ letters: [] })
  expect((await api.settled('GET', '/v1/users/api-lea')).body).toMatchObject({ access: 'active' })
  expect((await api.settled('GET', '/v1/users/api-lea/erasure')).body).toMatchObject({ erased: 0, held: [] })
  expect((await api.settled('GET', '/v1/me/push-devices', { as: 'api-lea' })).body).toEqual({ devices: [] })
})

test('[HT42] operators make, limit, list and end keys by command, and are told of what was refused', async () => {
  const key = async (...words: string[]) => {
    const { code, stdout } = await runCommand(['key', ...words], product.env)
    return { code, said: stdout.trimEnd() }
  }
  const made = await key('create', 'kiosk', '--name', 'till', '--scopes', 'messages:write', '--per-day', '2')
  expect(made.code).toBe(0)
  const bearer = made.said
  const keyId = bearer.split('.')[2]!
  const until = (status: number) =>
    api.until(reply => reply.status === status, 'POST', '/v1/messages/text', {
      bearer,
      as: 'api-ned',
      body: { to: 'api-oz', text: 'a' },
    })
  await until(429)
  expect(await key('quota', 'kiosk', keyId, 'none')).toEqual({ code: 0, said: `${keyId} of kiosk: no limit` })
  await until(200)
  expect(await key('quota', 'kiosk', keyId, '5000')).toMatchObject({ code: 0 })
  const listed = `${keyId}  till  for ever, 5000 requests in a day  messages:write`
  await expect.poll(async () => (await key('list', 'kiosk')).said, { timeout: 10_000 }).toBe(listed)
  expect(await key('revoke', 'kiosk', keyId)).toMatchObject({ code: 0 })
  await until(401)
  expect(await key('revoke', 'kiosk', keyId)).toMatchObject({ code: 1, said: expect.stringMatching('NOT_EXIST') })
  expect(await key('quota', 'kiosk', 'nokey', '5')).toEqual({ code: 1, said: 'kiosk has no key nokey' })
  expect(await key('quota', 'kiosk', keyId, '0')).toMatchObject({ code: 2 })
})

test('[HT8] every operation of the description is there, and refuses what it does not know', async () => {
  const { body } = await api.call('GET', '/openapi.json')
  expect(body.openapi).toBe('3.1.0')
  expect(Object.keys(body.paths as object).length).toBeGreaterThan(50)
  expect(
    await api.call('POST', '/v1/messages/text', { as: 'api-ann', body: { to: 'x', text: 'y', z: 1 } }),
  ).toMatchObject({
    status: 400,
    body: { code: 2, name: 'PARAM', retry: 'never' },
  })
})

test('[HT1] the guide for partners works as it stands there', async () => {
  const guide = readFileSync(new URL('../../docs/partners.md', import.meta.url), 'utf8')
  const blocks = (language: string) =>
    [...guide.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, 'g'))].map(block => block[1]!)
  const [[curl, broadcast], [node]] = [blocks('sh'), blocks('js')]
  const env = {
    ...process.env,
    PACKLOG_URL: product.httpUrl,
    PACKLOG_KEY: product.adminKey,
    IDEMPOTENCY_KEY: api.newKey(),
  }
  // The first call may be told to come again: the gateway has never asked for these two.
  await api.settled('POST', '/v1/messages/text', { as: 'alice', body: { to: 'bob', text: 'first' } })
  const run = async (file: string, ...args: string[]) => (await promisify(execFile)(file, args, { env })).stdout
  expect(JSON.parse(await run('sh', '-c', curl!))).toMatchObject({ sessionId: 's:alice:bob', seq: 2 })
  const script = ['--input-type=module', '-e', node!]
  expect(JSON.parse(await run(process.execPath, ...script))).toMatchObject({ seq: 3 })
  expect(JSON.parse(await run(process.execPath, ...script))).toMatchObject({ seq: 3, repeated: true })
  const started = JSON.parse(await run('sh', '-c', broadcast!))
  expect(started).toMatchObject({ job: 'broadcast', total: 2 })
  await api.until(ended, 'GET', `/v1/jobs/${started.jobId as string}`)
})
