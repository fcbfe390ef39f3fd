import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { HOST } from '../../infra/local/ports.ts'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import { FlakyLink } from './flaky-link.ts'

let echo: Server
let link: FlakyLink
let clock: VirtualClock
const clients: Socket[] = []

beforeEach(async () => {
  clock = new VirtualClock()
  echo = createServer(socket => socket.on('error', () => {}).pipe(socket)).listen(0, HOST)
  await once(echo, 'listening')
  link = await FlakyLink.open([(echo.address() as { port: number }).port], clock)
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await link.close()
  echo.close()
})

async function client(): Promise<Socket> {
  const socket = connect({ host: HOST, port: link.port, noDelay: true }).on('error', () => {})
  clients.push(socket)
  await once(socket, 'connect')
  return socket
}

/** What comes back of what is sent. */
async function echoOf(socket: Socket, text: string): Promise<string> {
  const back = once(socket, 'data')
  socket.write(text)
  return String((await back)[0])
}

test('[FT6] a line carries both ways until it is cut, and only a whole one counts as struck', async () => {
  expect(link.isWhole).toBe(false)
  const socket = await client()
  expect(await echoOf(socket, 'one')).toBe('one')
  expect(link.isWhole).toBe(true)
  const closed = once(socket, 'close')
  link.cut()
  await closed
  await expect.poll(() => link.isWhole).toBe(false)
})

test('[FT6] a line that is delayed brings everything later, in order', async () => {
  const socket = await client()
  await echoOf(socket, 'one')
  link.delay(500)
  expect(link.isWhole).toBe(false)
  const back = once(socket, 'data')
  socket.write('two')
  socket.write(' three')
  await clock.pass(500)
  expect(String((await back)[0])).toMatch(/^two/)
  expect(link.isWhole).toBe(true)
})

test('[FT6] a line that is down takes nobody until it is up again', async () => {
  const socket = await client()
  await echoOf(socket, 'one')
  link.down(1_000)
  const refused = await client()
  await once(refused, 'close')
  await clock.pass(1_000)
  expect(await echoOf(await client(), 'again')).toBe('again')
  expect(link.connections).toBe(2)
})
