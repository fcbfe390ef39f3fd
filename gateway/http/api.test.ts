import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CallOptions, HttpWorld } from './testing/http-world.ts'

/** The grammar of HTTP with real sockets, on the memory log: who may call, what is refused, what an answer says. */

let http: HttpWorld
beforeAll(async () => {
  http = await HttpWorld.start()
})
afterAll(() => http.stop())

const call = (method: string, path: string, options?: CallOptions) => http.call(method, path, options)
const uuid7 = () => http.packId()

test('[HT1] a send is answered with its outcome, and sent again under its key with the same', async () => {
  const headers = { 'idempotency-key': uuid7() }
  const first = await call('POST', '/v1/messages/text', { body: { to: 'bob', text: 'hi' }, headers })
  expect(first).toMatchObject({ status: 200, body: { sessionId: 's:alice:bob', seq: 1, count: 1 } })
  const again = await call('POST', '/v1/messages/text', { body: { to: 'bob', text: 'hi' }, headers })
  expect(again.body).toMatchObject({ packId: first.body.packId, seq: 1, repeated: true })
})

test('[HT3] any other key is remembered, for each caller', async () => {
  const headers = { 'idempotency-key': 'order 7' }
  const send = (user: string) => call('POST', '/v1/messages/text', { user, body: { to: 'dora', text: 'hi' }, headers })
  const first = await send('carol')
  expect((await send('carol')).body.packId).toBe(first.body.packId)
  expect((await send('erin')).body.packId).not.toBe(first.body.packId)
})

test.each([
  ['no token', { user: '' }, 401, 21],
  ['a broken token', { headers: { authorization: 'Bearer x.y.z' } }, 401, 21],
  ['another scheme', { headers: { authorization: 'Basic eDp5' } }, 401, 21],
  ['a key that there is not', { headers: { authorization: 'Bearer pk.shop.1.x' } }, 401, 21],
  ['somebody else', { headers: { 'packlog-user': 'bob' } }, 403, 23],
])('[HT2] %s is refused with a problem', async (_, options, status, code) => {
  const { type, body, headers, ...reply } = await call('POST', '/v1/messages/text', {
    body: { to: 'bob', text: 'hi' },
    ...options,
  })
  expect(reply.status).toBe(status)
  expect(type).toBe('application/problem+json')
  expect(body).toMatchObject({ status, code, requestId: headers.get('x-request-id') })
})

test.each([
  ['a field that is not known', { to: 'bob', text: 'hi', x: 1 }, 400, 2],
  ['a field of another type', { to: 7, text: 'hi' }, 400, 2],
  ['a missing field', { to: 'bob' }, 400, 2],
  ['two receivers', { to: 'bob', groupId: 'g', text: 'hi' }, 400, 2],
  ['no JSON', '{', 400, 1],
  ['JSON that nests deeply', `${'['.repeat(100)}${']'.repeat(100)}`, 400, 1],
  ['a body that is too large', `{"to":"bob","text":"${'x'.repeat(600_000)}"}`, 413, 115],
])('[HT4] %s is refused', async (_, body, status, code) => {
  expect(await call('POST', '/v1/messages/text', { body })).toMatchObject({ status, body: { code } })
})

test('[HT4] what breaks a rule that no schema says is refused like any other field', async () => {
  const body = { sessionId: 's:alice:bob', content: { kind: 'Text', text: 'hi' }, flags: 16 }
  expect(await call('POST', '/v1/messages', { body })).toMatchObject({ status: 400, body: { code: 2 } })
  expect(await call('GET', '/v1/sessions/s:alice:bob/events?afterSeq=1&beforeSeq=2')).toMatchObject({
    status: 400,
    body: { code: 2 },
  })
})

test('[HT4] another type of body, and a path that there is not, are refused', async () => {
  const headers = { 'content-type': 'text/plain' }
  expect(await call('POST', '/v1/messages/text', { body: 'hi', headers })).toMatchObject({ status: 415 })
  expect(await call('GET', '/v1/nothing')).toMatchObject({ status: 404, type: 'application/problem+json' })
})

test('[HT5] a refusal of the log is a problem with its code', async () => {
  const body = { sessionId: 's:bob:carol', content: { kind: 'Text', text: 'hi' } }
  expect(await call('POST', '/v1/messages', { body })).toMatchObject({
    status: 403,
    body: { code: 43, retry: 'never' },
  })
})

