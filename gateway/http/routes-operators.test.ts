import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ArchiveStatistics, Span } from '../../processors/archive/statistics.ts'
import { makeDeadLetters, writeDeadAction } from '../../processors/dead-letter.ts'
import type { SessionId } from '../../schemas/ids.ts'
import { HttpWorld } from './testing/http-world.ts'

/** What whoever runs the product asks over HTTP: search in everything, users, holds, figures, dead letters. */

const asked: Span[] = []
const statistics = {
  totals: async (span: Span) => {
    asked.push(span)
    return { registeredUsers: 3, activeUsers: 2, messages: 1, groupsCreated: 0 }
  },
  activeUsers: async () => [{ start: '2026-03-02', users: 2, newUsers: 1 }],
  pushes: async () => Promise.reject(new Error('away')),
} as unknown as ArchiveStatistics

let http: HttpWorld
let bearer: string
beforeAll(async () => {
  const erasure = async () => ({ sessions: 3, erased: 2, held: ['s:a:b' as SessionId], full: 0 })
  http = await HttpWorld.start({ statistics, erasure })
  bearer = await http.key('shop')
})
afterAll(() => http.stop())

const get = (path: string) => http.call('GET', path, { bearer })
const post = (path: string, body?: unknown) => http.call('POST', path, { bearer, body })
const texts = ({ body }: { body: Record<string, unknown> }) =>
  (body.events as { body: { content: { text: string } } }[]).map(event => event.body.content.text).sort()

test('[HT21] a user finds what they may see, an app everything but what is not its own', async () => {
  await http.call('POST', '/v1/messages/text', { user: 'sue', body: { to: 'tom', text: 'a red train' } })
  await http.call('POST', '/v1/messages/text', { user: 'uwe', body: { to: 'vic', text: 'a blue train' } })
  const content = { kind: 'Text', text: 'your train' }
  await post('/v1/notifications', { to: ['sue'], content })
  const bank = await http.key('bank')
  await http.call('POST', '/v1/notifications', {
    bearer: bank,
    body: { to: ['sue'], content: { ...content, text: 'no train' } },
  })
  expect(texts(await http.call('GET', '/v1/search?words=train&sessionId=s:sue:tom', { user: 'sue' }))).toEqual([
    'a red train',
  ])
  expect(texts(await get('/v1/search?words=train'))).toEqual(['a blue train', 'a red train', 'your train'])
  const [first, second] = [await get('/v1/search?words=train&limit=2'), 'cursor']
  expect(texts(first)).toHaveLength(2)
  const rest = await get(`/v1/search?words=train&cursor=${encodeURIComponent(first.body[second] as string)}`)
  expect(texts(rest)).toHaveLength(1)
  expect(await get('/v1/search?words=train&sessionId=b:bank:sue')).toMatchObject({ status: 403, body: { code: 28 } })
  expect(await get('/v1/search')).toMatchObject({ status: 400, body: { code: 2 } })
})

test('[HT22] figures are those of the days asked for, UTC, and a store that is away is said', async () => {
  expect(await get('/v1/statistics/totals?from=2026-03-01&to=2026-03-31')).toMatchObject({ body: { messages: 1 } })
  expect(asked).toEqual([{ from: Date.UTC(2026, 2, 1), to: Date.UTC(2026, 3, 1) }])
  expect(await get('/v1/statistics/active-users?period=week')).toMatchObject({
    status: 200,
    body: { rows: [{ users: 2 }] },
  })
  expect(await get('/v1/statistics/pushes')).toMatchObject({ status: 503, body: { name: 'DB_ERROR' } })
  for (const query of ['from=2026-03-02&to=2026-03-01', 'from=1990-01-01', 'from=yesterday']) {
    expect(await get(`/v1/statistics/totals?${query}`)).toMatchObject({ status: 400, body: { code: 2 } })
  }
})

test('[HT23] a user is held, erased once that is lifted, and seen as such', async () => {
  await http.call('PATCH', '/v1/me/profile', { user: 'wim', body: { profile: { name: 'Wim' } } })
  expect(await post('/v1/users/wim/hold', { reason: 'case 7' })).toMatchObject({ status: 200 })
  expect(await post('/v1/users/wim/erase')).toMatchObject({ status: 409, body: { name: 'LEGAL_HOLD' } })
  expect(await get('/v1/users/wim')).toMatchObject({ body: { access: 'active', profile: { name: 'Wim' } } })
  await post('/v1/users/wim/release')
  expect(await post('/v1/users/wim/erase', { reason: 'asked for' })).toMatchObject({
    status: 202,
    body: { sessionId: 'u:wim' },
  })
  expect(await get('/v1/users/wim')).toMatchObject({ body: { access: 'erased' } })
  expect(await get('/v1/users/wim/erasure')).toMatchObject({ body: { sessions: 3, held: ['s:a:b'], done: true } })
  expect(await http.call('GET', '/v1/groups', { user: 'wim' })).toMatchObject({ status: 403 })
  await post('/v1/notifications', { to: ['wim'], content: { kind: 'Text', text: 'x' } })
  expect(await post('/v1/sessions/b:shop:wim/hold')).toMatchObject({ status: 200, body: { sessionId: 'b:shop:wim' } })
  expect(await post('/v1/sessions/u:wim/hold')).toMatchObject({ status: 400 })
  const acts = (await get('/v1/audit?limit=4')).body.acts as { act: string; subject: string }[]
  expect(acts).toContainEqual(expect.objectContaining({ act: 'holdSession', subject: 'b:shop:wim' }))
})

