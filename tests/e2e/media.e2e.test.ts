import { createHash, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import { type ObjectStore, startObjectStore } from '../../infra/local/object-store/object-store.ts'
import { LOCAL_MEDIA, mediaEnv } from '../../infra/local/role-env.ts'
import type { SessionId } from '../../schemas/ids.ts'
import { pause } from '../pause.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { runCommand } from '../run-command.ts'
import { Device } from './device.ts'

/** Files of messages against the real parts: announced, put, shown, got, and refused. */

const secretAccessKey = `media-${randomUUID()}`
let dir: string
let objects: ObjectStore
let product: TestProduct
const devices: Device[] = []

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'packlog-objects-'))
  const { bucket, ...keys } = LOCAL_MEDIA
  const credentials = { ...keys, secretAccessKey }
  objects = await startObjectStore({ dir, host: '127.0.0.1', port: 0, bucket, credentials, clock: systemClock })
  product = await startProduct({ together: true, env: mediaEnv({ url: objects.url, secretAccessKey }) })
}, 120_000)
afterEach(() => {
  for (const device of devices.splice(0)) device.drop()
})
afterAll(async () => {
  await product?.stop()
  await objects?.close()
  await rm(dir, { recursive: true, force: true })
}, 60_000)

interface Reply {
  status: number
  body: Record<string, unknown>
}

