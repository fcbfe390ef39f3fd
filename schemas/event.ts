import type { Millis } from '../infra/clock.ts'
import type { Count, Offset, PackId, Seq, SessionId, UserId } from './ids.ts'
import type { Actor, Content, Device, GroupInfo, PushInfo, Rules } from './pack.ts'

/** The pack that an event answers: same partition number, on im.packs. */
export interface Cause {
  era: number
  offset: Offset
}

export type AcceptedBody =
  | { kind: 'MessageAccepted'; content: Content }
  | { kind: 'GroupCreated'; info: GroupInfo; members: UserId[] }
  | { kind: 'MemberJoined' }
  | { kind: 'MemberQuit' }
  | { kind: 'MembersAdded'; userIds: UserId[] }
  | { kind: 'MembersRemoved'; userIds: UserId[] }
  | { kind: 'GroupDismissed' }
  | { kind: 'RulesSet'; rules: Rules }

export type RefusedBody = { kind: 'PackRefused'; code: number; reason: string }
export type RepeatedBody = { kind: 'PackRepeated'; code: number; seq: Seq; count: Count; at: Millis }

export type EventBody = AcceptedBody | RefusedBody | RepeatedBody

/** An outcome on im.events; the fields are those of event.avsc. */
export interface Event<Body extends EventBody = EventBody> {
  cause: Cause
  at: Millis
  sessionId: SessionId
  packId: PackId
  from: UserId
  actor: Actor
  device: Device
  gateway: string
  flags: number
  seq: Seq
  count: Count
  digest: Buffer
  pushInfo: PushInfo | null
  body: Body
}

export type AcceptedEvent = Event<AcceptedBody>

/** True for an event that changed something: everything but refusals and repeats. */
export function isAccepted(event: Event): event is AcceptedEvent {
  return event.body.kind !== 'PackRefused' && event.body.kind !== 'PackRepeated'
}

/** True where an event changes who is a member; such events carry the header `members` and are decoded by every gateway. */
export function changesMembership(body: EventBody): boolean {
  switch (body.kind) {
    case 'GroupCreated':
    case 'MemberJoined':
    case 'MemberQuit':
    case 'MembersAdded':
    case 'MembersRemoved':
    case 'GroupDismissed':
      return true
    default:
      return false
  }
}
