/**
 * Whole WebSocket frames of a server (RFC 6455: not masked, not fragmented) as bytes, so that the frames of one tick
 * go to a socket in one write.
 */

const FIN = 0x80
export const Opcode = { TEXT: 1, BINARY: 2, PING: 9 } as const

/** A ping without a payload. */
export const PING_FRAME = Buffer.from([FIN | Opcode.PING, 0])

/** The frame of a text. */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const frame = Buffer.allocUnsafe(headerBytes(length) + length)
  frame.write(text, writeHeader(frame, Opcode.TEXT, length), 'utf8')
  return frame
}

/** The frame of a binary payload. */
export function binaryFrame(payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes(payload.length) + payload.length)
  payload.copy(frame, writeHeader(frame, Opcode.BINARY, payload.length))
  return frame
}

/** The text of a frame that `textFrame` has made. */
export function frameText(frame: Buffer): string {
  const length = frame[1]!
  return frame.toString('utf8', length === 126 ? 4 : length === 127 ? 10 : 2)
}

function headerBytes(length: number): number {
  if (length < 126) return 2
  return length < 65_536 ? 4 : 10
}

/** Writes the header and gives where the payload begins. */
function writeHeader(frame: Buffer, opcode: number, length: number): number {
  frame[0] = FIN | opcode
  if (length < 126) {
    frame[1] = length
    return 2
  }
  if (length < 65_536) {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
    return 4
  }
  frame[1] = 127
  frame.writeUInt32BE(0, 2)
  frame.writeUInt32BE(length, 6)
  return 10
}