test('[HT6] one message to many has one outcome for each, under ids that follow from the request', async () => {
  const headers = { 'idempotency-key': uuid7() }
  const body = { to: ['u1', 'u2', 'u1'], groupIds: ['nowhere'], content: { kind: 'Text', text: 'hi' } }
  const first = await call('POST', '/v1/messages/batch', { body, headers })
  expect(first).toMatchObject({ status: 200, body: { accepted: 2 } })
  const outcomes = first.body.outcomes as { sessionId: string; packId: string; refusal?: object }[]
  expect(outcomes.map(({ sessionId }) => sessionId)).toEqual(['s:alice:u1', 's:alice:u2', 'g:nowhere'])
  expect(outcomes[2]!.refusal).toBeDefined()
  const again = await call('POST', '/v1/messages/batch', { body, headers })
  expect((again.body.outcomes as typeof outcomes).map(({ packId }) => packId)).toEqual(
    outcomes.map(({ packId }) => packId),
  )
})

test('[HT7] groups, history and outcomes are those of the WebSocket', async () => {
  const created = await call('POST', '/v1/groups', {
    body: { groupId: 'club', info: { name: 'Club' }, members: ['bob'] },
  })
  expect(created).toMatchObject({ status: 200, body: { sessionId: 'g:club', seq: 1 } })
  await call('POST', '/v1/messages/text', { body: { groupId: 'club', text: 'welcome' } })
  const page = await call('GET', '/v1/sessions/g:club/events?afterSeq=0')
  expect((page.body.events as { seq: number }[]).map(({ seq }) => seq)).toEqual([1, 2])
  const { packId } = created.body
  expect(await call('GET', `/v1/sessions/g:club/outcomes/${packId}`)).toMatchObject({ body: { found: true, seq: 1 } })
  expect(await call('GET', '/v1/sessions/g:club/events', { user: 'eve' })).toMatchObject({
    status: 403,
    body: { code: 28 },
  })
})

test('[HT40] a body that may be left out is described so, and left out', async () => {
  const { paths } = (await call('GET', '/openapi.json', { user: '' })).body as {
    paths: Record<string, Record<string, { operationId: string; requestBody?: { required: boolean } }>>
  }
  const bodies = Object.values(paths).flatMap(path => Object.values(path).filter(one => one.requestBody !== undefined))
  const mayLack = bodies.filter(({ requestBody }) => requestBody!.required === false)
  const names = mayLack.map(({ operationId }) => operationId)
  expect(names).toEqual(expect.arrayContaining(['joinGroup', 'requestFriend', 'holdUser', 'logoutUser', 'rotateKey']))
  expect(names).not.toContain('sendText')
  expect(JSON.stringify(paths)).not.toContain('x-may-lack-body')
  const bearer = await http.key('shop')
  expect(await call('POST', '/v1/users/frank/hold', { bearer })).toMatchObject({ status: 200 })
  expect(await call('POST', '/v1/users/frank/hold', { bearer, body: 'null' })).toMatchObject({ status: 400 })
})

test('[HT8] the description has every route, closed schemas, and nothing else', async () => {
  const { body } = await call('GET', '/openapi.json', { user: '' })
  const operations = Object.values(
    body.paths as Record<string, Record<string, { operationId: string; responses: object }>>,
  ).flatMap(operations => Object.values(operations))
  const ids = operations.map(({ operationId }) => operationId)
  expect(ids).toContain('sendText')
  expect(new Set(ids).size).toBe(ids.length)
  for (const { responses } of operations) expect(Object.keys(responses)).toEqual(expect.arrayContaining(['4XX', '5XX']))
  const open: string[] = []
  const visit = (value: unknown, path: string) => {
    if (typeof value !== 'object' || value === null) return
    const schema = value as { type?: string; properties?: object; additionalProperties?: unknown }
    if (schema.type === 'object' && schema.properties !== undefined && schema.additionalProperties !== false)
      open.push(path)
    for (const [name, part] of Object.entries(value)) visit(part, `${path}/${name}`)
  }
  visit(body, '')
  expect(open).toEqual([])
})
