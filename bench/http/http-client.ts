import { connect, type Socket } from 'node:net'
import { ConnectFailed } from '../raw-client.ts'

/** Posts over one HTTP/1.1 connection that is kept, one at a time; costs as little as the load must. */
export interface HttpClient {
  /** Posts a JSON text; resolves with the answer. Rejects with ConnectFailed when the connection ends, or has ended. */
  post(path: string, body: string, headers: string): Promise<HttpAnswer>
  close(): void
}

export interface HttpAnswer {
  status: number
  body: string
}

const HEAD_END = Buffer.from('\r\n\r\n')
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i

export function openHttpClient(httpUrl: string): Promise<HttpClient> {
  const { hostname, port, host } = new URL(httpUrl)
  const socket = connect(Number(port || 80), hostname.replace(/^\[|\]$/g, ''))
  socket.setNoDelay(true)
  return new Promise((resolve, reject) => {
    socket.once('error', error => reject(new ConnectFailed(`${host}: ${error.message}`)))
    socket.once('connect', () => resolve(serve(socket, host)))
  })
}

function serve(socket: Socket, host: string): HttpClient {
  let received = Buffer.alloc(0)
  let waiting: { resolve(answer: HttpAnswer): void; reject(error: Error): void } | undefined
  socket.on('data', chunk => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    const answer = readAnswer(received)
    if (answer === undefined) return
    received = Buffer.alloc(0)
    waiting?.resolve(answer)
  })
  socket.on('close', () => waiting?.reject(new ConnectFailed(`${host}: the connection ended`)))
  socket.on('error', () => {})
  return {
    post: (path, body, headers) =>
      new Promise((resolve, reject) => {
        if (socket.destroyed) {
          reject(new ConnectFailed(`${host}: the connection ended while nothing was asked`))
          return
        }
        waiting = { resolve, reject }
        socket.write(
          `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
            `Content-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`,
        )
      }),
    close: () => {
      waiting = undefined
      socket.destroy()
    },
  }
}

/** The answer, once all of it is there; every one says how long it is. */
export function readAnswer(bytes: Buffer): HttpAnswer | undefined {
  const end = bytes.indexOf(HEAD_END)
  if (end < 0) return undefined
  const head = bytes.toString('latin1', 0, end)
  const length = Number(CONTENT_LENGTH.exec(head)?.[1] ?? 0)
  const begin = end + HEAD_END.length
  if (bytes.length < begin + length) return undefined
  return { status: Number(head.slice(9, 12)), body: bytes.toString('utf8', begin, begin + length) }
}
