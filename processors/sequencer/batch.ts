import { type RecordCodec, Undecodable, UnknownSchema } from '../../schemas/codec.ts'
import { changesMembership, type Event, isFact } from '../../schemas/event.ts'
import type { Offset } from '../../schemas/ids.ts'
import type { Pack } from '../../schemas/pack.ts'
import { APPEND_BYTES_MAX, APPEND_RECORDS_MAX, type Headers, type LogRecord } from '../../topics/log.ts'
import { chainHash, chainHeaders, HEADER_FACTS, HEADER_MEMBERS, type Position } from '../../topics/valid-events.ts'
import { decide, type Place, type Request } from './decide.ts'
import { evolve, evolveTime } from './evolve.ts'
import { SESSION_ID_CHARS_MAX, tooLargeEvent, unreadableEvent } from './outcome.ts'
import type { PackQueue, QueuedPack } from './pack-queue.ts'
import type { Checkpoint } from './session.ts'
import type { SessionState } from './session-state.ts'
import { advanceMarks } from './time-marks.ts'

/**
 * One batch of outcomes: decided on the overlay of the state, encoded, and chained by `pos` and `prev`, ready to be
 * appended. Nothing of it counts before the log has it.
 */

/** Largest value of an event, in bytes; what is larger becomes MSG_TOO_LONG. One event always fits into one append. */
export const EVENT_BYTES_MAX = 800_000
/** Longer keys are no session's; the outcome of such a record has none. */
export const KEY_BYTES_MAX = SESSION_ID_CHARS_MAX

if (EVENT_BYTES_MAX + KEY_BYTES_MAX > APPEND_BYTES_MAX) throw new Error('an event must fit into one append')

export interface BatchRequest {
  state: SessionState
  queue: PackQueue
  packCodec: RecordCodec<Pack>
  eventCodec: RecordCodec<Event>
  place: Place
  era: number
  /** Offset of the first pack to answer. */
  nextPack: Offset
  /** Offset that the first outcome is expected to get. */
  end: Offset
}

export interface Batch {
  records: LogRecord[]
  /** What the state is when the log has all of it. */
  checkpoint: Checkpoint
  nextPack: Offset
  /** How many outcomes by number of their code: 0 accepted, REPEATED_KEY repeated. */
  codes: Map<number, number>
  /** A schema that must be learned before the next pack can be decoded. */
  unknownSchema: number | undefined
}

/** Stands for PackRepeated in `Batch.codes`. */
export const REPEATED_KEY = -1

/** Decides as many packs as fit into one append. Their changes are on the state's overlay afterwards. */
export function buildBatch(request: BatchRequest): Batch {
  const building = new BatchBuilding(request)
  while (building.takeNext()) {}
  return building.batch
}

const PRESENT = Buffer.from([1])

class BatchBuilding {
  readonly batch: Batch
  private readonly request: BatchRequest
  private position: Position
  private time: Checkpoint['time']
  private marks: Checkpoint['marks']
  private index = 0
  private bytes = 0

  constructor(request: BatchRequest) {
    this.request = request
    const { checkpoint } = request.state
    this.position = checkpoint.position
    this.time = checkpoint.time
    this.marks = checkpoint.marks
    this.batch = { records: [], checkpoint, nextPack: request.nextPack, codes: new Map(), unknownSchema: undefined }
  }

  /** Answers the next pack; false when there is none, or the batch is full. */
  takeNext(): boolean {
    const { queue } = this.request
    const { batch } = this
    if (batch.records.length >= APPEND_RECORDS_MAX) return false
    let queued = queue.peek(this.index)
    while (queued !== undefined && queued.record.offset < batch.nextPack) queued = queue.peek(++this.index)
    if (queued === undefined) return false
    // An offset without a record (the mark of a transaction) gets an outcome too: cause always rises by one (SQ2).
    const isGap = queued.record.offset > batch.nextPack
    if (!isGap && queued.pack === undefined && !this.decode(queued)) return false
    if (!this.answer(isGap ? undefined : queued)) return false
    batch.nextPack++
    return true
  }

  /** False when the pack's schema has to be learned first. */
  private decode(queued: QueuedPack): boolean {
    try {
      queued.pack = queued.record.value === null ? null : this.request.packCodec.decode(queued.record.value)
      return true
    } catch (error) {
      if (error instanceof UnknownSchema) {
        this.batch.unknownSchema = error.schemaId
        return false
      }
      if (!(error instanceof Undecodable)) throw error
      queued.pack = null
      return true
    }
  }

  /** False when the outcome does not fit into this batch any more. */
  private answer(queued: QueuedPack | undefined): boolean {
    const { state, place, era } = this.request
    const request: Request = {
      cause: { era, offset: this.batch.nextPack },
      appendedAt: queued?.record.appendedAt,
      key: queued?.record.key ?? null,
      pack: queued?.pack ?? undefined,
    }
    let event = decide(state, this.time, request, place)
    let value = this.request.eventCodec.encode(event)
    if (value.length > EVENT_BYTES_MAX) {
      event = request.pack === undefined ? unreadableEvent(event.cause, event.at) : tooLargeEvent(request.pack, event)
      value = this.request.eventCodec.encode(event)
    }
    const key = request.key !== null && request.key.length <= KEY_BYTES_MAX ? request.key : null
    const size = value.length + (key?.length ?? 0)
    if (this.batch.records.length > 0 && this.bytes + size > APPEND_BYTES_MAX) return false
    this.bytes += size
    this.append(event, key, value)
    return true
  }

  private append(event: Event, key: Buffer | null, value: Buffer): void {
    const { state, end } = this.request
    const { batch } = this
    const pos = end + batch.records.length
    const record = { key, value, headers: headersOf(event, pos, this.position) }
    batch.records.push(record)
    this.position = { offset: pos, cause: event.cause, hash: chainHash(record) }
    state.apply(evolve(state, event))
    this.time = evolveTime(this.time, event)
    this.marks = advanceMarks(this.marks, this.time, this.position)
    batch.checkpoint = { position: this.position, time: this.time, marks: this.marks }
    const code = codeKey(event)
    batch.codes.set(code, (batch.codes.get(code) ?? 0) + 1)
  }
}

function headersOf(event: Event, pos: Offset, before: Position): Headers {
  // The hash is unknown only where a log begins whose start nobody has seen; restore refuses that (ST8).
  const headers = chainHeaders(pos, before.hash ?? '0000000000000000')
  if (changesMembership(event.body)) return { ...headers, [HEADER_MEMBERS]: PRESENT }
  return isFact(event.body) ? { ...headers, [HEADER_FACTS]: PRESENT } : headers
}

function codeKey({ body }: Event): number {
  if (body.kind === 'PackRefused') return body.code
  return body.kind === 'PackRepeated' ? REPEATED_KEY : 0
}
