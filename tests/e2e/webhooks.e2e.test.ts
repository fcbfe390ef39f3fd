import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { rebuildCommand } from '../../commands/rebuild.ts'
import { webhookCommand } from '../../commands/webhook.ts'
import { connectClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import { systemClock } from '../../infra/clock.ts'
import { BadConfig } from '../../infra/config.ts'
import type { SessionId } from '../../schemas/ids.ts'
import { pause } from '../pause.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { testStack } from '../stack.ts'
import { ApiClient } from './api-client.ts'
import { Device } from './device.ts'
import { isRightlySigned, Receiver } from './receiver.ts'

/** Stories of a partner's webhooks against the real parts: a receiver of our own takes them over the network. */

/** How long a delivery is tried here. */
const RETRY_SECONDS = 5

const KEY = Buffer.alloc(32, 5)
let dir: string
let product: TestProduct
let receiver: Receiver
let webhooks: Record<string, unknown>[] = []
const devices: Device[] = []
/** Of every webhook that was set. */
const webhookSecrets: string[] = []

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'packlog-webhooks-'))
  await writeFile(join(dir, 'webhook.key'), KEY.toString('base64url'))
  await writeFile(join(dir, 'webhooks.json'), '{"webhooks":[]}')
  const env = {
    PACKLOG_WEBHOOKS_FILE: join(dir, 'webhooks.json'),
    PACKLOG_WEBHOOK_KEY_FILE: join(dir, 'webhook.key'),
    PACKLOG_WEBHOOK_NETWORKS: '127.0.0.0/8',
    PACKLOG_WEBHOOK_RETRY_SECONDS: String(RETRY_SECONDS),
    PACKLOG_LOG_LEVEL: 'trace',
  }
  receiver = await Receiver.listen()
  product = await startProduct({ together: true, env })
  await product.add('webhooks', ['webhooks'])
}, 120_000)
afterEach(() => {
  for (const device of devices.splice(0)) device.drop()
  receiver.answer = (_request, response) => void response.end()
})
afterAll(async () => {
  receiver?.close()
  await product?.stop()
  await rm(dir, { recursive: true, force: true })
}, 60_000)

/** What the command `webhook` prints, and its exit code. */
async function command(...words: string[]): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = []
  const code = await webhookCommand({ env: product.env, words, print: line => lines.push(line) })
  return { code, lines }
}

async function device(user: string): Promise<Device> {
  const made = await Device.connect(product, user)
  devices.push(made)
  return made
}

/** Sets a webhook of the path `/<id>`, in the place of all others; gives its secret. */
async function setWebhook(webhookId: string, settings: Record<string, unknown> = {}): Promise<string> {
  webhooks = [{ app: 'shop', webhookId, url: receiver.url(`/${webhookId}`), ...settings }]
  // In one step: whoever reads meanwhile has the old file or the new one.
  await writeFile(join(dir, 'webhooks.draft'), JSON.stringify({ webhooks }))
  await rename(join(dir, 'webhooks.draft'), join(dir, 'webhooks.json'))
  const { lines } = await command('secret', `shop/${webhookId}`)
  webhookSecrets.push(lines[0]!)
  return lines[0]!
}

async function say(from: Device, sessionId: string, text: string): Promise<string> {
  return from.outcome({ type: 'send', sessionId: sessionId as SessionId, flags: 4, content: { kind: 'Text', text } })
}

/** Says something and gives its seq. */
async function seqOf(from: Device, sessionId: string, text: string): Promise<number> {
  const content = { kind: 'Text', text } as const
  const answer = await from.pack({ type: 'send', sessionId: sessionId as SessionId, flags: 4, content })
  return answer.type === 'ack' ? answer.seq : 0
}

/** Sends until the webhook is in force: what was said before is not for it. */
async function inForce(id: string, from: Device, sessionId: string): Promise<void> {
  while (receiver.of(`/${id}`, sessionId).length === 0) {
    await say(from, sessionId, 'is anybody there')
    const seen = receiver.received.length
    for (let look = 0; look < 25 && receiver.received.length === seen; look++) await pause()
  }
}

const seqs = (id: string, sessionId: string) => receiver.of(`/${id}`, sessionId).map(({ body }) => body.event!.seq)

test('[WH40] where there are no webhooks, the command says so', async () => {
  expect(await command('list')).toEqual({ code: 0, lines: ['there are no webhooks'] })
})

