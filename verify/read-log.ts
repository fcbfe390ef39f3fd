import { decodeLearning, type RecordCodec, UnknownSchema } from '../schemas/codec.ts'
import type { Event } from '../schemas/event.ts'
import type { Offset, Partition } from '../schemas/ids.ts'
import type { Log } from '../topics/log.ts'
import { readRecordAt, readRecords } from '../topics/read-range.ts'
import type { TopicName } from '../topics/topics.ts'
import { POSITION_START, type Position, selectValid } from '../topics/valid-events.ts'

export interface LogSource {
  log: Log
  topic: TopicName
  codec: RecordCodec<Event>
}

/** Valid events of one partition, read in pieces: each `readTo` goes on where the last one ended. */
export class PartitionReader {
  readonly partition: Partition
  position: Position
  private readonly source: LogSource
  private next: Offset

  /** `start` is the first offset that the log holds. */
  constructor(source: LogSource, partition: Partition, start: Offset) {
    this.source = source
    this.partition = partition
    this.position = start === 0 ? POSITION_START : { offset: start - 1, cause: null, hash: null }
    this.next = start
  }

  /**
   * Goes on up to `end` (excluded). Where only some sessions are wanted, the events of the others are not even decoded.
   * Throws LogCorrupt, Undecodable.
   */
  async readTo(
    end: Offset,
    onEvent: (event: Event, offset: Offset) => Promise<void> | undefined,
    wants?: (sessionId: string) => boolean,
  ): Promise<void> {
    await readRecords(this.source, { partition: this.partition, from: this.next, to: end }, async records => {
      const batch = selectValid(this.partition, this.position, records)
      for (const record of batch.records) {
        if (wants !== undefined && record.key !== null && !wants(record.key.toString())) continue
        const decoded = decodeNow(this.source.codec, record.value!)
        const event = decoded ?? (await decodeLearning(this.source.codec, record.value!))
        // Awaited only where there is something to wait for: most events are compared at once.
        const waits = onEvent(event, record.offset)
        if (waits !== undefined) await waits
      }
      this.position = batch.position
      this.next = records.at(-1)!.offset + 1
    })
  }
}

/** Undefined where the schema has to be fetched first. Throws Undecodable. */
function decodeNow(codec: RecordCodec<Event>, bytes: Buffer): Event | undefined {
  try {
    return codec.decode(bytes)
  } catch (error) {
    if (error instanceof UnknownSchema) return undefined
    throw error
  }
}

/** The event at an offset, to be shown; undefined where the log does not hold it. */
export async function readEventAt(source: LogSource, partition: Partition, offset: Offset): Promise<Event | undefined> {
  const record = await readRecordAt(source, { partition, offset })
  return record === undefined ? undefined : decodeLearning(source.codec, record.value!)
}

/** How many valid events lie between a view's position and `end`. */
export async function countBehind(
  source: LogSource,
  request: { partition: Partition; position: Position | undefined; start: Offset; end: Offset },
): Promise<number> {
  const { partition, start, end } = request
  const position = request.position ?? {
    ...POSITION_START,
    offset: start - 1,
    hash: start === 0 ? POSITION_START.hash : null,
  }
  let before: Position = position
  let behind = 0
  await readRecords(source, { partition, from: position.offset + 1, to: end }, async records => {
    const batch = selectValid(partition, before, records)
    before = batch.position
    behind += batch.records.length
  })
  return behind
}
