import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { ApiProblem, PartnerApi } from './partner-api.ts'

async function serve(status: number, answer: object) {
  const heard: { method?: string; url?: string; headers: Record<string, unknown>; body: string }[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', data => (body += data))
    request.on('end', () => {
      heard.push({ method: request.method!, url: request.url!, headers: request.headers, body })
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { api: new PartnerApi({ url, key: 'pk.shop.1.x' }), heard }
}

test('[HT33] a call has its path, query, body, user and key, and gives the answer', async () => {
  const { api, heard } = await serve(200, { seq: 3 })
  const body = { to: 'bob', text: 'hi' }
  expect(await api.call('sendText', { user: 'alice', idempotencyKey: 'k', body })).toEqual({ seq: 3 })
  await api.call('listEvents', { params: { sessionId: 's:alice:bob' }, query: { afterSeq: 1 } })
  expect(heard[0]).toMatchObject({
    method: 'POST',
    url: '/v1/messages/text',
    headers: { authorization: 'Bearer pk.shop.1.x', 'packlog-user': 'alice', 'idempotency-key': 'k' },
    body: JSON.stringify(body),
  })
  expect(heard[1]).toMatchObject({ method: 'GET', url: '/v1/sessions/s%3Aalice%3Abob/events?afterSeq=1', body: '' })
})

test('[HT33] a refusal is thrown with its problem', async () => {
  const { api } = await serve(403, { name: 'MUTED', detail: 'the sender is muted', code: 109 })
  const refused = api.call('getHealth', {})
  await expect(refused).rejects.toThrow(ApiProblem)
  await expect(refused).rejects.toMatchObject({ problem: { name: 'MUTED', code: 109 } })
})
