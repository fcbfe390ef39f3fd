import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { startObjectStore } from '../../infra/local/object-store/object-store.ts'
import type { Content } from '../../schemas/content.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { DOWNLOAD_LINK_MS, MEDIA_LIMITS, Media, type MediaReading, type SeenMessage } from './media.ts'
import { idOfLink, mediaKey, parseMediaId, refersTo } from './media-id.ts'
import { s3MediaStore } from './s3-media-store.ts'

const [alice, bob, carol] = ['alice', 'bob', 'carol'] as [UserId, UserId, UserId]
const CREW = 'g:crew' as SessionId
const SECRET = { accessKeyId: 'local', secretAccessKey: 'a secret', region: 'local' }

async function makeMedia(limits: Partial<typeof MEDIA_LIMITS> = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'packlog-media-'))
  const options = { dir, host: '127.0.0.1', port: 0, bucket: 'media', credentials: SECRET }
  const time = { ms: 0 }
  const clock = { ...systemClock, now: () => systemClock.now() + time.ms }
  const objects = await startObjectStore({ ...options, clock })
  onTestFinished(async () => {
    await objects.close()
    await rm(dir, { recursive: true })
  })
  const used = new Map<string, number>()
  const store = s3MediaStore({ url: objects.url, ...SECRET, clock })
  const quota = {
    take: async (userId: string, bytes: number) => {
      const sum = (used.get(userId) ?? 0) + bytes
      if (sum > 1_000) return false
      used.set(userId, sum)
      return true
    },
  }
  const media = new Media({ store, quota, limits: { ...MEDIA_LIMITS, ...limits }, clock, random: systemRandom })
  return { media, store, objects, time }
}

const sha256 = (body: string) => createHash('sha256').update(body).digest('hex')

/** Announces a file and puts it there. */
async function uploaded(media: Media, owner: UserId, body: string, mime = 'image/png'): Promise<string> {
  const link = await media.upload(owner, { mime, size: Buffer.byteLength(body), hash: sha256(body) })
  if (typeof link === 'string') throw new Error(link)
  const { status } = await fetch(link.url, { method: 'PUT', headers: link.headers, body })
  expect(status).toBe(200)
  return link.mediaId
}

const image = (mediaId: string): Content => ({
  kind: 'Image',
  file: { url: `https://chat.example/v1/media/${mediaId}`, mime: 'image/png', size: 5, hash: '' },
  width: 1,
  height: 1,
})

/** Who is in, and the one message that there is. */
const reading = (members: readonly UserId[], message: SeenMessage | undefined): MediaReading => ({
  isIn: async userId => members.includes(userId),
  message: async (_userId, { sessionId, seq }) => (sessionId === CREW && seq === 1 ? message : undefined),
})

const place = { sessionId: CREW, seq: 1 }

test('[MD1] what was announced is put there and got again, whole and in ranges', async () => {
  const { media } = await makeMedia()
  const mediaId = await uploaded(media, alice, 'hello world')
  const link = await media.download(alice, mediaId, { place: undefined, reading: reading([], undefined) })
  if (typeof link === 'string') throw new Error(link)
  expect(link).toMatchObject({ mime: 'image/png', size: 11 })
  const whole = await fetch(link.url)
  expect(await whole.text()).toBe('hello world')
  expect(whole.headers.get('content-type')).toBe('image/png')
  expect(whole.headers.get('content-disposition')).toBe('inline')
  const part = await fetch(link.url, { headers: { range: 'bytes=6-' } })
  expect([part.status, await part.text(), part.headers.get('content-range')]).toEqual([206, 'world', 'bytes 6-10/11'])
})

test('[MD2] another content, size or type than was announced is not taken', async () => {
  const { media, store } = await makeMedia()
  const link = await media.upload(alice, { mime: 'image/png', size: 5, hash: sha256('hello') })
  if (typeof link === 'string') throw new Error(link)
  const put = async (body: string, headers: Record<string, string> = {}) => {
    const { status, ...answer } = await fetch(link.url, {
      method: 'PUT',
      headers: { ...link.headers, ...headers },
      body,
    })
    void answer
    return status
  }
  expect(await put('jello')).toBe(400)
  expect(await put('hello', { 'content-type': 'text/html' })).toBe(403)
  expect(await put('hello', { 'x-amz-checksum-sha256': Buffer.from(sha256('jello'), 'hex').toString('base64') })).toBe(
    403,
  )
  expect(await put('hello!', { 'content-length': '6' })).toBe(403)
  expect(await store.facts(mediaKey(parseMediaId(link.mediaId)!))).toBeUndefined()
  expect(await put('hello')).toBe(200)
})

test('[MD2] limits of size, type and day hold', async () => {
  const { media } = await makeMedia({ bytesMax: 600 })
  const ask = (mime: string, size: number, owner = alice) => media.upload(owner, { mime, size, hash: sha256('') })
  expect(await ask('image/png', 601)).toBe('TOO_LARGE')
  expect(await ask('text/html', 1)).toBe('BAD_TYPE')
  expect(await ask('font/woff', 1)).toBe('BAD_TYPE')
  expect(await ask('image/png', 600)).toMatchObject({ mediaId: expect.stringMatching(/^alice~/) })
  expect(await ask('image/png', 401)).toBe('OVER_QUOTA')
  expect(await ask('image/png', 400)).toMatchObject({})
  expect(await ask('image/png', 600, bob)).toMatchObject({ mediaId: expect.stringMatching(/^bob~/) })
})

