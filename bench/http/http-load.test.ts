import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { openHttpClient, readAnswer } from './http-client.ts'
import { runHttpLoad } from './http-load.ts'
import { parseHttpOptions } from './options.ts'

async function serve(status: number): Promise<{ httpUrl: string; heard: { path: string; body: { to: unknown } }[] }> {
  const heard: { path: string; body: { to: unknown } }[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', data => (text += data))
    request.on('end', () => {
      const body = JSON.parse(text) as { to: unknown }
      heard.push({ path: request.url!, body })
      const answer = JSON.stringify(Array.isArray(body.to) ? { accepted: body.to.length } : {})
      response.writeHead(status, { 'content-length': answer.length }).end(answer)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { httpUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard }
}

const PART = { key: 'k', connections: 2, seconds: 0.2, warmupSeconds: 0, bytes: 5, clock: systemClock }

test('[BN18] an answer is read when all of it is there', () => {
  const whole = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabcd')
  expect(readAnswer(whole.subarray(0, 20))).toBeUndefined()
  expect(readAnswer(whole.subarray(0, -1))).toBeUndefined()
  expect(readAnswer(whole)).toEqual({ status: 200, body: 'abcd' })
})

test('[BN18] a post on a connection that the server has closed meanwhile fails, and does not wait for ever', async () => {
  const server = createServer((_, response) => response.writeHead(200, { connection: 'close' }).end())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const client = await openHttpClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  expect(await client.post('/', '{}', '')).toMatchObject({ status: 200 })
  await new Promise(resolve => setImmediate(resolve))
  for (let tries = 0; tries < 2; tries++)
    await expect(client.post('/', '{}', '')).rejects.toThrow('the connection ended')
})

test('[BN18] texts and batches are counted by what was accepted, and paced where a rate is wanted', async () => {
  const { httpUrl, heard } = await serve(200)
  const single = await runHttpLoad({ ...PART, httpUrl, receivers: 1, requestsPerSecond: 50, random: systemRandom })
  expect(heard).toHaveLength(10)
  expect(heard[0]).toMatchObject({ path: '/v1/messages/text', body: { text: 'xxxxx' } })
  expect(single.refused).toEqual({})
  const batch = await runHttpLoad({ ...PART, httpUrl, receivers: 3, random: systemRandom })
  expect(heard.at(-1)!.path).toBe('/v1/messages/batch')
  expect(batch.accepted).toBe(3 * batch.requests)
  expect(batch.requests).toBeGreaterThan(0)
})

test('[BN18] what is refused is told by its status', async () => {
  const { httpUrl } = await serve(429)
  const load = { ...PART, httpUrl, receivers: 1, requestsPerSecond: 25, random: systemRandom }
  expect(await runHttpLoad(load)).toMatchObject({ accepted: 0, refused: { 429: 5 } })
})

test('[BN18] the command line is read', () => {
  expect(parseHttpOptions(['--help'])).toBeUndefined()
  expect(parseHttpOptions(['--beside', '100', '--start'])).toMatchObject({
    start: true,
    parameters: { besideRatePerSecond: 100, receivers: 100, repeat: 5 },
  })
  expect(() => parseHttpOptions(['--receivers', '1'])).toThrow('--receivers 1')
})
