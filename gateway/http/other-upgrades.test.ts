import { request } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pause } from '../../tests/pause.ts'
import { HttpWorld } from './testing/http-world.ts'

let http: HttpWorld
beforeAll(async () => {
  http = await HttpWorld.start()
})
afterAll(() => http.stop())

/** Says something raw, in parts, and gives what comes back until the server closes. */
async function say(...parts: string[]): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: http.gateway.port })
  let text = ''
  socket.setEncoding('utf8').on('data', data => {
    text += data
  })
  const closed = new Promise(resolve => socket.on('close', resolve))
  for (const part of parts) {
    socket.write(part)
    await pause()
  }
  await closed
  return text
}

const OFFER =
  'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAA\r\n'

test('[HT47] a request that offers h2c is answered in HTTP/1.1, its body with it, and so is the next', async () => {
  const body = JSON.stringify({ to: 'bob', text: 'hi' })
  const token = await http.token('alice')
  const send = (headers: string) =>
    `POST /v1/messages/text HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n` +
    `content-type: application/json\r\ncontent-length: ${body.length}\r\n${headers}\r\n`
  const parts = [send(OFFER) + body.slice(0, 5), body.slice(5), `${send('connection: close\r\n')}${body}`]
  const answers = (await say(...parts)).split(/(?=HTTP\/1\.1 )/)
  expect(answers.map(answer => answer.slice(9, 12))).toEqual(['200', '200'])
  expect(answers.map(answer => JSON.parse(answer.split('\r\n\r\n')[1]!).seq)).toEqual([1, 2])
})

test('[HT47] what is offered besides is left out, whatever it is, and other options of the connection stay', async () => {
  const answer = await say('GET /v1/time HTTP/1.1\r\nhost: x\r\nupgrade: tea\r\nconnection: close, upgrade\r\n\r\n')
  expect(answer).toContain('HTTP/1.1 200 ')
  expect(answer.toLowerCase()).toContain('connection: close')
})

test("[HT47] Node's own client is answered as well", async () => {
  const status = await new Promise((resolve, reject) => {
    const headers = { connection: 'upgrade', upgrade: 'h2c' }
    const asked = request({ port: http.gateway.port, path: '/v1/time', headers }, answer => resolve(answer.statusCode))
    asked.on('error', reject).end()
  })
  expect(status).toBe(200)
})
