import type { Event, EventBody } from '../../../schemas/event.ts'
import { makePackId, type Partition, type SessionId, type UserId } from '../../../schemas/ids.ts'
import { Flag } from '../../../schemas/pack.ts'
import type { PlacedEvent, ViewBatch } from '../../view.ts'

export const AT = Date.UTC(2026, 0, 31, 23, 59, 50)

/** An event with everything filled in; what a test is about is given. `number` makes its packId and offsets differ. */
export function sampleEvent(number: number, given: Partial<Event> = {}): Event {
  const random = Buffer.alloc(10)
  random.writeUInt32BE(number, 4)
  return {
    cause: { era: 0, offset: number },
    at: AT + number * 10,
    sessionId: 's:alice:bob' as SessionId,
    packId: makePackId(AT, random),
    from: 'alice' as UserId,
    actor: { kind: 'USER', id: 'alice' },
    device: { type: 6, id: 'laptop' },
    gateway: 'gw-1',
    flags: Flag.COUNTER,
    seq: number + 1,
    count: number + 1,
    digest: Buffer.alloc(16, number % 251),
    pushInfo: null,
    body: { kind: 'MessageAccepted', content: { kind: 'Text', text: `message ${number}` } },
    ...given,
  }
}

/** The event where the log would have it: junk lies between, so offsets rise by two and causes by one. */
export function placed(event: Event): PlacedEvent {
  const { cause } = event
  const hash = cause.offset.toString(16).padStart(16, '0')
  return { event, position: { offset: 2 * cause.offset, cause, hash } }
}

/** A batch of events `first` to `last` of a partition; its sessions are those of that partition alone. */
export function sampleBatch(partition: Partition, first: number, last: number, body?: EventBody): ViewBatch {
  const events: PlacedEvent[] = []
  for (let number = first; number <= last; number++) {
    const sessionId = `s:user${partition}:user${partition}b` as SessionId
    events.push(placed(sampleEvent(number, { sessionId, ...(body && { body }) })))
  }
  return { partition, events, position: events.at(-1)!.position }
}
