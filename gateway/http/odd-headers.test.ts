import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { HttpWorld } from './testing/http-world.ts'

/** Requests that two servers could read differently: where one ends, and who sends it, must not be in doubt. */

let http: HttpWorld
beforeAll(async () => {
  http = await HttpWorld.start()
})
afterAll(() => http.stop())

/** The status lines of what comes back for raw text until the server closes, which it does after each of these. */
function statuses(text: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    let got = ''
    const socket = connect({ host: '127.0.0.1', port: http.gateway.port }, () => socket.write(text))
    socket
      .setEncoding('utf8')
      .on('data', chunk => {
        got += chunk
      })
      .on('error', reject)
      .on('close', () => resolve([...got.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status!)))
  })
}

const request = (headers: readonly string[], body = '') =>
  `POST /v1/messages/text HTTP/1.1\r\nhost: x\r\n${headers.join('\r\n')}\r\n\r\n${body}`
const SMUGGLED = 'GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'

test.each([
  ['two lengths', ['content-length: 4', 'content-length: 5'], 'abcd'],
  ['a length and chunks', ['content-length: 4', 'transfer-encoding: chunked'], `0\r\n\r\n${SMUGGLED}`],
  ['chunks that are not the last coding', ['transfer-encoding: chunked, identity'], `0\r\n\r\n${SMUGGLED}`],
  ['a length with a sign', ['content-length: +4'], 'abcd'],
  ['a folded header', ['x-a: b', ' authorization: Bearer x'], ''],
  ['a space before the colon', ['transfer-encoding : chunked'], `0\r\n\r\n${SMUGGLED}`],
  ['a line break in a value', ['x-a: b\rauthorization: Bearer x'], ''],
  ['a chunk of no size', ['transfer-encoding: chunked'], `zz\r\nabcd\r\n0\r\n\r\n${SMUGGLED}`],
])('[SC11] %s: the request is refused, and nothing behind it is answered', async (_name, headers, body) => {
  expect(await statuses(request(headers, body))).toEqual(['400'])
})

test('[SC11] a header that is there twice is no other caller: the first counts, or it is refused', async () => {
  const [alice, mallory] = [await http.token('alice'), 'not-a-token']
  const body = JSON.stringify({ to: 'bob', text: 'hi' })
  const rest = ['content-type: application/json', `content-length: ${body.length}`, 'connection: close']
  const both = (one: string, other: string) => [
    `authorization: Bearer ${one}`,
    `authorization: Bearer ${other}`,
    ...rest,
  ]
  expect(await statuses(request(both(alice, mallory), body))).toEqual(['200'])
  expect(await statuses(request(both(mallory, alice), body))).toEqual(['401'])
  // Others are joined by commas, and then are no user.
  const key = await http.key('shop')
  const twice = [`authorization: Bearer ${key}`, 'packlog-user: alice', 'packlog-user: bob', ...rest]
  expect(await statuses(request(twice, body))).toEqual(['400'])
})

test('[SC11] headers that go on for ever are refused', async () => {
  expect(await statuses(request([`x-a: ${'b'.repeat(70_000)}`]))).toEqual(['431'])
})
