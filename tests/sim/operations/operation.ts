import type { PackRequest } from '../../../client/network/client.ts'
import type { AcceptedBody, AcceptedEvent } from '../../../schemas/event.ts'
import type { PackFrame } from '../../../schemas/frames.ts'
import type { UserId } from '../../../schemas/ids.ts'
import type { Device } from '../device.ts'

/** Something that a device does. */
export interface Operation {
  readonly name: string
  /** How often, against the others. */
  readonly weight: number
  perform(device: Device): void
}

type FrameOf<Type extends PackFrame['type']> = Extract<PackFrame, { type: Type }>
type RequestOf<Type extends PackFrame['type']> = Extract<PackRequest, { type: Type }>
export type EventOf<Kind extends AcceptedBody['kind']> = AcceptedEvent & { body: Extract<AcceptedBody, { kind: Kind }> }

/** Who enters and who leaves a group with an event. */
export interface MembersChange {
  joins?: readonly UserId[]
  leaves?: readonly UserId[] | 'everybody'
}

/**
 * One kind of pack: how a device comes to send it, and, for the auditor, what it has to become. The auditor's half is
 * written against the documents, not against decide, evolve or a projection: it must be able to disagree with them.
 */
export interface PackOperation<
  Type extends PackFrame['type'] = PackFrame['type'],
  Kind extends AcceptedBody['kind'] = AcceptedBody['kind'],
> {
  readonly frame: Type
  readonly weight: number
  /** The pack that the device sends now; undefined: nothing fits. */
  request(device: Device): RequestOf<Type> | undefined
  /** The kind of event that an accepted pack becomes. */
  readonly event: Kind
  /** The other kinds that it may become, by the documents; whether it is the right one is policies.ts's to say. */
  readonly orElse?: readonly AcceptedBody['kind'][]
  /** True where the event says what the pack asked for. */
  isAs(frame: FrameOf<Type>, event: EventOf<Kind>): boolean
  /** True where it counts as unread. */
  isCounted?(event: EventOf<Kind>): boolean
  members?(event: EventOf<Kind>): MembersChange
}

/** Kinds that take no seq in single chats and groups: they do not change how the timeline reads (docs/protocol.md). */
const WITHOUT_SEQ: readonly AcceptedBody['kind'][] = [
  ...(['ReadMarked', 'DeliveredMarked', 'JoinRequested', 'JoinRefused', 'InviteCreated', 'InviteRevoked'] as const),
  ...(['FriendRequested', 'FriendAccepted', 'FriendRefused', 'FriendDeleted', 'FriendRemarked'] as const),
  ...(['UserBlocked', 'UserUnblocked'] as const),
]

export function hasSeq({ kind }: AcceptedBody): boolean {
  return !WITHOUT_SEQ.includes(kind)
}

/** Fixes the types of an operation to those of its frame and its event. */
export function packOperation<Type extends PackFrame['type'], Kind extends AcceptedBody['kind']>(
  operation: PackOperation<Type, Kind>,
): PackOperation<Type, Kind> {
  return operation
}

/** The same ids, whatever their order; none twice. */
export function sameIds(one: readonly string[], other: readonly string[]): boolean {
  const ids = new Set(one)
  return ids.size === new Set(other).size && other.every(id => ids.has(id)) && new Set(other).size === other.length
}

/** Only ids that were asked for; none twice; at least one. */
export function someOf(asked: readonly string[], got: readonly string[]): boolean {
  return got.length > 0 && new Set(got).size === got.length && got.every(id => asked.includes(id))
}