test('[MD3] a member gets a link to what a message shows; who has left, or never was in, gets none', async () => {
  const { media } = await makeMedia()
  const mediaId = await uploaded(media, alice, 'hello')
  const seen = reading([alice, bob], { from: alice, content: image(mediaId), isForwarded: false })
  expect(await media.download(bob, mediaId, { place, reading: seen })).toMatchObject({ size: 5 })
  expect(await media.download(carol, mediaId, { place, reading: seen })).toBe('DENIED')
  expect(await media.download(bob, mediaId, { place: { ...place, seq: 2 }, reading: seen })).toBe('DENIED')
  expect(await media.download(bob, mediaId, { place: undefined, reading: seen })).toBe('DENIED')
  const left = reading([alice], { from: alice, content: image(mediaId), isForwarded: false })
  expect(await media.download(bob, mediaId, { place, reading: left })).toBe('DENIED')
})

test('[MD3] a message that was revoked, or edited to show something else, gives no link', async () => {
  const { media } = await makeMedia()
  const mediaId = await uploaded(media, alice, 'hello')
  for (const content of [
    { kind: 'Removed' },
    { kind: 'Text', text: mediaId },
    image(`${mediaId.slice(0, -1)}x`),
  ] as Content[]) {
    const seen = reading([bob], { from: alice, content, isForwarded: false })
    expect(await media.download(bob, mediaId, { place, reading: seen })).toBe('DENIED')
  }
})

test('[MD4] an id that somebody has seen is of no use in a message of their own; a forwarded message is', async () => {
  const { media } = await makeMedia()
  const mediaId = await uploaded(media, alice, 'hello')
  const by = (isForwarded: boolean) => reading([bob, carol], { from: bob, content: image(mediaId), isForwarded })
  expect(await media.download(bob, mediaId, { place, reading: by(false) })).toBe('DENIED')
  expect(await media.download(carol, mediaId, { place, reading: by(true) })).toMatchObject({ size: 5 })
})

test('[MD3] a link ends after minutes, another key or bucket or method than the signed one is refused', async () => {
  const { media, objects, time } = await makeMedia()
  const mediaId = await uploaded(media, alice, 'hello')
  const link = await media.download(alice, mediaId, { place: undefined, reading: reading([], undefined) })
  if (typeof link === 'string') throw new Error(link)
  const status = async (url: string, init: RequestInit = {}) => (await fetch(url, init)).status
  expect(await status(link.url)).toBe(200)
  expect(await status(link.url, { method: 'DELETE' })).toBe(403)
  expect(await status(link.url, { method: 'PUT', body: 'x' })).toBe(403)
  expect(await status(link.url.replace('alice', 'bob'))).toBe(403)
  expect(await status(link.url.replace('/media/media/', '/other/media/'))).toBe(403)
  expect(await status(link.url.replace('X-Amz-Expires=300', 'X-Amz-Expires=3000'))).toBe(403)
  expect(await status(`${link.url}&response-cache-control=x`)).toBe(403)
  expect(await status(`${objects.url}/media/alice/x`)).toBe(403)
  time.ms = DOWNLOAD_LINK_MS + 1_000
  expect(await status(link.url)).toBe(403)
})

test('[MD1] what was never put there does not exist, and what its owner took away is gone', async () => {
  const { media } = await makeMedia()
  const asked = { place: undefined, reading: reading([], undefined) }
  const link = await media.upload(alice, { mime: 'image/png', size: 5, hash: sha256('hello') })
  if (typeof link === 'string') throw new Error(link)
  expect(await media.download(alice, link.mediaId, asked)).toBe('NOT_EXIST')
  const mediaId = await uploaded(media, alice, 'hello')
  expect(await media.remove(bob, mediaId)).toBe('DENIED')
  expect(await media.remove(alice, mediaId)).toBeUndefined()
  expect(await media.download(alice, mediaId, asked)).toBe('NOT_EXIST')
  expect(await media.download(alice, 'alice~short', asked)).toBe('NOT_EXIST')
})

test('[MD5] a file that a browser could run is saved, not shown', async () => {
  const { media } = await makeMedia()
  for (const mime of ['application/javascript', 'image/svg+xml', 'application/pdf']) {
    const mediaId = await uploaded(media, alice, '<svg/>', mime)
    const link = await media.download(alice, mediaId, { place: undefined, reading: reading([], undefined) })
    if (typeof link === 'string') throw new Error(link)
    const { headers } = await fetch(link.url)
    expect([headers.get('content-disposition'), headers.get('x-content-type-options')]).toEqual([
      'attachment',
      'nosniff',
    ])
  }
})

test('[MD4] ids are read from links and nothing else, whatever the link looks like', () => {
  const mediaId = `alice~${'A'.repeat(22)}`
  expect(parseMediaId(mediaId)).toEqual({ owner: 'alice', name: 'A'.repeat(22) })
  for (const bad of [
    '',
    'alice',
    '~',
    `a/../b~${'A'.repeat(22)}`,
    `alice~${'A'.repeat(21)}`,
    `${mediaId}/..`,
    `${mediaId}\n`,
  ]) {
    expect(parseMediaId(bad), bad).toBeUndefined()
  }
  expect(idOfLink(`https://x/v1/media/${encodeURIComponent(mediaId)}?a=b`)).toBe(mediaId)
  expect(idOfLink(`https://x/other/${mediaId}`)).toBeUndefined()
  expect(idOfLink('https://x/v1/media/%E0%A4%A')).toBeUndefined()
  const item = { from: bob, at: 1, content: image(mediaId) as never }
  expect(refersTo({ kind: 'MergedForward', title: 't', items: [item] }, mediaId)).toBe(true)
  expect(refersTo({ kind: 'Text', text: `https://x/v1/media/${mediaId}` }, mediaId)).toBe(false)
})
