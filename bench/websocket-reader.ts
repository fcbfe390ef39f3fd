/** Opcodes of RFC 6455 that a server sends. */
export const Opcode = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const

const EMPTY = Buffer.alloc(0)

/**
 * Cuts a server's byte stream into WebSocket frames without copying: servers do not mask, and ours does not fragment.
 * `onFrame` gets a view into the chunk, which is only good during the call.
 */
export class WebSocketReader {
  private rest: Buffer = EMPTY
  private readonly onFrame: (opcode: number, payload: Buffer) => void

  constructor(onFrame: (opcode: number, payload: Buffer) => void) {
    this.onFrame = onFrame
  }

  /** Takes what came from the socket. Throws on what a server must not send. */
  push(chunk: Buffer): void {
    const data = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    let at = 0
    while (data.length - at >= 2) {
      const frame = frameAt(data, at)
      if (frame === undefined) break
      this.onFrame(data[at]! & 0x0f, data.subarray(frame.start, frame.end))
      at = frame.end
    }
    this.rest = at === data.length ? EMPTY : Buffer.from(data.subarray(at))
  }
}

/** Where the payload of the frame at `at` lies; undefined while it is not all there. */
function frameAt(data: Buffer, at: number): { start: number; end: number } | undefined {
  if ((data[at]! & 0x80) === 0 || (data[at]! & 0x0f) === Opcode.CONTINUATION) throw new Error('a fragmented frame')
  if ((data[at + 1]! & 0x80) !== 0) throw new Error('a masked frame from a server')
  const short = data[at + 1]! & 0x7f
  const headBytes = short < 126 ? 2 : short === 126 ? 4 : 10
  if (data.length - at < headBytes) return undefined
  const length = short < 126 ? short : short === 126 ? data.readUInt16BE(at + 2) : Number(data.readBigUInt64BE(at + 2))
  const start = at + headBytes
  return data.length - start < length ? undefined : { start, end: start + length }
}

/**
 * A client's frame. Clients must mask, and a mask of zeros changes nothing: the cheapest valid frame. (Masks protect
 * proxies from scripts in browsers; a bench is neither.)
 */
export function clientFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload
  const headBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const frame = Buffer.alloc(headBytes + 4 + length)
  frame[0] = 0x80 | opcode
  frame[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127)
  if (headBytes === 4) frame.writeUInt16BE(length, 2)
  if (headBytes === 10) frame.writeBigUInt64BE(BigInt(length), 2)
  payload.copy(frame, headBytes + 4)
  return frame
}
