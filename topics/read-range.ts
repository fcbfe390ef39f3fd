import type { Offset, Partition } from '../schemas/ids.ts'
import type { Log, StoredRecord } from './log.ts'
import type { TopicName } from './topics.ts'

/** Calls `onRecords` with everything in `from` .. `to` (excluded) of a partition, in order, and ends there. */
export async function readRecords(
  { log, topic }: { log: Log; topic: TopicName },
  range: { partition: Partition; from: Offset; to: Offset },
  onRecords: (records: readonly StoredRecord[]) => Promise<void>,
): Promise<void> {
  const { partition, from, to } = range
  if (from >= to) return
  let isOver = false
  await new Promise<void>((resolve, reject) => {
    const reader = log.read({
      topic,
      from: new Map([[partition, from]]),
      onBatch: async ({ records }) => {
        if (isOver) return
        const wanted = records.filter(({ offset }) => offset < to)
        isOver = records.at(-1)!.offset >= to - 1
        if (wanted.length > 0) await onRecords(wanted)
        if (isOver) reader.close().catch(reject)
      },
    })
    reader.done.then(resolve, reject)
  })
}

/** The record at an offset; undefined where the log does not hold it, or not any more. */
export async function readRecordAt(
  { log, topic }: { log: Log; topic: TopicName },
  { partition, offset }: { partition: Partition; offset: Offset },
): Promise<StoredRecord | undefined> {
  const bounds = (await log.bounds(topic)).get(partition)
  if (bounds === undefined || offset < bounds.start || offset >= bounds.end) return undefined
  let found: StoredRecord | undefined
  await readRecords({ log, topic }, { partition, from: offset, to: offset + 1 }, async records => {
    found = records.find(record => record.offset === offset)
  })
  return found
}
