import { type Clock, systemClock } from '../../infra/clock.ts'
import { eventCodec, type RecordCodec } from '../../schemas/codec.ts'
import { changesMembership, type Event, isFact } from '../../schemas/event.ts'
import type { Partition } from '../../schemas/ids.ts'
import type { Headers, StoredRecord } from '../../topics/log.ts'
import { MemoryLog } from '../../topics/memory-log.ts'
import { MemoryRegistry } from '../../topics/memory-registry.ts'
import { makeTopics, type Topics } from '../../topics/topics.ts'
import { chainHash, chainHeaders, HEADER_FACTS, HEADER_MEMBERS, POSITION_START } from '../../topics/valid-events.ts'
import type { PlacedEvent } from '../view.ts'

/** A memory log whose im.events is written as the sequencer writes it. */
export interface EventLog {
  log: MemoryLog
  topics: Topics
  registry: MemoryRegistry
  codec: RecordCodec<Event>
  /** Appends events, chained to what was appended before. */
  append(events: readonly PlacedEvent[], partition?: Partition): void
  /** Appends one value, chained. */
  appendValue(value: Buffer, partition?: Partition): void
  /** Appends a record that no reader may count. */
  appendJunk(partition?: Partition): void
}

export async function makeEventLog({
  partitions = 1,
  clock = systemClock,
}: {
  partitions?: number
  clock?: Clock
} = {}) {
  const topics = makeTopics({ prefix: '', partitions, eventRetentionDays: 30 })
  const log = new MemoryLog({ clock, topics: [topics.events, topics.dead] })
  const registry = new MemoryRegistry()
  const codec = await eventCodec(registry, 'im.events-value')
  const tails = new Map<Partition, string>()
  const ends = new Map<Partition, number>()
  const put = (partition: Partition, key: string, value: Buffer, about: Headers = {}) => {
    const offset = ends.get(partition) ?? 0
    const headers = { ...chainHeaders(offset, tails.get(partition) ?? POSITION_START.hash!), ...about }
    const record = { key: Buffer.from(key), value, headers }
    log.put(topics.events.name, partition, [record])
    tails.set(partition, chainHash(record))
    ends.set(partition, offset + 1)
  }
  const eventLog: EventLog = {
    log,
    topics,
    registry,
    codec,
    append: (events, partition = 0) => {
      for (const { event } of events) put(partition, event.sessionId, codec.encode(event), headersOf(event))
    },
    appendValue: (value, partition = 0) => put(partition, 'key', value),
    appendJunk: (partition = 0) => {
      const headers = chainHeaders(7_777, 'ffffffffffffffff')
      log.put(topics.events.name, partition, [{ key: null, value: Buffer.from('junk'), headers }])
      ends.set(partition, (ends.get(partition) ?? 0) + 1)
    },
  }
  return eventLog
}

function headersOf({ body }: Event): Headers {
  return {
    ...(changesMembership(body) && { [HEADER_MEMBERS]: Buffer.from([1]) }),
    ...(isFact(body) && { [HEADER_FACTS]: Buffer.from([1]) }),
  }
}

/** Everything that a partition of a topic holds. */
export async function readAll(log: MemoryLog, topic: string, partition: Partition = 0): Promise<StoredRecord[]> {
  const { start, end } = (await log.bounds(topic)).get(partition)!
  if (start === end) return []
  const records: StoredRecord[] = []
  await new Promise<void>(resolve => {
    const reader = log.read({
      topic,
      from: new Map([[partition, start]]),
      onBatch: batch => {
        records.push(...batch.records)
        if (batch.records.at(-1)!.offset + 1 >= end) reader.close().then(resolve)
      },
    })
  })
  return records
}
