import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'

/**
 * Requests that offer to go on in a protocol other than WebSocket. Java's HttpClient offers h2c with every first request
 * in plain HTTP, `curl --http2` as well; who does not take an offer answers as if there were none (RFC 9110, 7.8).
 */

/** Whether an upgrade is one to a WebSocket. */
export function isToWebSocket({ headers: { upgrade = '' } }: IncomingMessage): boolean {
  return upgrade.toLowerCase() === 'websocket'
}

/**
 * Lets the request of an `upgrade` event be answered as any other. Node has taken the connection away from its parser by
 * then, and the body is not read: what was read is put back without the offer, and the connection begins once more.
 */
export function readWithoutOffer(server: Server, request: IncomingMessage, stream: Duplex, read: Buffer): void {
  const { method, url, httpVersion, rawHeaders } = request
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name, value] = [rawHeaders[at]!, rawHeaders[at + 1]!]
    const kept = name.toLowerCase() === 'connection' ? withoutOptions(value) : value
    if (!OFFER.has(name.toLowerCase()) && kept !== '') lines.push(`${name}: ${kept}`)
  }
  stream.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), read]))
  server.emit(stream instanceof TLSSocket ? 'secureConnection' : 'connection', stream)
}

const OFFER: ReadonlySet<string> = new Set(['upgrade', 'http2-settings'])

function withoutOptions(connection: string): string {
  const options = connection.split(',').map(option => option.trim())
  return options.filter(option => !OFFER.has(option.toLowerCase())).join(', ')
}
