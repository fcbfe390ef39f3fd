/** What is left of a reply whose sort is known: whether it is an error, nothing, or a text. */
export interface Reply {
  error?: string
  isNil?: boolean
  /** Of a bulk string only. */
  text?: string
}

const [PLUS, COLON, MINUS, DOLLAR, STAR, LF] = [0x2b, 0x3a, 0x2d, 0x24, 0x2a, 0x0a]
const OK: Reply = {}
const NIL: Reply = { isNil: true }
const EMPTY = Buffer.alloc(0)

/** Splits what Redis sends (RESP2) into replies. Of an array only the first error in it is kept. */
export class ReplyReader {
  private readonly onReply: (reply: Reply) => void
  private rest: Buffer = EMPTY
  /** Behind the reply that was read last. */
  private end = 0

  constructor(onReply: (reply: Reply) => void) {
    this.onReply = onReply
  }

  /** Throws on what is no reply. */
  feed(chunk: Buffer): void {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    let at = 0
    for (;;) {
      const reply = this.read(bytes, at)
      if (reply === undefined) break
      at = this.end
      this.onReply(reply)
    }
    this.rest = bytes.subarray(at)
  }

  /** The reply that begins there; undefined where it is not whole yet. */
  private read(bytes: Buffer, at: number): Reply | undefined {
    const lineEnd = bytes.indexOf(LF, at)
    if (lineEnd < 0) return undefined
    this.end = lineEnd + 1
    const line = () => bytes.toString('utf8', at + 1, lineEnd - 1)
    switch (bytes[at]) {
      case PLUS:
      case COLON:
        return OK
      case MINUS:
        return { error: line() }
      case DOLLAR:
        return this.readText(bytes, Number(line()))
      case STAR:
        return this.readArray(bytes, Number(line()))
      default:
        throw new Error(`Redis sent what is no reply: ${line().slice(0, 100)}`)
    }
  }

  private readText(bytes: Buffer, length: number): Reply | undefined {
    if (length < 0) return NIL
    const start = this.end
    if (bytes.length < start + length + 2) return undefined
    this.end = start + length + 2
    return { text: bytes.toString('utf8', start, start + length) }
  }

  private readArray(bytes: Buffer, length: number): Reply | undefined {
    if (length < 0) return NIL
    let failed: Reply | undefined
    for (let i = 0; i < length; i++) {
      const reply = this.read(bytes, this.end)
      if (reply === undefined) return undefined
      if (reply.error !== undefined) failed ??= reply
    }
    return failed ?? OK
  }
}
