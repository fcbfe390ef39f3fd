import type { Offset, Partition } from '../schemas/ids.ts'
import type { FetchedBatch, StoredRecord } from './log.ts'

/** What a record takes beside its key and value, about: its headers, and the event that it is decoded to. */
const RECORD_BYTES = 2_048
/** Bytes that wait in a lane from which on it is full, some 1,700 small records: nothing is read for it alone. */
export const LANE_FULL_BYTES = 4 * 1024 * 1024
/** A batch ends with the piece that passes this. */
const BATCH_BYTES = LANE_FULL_BYTES
/** A reader with so much waiting in a partition is behind: it hands over at once. */
const BEHIND_BYTES = LANE_FULL_BYTES / 4

/** Records that were fetched at once; several readers hold the same. */
export interface Piece {
  readonly records: readonly StoredRecord[]
  readonly bytes: number
  /** High watermark as of that fetch. */
  readonly end: Offset
}

export function pieceOf(records: readonly StoredRecord[], end: Offset): Piece {
  let bytes = RECORD_BYTES * records.length
  for (const { key, value } of records) bytes += (key?.length ?? 0) + (value?.length ?? 0)
  return { records, bytes, end }
}

/** What of a piece is at or behind an offset. */
export function pieceFrom(piece: Piece, from: Offset): Piece {
  const { records, end } = piece
  if (records.length === 0 || records[0]!.offset >= from) return piece
  return pieceOf(
    records.filter(({ offset }) => offset >= from),
    end,
  )
}

/** What a lane asks of its reader, and tells it. */
export interface LaneOwner {
  onBatch(batch: FetchedBatch): Promise<void> | void
  onError(error: unknown): void
  pushed(lane: SharedLane, bytes: number): void
  taken(lane: SharedLane, bytes: number): void
  /** True while the reader lets more come before it hands over. */
  isResting(): boolean
  /** True where so much waits that others must not read ahead for this reader. */
  isOverfull(): boolean
  readAlone(lane: SharedLane): void
  endAlone(lane: SharedLane): void
}

/** What one reader has of one partition: where it goes on, what waits for its handler, and the one call that runs. */
export class SharedLane {
  readonly partition: Partition
  readonly owner: LaneOwner
  /** Behind what was read for it. */
  next: Offset
  private waiting: Piece[] = []
  private bytes = 0
  private running: Promise<void> | undefined

  constructor(partition: Partition, next: Offset, owner: LaneOwner) {
    this.partition = partition
    this.next = next
    this.owner = owner
  }

  get isFull(): boolean {
    return this.bytes >= LANE_FULL_BYTES
  }

  get isBehind(): boolean {
    return this.bytes >= BEHIND_BYTES
  }

  /** True where something waits although no call runs. */
  get isIdle(): boolean {
    return this.waiting.length > 0 && this.running === undefined
  }

  /** Puts what of a piece is new behind what waits; `start` hands it over. */
  push(piece: Piece): void {
    const wanted = pieceFrom(piece, this.next)
    if (wanted.records.length === 0) return
    this.waiting.push(wanted)
    this.bytes += wanted.bytes
    this.next = wanted.records.at(-1)!.offset + 1
    this.owner.pushed(this, wanted.bytes)
  }

  /** Gives up what waits, to go on elsewhere; a call that runs ends by itself. */
  move(next: Offset): void {
    const { bytes } = this
    this.waiting = []
    this.bytes = 0
    this.next = next
    this.owner.taken(this, bytes)
  }

  /** Hands over what waits, unless a call runs: it goes on with it, where the reader does not rest. */
  start(): void {
    if (this.isIdle) this.running = this.run()
  }

  /** Resolves when no call runs any more. */
  async settled(): Promise<void> {
    await this.running
  }

  private async run(): Promise<void> {
    // `running` must be set before the first call: the handler may move the lane, which starts it again.
    await undefined
    try {
      for (let isFirst = true; this.mayGoOn(isFirst); isFirst = false) {
        const result = this.owner.onBatch(this.take())
        if (result !== undefined) await result
      }
    } catch (error) {
      this.owner.onError(error)
    } finally {
      this.running = undefined
    }
  }

  private mayGoOn(isFirst: boolean): boolean {
    return this.waiting.length > 0 && (isFirst || this.isBehind || !this.owner.isResting())
  }

  private take(): FetchedBatch {
    let count = 0
    let bytes = 0
    while (count < this.waiting.length && bytes < BATCH_BYTES) bytes += this.waiting[count++]!.bytes
    const taken = this.waiting.splice(0, count)
    this.bytes -= bytes
    this.owner.taken(this, bytes)
    const records = count === 1 ? taken[0]!.records : taken.flatMap(piece => piece.records)
    return { partition: this.partition, records, end: taken.at(-1)!.end }
  }
}
