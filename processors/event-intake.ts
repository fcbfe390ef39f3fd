import { type RecordCodec, UnknownSchema } from '../schemas/codec.ts'
import type { Event } from '../schemas/event.ts'
import type { Offset, Partition } from '../schemas/ids.ts'
import type { ValidBatch } from '../topics/valid-events.ts'
import type { DeadLetters } from './dead-letter.ts'
import type { RetryLoop } from './retry-loop.ts'
import { type PlacedEvent, type View, ViewStopped } from './view.ts'

export interface EventIntakeOptions {
  view: View
  /** Name of the topic that the records come from. */
  topic: string
  eventCodec: RecordCodec<Event>
  dead: DeadLetters
  retry: RetryLoop
  onSkipped: (skipped: { partition: Partition; offset: Offset; error: string }) => void
}

/** Turns valid records into events for a view: leaves out what does not concern it, decodes, buries what it cannot show. */
export class EventIntake {
  private readonly options: EventIntakeOptions

  constructor(options: EventIntakeOptions) {
    this.options = options
  }

  /** What the view gets of a batch; undefined when the runner ends meanwhile. Throws ViewStopped where it cannot be read. */
  async take(batch: ValidBatch): Promise<PlacedEvent[] | undefined> {
    const concerning = this.concerning(batch)
    const events = await this.decode(concerning)
    return events !== undefined && (await this.buryUnshowable(concerning, events)) ? events : undefined
  }

  /** Awaits only where a schema has to be fetched: a batch is decoded in one go. Otherwise as `take`. */
  async decode({
    partition,
    records,
    positions,
  }: Pick<ValidBatch, 'partition' | 'records' | 'positions'>): Promise<PlacedEvent[] | undefined> {
    const { topic, eventCodec, retry, view } = this.options
    const events: PlacedEvent[] = []
    for (const [index, record] of records.entries()) {
      const place = { partition, offset: record.offset }
      let event = this.decodeOne(record.value!, place)
      if (event instanceof UnknownSchema) {
        const { schemaId } = event
        const learned = await retry.run('fetching a schema', () => eventCodec.learn(schemaId))
        if (learned === undefined) return undefined
        event = this.decodeOne(record.value!, place)
        if (event instanceof UnknownSchema) throw undecodable(view.name, { topic, ...place }, event)
      }
      events.push({ event, position: positions[index]! })
    }
    return events
  }

  private decodeOne(value: Buffer, place: { partition: Partition; offset: Offset }): Event | UnknownSchema {
    const { view, topic, eventCodec } = this.options
    try {
      return eventCodec.decode(value)
    } catch (error) {
      if (error instanceof UnknownSchema) return error
      throw undecodable(view.name, { topic, ...place }, error)
    }
  }

  private concerning(batch: ValidBatch): ValidBatch {
    const { view } = this.options
    if (view.concerns === undefined) return batch
    const wanted = batch.records.map(record => view.concerns!(record.headers))
    return {
      ...batch,
      records: batch.records.filter((_, index) => wanted[index]),
      positions: batch.positions.filter((_, index) => wanted[index]),
    }
  }

  /** Writes what the view cannot show to im.dead; false when the runner ends meanwhile. */
  private async buryUnshowable({ partition, records }: ValidBatch, events: readonly PlacedEvent[]): Promise<boolean> {
    const { view, dead, retry, onSkipped } = this.options
    if (view.reasonToSkip === undefined) return true
    for (const [index, { event }] of events.entries()) {
      const error = view.reasonToSkip(event)
      if (error === undefined) continue
      const record = records[index]!
      const written = await retry.run('writing to im.dead', async () => {
        await dead.write({ partition, record, error })
        return true
      })
      if (written === undefined) return false
      onSkipped({ partition, offset: record.offset, error })
    }
    return true
  }
}

function undecodable(
  view: string,
  { topic, partition, offset }: { topic: string; partition: Partition; offset: Offset },
  cause: unknown,
): ViewStopped {
  return new ViewStopped(
    `${view}: the valid record at ${topic}/${partition}@${offset} cannot be decoded: its schema is newer than this build ` +
      'or it is damaged. Upgrade this process before the sequencer',
    { cause },
  )
}
