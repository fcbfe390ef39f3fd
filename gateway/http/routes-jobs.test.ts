import { afterAll, beforeAll, expect, test } from 'vitest'
import { HttpWorld, type Reply } from './testing/http-world.ts'

/** Jobs over HTTP, with the worker of the gateway that is asked. */

let http: HttpWorld
let bearer: string
beforeAll(async () => {
  http = await HttpWorld.start()
  bearer = await http.key('shop')
})
afterAll(() => http.stop())

const start = (kind: string, body: unknown, headers: Record<string, string> = {}) =>
  http.call('POST', `/v1/jobs/${kind}`, { bearer, body, headers })
const content = { kind: 'Text', text: 'news' }

async function ended({ body }: Pick<Reply, 'body'>, by = bearer): Promise<Record<string, unknown>> {
  const get = async () => (await http.call('GET', `/v1/jobs/${body.jobId as string}`, { bearer: by })).body
  await expect.poll(async () => (await get()).endedAt, { timeout: 30_000 }).toBeDefined()
  return get()
}

test('[HT26] a broadcast is accepted, done, told, and the same when it is asked for again', async () => {
  const headers = { 'idempotency-key': http.packId() }
  const body = { to: ['ja', 'jb', 'ja'], content, perSecond: 1_000 }
  const started = await start('broadcast', body, headers)
  expect(started).toMatchObject({ status: 202, body: { job: 'broadcast', state: 'waiting', total: 2 } })
  expect(await ended(started)).toMatchObject({ state: 'done', done: 2, failed: 0, failures: [] })
  expect(await start('broadcast', body, headers)).toMatchObject({
    status: 202,
    body: { jobId: started.body.jobId, state: 'done' },
  })
  expect(await start('erase-users', { userIds: ['ja'] }, headers)).toMatchObject({
    status: 409,
    body: { name: 'PACK_CONFLICT' },
  })
  const events = await http.call('GET', '/v1/sessions/b:shop:ja/events', { user: 'ja' })
  expect((events.body.events as unknown[]).length).toBe(1)
  const listed = await http.call('GET', '/v1/jobs', { bearer })
  expect(listed.body.jobs).toMatchObject([{ jobId: started.body.jobId, state: 'done' }])
  const acts = (await http.call('GET', '/v1/audit', { bearer })).body.acts as { act: string }[]
  expect(acts.map(({ act }) => act)).toEqual(expect.arrayContaining(['startJob', 'JobStarted', 'JobEnded']))
})

test('[HT26] users are imported and erased by jobs', async () => {
  const users = ['ka', 'kb'].map(userId => ({ userId, profile: { name: userId } }))
  expect(await ended(await start('import-users', { users }))).toMatchObject({ state: 'done', done: 2 })
  expect((await http.call('GET', '/v1/users/ka', { bearer })).body).toMatchObject({ profile: { name: 'ka' } })
  await http.call('POST', '/v1/users/kb/hold', { bearer, body: {} })
  expect(await ended(await start('erase-users', { userIds: ['ka', 'kb'] }))).toMatchObject({
    state: 'done',
    done: 2,
    failed: 1,
    failures: [{ userId: 'kb', name: 'LEGAL_HOLD' }],
  })
  expect((await http.call('GET', '/v1/users/ka', { bearer })).body).toMatchObject({ access: 'erased' })
})

test.each([
  ['flags', { flags: 16 }],
  [
    'extra.quote.seq',
    { extra: { mentions: [], mentionsAll: false, quote: { seq: -1, packId: '01890a5d-ac96-774b-bcce-b302099a8057' } } },
  ],
])('[HT41] a message that cannot be sent is refused before there is a job: %s', async (place, wrong) => {
  const refused = await start('broadcast', { to: ['ja'], content, ...wrong })
  expect(refused).toMatchObject({ status: 400, body: { name: 'PARAM', detail: expect.stringContaining(place) } })
})

test('[HT26] a job is cancelled, and one that has ended is not', async () => {
  const started = await start('broadcast', { to: ['la', 'lb', 'lc'], content, perSecond: 1 })
  const cancel = () => http.call('POST', `/v1/jobs/${started.body.jobId as string}/cancel`, { bearer })
  expect(await cancel()).toMatchObject({ status: 200 })
  expect(await ended(started)).toMatchObject({ state: 'cancelled' })
  expect(await cancel()).toMatchObject({ status: 409 })
  expect(await http.call('POST', '/v1/jobs/nothing/cancel', { bearer })).toMatchObject({ status: 404 })
})

test('[HT26] what may not be done is refused before there is a job', async () => {
  const notifier = await http.key('shop', { keyId: 'n', scopes: ['notifications:write'] })
  const inName = { bearer: notifier, headers: { 'packlog-user': 'ma' }, body: { to: ['mb'], content } }
  expect(await http.call('POST', '/v1/jobs/broadcast', inName)).toMatchObject({ status: 403 })
  expect(await http.call('POST', '/v1/jobs/broadcast', { user: 'ma', body: { to: ['mb'], content } })).toMatchObject({
    status: 403,
  })
  const self = { bearer, headers: { 'packlog-user': 'ma' }, body: { to: ['ma'], content } }
  expect(await http.call('POST', '/v1/jobs/broadcast', self)).toMatchObject({ status: 400 })
  const twice = [1, 2].map(() => ({ userId: 'mc', profile: { name: 'c' } }))
  expect(await start('import-users', { users: twice })).toMatchObject({ status: 400 })
  const long = Array.from({ length: 15_000 }, (_, i) => `a-rather-long-user-name-${i}`)
  expect(await start('broadcast', { to: long, content })).toMatchObject({ status: 413 })
})

test('[HT26] jobs are listed by pages, the newest first', async () => {
  const app = await http.key('pages')
  const made: string[] = []
  for (const userId of ['p1', 'p2', 'p3']) {
    const { body } = await http.call('POST', '/v1/jobs/erase-users', { bearer: app, body: { userIds: [userId] } })
    made.unshift(body.jobId as string)
    await ended({ body }, app)
  }
  const list = async (query: string) => (await http.call('GET', `/v1/jobs?${query}`, { bearer: app })).body
  const ids = ({ jobs }: Record<string, unknown>) => (jobs as { jobId: string }[]).map(({ jobId }) => jobId)
  const first = await list('limit=2')
  expect(ids(first)).toEqual(made.slice(0, 2))
  const second = await list(`limit=2&cursor=${first.cursor as string}`)
  expect([ids(second), second.cursor]).toEqual([made.slice(2), undefined])
  expect(await http.call('GET', '/v1/jobs?cursor=nothing', { bearer: app })).toMatchObject({ status: 400 })
})
