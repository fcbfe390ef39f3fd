import { expect, test } from 'vitest'
import { VirtualClock } from '../../../infra/testing/virtual-clock.ts'
import { Api, pathWith, Refused, Unreachable } from './api.ts'

interface Asked {
  path: string
  init: RequestInit
}

/** An API whose server gives these answers, one after the other; an Error is a network that fails. */
function apiWith(...answers: (Error | { status: number; body: unknown })[]) {
  const asked: Asked[] = []
  const clock = new VirtualClock()
  const fetch = async (path: string, init: RequestInit) => {
    asked.push({ path, init })
    const answer = answers.shift()!
    if (answer instanceof Error) throw answer
    return new Response(JSON.stringify(answer.body), { status: answer.status })
  }
  return { asked, api: new Api('pk.admin.k.s', fetch, clock), clock }
}

const headersOf = ({ init }: Asked) => init.headers as Record<string, string>

/** Lets the pauses between tries pass. */
async function settled<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  await clock.pass(60_000)
  return promise
}

test('[CON4] a question has the key, the user it is asked for, and what is not empty of its query', async () => {
  const { api, asked } = apiWith({ status: 200, body: { users: [] } })
  expect(await api.get('/v1/users', { query: { cursor: undefined, limit: 5, name: '' }, as: 'ann' })).toEqual({
    users: [],
  })
  expect(asked[0]!.path).toBe('/v1/users?limit=5')
  expect(headersOf(asked[0]!)).toEqual({ authorization: 'Bearer pk.admin.k.s', 'packlog-user': 'ann' })
})

test('[CON4] an act is sent again under the same key while the network or a view fails', async () => {
  const behind = { status: 503, body: { name: 'VIEW_BEHIND', detail: 'behind' } }
  const { api, asked, clock } = apiWith(new Error('cut'), behind, { status: 200, body: { seq: 1 } })
  expect(await settled(clock, api.act('POST', '/v1/users/ann/disable'))).toEqual({ seq: 1 })
  const keys = asked.map(one => headersOf(one)['idempotency-key'])
  expect(keys).toHaveLength(3)
  expect(new Set(keys).size).toBe(1)
})

test('[CON4] a refusal is told as it is and not tried again', async () => {
  const body = { name: 'ACCESS_DENIED', detail: 'the key has no scope users:write', requestId: 'r1' }
  const { api, asked } = apiWith({ status: 403, body })
  const error = await api.act('DELETE', '/v1/keys/k').catch(failure => failure as Refused)
  expect(error).toBeInstanceOf(Refused)
  expect(error).toMatchObject({ status: 403, code: 'ACCESS_DENIED', message: body.detail, requestId: 'r1' })
  expect(asked).toHaveLength(1)
})

test('[CON4] a network that stays away is said to be unreachable', async () => {
  const { api, asked, clock } = apiWith(...Array.from({ length: 9 }, () => new Error('cut')))
  await expect(settled(clock, api.get('/v1/users'))).rejects.toBeInstanceOf(Unreachable)
  expect(asked).toHaveLength(5)
})

test('[CON4] a query is spelled for an address', () => {
  expect(pathWith('/v1/search', {})).toBe('/v1/search')
  expect(pathWith('/v1/search', { words: 'a b&c', sinceAt: 0 })).toBe('/v1/search?words=a+b%26c&sinceAt=0')
})
