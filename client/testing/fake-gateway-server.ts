import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { SUBPROTOCOL_JSON, SUBPROTOCOL_TOKEN_PREFIX } from '../../schemas/frames.ts'
import type { UserId } from '../../schemas/ids.ts'
import type { FakeGateway } from './fake-gateway.ts'

export interface FakeGatewayServer {
  /** `ws://host:port/ws`. */
  url: string
  port: number
  close(): Promise<void>
}

/** Puts a fake gateway behind a real WebSocket server on a free port, or the one that is named. */
export async function serveFakeGateway(gateway: FakeGateway, port = 0): Promise<FakeGatewayServer> {
  const http = createServer((_request, response) => response.writeHead(426).end())
  const sockets = new WebSocketServer({ server: http, handleProtocols: () => SUBPROTOCOL_JSON })
  sockets.on('connection', (socket, request) => {
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map(name => name.trim())
    const token = offered.find(name => name.startsWith(SUBPROTOCOL_TOKEN_PREFIX)) ?? ''
    const deviceId = new URL(request.url ?? '/', 'ws://fake').searchParams.get('deviceId') ?? ''
    if (token === `${SUBPROTOCOL_TOKEN_PREFIX}wrong`) {
      socket.close(4021, JSON.stringify({ name: 'BAD_CREDENTIALS', code: 21, reason: 'the token is wrong' }))
      return
    }
    const connection = gateway.accept(userOf(token.slice(SUBPROTOCOL_TOKEN_PREFIX.length)), deviceId, {
      received: text => socket.send(text),
      ended: ({ code, reason }) => (code === 1006 ? socket.terminate() : socket.close(code, reason)),
    })
    socket.on('message', data => gateway.handle(connection, JSON.parse(data.toString())))
    socket.on('close', () => gateway.remove(connection))
  })
  await new Promise<void>(resolve => http.listen(port, '127.0.0.1', resolve))
  const actual = (http.address() as AddressInfo).port
  return {
    url: `ws://127.0.0.1:${actual}/ws`,
    port: actual,
    close: async () => {
      for (const socket of sockets.clients) socket.terminate()
      http.closeAllConnections()
      await new Promise(resolve => http.close(resolve))
    },
  }
}

/** A token is the user's name, or a JWT whose subject is. */
function userOf(token: string): UserId {
  const claims = token.split('.')[1]
  if (claims === undefined) return token as UserId
  return (JSON.parse(Buffer.from(claims, 'base64url').toString()) as { sub: UserId }).sub
}