test('[HT23] all users are listed, in pages', async () => {
  for (const user of ['xa', 'xb', 'xc']) {
    await http.call('PATCH', '/v1/me/profile', { user, body: { profile: { name: user } } })
  }
  const seen: string[] = []
  let cursor = ''
  do {
    const { body } = await get(`/v1/users?limit=1${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`)
    seen.push(...(body.users as { userId: string }[]).map(({ userId }) => userId))
    cursor = (body.cursor as string | undefined) ?? ''
  } while (cursor !== '')
  expect(seen).toEqual(expect.arrayContaining(['xa', 'xb', 'xc']))
  expect(new Set(seen).size).toBe(seen.length)
  expect(await get('/v1/users?cursor=9999/x')).toMatchObject({ status: 400 })
})

test('[HT24] dead letters are listed, inspected, tried again and given up', async () => {
  const { log, topics } = http.world
  const { partition } = { partition: http.world.partitionOf('a:shop' as SessionId) }
  const letters = makeDeadLetters({ log, dead: topics.dead, topic: topics.events.name, processor: 'history' })
  for (const offset of [0, 1_000_000]) {
    const record = { key: Buffer.from('a:shop'), value: Buffer.from('x'), headers: {}, offset, appendedAt: 0 }
    await letters.write({ partition, record, error: 'not understood' })
  }
  const { body } = await get('/v1/dead-letters')
  const [there, lost] = body.letters as { id: string; state: string }[]
  expect(there).toMatchObject({ processor: 'history', sessionId: 'a:shop', state: 'open', error: 'not understood' })
  const first = await get('/v1/dead-letters?limit=1')
  expect((first.body.letters as unknown[]).length).toBe(1)
  expect(await get(`/v1/dead-letters?cursor=${encodeURIComponent(first.body.cursor as string)}`)).toMatchObject({
    body: { letters: [{ id: lost!.id }] },
  })
  expect(await get(`/v1/dead-letters/${there!.id}`)).toMatchObject({ body: { event: { cause: { offset: 0 } } } })
  expect(await get(`/v1/dead-letters/${lost!.id}`)).toMatchObject({ body: { fault: 'the log no longer holds it' } })
  expect(await get('/v1/dead-letters/history/nowhere/0/0')).toMatchObject({ status: 404, body: { name: 'NOT_EXIST' } })
  const retried = post(`/v1/dead-letters/${there!.id}/retry`)
  const place = { processor: 'history', topic: topics.events.name, partition, offset: 0 }
  await expect
    .poll(async () => (await get(`/v1/dead-letters/${there!.id}`)).body.state, { timeout: 10_000 })
    .toBe('retrying')
  await writeDeadAction({ log, dead: topics.dead }, place, { action: 'applied', key: null, by: 'history' })
  expect(await retried).toMatchObject({ status: 200, body: { state: 'applied', by: 'history' } })
  expect(await post(`/v1/dead-letters/${there!.id}/discard`)).toMatchObject({ status: 409 })
  const discarded = await post(`/v1/dead-letters/${lost!.id}/discard`, { reason: 'too old' })
  expect(discarded).toMatchObject({ body: { state: 'discarded', by: 'shop', error: 'too old' } })
  expect((await get('/v1/dead-letters')).body).toEqual({ letters: [] })
  expect((await get('/v1/dead-letters?all=true')).body.letters).toHaveLength(2)
})

test('[HT25] a partner sees where a user is pushed to, and registers in their name', async () => {
  const device = { serviceType: 7, packageName: 'com.example.chat', appVersion: '1', token: 't-xa' }
  const headers = { 'packlog-user': 'xa' }
  expect(await http.call('POST', '/v1/me/push-devices', { bearer, headers, body: device })).toMatchObject({
    status: 200,
  })
  expect(await http.call('GET', '/v1/me/push-devices', { bearer, headers })).toMatchObject({
    body: { devices: [{ serviceType: 7, token: 't-xa' }] },
  })
  expect(await http.call('GET', '/v1/me/push-devices', { user: 'xb' })).toMatchObject({ body: { devices: [] } })
})
