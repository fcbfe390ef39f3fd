import type { Millis } from '../../infra/clock.ts'
import type { Offset, Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import type { Job, Timed } from './jobs.ts'

/**
 * What push keeps: its position, the jobs that wait, and what became of every send. It cannot be built anew from the
 * log, and it need not be: who loses it loses pushes that waited, and sends none twice, for it begins at the log's end.
 *
 * States of a claim: `claimed` (an attempt has begun), `retry <n>` (the nth further attempt waits), `unknown`,
 * `accepted <JSON of Sent>`, `done <reason>`.
 */

/** How long it is known what was sent: longer than any job waits. */
export const CLAIM_MS: Millis = 86_400_000
/** How long a delivered mark of a device is kept: longer than it is waited for. */
export const DELIVERED_MS: Millis = 3_600_000

/** What was accepted for a device, so that it can be withdrawn. */
export interface Sent {
  userId: UserId
  seq: Seq
}

export type ClaimAnswer = 'claimed' | 'taken' | 'unknown'

/** The event whose sends are claimed. */
export interface EventKey {
  partition: Partition
  sessionId: SessionId
  seq: Seq
}

export interface Delivered {
  userId: UserId
  deviceId: string
  sessionId: SessionId
  seq: Seq
}

export interface Waiting {
  id: string
  job: Job
}

/** Every call rejects when the store cannot be reached. */
export interface PushStore {
  position(partition: Partition): Promise<Position | undefined>
  /**
   * Keeps jobs and marks, and the position after them, which only rises: what a writer that has died sent may come late.
   * The same again adds nothing that is still there.
   */
  add(request: {
    partition: Partition
    jobs: readonly Timed[]
    delivered: readonly Delivered[]
    position: Position
  }): Promise<void>
  /** Jobs that are due, the oldest first. */
  due(request: { partition: Partition; now: Millis; limit: number }): Promise<Waiting[]>
  /** Others come, then jobs that are done go. */
  settle(request: { partition: Partition; done: readonly string[]; add: readonly Timed[] }): Promise<void>
  claim(event: EventKey, wanted: readonly { device: string; attempt: number }[]): Promise<ClaimAnswer[]>
  /** What became of claimed sends, and the jobs that follow from it. */
  record(event: EventKey, states: readonly { device: string; state: string }[], add: readonly Timed[]): Promise<void>
  /** Device -> state. */
  claims(event: EventKey): Promise<ReadonlyMap<string, string>>
  /** Seq of the last push of a session that each device was sent; device -> seq. */
  lastSent(request: { partition: Partition; sessionId: SessionId }): Promise<ReadonlyMap<string, Seq>>
  /** The event, which lies at this offset, was sent to these devices. */
  noteSent(request: EventKey & { offset: Offset; devices: readonly string[] }): Promise<void>
  /** To whom the event at this offset was sent, by device; who was not, or longer than CLAIM_MS ago, is left out. */
  sent(request: {
    partition: Partition
    offset: Offset
    devices: readonly string[]
  }): Promise<ReadonlyMap<string, Sent & { sessionId: SessionId }>>
  /** `<userId>/<deviceId>` -> seq, of a single chat. */
  delivered(request: { partition: Partition; sessionId: SessionId }): Promise<ReadonlyMap<string, Seq>>
  waiting(partition: Partition): Promise<number>
  close(): Promise<void>
}

export function acceptedState(sent: Sent): string {
  return `accepted ${JSON.stringify(sent)}`
}

/** What was sent, where the state says that it was accepted. */
export function sentOf(state: string): Sent | undefined {
  return state.startsWith('accepted ') ? (JSON.parse(state.slice('accepted '.length)) as Sent) : undefined
}

/** Of the claims of an event those that were sent. */
export function sentBy(
  sessionId: SessionId,
  devices: readonly string[],
  stateOf: (device: string, index: number) => string | null | undefined,
): Map<string, Sent & { sessionId: SessionId }> {
  const found = new Map<string, Sent & { sessionId: SessionId }>()
  for (const [index, device] of devices.entries()) {
    const sent = sentOf(stateOf(device, index) ?? '')
    if (sent !== undefined) found.set(device, { ...sent, sessionId })
  }
  return found
}