async function call(
  method: string,
  path: string,
  { bearer, body }: { bearer: string; body?: unknown },
): Promise<Reply> {
  const headers = {
    authorization: `Bearer ${bearer}`,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  }
  const sent = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
  const response = await fetch(`${product.httpUrl}${path}`, sent)
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const api = {
  /** Calls until the reply fits: a view may be behind the log. */
  async until(fits: (reply: Reply) => boolean, ...asked: Parameters<typeof call>): Promise<Reply> {
    for (;;) {
      const reply = await call(...asked)
      if (fits(reply)) return reply
      await pause()
    }
  },
  settled: (...asked: Parameters<typeof call>) => api.until(({ status }) => status !== 503 && status !== 504, ...asked),
}

async function device(user: string): Promise<Device> {
  const made = await Device.connect(product, user)
  devices.push(made)
  return made
}

/** Announces a file of a user and puts it into the store. */
async function upload(bearer: string, content: string): Promise<{ mediaId: string; url: string }> {
  const hash = createHash('sha256').update(content).digest('hex')
  const body = { mime: 'image/png', size: Buffer.byteLength(content), hash }
  const { status, body: said } = await api.settled('POST', '/v1/media', { bearer, body })
  expect(status, JSON.stringify(said)).toBe(201)
  const link = said.upload as { url: string; headers: Record<string, string> }
  expect((await fetch(link.url, { method: 'PUT', headers: link.headers, body: content })).status).toBe(200)
  return { mediaId: String(said.mediaId), url: `${product.httpUrl}${said.path}` }
}

test('[MD1, MD3, MD4] members get the file that a message shows: not strangers, not after leaving, not once revoked', async () => {
  const [ann, ben, eve] = await Promise.all(['md-ann', 'md-ben', 'md-eve'].map(user => product.token(user)))
  const group = await api.settled('POST', '/v1/groups', {
    bearer: ann!,
    body: { info: { name: 'Album' }, members: ['md-ben'] },
  })
  const sessionId = group.body.sessionId as SessionId
  const { mediaId, url } = await upload(ann!, 'a picture')
  const annDevice = await device('md-ann')
  const content = { kind: 'Image', file: { url, mime: 'image/png', size: 9, hash: '' }, width: 1, height: 1 } as const
  const sent = await annDevice.pack({ type: 'send', sessionId, flags: 4, content })
  const [seq, packId] = sent.type === 'ack' ? [sent.seq, sent.packId] : []
  const link = (bearer: string, at = seq) =>
    api.settled('GET', `/v1/media/${mediaId}?sessionId=${sessionId}&seq=${at}`, { bearer })
  const given = await api.until(
    ({ status }) => status === 200,
    'GET',
    `/v1/media/${mediaId}?sessionId=${sessionId}&seq=${seq}`,
    {
      bearer: ben!,
    },
  )
  expect(await (await fetch(String(given.body.url))).text()).toBe('a picture')
  expect([403, 404]).toContain((await link(eve!)).status)
  expect(await api.settled('GET', `/v1/media/${mediaId}`, { bearer: ben! })).toMatchObject({ status: 403 })
  expect(await api.settled('GET', `/v1/media/${mediaId}`, { bearer: ann! })).toMatchObject({ status: 200 })
  // Ben shows the same id in a chat of his own: it is of no use to those who are there.
  const benDevice = await device('md-ben')
  const copied = await benDevice.pack({ type: 'send', sessionId: 's:md-ben:md-eve' as SessionId, flags: 4, content })
  const copySeq = copied.type === 'ack' ? copied.seq : 0
  await benDevice.history('s:md-ben:md-eve' as SessionId, events => events.length === copySeq)
  const stolen = `/v1/media/${mediaId}?sessionId=s:md-ben:md-eve&seq=${copySeq}`
  expect(await api.settled('GET', stolen, { bearer: eve! })).toMatchObject({ status: 403 })
  expect(await benDevice.outcome({ type: 'quitGroup', sessionId })).toBe('ack')
  expect([403, 404]).toContain((await link(ben!)).status)
  expect((await link(ann!)).status).toBe(200)
  await annDevice.outcome({ type: 'revoke', sessionId, target: { seq: seq!, packId: packId! } })
  expect(
    (
      await api.until(({ status }) => status === 403, 'GET', `/v1/media/${mediaId}?sessionId=${sessionId}&seq=${seq}`, {
        bearer: ann!,
      })
    ).status,
  ).toBe(403)
  expect(await api.settled('DELETE', `/v1/media/${mediaId}`, { bearer: ben! })).toMatchObject({ status: 403 })
  expect(await api.settled('DELETE', `/v1/media/${mediaId}`, { bearer: ann! })).toMatchObject({ status: 200 })
  expect(await api.settled('GET', `/v1/media/${mediaId}`, { bearer: ann! })).toMatchObject({ status: 404 })
})

test('[MD2] what may not be uploaded is refused before anything is stored', async () => {
  const bearer = await product.token('md-ann')
  const post = (body: Record<string, unknown>) => api.settled('POST', '/v1/media', { bearer, body })
  const whole = { mime: 'image/png', size: 1, hash: 'a'.repeat(64) }
  expect(await post({ ...whole, mime: 'text/html' })).toMatchObject({ status: 422 })
  expect(await post({ ...whole, size: 1024 ** 4 })).toMatchObject({ status: 422 })
  for (const bad of [{ mime: 'image' }, { size: 0 }, { size: -1 }, { hash: 'x' }, { more: 1 }]) {
    expect(await post({ ...whole, ...bad }), JSON.stringify(bad)).toMatchObject({ status: 400 })
  }
  expect(await api.settled('GET', '/v1/media/md-ann~..%2F..%2Fetc', { bearer })).toMatchObject({ status: 400 })
  expect(await api.settled('GET', '/v1/media/nothing', { bearer })).toMatchObject({ status: 400 })
})

test('[HT43, AP20] an export over HTTP has what the command writes', async () => {
  const bearer = await product.token('md-lou')
  const send = (text: string) => api.settled('POST', '/v1/messages/text', { bearer, body: { to: 'md-max', text } })
  for (const text of ['one', 'two', 'three']) expect((await send(text)).status).toBe(200)
  await api.settled('PATCH', '/v1/me/profile', { bearer, body: { profile: { name: 'Lou' } } })
  // Until the archive has all of it.
  const command = () => runCommand(['export', 'md-lou'], product.env)
  await expect.poll(async () => (await command()).stdout.trim().split('\n').length, { timeout: 30_000 }).toBe(4)
  const asked = { bearer: product.adminKey, body: { userId: 'md-lou' } }
  const started = await api.settled('POST', '/v1/jobs/export-user', asked)
  expect(started).toMatchObject({ status: 202, body: { total: 3 } })
  const path = `/v1/jobs/${started.body.jobId as string}`
  const job = await api.until(({ body }) => body.endedAt !== undefined, 'GET', path, { bearer: product.adminKey })
  expect(job.body).toMatchObject({ state: 'done', done: 3, failed: 0 })
  const { body } = await api.settled('GET', `${path}/result`, { bearer: product.adminKey })
  const files = await Promise.all((body.files as { url: string }[]).map(async ({ url }) => (await fetch(url)).text()))
  expect(files.join('')).toBe((await command()).stdout)
})
