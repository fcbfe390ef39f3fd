import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { problemSchema } from './problem.ts'
import { bareServer } from './testing/bare-server.ts'
import { HttpWorld } from './testing/http-world.ts'

/** Whatever is refused, and wherever: the answer is a problem. */

let http: HttpWorld
beforeAll(async () => {
  http = await HttpWorld.start()
})
afterAll(() => http.stop())

function open(port: number, said: string): { socket: Socket; answers: Promise<string> } {
  let text = ''
  const socket = connect({ host: '127.0.0.1', port }, () => socket.write(said))
  onTestFinished(() => void socket.destroy())
  socket.setEncoding('utf8').on('data', data => {
    text += data
  })
  const answers = new Promise<string>(resolve => socket.on('error', () => {}).on('close', () => resolve(text)))
  return { socket, answers }
}

/** What comes back for raw text until the server closes. */
const answersTo = (said: string): Promise<string> => open(http.gateway.port, said).answers

function asProblem(answer: string) {
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  expect(head.toLowerCase()).toContain('content-type: application/problem+json')
  const problem = problemSchema.parse(JSON.parse(body))
  expect(head).toContain(`HTTP/1.1 ${problem.status} `)
  expect(/^x-request-id: (.*)$/im.exec(head)?.[1]).toBe(problem.requestId)
  return problem
}

const END = 'host: x\r\nconnection: close\r\n\r\n'
const UPGRADE = 'host: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-protocol: packlog.v1.json\r\n'

test.each([
  ['a path that cannot be decoded', `GET /v1/groups/%zz HTTP/1.1\r\n${END}`, 400, 'PARAM'],
  ['a path that is none', `OPTIONS * HTTP/1.1\r\n${END}`, 404, 'PROTOCOL'],
  ['a path that there is not', `GET /v1/nothing HTTP/1.1\r\n${END}`, 404, 'PROTOCOL'],
  ['a method that there is not', `BREW /v1/time HTTP/1.1\r\n${END}`, 400, 'PROTOCOL'],
  ['no host', 'GET /v1/time HTTP/1.1\r\nconnection: close\r\n\r\n', 400, 'PROTOCOL'],
  ['a head that is too large', `GET /v1/${'x'.repeat(17_000)} HTTP/1.1\r\n${END}`, 431, 'FRAME_TOO_LARGE'],
  ['no HTTP', 'hello\r\n\r\n', 400, 'PROTOCOL'],
  ['an upgrade elsewhere', `GET /v1/else HTTP/1.1\r\n${UPGRADE}\r\n`, 404, 'PROTOCOL'],
  ['an upgrade without a key', `GET /v1/ws HTTP/1.1\r\n${UPGRADE}sec-websocket-version: 13\r\n\r\n`, 400, 'PROTOCOL'],
])('[HT46] %s is refused with a problem', async (_name, said, status, name) => {
  expect(asProblem(await answersTo(said))).toMatchObject({ status, name })
})

test('[HT46] how long a part of a path may be is said by its schema, and nothing else', async () => {
  const [a, b] = [`a${'x'.repeat(63)}`, `b${'x'.repeat(63)}`]
  const path = `/v1/sessions/${encodeURIComponent(`s:${a}:${b}`)}/events?afterSeq=0`
  expect(await http.call('GET', path, { user: a })).toMatchObject({ status: 200 })
  const bearer = await http.key('shop')
  const tooLong = await http.call('GET', `/v1/groups/${'x'.repeat(5_000)}`, { bearer })
  expect(tooLong).toMatchObject({
    status: 400,
    type: 'application/problem+json',
    body: { name: 'PARAM', errors: [{ path: 'params/groupId' }] },
  })
})

test('[HT46] what a client expects beyond an interim answer changes nothing', async () => {
  expect(await answersTo(`GET /v1/time HTTP/1.1\r\nexpect: cake\r\n${END}`)).toContain('HTTP/1.1 200 ')
})

test('[HT46] what is no request is not answered in the place of the one before it', async () => {
  const body = JSON.stringify({ to: 'bob', text: 'hi' })
  const token = await http.token('alice')
  const head = `host: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`
  const send = `POST /v1/messages/text HTTP/1.1\r\n${head}content-length: ${body.length}\r\n\r\n${body}`
  expect(await answersTo(`${send}hello\r\n\r\n`)).toBe('')
})

test('[HT46] a server that closes says so with a problem', async () => {
  let isReady = true
  const server = await bareServer({ isReady: () => isReady })
  const said = 'POST /v1/nothing HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n'
  const { socket, answers } = open(server.port, `${said}expect: 100-continue\r\n\r\n`)
  // The first request is being read, so its connection lasts.
  await new Promise(resolve => socket.once('data', resolve))
  isReady = false
  const closed = server.close()
  socket.write(`{}GET /readyz HTTP/1.1\r\n${END}`)
  const [, , last = ''] = (await answers).split(/(?=HTTP\/1\.1 )/)
  expect(asProblem(last)).toMatchObject({ status: 503, name: 'SERVICE_UNAVAILABLE' })
  await closed
})
