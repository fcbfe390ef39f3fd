import { hash } from 'node:crypto'
import { readCause } from '../schemas/codec.ts'
import type { Cause } from '../schemas/event.ts'
import type { Offset, Partition } from '../schemas/ids.ts'
import type { Headers, StoredRecord } from './log.ts'

/**
 * The one place that knows which records of im.events count (DESIGN 4, SPEC LOG1-LOG4).
 *
 * Two sequencers may write to one partition at once, and a produce may be stored late, twice or never. So each
 * record carries the offset that its writer expected (`pos`) and a hash over the valid record before it (`prev`).
 * 1. A record is valid if its offset equals `pos` and, where the hash before it is known, `prev` matches. Anything
 *    else is junk of a writer that lost a race: skipped and counted.
 * 2. A valid record whose cause is not the next one is corruption: nobody may go on.
 * Readers skip junk alike, so all of them, and the next writer, see the same log as if there were one writer.
 */

/** The last valid record that a reader has seen; what views and the sequencer store as their position. */
export interface Position {
  /** Offset of that record, -1 before the first. Reading goes on at offset + 1. */
  offset: Offset
  /** Its cause; null before the first record. */
  cause: Cause | null
  /** 16 hex digits: the hash that the next valid record carries as `prev`; null where it is not known. */
  hash: string | null
}

/** The position before the first record of a partition whose log still has its beginning. */
export const POSITION_START: Position = { offset: -1, cause: null, hash: '0000000000000000' }

export const HEADER_POS = 'pos'
export const HEADER_PREV = 'prev'
/** Present (one byte, 1) on events that change who is a member: every gateway decodes those. */
export const HEADER_MEMBERS = 'members'
/** Present (one byte, 1) on events that the membership view keeps besides those (isFact in schemas/event.ts). */
export const HEADER_FACTS = 'facts'

/** The log holds something that no correct writer can have written. Whoever reads it stops and alarms. */
export class LogCorrupt extends Error {
  override readonly name = 'LogCorrupt'
  readonly partition: Partition
  readonly offset: Offset
  constructor(partition: Partition, offset: Offset, message: string) {
    super(`im.events/${partition}@${offset}: ${message}`)
    this.partition = partition
    this.offset = offset
  }
}

/** Headers that chain a record at `pos` to the valid one before it (`hash`, 16 hex digits). */
export function chainHeaders(pos: Offset, hash: string): Record<string, Buffer> {
  const posBytes = Buffer.allocUnsafe(8)
  posBytes.writeUInt32BE(Math.floor(pos / TWO_TO_32), 0)
  posBytes.writeUInt32BE(pos % TWO_TO_32, 4)
  return { [HEADER_POS]: posBytes, [HEADER_PREV]: Buffer.from(hash, 'hex') }
}

const TWO_TO_32 = 4_294_967_296

/**
 * The hash that the record after this one carries as `prev`: 8 bytes of SHA-256 over prev, pos, the length of the key
 * (4 bytes, -1 for none), key and value.
 */
export function chainHash(record: { headers: Headers; key: Buffer | null; value: Buffer | null }): string {
  const { headers, key, value } = record
  const prev = headers[HEADER_PREV] ?? EMPTY
  const pos = headers[HEADER_POS] ?? EMPTY
  const length = prev.length + pos.length + 4 + (key?.length ?? 0) + (value?.length ?? 0)
  if (length > scratch.length) scratch = Buffer.allocUnsafe(2 * length)
  // One call over one piece of memory: three times as fast as a hash object that is fed in pieces.
  let at = prev.copy(scratch, 0)
  at += pos.copy(scratch, at)
  at = scratch.writeInt32BE(key === null ? -1 : key.length, at)
  if (key !== null) at += key.copy(scratch, at)
  if (value !== null) at += value.copy(scratch, at)
  return hash('sha256', scratch.subarray(0, at), 'hex').slice(0, 16)
}

const EMPTY = Buffer.alloc(0)
let scratch = Buffer.allocUnsafe(16 * 1024)

/** True for a record that its writer put where it meant to, after what it had seen (rule 1). */
export function isValid(record: StoredRecord, before: Position): boolean {
  const pos = record.headers[HEADER_POS]
  const prev = record.headers[HEADER_PREV]
  if (pos?.length !== 8 || prev?.length !== 8 || record.value === null) return false
  const { offset } = record
  if (offset <= before.offset) return false
  if (pos.readUInt32BE(4) !== offset % TWO_TO_32 || pos.readUInt32BE(0) !== Math.floor(offset / TWO_TO_32)) return false
  return before.hash === null || prev.toString('hex') === before.hash
}

/** The position after a valid record. Throws LogCorrupt when its cause is not the next one (rule 2). */
export function advance(before: Position, record: StoredRecord, partition: Partition): Position {
  const cause = readCause(record.value!)
  if (cause === undefined) throw new LogCorrupt(partition, record.offset, 'a valid record without a cause')
  if (before.cause !== null && !isNextCause(before.cause, cause)) {
    throw new LogCorrupt(
      partition,
      record.offset,
      `cause ${cause.era}/${cause.offset} does not follow ${before.cause.era}/${before.cause.offset}`,
    )
  }
  return { offset: record.offset, cause, hash: chainHash(record) }
}

/** True where no outcome lies between the two: LOG2. */
export function isNextCause(before: Cause, cause: Cause): boolean {
  if (cause.era === before.era) return cause.offset === before.offset + 1
  return cause.era > before.era
}

export interface ValidBatch {
  partition: Partition
  /** The valid records, in order; may be empty when all were junk. */
  records: readonly StoredRecord[]
  /** Positions after each of `records`. */
  positions: readonly Position[]
  /** The position after the last valid record; the one before where there was none. */
  position: Position
  /** How many records were skipped. */
  junk: number
}

/** Splits what was fetched into valid records and junk, going on from `before`. Throws LogCorrupt. */
export function selectValid(partition: Partition, before: Position, fetched: readonly StoredRecord[]): ValidBatch {
  const records: StoredRecord[] = []
  const positions: Position[] = []
  let position = before
  for (const record of fetched) {
    if (!isValid(record, position)) continue
    position = advance(position, record, partition)
    records.push(record)
    positions.push(position)
  }
  return { partition, records, positions, position, junk: fetched.length - records.length }
}
