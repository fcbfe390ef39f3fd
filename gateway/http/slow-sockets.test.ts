import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import { bareServer } from './testing/bare-server.ts'

const SLOW = { requestMs: 400, headersMs: 200, lookMs: 50 }

async function listen(): Promise<number> {
  const server = await bareServer({ slow: SLOW })
  onTestFinished(() => server.close())
  return server.port
}

/** How long the server keeps a socket that says this and nothing more. */
async function keptMs(port: number, said: string): Promise<number> {
  const begun = systemClock.monotonic()
  const socket = connect({ host: '127.0.0.1', port }, () => socket.write(said))
  onTestFinished(() => void socket.destroy())
  await new Promise<void>(resolve =>
    socket
      .on('data', () => {})
      .on('error', () => {})
      .on('close', () => resolve()),
  )
  return systemClock.monotonic() - begun
}

test.each([
  ['half a line', 'GET /v1/ti'],
  ['headers without an end', 'GET /v1/time HTTP/1.1\r\nhost: x\r\nx: y\r\n'],
  ['half a body', 'POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{'],
])('[SC12] a socket that sends %s is closed in time, and others are served meanwhile', async (_name, said) => {
  const port = await listen()
  const kept = keptMs(port, said)
  const { status } = await fetch(`http://127.0.0.1:${port}/v1/time`)
  expect(status).toBe(200)
  expect(await kept).toBeLessThan(5_000)
})
