/** One client's WebSocket as the gateway uses it: server.ts makes it of `ws`, tests and the simulation of memory. */
export interface ClientSocket {
  /**
   * Writes whole WebSocket frames. False: the socket has enough; write again when the connection is told `drained`.
   */
  write(frames: Buffer): boolean
  /** Begins the closing handshake behind what was written; the other side has CLOSE_MS_MAX to answer it. */
  close(code: number, reason: string): void
  /** Cuts it. */
  terminate(): void
}
