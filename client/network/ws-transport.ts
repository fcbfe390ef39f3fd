import { WebSocket } from 'ws'
import type { OpenTransport } from './transport.ts'

/** Frames that a server may send us at most, in bytes: a page of history fits many times. */
const RECEIVED_BYTES_MAX = 64 * 1024 * 1024

/** Code of a connection that ended without a closing handshake. */
const ABNORMAL = 1006

/** WebSockets of Node, by npm `ws`. Pings of the server are answered by the library. */
export const openWsTransport: OpenTransport = ({ url, subprotocols }, events) => {
  const socket = new WebSocket(url, [...subprotocols], { perMessageDeflate: false, maxPayload: RECEIVED_BYTES_MAX })
  let httpStatus: number | undefined
  let failure = ''
  socket.on('message', data => events.received(data.toString()))
  socket.on('unexpected-response', (request, response) => {
    httpStatus = response.statusCode
    failure = `the server answered ${response.statusCode}`
    // Listening to this event hands the clean-up to us; the error that destroy raises ends in `close`.
    request.destroy()
    response.destroy()
    socket.terminate()
  })
  socket.on('error', error => {
    failure ||= error.message || (error as NodeJS.ErrnoException).code || 'connection failed'
  })
  socket.on('close', (code, reason) => {
    const end = { code: code === 0 ? ABNORMAL : code, reason: reason.toString() || failure }
    events.ended(httpStatus === undefined ? end : { ...end, httpStatus })
  })
  return {
    send: text => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text)
    },
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
  }
}
