import { connect, type Socket } from 'node:net'
import type { Random } from '../infra/clock.ts'
import { SUBPROTOCOL_JSON, SUBPROTOCOL_TOKEN_PREFIX } from '../schemas/frames.ts'
import { clientFrame, Opcode, WebSocketReader } from './websocket-reader.ts'

/** A WebSocket client that costs next to nothing: no masking, no copying, no parsing. One per simulated user. */
export interface RawClient {
  send(text: string): void
  close(): void
}

export interface RawClientOptions {
  /** `ws://host:port/path?query`. */
  url: string
  token: string
  random: Random
  onText(text: string): void
  /** Called once when the connection ends without having been asked to. */
  onLost(reason: string): void
}

/** The server refused the connection, or is not there; the message says which. */
export class ConnectFailed extends Error {
  override readonly name = 'ConnectFailed'
}

const HEADERS_BYTES_MAX = 16_384
const HEADERS_END = '\r\n\r\n'

/** Connects and shakes hands; the first text is the server's `welcome`. Rejects with ConnectFailed. */
export function openRawClient(options: RawClientOptions): Promise<RawClient> {
  const url = new URL(options.url)
  if (url.protocol !== 'ws:')
    return Promise.reject(new ConnectFailed(`${url.protocol}// is not spoken here, only ws://`))
  const socket = connect(Number(url.port || 80), url.hostname.replace(/^\[|\]$/g, ''))
  socket.setNoDelay(true)
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0)
    const fail = (reason: string) => {
      socket.destroy()
      reject(new ConnectFailed(`${url.host}: ${reason}`))
    }
    const onError = (error: Error & { code?: string }) => fail(error.message || error.code || 'failed')
    const onEnd = () => fail('the server closed the connection during the handshake')
    const onHead = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk])
      const end = head.indexOf(HEADERS_END)
      if (end < 0) return head.length > HEADERS_BYTES_MAX ? fail('too much of a head') : undefined
      const status = head.toString('latin1', 0, head.indexOf('\r\n'))
      if (!status.startsWith('HTTP/1.1 101')) return fail(`the server answered ${status}`)
      socket.off('data', onHead).off('error', onError).off('close', onEnd)
      resolve(serve(socket, head.subarray(end + HEADERS_END.length), options))
      return undefined
    }
    socket.on('data', onHead).on('error', onError).on('close', onEnd)
    socket.on('connect', () => socket.write(requestHead(url, options)))
  })
}

function requestHead(url: URL, { token, random }: RawClientOptions): string {
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${random.bytes(16).toString('base64')}`,
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Protocol: ${SUBPROTOCOL_JSON}, ${SUBPROTOCOL_TOKEN_PREFIX}${token}`,
  ]
  return lines.join('\r\n') + HEADERS_END
}

function serve(socket: Socket, rest: Buffer, { onText, onLost }: RawClientOptions): RawClient {
  let ended = false
  const lost = (reason: string) => {
    if (ended) return
    ended = true
    socket.destroy()
    onLost(reason)
  }
  const reader = new WebSocketReader((opcode, payload) => {
    if (opcode === Opcode.TEXT) onText(payload.toString('latin1'))
    else if (opcode === Opcode.PING) socket.write(clientFrame(Opcode.PONG, payload))
    else if (opcode === Opcode.CLOSE) lost(`closed by the server: ${payload.toString('utf8', 2)}`)
  })
  socket.on('data', chunk => reader.push(chunk))
  socket.on('error', error => lost(error.message))
  socket.on('close', () => lost('the connection broke'))
  if (rest.length > 0) reader.push(rest)
  return {
    send: text => {
      if (!ended) socket.write(clientFrame(Opcode.TEXT, Buffer.from(text)))
    },
    close: () => {
      if (ended) return
      ended = true
      // 1000: the bench is done.
      socket.end(clientFrame(Opcode.CLOSE, Buffer.from([0x03, 0xe8])))
    },
  }
}
