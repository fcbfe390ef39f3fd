import type { RecordCodec } from '../../schemas/codec.ts'
import type { UserId } from '../../schemas/ids.ts'
import type { PushBody, PushRecord } from '../../schemas/push-record.ts'
import { APPEND_RECORDS_MAX, type Log, type LogRecord } from '../../topics/log.ts'
import { partitionOf } from '../../topics/partition.ts'
import type { Topic } from '../../topics/topics.ts'
import type { PushedEvent } from './jobs.ts'
import type { Intent } from './plan.ts'

/** im.pushes: what was sent to which vendor and what came back. */
export interface PushRecords {
  /** Rejects with AppendFailed. */
  write(records: readonly PushRecord[]): Promise<void>
}

export function makePushRecords({
  log,
  topic,
  codec,
}: {
  log: Log
  topic: Topic
  codec: RecordCodec<PushRecord>
}): PushRecords {
  return {
    write: async records => {
      const byPartition = new Map<number, LogRecord[]>()
      for (const record of records) {
        const key = Buffer.from(record.userId)
        const partition = partitionOf(key, topic.partitions)
        const lane = byPartition.get(partition) ?? []
        byPartition.set(partition, lane)
        lane.push({ key, value: codec.encode(record), headers: {} })
      }
      const lanes = [...byPartition].map(async ([partition, all]) => {
        for (let start = 0; start < all.length; start += APPEND_RECORDS_MAX) {
          await log.append({ topic: topic.name, partition, records: all.slice(start, start + APPEND_RECORDS_MAX) })
        }
      })
      await Promise.all(lanes)
    },
  }
}

/** The record of a send. */
export function recordOf(
  event: PushedEvent,
  { pushId, userId, device }: Pick<Intent, 'pushId' | 'userId' | 'device'>,
  { at, attempt }: { at: number; attempt: number },
  body: PushBody,
): PushRecord {
  const { serviceType, packageName, deviceType, deviceId } = device
  const { sessionId, seq, at: eventAt } = event
  return { pushId, at, userId, sessionId, seq, eventAt, serviceType, packageName, deviceType, deviceId, attempt, body }
}

/** The record of what is told of a push of which only the id is known. */
export function reportOf(pushId: string, userId: UserId, at: number, body: PushBody): PushRecord {
  const place = { sessionId: '', seq: 0, eventAt: 0, serviceType: 0, packageName: '', deviceType: 0, deviceId: '' }
  return { pushId, at, userId, ...place, attempt: 0, body }
}
