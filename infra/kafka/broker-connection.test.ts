import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../clock.ts'
import { ANSWER_BYTES_MAX, BrokerUnreachable, Connection } from './broker-connection.ts'
import type { Call } from './protocol.ts'
import { Reader, Writer } from './wire.ts'

/** A connection to a broker of this test's own, which gets whole requests and writes what it is told to. */

interface Request {
  apiKey: number
  id: number
  clientId: string
  payload: Buffer
}

const API_VERSIONS = 18
/** For what is to be answered, and for what is not. */
const ANSWERED_MS = 10_000
const LATE_MS = 400

let server: Server
let port: number
let sockets: Socket[]
let onRequest: (request: Request, socket: Socket) => void

beforeEach(async () => {
  sockets = []
  onRequest = ({ id, payload }, socket) => socket.write(answer(id, payload))
  server = createServer(socket => {
    sockets.push(socket)
    socket.on('error', () => {})
    let bytes = Buffer.alloc(0)
    socket.on('data', chunk => {
      bytes = Buffer.concat([bytes, chunk])
      for (let size = sizeOf(bytes); size !== undefined; size = sizeOf(bytes)) {
        const request = readRequest(bytes.subarray(4, 4 + size))
        bytes = bytes.subarray(4 + size)
        if (request.apiKey === API_VERSIONS) socket.write(answer(request.id, Buffer.alloc(6)))
        else onRequest(request, socket)
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  server.close()
  await once(server, 'close')
})

function sizeOf(bytes: Buffer): number | undefined {
  if (bytes.length < 4) return undefined
  const size = bytes.readInt32BE(0)
  return bytes.length >= 4 + size ? size : undefined
}

function readRequest(bytes: Buffer): Request {
  const reader = new Reader(bytes)
  const apiKey = reader.int16()
  reader.int16()
  const id = reader.int32()
  const clientId = reader.text()
  return { apiKey, id, clientId, payload: bytes.subarray(10 + clientId.length) }
}

function answer(id: number, payload: Buffer): Buffer {
  return new Writer()
    .int32(4 + payload.length)
    .int32(id)
    .bytes(payload)
    .done()
}

function open({ connectMs = ANSWERED_MS, requestMs = ANSWERED_MS } = {}): Promise<Connection> {
  const address = { host: '127.0.0.1', port }
  return Connection.open({ address, security: {}, clientId: 'me', connectMs, requestMs, clock: systemClock })
}

/** Asks for its own bytes back. */
function echo(body: string | Buffer): Call<{ text: string; clientSideThrottleTime?: number }> {
  return {
    apiKey: 999,
    apiVersion: 1,
    apiName: 'Echo',
    body: Buffer.from(body),
    decode: payload => ({ text: payload.toString() }),
  }
}

const unreachable = (sent: boolean) => expect.objectContaining({ name: 'BrokerUnreachable', sent })

test('[LOG20] requests are answered in their order, whatever the pieces in which the answers come', async () => {
  const waiting: Buffer[] = []
  let allRequested = () => {}
  const requested = new Promise<void>(resolve => {
    allRequested = resolve
  })
  onRequest = ({ id, clientId, payload }) => {
    waiting.push(answer(id, Buffer.concat([Buffer.from(clientId), payload])))
    if (waiting.length === texts.length) allRequested()
  }
  const connection = await open()
  const texts = ['one', '', 'three', 'x'.repeat(100_000), 'five']
  const asked = texts.map(text => connection.send(echo(text)))
  await requested
  const bytes = Buffer.concat(waiting)
  const cuts = [0, 3, 5, 14, 17, 40, 50_000, bytes.length - 1, bytes.length]
  for (let at = 1; at < cuts.length; at++) {
    sockets[0]!.write(bytes.subarray(cuts[at - 1], cuts[at]))
    await new Promise<void>(resolve => systemClock.defer(resolve))
  }
  expect((await Promise.all(asked)).map(({ text }) => text)).toEqual(texts.map(text => `me${text}`))
  await connection.close()
})

test('[LOG20] a broker that is not there, or accepts and says nothing, was sent nothing', async () => {
  const silent = createServer(socket => sockets.push(socket)).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  port = (silent.address() as AddressInfo).port
  await expect(open({ connectMs: LATE_MS })).rejects.toEqual(unreachable(false))
  for (const socket of sockets) socket.destroy()
  silent.close()
  await once(silent, 'close')
  await expect(open()).rejects.toEqual(unreachable(false))
})

test('[LOG7] without an answer in time a request may have been taken, and what waits behind it as well', async () => {
  onRequest = ({ id, payload }, socket) => {
    if (payload.toString() === 'answered') socket.write(answer(id, payload))
  }
  const connection = await open({ requestMs: LATE_MS })
  const [first, second, third] = ['answered', 'lost', 'behind'].map(text => connection.send(echo(text)))
  await expect(first).resolves.toEqual({ text: 'answered' })
  await expect(second).rejects.toEqual(unreachable(true))
  await expect(third).rejects.toEqual(unreachable(true))
  // From here on nothing is sent.
  await expect(connection.send(echo('later'))).rejects.toEqual(unreachable(false))
})

test('[LOG7] a process that stood still reads what has arrived before it calls an answer late', async () => {
  onRequest = ({ id, payload }, socket) => {
    socket.write(answer(id, payload))
    const until = systemClock.monotonic() + 2 * LATE_MS
    while (systemClock.monotonic() < until);
  }
  const connection = await open({ requestMs: LATE_MS })
  await expect(connection.send(echo('x'))).resolves.toEqual({ text: 'x' })
  await connection.close()
})

test('[LOG7] a connection that breaks fails what waits on it', async () => {
  onRequest = (_, socket) => socket.destroy()
  const connection = await open()
  await expect(connection.send(echo('x'))).rejects.toEqual(unreachable(true))
})

test.each([
  ['to another request', (id: number) => answer(id + 1, Buffer.alloc(1))],
  ['without a number', () => Buffer.from([0, 0, 0, 3, 1, 1, 1])],
  ['that is too large', () => new Writer().int32(ANSWER_BYTES_MAX + 1).done()],
  ['that cannot be read', (id: number) => answer(id, Buffer.from('unreadable'))],
])('[LOG20] an answer %s ends the connection', async (_, bytes) => {
  onRequest = ({ id }, socket) => socket.write(bytes(id))
  const connection = await open()
  const call = echo('x')
  const asked = connection.send({
    ...call,
    decode: payload => {
      if (payload.toString() === 'unreadable') throw new RangeError('too short')
      return call.decode(payload)
    },
  })
  await expect(asked).rejects.toBeInstanceOf(BrokerUnreachable)
  await expect(connection.send(call)).rejects.toEqual(unreachable(false))
})

test('[LOG13] close waits for what was asked, and takes nothing more', async () => {
  let respond = () => {}
  const connection = await open()
  const requested = new Promise<void>(resolve => {
    onRequest = ({ id, payload }, socket) => {
      respond = () => socket.write(answer(id, payload))
      resolve()
    }
  })
  const asked = connection.send(echo('last'))
  await requested
  const closed = connection.close()
  respond()
  await expect(asked).resolves.toEqual({ text: 'last' })
  await closed
  await expect(connection.send(echo('later'))).rejects.toEqual(unreachable(false))
})

test('[LOG20] a broker that throttles is left alone for so long', async () => {
  const connection = await open()
  const { decode, ...call } = echo('x')
  await connection.send({ ...call, decode: payload => ({ ...decode(payload), clientSideThrottleTime: 60 }) })
  const before = systemClock.monotonic()
  await connection.send(echo('y'))
  expect(systemClock.monotonic() - before).toBeGreaterThan(50)
  await connection.close()
})
