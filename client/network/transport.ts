/**
 * The port to a WebSocket: text frames in order, one end. `ws-transport.ts` implements it for Node; a browser and the
 * simulation bring their own.
 */

export interface TransportEnd {
  /** WebSocket close code; 1006 where the connection broke or was never made. */
  code: number
  reason: string
  /** HTTP status of a refused upgrade, where the platform lets us see it (browsers do not). */
  httpStatus?: number
}

/** What a connection tells. */
export interface TransportEvents {
  received(text: string): void
  /** Called exactly once, also when the connection was never made. */
  ended(end: TransportEnd): void
}

/** A connection that carries texts. */
export interface Transport {
  /** Drops the text silently once the connection is closing: whoever waits for an answer sends again later. */
  send(text: string): void
  /** Begins the closing handshake; `ended` follows. */
  close(code: number, reason: string): void
  /** Ends without a handshake, for a peer that no longer answers; `ended` follows. */
  terminate(): void
}

/** Where to connect. */
export interface TransportRequest {
  url: string
  subprotocols: readonly string[]
}

/** Opens a connection of a platform. */
export type OpenTransport = (request: TransportRequest, events: TransportEvents) => Transport
