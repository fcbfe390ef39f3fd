import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { startObjectStore } from '../../infra/local/object-store/object-store.ts'
import { MEDIA_LIMITS, Media } from '../media/media.ts'
import { s3MediaStore } from '../media/s3-media-store.ts'
import { HttpWorld } from './testing/http-world.ts'

/** Files that an app puts and gets in the name of users: by the rules of those users. */

const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'a secret', region: 'local' }
const FILE = 'hello world'
const hash = createHash('sha256').update(FILE).digest('hex')
const announced = { mime: 'image/png', size: FILE.length, hash }

let dir: string
let objects: Awaited<ReturnType<typeof startObjectStore>>
let http: HttpWorld
const taken: string[] = []

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'packlog-app-media-'))
  const place = { dir, host: '127.0.0.1', port: 0, bucket: 'media' }
  objects = await startObjectStore({ ...place, credentials: CREDENTIALS, clock: systemClock })
  const store = s3MediaStore({ url: objects.url, ...CREDENTIALS, clock: systemClock })
  const quota = { take: async (userId: string) => taken.push(userId) > 0 }
  const media = new Media({ store, quota, limits: MEDIA_LIMITS, clock: systemClock, random: systemRandom })
  http = await HttpWorld.start({ media })
})
afterAll(async () => {
  await http.stop()
  await objects.close()
  await rm(dir, { recursive: true })
})

test('[MD1, MD3, MD4, HT9] an app puts a file in the name of one user, and gets it only for who may see it', async () => {
  const bearer = await http.key('shop')
  const as = (user: string) => ({ bearer, headers: { 'packlog-user': user } })
  const { status, body } = await http.call('POST', '/v1/media', { ...as('alice'), body: announced })
  expect([status, taken]).toEqual([201, ['alice']])
  const { mediaId, path, upload } = body as {
    mediaId: string
    path: string
    upload: { url: string; headers: Record<string, string> }
  }
  expect((await fetch(upload.url, { method: 'PUT', headers: upload.headers, body: FILE })).status).toBe(200)
  const content = { kind: 'Image', file: { url: `https://x${path}`, ...announced }, width: 1, height: 1 }
  const sent = await http.call('POST', '/v1/messages', { ...as('alice'), body: { sessionId: 's:alice:bob', content } })
  expect(sent.status).toBe(200)
  const place = `/v1/media/${mediaId}?sessionId=s:alice:bob&seq=${sent.body.seq as number}`
  const link = await http.call('GET', place, as('bob'))
  expect(await (await fetch(link.body.url as string)).text()).toBe(FILE)
  expect((await http.call('GET', place, as('carol'))).status).toBe(403)
  expect((await http.call('GET', `/v1/media/${mediaId}`, as('bob'))).status).toBe(403)
  expect((await http.call('DELETE', `/v1/media/${mediaId}`, as('bob'))).status).not.toBe(200)
  expect((await http.call('GET', place, { bearer })).status).toBe(400)
})

test('[MD1, HT9] a key needs the scope, and names a user who may come in', async () => {
  const bearer = await http.key('shop', { keyId: 'reader', scopes: ['media:read'] })
  const headers = { 'packlog-user': 'alice' }
  expect(await http.call('POST', '/v1/media', { bearer, headers, body: announced })).toMatchObject({ status: 403 })
  const admin = await http.key('shop', { keyId: 'admin' })
  await http.append('u:dora', 'dora', { kind: 'DisableUser' })
  const call = { bearer: admin, headers: { 'packlog-user': 'dora' }, body: announced }
  expect(await http.call('POST', '/v1/media', call)).toMatchObject({ status: 403 })
})