test('[WH1, WH2, WH7] events come signed, in the order of their session, and only those asked for', async () => {
  const secret = await setWebhook('orders', { kinds: ['MessageAccepted'], sessionKinds: ['single'] })
  const alice = await device('wh-alice')
  await inForce('orders', alice, 's:wh-alice:wh-bob')
  for (let n = 0; n < 20; n++) await say(alice, 's:wh-alice:wh-bob', `${n}`)
  await alice.outcome({ type: 'createGroup', info: { name: 'Crew' }, members: [] })
  await say(alice, 's:wh-alice:wh-carol', 'last')
  await receiver.until(() => receiver.of('/orders', 's:wh-alice:wh-carol').length > 0)
  await receiver.until(() => receiver.of('/orders').some(({ body }) => body.event!.body.content?.text === '19'))
  const got = receiver.of('/orders')
  expect(got.every(one => isRightlySigned(one, secret))).toBe(true)
  expect(got.some(one => isRightlySigned(one, `${secret}x`))).toBe(false)
  expect(new Set(got.map(({ body }) => body.event!.body.kind))).toEqual(new Set(['MessageAccepted']))
  const order = seqs('orders', 's:wh-alice:wh-bob')
  expect(order).toEqual([...order].sort((a, b) => a - b))
  expect(new Set(order).size).toBe(order.length)
})

test('[WH2, WH3] a receiver that refuses, redirects or hangs up half-way gets every event, in order', async () => {
  await setWebhook('faults', { kinds: ['MessageAccepted'] })
  const dave = await device('wh-dave')
  const bad = 's:wh-dave:wh-eve'
  const good = 's:wh-dave:wh-fred'
  await inForce('faults', dave, bad)
  await inForce('faults', dave, good)
  const accepted = new Map<string, number[]>()
  let faults = 0
  receiver.answer = ({ body }, response) => {
    const { sessionId, seq } = body.event!
    if (sessionId === bad && faults < 3) {
      faults++
      if (faults === 1) return void response.writeHead(500).end()
      if (faults === 2) return void response.writeHead(302, { location: receiver.url('/elsewhere') }).end()
      response.writeHead(200, { 'content-length': '100' })
      return void response.write('half', () => response.socket?.destroy())
    }
    accepted.set(sessionId, [...(accepted.get(sessionId) ?? []), seq])
    response.end()
  }
  const sent = { good: [] as number[], bad: [] as number[] }
  for (let n = 0; n < 5; n++) {
    sent.bad.push(await seqOf(dave, bad, `${n}`))
    sent.good.push(await seqOf(dave, good, `${n}`))
  }
  const taken = (sessionId: string, seqs: readonly number[]) =>
    (accepted.get(sessionId) ?? []).filter(seq => seqs.includes(seq))
  await receiver.until(() => taken(good, sent.good).length >= 5)
  await receiver.until(() => taken(bad, sent.bad).length >= 5)
  expect(taken(good, sent.good)).toEqual(sent.good)
  expect(taken(bad, sent.bad)).toEqual(sent.bad)
  expect(faults).toBe(3)
  expect(receiver.of('/elsewhere')).toEqual([])
})

