import type { OpenTransport } from './network/transport.ts'

/** Code of a connection that ended without a closing handshake. */
const ABNORMAL = 1006

/** WebSockets of a browser, a worker or React Native. Pings of the server are answered by the platform. */
export const openBrowserTransport: OpenTransport = ({ url, subprotocols }, events) => {
  const socket = new WebSocket(url, [...subprotocols])
  let hasEnded = false
  const end = (code: number, reason: string) => {
    if (hasEnded) return
    hasEnded = true
    events.ended({ code, reason })
  }
  socket.onmessage = ({ data }) => {
    if (!hasEnded) events.received(String(data))
  }
  socket.onclose = ({ code, reason }) => end(code, reason)
  return {
    send: text => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text)
    },
    close: (code, reason) => socket.close(code, reason),
    terminate: () => {
      // A peer that is silent does not answer a closing handshake either, and the platform waits long for it.
      socket.close()
      end(ABNORMAL, '')
    },
  }
}
