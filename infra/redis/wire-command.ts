import { Command as IoredisCommand } from 'ioredis'

/**
 * A command that writes itself into bytes once. ioredis makes a text of every argument, joins them into one of the whole
 * pipeline and has that encoded: for calls of hundreds of arguments this was most of what a write cost.
 */
export class WireCommand extends IoredisCommand {
  readonly words: readonly (string | number)[]

  constructor(words: readonly [name: string, ...args: (string | number)[]]) {
    super(words[0], [], { replyEncoding: 'utf8' })
    this.words = words
  }

  override toWritable(): Buffer {
    return encodeCommand(this.words)
  }
}

/** Up to here a loop over the characters is faster than the call into the runtime; the length takes two digits at most. */
const SHORT_UNITS_MAX = 40
/** `$`, the length of a string that fits into memory, and two line ends. */
const FRAME_BYTES_MAX = 16
const [STAR, DOLLAR, CR, LF, ZERO] = [0x2a, 0x24, 0x0d, 0x0a, 0x30]

/** A command as Redis reads it: an array of strings in UTF-8, each after its length in bytes. */
export function encodeCommand(words: readonly (string | number)[]): Buffer {
  return encodeCommands([words])
}

/** Commands one behind the other. */
export function encodeCommands(commands: readonly (readonly (string | number)[])[]): Buffer {
  let bytes = 0
  for (const words of commands) {
    bytes += FRAME_BYTES_MAX
    for (const word of words) bytes += FRAME_BYTES_MAX + (typeof word === 'string' ? word.length : NUMBER_BYTES_MAX)
  }
  const writer = new CommandWriter(bytes)
  for (const words of commands) {
    writer.head(STAR, words.length)
    for (const word of words) writer.word(typeof word === 'string' ? word : String(word))
  }
  return writer.bytes()
}

const NUMBER_BYTES_MAX = 24

class CommandWriter {
  private buffer: Buffer
  private end = 0

  constructor(bytesExpected: number) {
    this.buffer = Buffer.allocUnsafe(bytesExpected)
  }

  bytes(): Buffer {
    return this.buffer.subarray(0, this.end)
  }

  word(text: string): void {
    if ((text.length > SHORT_UNITS_MAX || !this.shortAscii(text)) && !this.longAscii(text)) {
      const bytes = Buffer.byteLength(text)
      this.reserve(FRAME_BYTES_MAX + bytes)
      this.head(DOLLAR, bytes)
      this.end += this.buffer.write(text, this.end, bytes, 'utf8')
    }
    this.buffer[this.end++] = CR
    this.buffer[this.end++] = LF
  }

  /** Most texts have as many bytes as characters: whether this one has, writing it tells. False, and nothing written, where not. */
  private longAscii(text: string): boolean {
    const { length } = text
    const start = this.end
    // Room for one byte more than there are characters, at least: what has more bytes shows it.
    this.reserve(FRAME_BYTES_MAX + length)
    this.head(DOLLAR, length)
    const isAscii = this.buffer.write(text, this.end, 'utf8') === length
    this.end = isAscii ? this.end + length : start
    return isAscii
  }

  head(mark: number, length: number): void {
    this.reserve(FRAME_BYTES_MAX)
    this.buffer[this.end++] = mark
    if (length < 10) this.buffer[this.end++] = ZERO + length
    else this.end += this.buffer.write(String(length), this.end, 'latin1')
    this.buffer[this.end++] = CR
    this.buffer[this.end++] = LF
  }

  /** Ids and numbers; false, and nothing written, where a character is not ASCII. */
  private shortAscii(text: string): boolean {
    this.reserve(FRAME_BYTES_MAX + SHORT_UNITS_MAX)
    const { buffer } = this
    const { length } = text
    const start = this.end
    let at = start
    buffer[at++] = DOLLAR
    if (length >= 10) buffer[at++] = ZERO + Math.floor(length / 10)
    buffer[at++] = ZERO + (length % 10)
    buffer[at++] = CR
    buffer[at++] = LF
    for (let index = 0; index < length; index++) {
      const unit = text.charCodeAt(index)
      if (unit > 0x7f) return false
      buffer[at++] = unit
    }
    this.end = at
    return true
  }

  private reserve(bytes: number): void {
    if (this.end + bytes <= this.buffer.length) return
    const larger = Buffer.allocUnsafe(2 * (this.end + bytes))
    this.buffer.copy(larger, 0, 0, this.end)
    this.buffer = larger
  }
}