test('[WH3, WH4, WH9] what a killed process left, and what was given up, is delivered in order after all', async () => {
  await setWebhook('dead', { kinds: ['MessageAccepted'] })
  const gina = await device('wh-gina')
  const session = 's:wh-gina:wh-hans'
  await inForce('dead', gina, session)
  const before = seqs('dead', session).at(-1)!
  receiver.answer = (_request, response) => void response.writeHead(503).end()
  for (let n = 0; n < 3; n++) await say(gina, session, `${n}`)
  await receiver.until(() => seqs('dead', session).includes(before + 1))
  product.roles.webhooks!.kill('SIGKILL')
  await product.roles.webhooks!.exited
  await product.restart('webhooks')
  let dead = await command('dead', 'shop/dead')
  while (dead.lines.length === 0) {
    await pause()
    dead = await command('dead', 'shop/dead')
  }
  expect(JSON.parse(dead.lines[0]!)).toMatchObject({
    sessionId: session,
    deliveries: 3,
    first: { kind: 'MessageAccepted' },
  })
  expect(new Set(seqs('dead', session).filter(seq => seq > before))).toEqual(new Set([before + 1]))
  await say(gina, session, 'one more')
  receiver.answer = (_request, response) => void response.end()
  expect((await command('replay', 'shop/dead', session)).code).toBe(0)
  await receiver.until(() => seqs('dead', session).includes(before + 4))
  const after = seqs('dead', session)
  expect(after.slice(after.lastIndexOf(before + 1))).toEqual([1, 2, 3, 4].map(step => before + step))
  const clickhouse = connectClickHouse({
    url: testStack().clickhouseUrl,
    database: product.env.PACKLOG_CLICKHOUSE_DATABASE!,
  })
  const outcomes = async () => {
    const sql = `SELECT outcome, uniqExact(offset) AS events FROM webhook_attempts WHERE webhookId = 'dead'
      AND sessionId = {session: String} GROUP BY outcome`
    const rows = await clickhouse.rows<{ outcome: string; events: number }>(sql, { session })
    return new Map(rows.map(({ outcome, events }) => [outcome, events]))
  }
  let seen = await outcomes()
  while ((seen.get('delivered') ?? 0) < 4) {
    await pause()
    seen = await outcomes()
  }
  expect(seen.get('dead')).toBe(1)
  await clickhouse.close()
}, 120_000)

test('[WH7, WH8, WH10] a test sends a sample; bad files and unknown webhooks are refused', async () => {
  const secret = await setWebhook('probe')
  expect(await command('test', 'shop/probe')).toEqual({ code: 0, lines: ['delivered: 200'] })
  const [sample] = receiver.of('/probe').filter(({ headers }) => headers['packlog-test'] === '1')
  expect(isRightlySigned(sample!, secret)).toBe(true)
  const rotated = await setWebhook('probe', { secretVersion: 2, rotatedAt: systemClock.now() })
  expect(rotated).not.toBe(secret)
  await command('test', 'shop/probe')
  const last = receiver.of('/probe').findLast(({ headers }) => headers['packlog-test'] === '1')!
  expect([secret, rotated].map(one => isRightlySigned(last, one))).toEqual([true, true])
  await setWebhook('private', { url: 'https://10.0.0.1/' })
  const refused = await command('test', 'shop/private')
  expect([refused.code, refused.lines[0]]).toEqual([1, expect.stringContaining('ADDRESS_REFUSED')])
  expect((await command('replay', 'shop/private', 's:a:b')).code).toBe(1)
  for (const words of [['test', 'shop/nothing'], ['test'], ['replay', 'shop/private', 's:b:a'], ['what']]) {
    await expect(command(...words)).rejects.toThrow(BadConfig)
  }
  await expect(setWebhook('bad', { url: 'ftp://example.com/' })).rejects.toThrow('neither https nor http')
})

test('[HT18, HT19, WH1, WH11] what an app sets over HTTP is in force everywhere, and over a rebuild', async () => {
  const api = new ApiClient(product, product.adminKey)
  const settings = { webhookId: 'set', url: receiver.url('/set'), kinds: ['MessageAccepted'] }
  const made = await api.settled('POST', '/v1/webhooks', { body: settings })
  expect(made.status).toBe(201)
  const kate = await device('wh-kate')
  const session = 's:wh-kate:wh-leo'
  await inForce('set', kate, session)
  expect(receiver.of('/set').every(one => isRightlySigned(one, made.body.secret as string))).toBe(true)
  const path = '/v1/webhooks/set/deliveries?limit=1'
  const logged = await api.until(({ body }) => (body.deliveries as unknown[] | undefined)?.length === 1, 'GET', path)
  expect(logged.body.deliveries).toMatchObject([{ sessionId: session, outcome: 'delivered', status: 200 }])
  const signal = new AbortController().signal
  await rebuildCommand({ env: product.env, view: 'membership', threads: '1', signal, print: () => {} })
  const guard = { webhookId: 'ask', url: receiver.url('/ask'), use: 'before', kinds: ['SendMessage'], budgetMs: 2_000 }
  await api.settled('POST', '/v1/webhooks', { body: guard })
  receiver.answer = ({ path }, response) => void response.end(path === '/ask' ? '{"verdict":"refuse","code":10}' : '')
  while ((await say(kate, session, 'hello')) !== 'SENSITIVE_MATCH') await pause()
  expect((await api.settled('DELETE', '/v1/webhooks/ask')).status).toBe(200)
  while ((await say(kate, session, 'hello')) === 'SENSITIVE_MATCH') await pause()
  const seq = await seqOf(kate, session, 'last')
  await receiver.until(() => seqs('set', session).includes(seq))
})

