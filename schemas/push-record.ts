import { readFileSync } from 'node:fs'
import type { Millis } from '../infra/clock.ts'
import { type RecordCodec, registeredCodec, type SchemaRegistry } from './codec.ts'
import type { Offset, Partition, Seq, UserId } from './ids.ts'

export type PushBody =
  | { kind: 'Attempted' }
  | { kind: 'Accepted'; messageId: string }
  | { kind: 'Failed'; cause: string; reason: string }
  | { kind: 'Delayed'; reason: string; afterMs: Millis }
  | { kind: 'Unknown'; reason: string }
  | { kind: 'Cancelled'; reason: string }
  | { kind: 'Withdrawn'; how: string }
  | { kind: 'Delivered'; detail: string }
  | { kind: 'Opened' }

/** A value of im.pushes; the fields are those of push.avsc. */
export interface PushRecord {
  pushId: string
  at: Millis
  userId: UserId
  sessionId: string
  seq: Seq
  eventAt: Millis
  serviceType: number
  packageName: string
  deviceType: number
  deviceId: string
  attempt: number
  body: PushBody
}

export const pushSchema = JSON.parse(readFileSync(new URL('./push.avsc', import.meta.url), 'utf8')) as object

/** The codec of im.pushes. `subject` is the topic's name followed by `-value`. */
export function pushCodec(registry: SchemaRegistry, subject: string): Promise<RecordCodec<PushRecord>> {
  return registeredCodec<PushRecord>(registry, subject, pushSchema)
}

const PUSH_ID = /^(\d{1,6})-(\d{1,16})(?:-([0-9a-f]{16}))?$/

/**
 * The parts of what push calls a push: where its event lies on im.events, and the device. Vendors that tell many devices
 * the same are given the part without the device. Undefined for any other text.
 */
export function parsePushId(text: string): { partition: Partition; offset: Offset; device?: string } | undefined {
  const [, partition, offset, device] = PUSH_ID.exec(text) ?? []
  if (offset === undefined) return undefined
  const place = { partition: Number(partition), offset: Number(offset) }
  return device === undefined ? place : { ...place, device }
}
