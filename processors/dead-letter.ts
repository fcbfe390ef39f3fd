import type { Offset, Partition } from '../schemas/ids.ts'
import type { Log, StoredRecord } from '../topics/log.ts'
import type { Topic } from '../topics/topics.ts'

/**
 * im.dead: records that a processor could not read or apply, as they were, with headers that say where they came from
 * and why they are here. Written at least once: a batch that is tried again writes them again.
 */
export interface DeadLetters {
  /** Rejects with AppendFailed; the caller tries again before it goes on. */
  write(letter: { partition: Partition; record: StoredRecord; error: string }): Promise<void>
}

/** Longest text of an error in a header, in characters. */
export const DEAD_ERROR_CHARS_MAX = 1_000

export function makeDeadLetters({
  log,
  dead,
  topic,
  processor,
}: {
  log: Log
  /** Where to write. */
  dead: Topic
  /** Name of the topic that the records come from. */
  topic: string
  processor: string
}): DeadLetters {
  return {
    write: async ({ partition, record, error }) => {
      const headers = deadHeaders({ topic, partition, offset: record.offset, processor, error })
      const { key, value } = record
      await log.append({ topic: dead.name, partition: partition % dead.partitions, records: [{ key, value, headers }] })
    },
  }
}

function deadHeaders(place: {
  topic: string
  partition: Partition
  offset: Offset
  processor: string
  error: string
}): Record<string, Buffer> {
  const { error, ...rest } = place
  const texts = { ...rest, error: error.slice(0, DEAD_ERROR_CHARS_MAX) }
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Buffer.from(String(text))]))
}