test('[HT20] the requests of a key are counted for its day', async () => {
  const api = new ApiClient(product, product.adminKey)
  const made = await api.settled('POST', '/v1/keys', { body: { name: 'till', scopes: ['keys:read'] } })
  const { key, keyId } = made.body as { key: string; keyId: string }
  expect(await api.settled('PUT', `/v1/keys/${keyId}/quota`, { body: { perDay: 1 } })).toMatchObject({ status: 200 })
  expect(await api.settled('GET', '/v1/keys', { bearer: key })).toMatchObject({ status: 200 })
  expect(await api.settled('GET', '/v1/keys', { bearer: key })).toMatchObject({ status: 429 })
  const { body } = await api.settled('GET', '/v1/keys')
  expect(body.keys).toContainEqual(expect.objectContaining({ keyId, perDay: 1, usedToday: 2 }))
})

test('[HK1, HK2] a before-hook refuses, rewrites and allows, and a resend gets the first answer', async () => {
  receiver.answer = ({ body }, response) => {
    const text = body.pack?.body.content?.text ?? ''
    if (text.includes('spam')) return void response.end('{"verdict":"refuse","code":10,"reason":"no spam"}')
    if (text.includes('damn')) {
      return void response.end('{"verdict":"rewrite","content":{"kind":"Text","text":"d***"}}')
    }
    return void response.end('{"verdict":"allow"}')
  }
  await setWebhook('guard', { use: 'before', kinds: ['SendMessage'], budgetMs: 2_000, failOpen: false })
  const ivan = await device('wh-ivan')
  const sessionId = 's:wh-ivan:wh-jane' as SessionId
  const send = (text: string, packId = ivan.newPackId()) =>
    ivan.pack({ type: 'send', packId, sessionId, flags: 4, content: { kind: 'Text', text } })
  // Until the gateway has heard of the hook, everything goes through.
  let refused = await send('spam')
  while (refused.type === 'ack') {
    await pause()
    refused = await send('spam')
  }
  expect(refused).toMatchObject({ type: 'refused', code: 10, reason: 'no spam' })
  expect((await send('hello')).type).toBe('ack')
  const packId = ivan.newPackId()
  const rewritten = await send('damn', packId)
  const seq = rewritten.type === 'ack' ? rewritten.seq : 0
  expect((await ivan.event(sessionId, seq)).body).toMatchObject({
    content: { text: 'd***' },
    extra: { rewritten: true },
  })
  receiver.answer = (_request, response) => void response.end('{"verdict":"refuse"}')
  expect(await send('damn', packId)).toMatchObject({ type: 'ack', seq })
})

test('[WH12] who comes and goes is told to a webhook that names it, in order', async () => {
  await setWebhook('seen', { kinds: ['UserOnline', 'UserOffline'] })
  const told = () => receiver.of('/seen', 'u:wh-mia').map(({ body }) => body.event!.body.kind)
  // Until everybody has heard of the webhook nobody notes who comes.
  while (told().length === 0) {
    const mia = await device('wh-mia')
    for (let look = 0; look < 100 && told().length === 0; look++) await pause()
    if (told().length === 0) mia.drop()
  }
  for (const one of devices.splice(0)) one.drop()
  await receiver.until(() => told().at(-1) === 'UserOffline')
  await device('wh-mia')
  await receiver.until(() => told().at(-1) === 'UserOnline')
  expect(told().map((_, at) => (at % 2 === 0 ? 'UserOnline' : 'UserOffline'))).toEqual(told())
})

test('[SC10] no process has written contents, keys or secrets to its log', async () => {
  const jwtKey = (await readFile(product.env.PACKLOG_JWT_KEY_FILE!, 'utf8')).trim()
  const secrets = [product.adminKey.split('.').at(-1)!, KEY.toString('base64url'), jwtKey]
  const contents = ['is anybody there', 'one more', 'This is a sample.']
  for (const [process, log] of Object.entries(await product.logs())) {
    expect(log, process).not.toBe('')
    for (const text of [...secrets, ...webhookSecrets, ...contents])
      expect(log.includes(text), `${process}: ${text}`).toBe(false)
  }
})
