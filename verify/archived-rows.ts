import { EVENT_COLUMNS, type EventRow } from '../processors/archive/event-row.ts'
import { RowBinaryReader } from '../processors/archive/row-binary.ts'

/**
 * Rows of `events` as their bytes come. A row that is known beforehand is passed by its bytes and never read; what is
 * left of a piece waits for the next one.
 */
export class ArchivedRows {
  private readonly pieces: AsyncIterator<Buffer>
  private readonly reader = new RowBinaryReader<EventRow>(EVENT_COLUMNS)
  private bytes: Buffer = Buffer.alloc(0)
  private at = 0
  private isOver = false
  private next: { row: EventRow; end: number } | undefined

  constructor(pieces: AsyncIterable<Buffer>) {
    this.pieces = pieces[Symbol.asyncIterator]()
  }

  /** Passes the next row where it has these bytes, and says whether it has; undefined: see `more` first. */
  passIf(expected: Buffer): boolean | undefined {
    const end = this.at + expected.length
    if (end > this.bytes.length) return this.isOver ? false : undefined
    if (this.bytes.compare(expected, 0, expected.length, this.at, end) !== 0) return false
    this.passTo(end)
    return true
  }

  /** The next row, or that there is none; undefined: see `more` first. Throws where the bytes end inside of a row. */
  peek(): EventRow | 'none' | undefined {
    if (this.at === this.bytes.length && this.isOver) return 'none'
    this.next ??= this.reader.rowAt(this.bytes, this.at)
    if (this.next === undefined && this.isOver) throw new Error('the rows of events ended inside of a row')
    return this.next?.row
  }

  /** Passes the row that was peeked at. */
  pass(): void {
    this.passTo(this.next!.end)
  }

  private passTo(end: number): void {
    this.at = end
    this.next = undefined
  }

  /** Waits for the next piece. */
  async more(): Promise<void> {
    const { value, done } = await this.pieces.next()
    if (done === true) {
      this.isOver = true
      return
    }
    const left = this.bytes.subarray(this.at)
    this.bytes = left.length === 0 ? value : Buffer.concat([left, value])
    this.at = 0
    this.next = undefined
  }
}
