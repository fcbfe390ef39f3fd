import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import { startObjectStore } from '../../infra/local/object-store/object-store.ts'
import { s3MediaStore } from '../media/s3-media-store.ts'
import { ALL_SCOPES } from './scopes.ts'
import { HttpWorld } from './testing/http-world.ts'

/** Exports over HTTP: a job, and links to its files in a real object store. */

const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'a secret', region: 'local' }

let dir: string
let objects: Awaited<ReturnType<typeof startObjectStore>>
let http: HttpWorld
let bearer: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'packlog-export-routes-'))
  const place = { dir, host: '127.0.0.1', port: 0, bucket: 'media' }
  objects = await startObjectStore({ ...place, credentials: CREDENTIALS, clock: systemClock })
  http = await HttpWorld.start({ mediaStore: s3MediaStore({ url: objects.url, ...CREDENTIALS, clock: systemClock }) })
  bearer = await http.key('shop')
})
afterAll(async () => {
  await http.stop()
  await objects.close()
  await rm(dir, { recursive: true })
})

const start = (headers: Record<string, string> = {}) =>
  http.call('POST', '/v1/jobs/export-user', { bearer, body: { userId: 'nia' }, headers })

test('[HT43] an export is a job; its files are got by links, which is noted', async () => {
  const headers = { 'idempotency-key': http.packId() }
  const started = await start(headers)
  expect(started).toMatchObject({ status: 202, body: { job: 'exportUser', state: 'waiting', total: 0 } })
  const path = `/v1/jobs/${started.body.jobId as string}`
  const state = async () => (await http.call('GET', path, { bearer })).body.state
  await expect.poll(state, { timeout: 30_000 }).toBe('done')
  expect((await start(headers)).body).toMatchObject({ jobId: started.body.jobId, state: 'done' })
  const { status, body } = await http.call('GET', `${path}/result`, { bearer })
  expect(status).toBe(200)
  const [{ url }] = body.files as [{ url: string }]
  const file = await fetch(url)
  expect(file.headers.get('content-type')).toBe('application/x-ndjson')
  expect(JSON.parse(await file.text())).toMatchObject({ kind: 'Profile', userId: 'nia' })
  const acts = (await http.call('GET', '/v1/audit', { bearer })).body.acts as { act: string; detail?: string }[]
  expect(acts.map(({ act }) => act)).toEqual(expect.arrayContaining(['startJob', 'readExport']))
  expect(JSON.stringify(acts.find(({ act }) => act === 'startJob'))).toContain('nia')
})

test('[HT43] whoever reads users exports none; another app, and what is no export, have no files', async () => {
  const scopes = ALL_SCOPES.filter(scope => scope !== 'users:export')
  const reader = await http.key('shop', { keyId: 'reader', scopes })
  const body = { userId: 'nia' }
  expect(await http.call('POST', '/v1/jobs/export-user', { bearer: reader, body })).toMatchObject({ status: 403 })
  const { jobId } = (await start()).body
  const result = `/v1/jobs/${jobId as string}/result`
  expect(await http.call('GET', result, { bearer: reader })).toMatchObject({ status: 403 })
  const bank = await http.key('bank')
  expect(await http.call('GET', result, { bearer: bank })).toMatchObject({ status: 404 })
  const erasure = { bearer, body: { userIds: ['nobody'] } }
  const other = (await http.call('POST', '/v1/jobs/erase-users', erasure)).body.jobId as string
  expect(await http.call('GET', `/v1/jobs/${other}/result`, { bearer })).toMatchObject({ status: 404 })
})

test('[HT43] without a store of files there is no export', async () => {
  const plain = await HttpWorld.start()
  const key = await plain.key('shop')
  const refused = await plain.call('POST', '/v1/jobs/export-user', { bearer: key, body: { userId: 'nia' } })
  expect(refused).toMatchObject({ status: 403, body: { detail: 'there is no store of files here' } })
  await plain.stop()
})
