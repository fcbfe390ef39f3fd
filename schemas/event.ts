import type { Millis } from '../infra/clock.ts'
import type { AppKey, JobEnd, JobStart, JobStep, Revoked } from './apps.ts'
import type { Content, MessageExtra, MessageRef } from './content.ts'
import type { Count, Offset, PackId, Seq, SessionId, UserId } from './ids.ts'
import type { Actor, Device, PushInfo, Rules } from './pack.ts'
import type { PushDevice, PushRequest, PushTokenRemoved } from './push-devices.ts'
import type {
  Attribute,
  GroupInfo,
  GroupSettings,
  MemberRole,
  Profile,
  SessionAttributes,
  UserSettings,
} from './settings.ts'

/** The pack that an event answers: same partition number, on im.packs. */
export interface Cause {
  era: number
  offset: Offset
}

/** What happened; in optional fields, absent means null in event.avsc. */
export type AcceptedBody =
  | { kind: 'MessageAccepted'; content: Content; extra?: MessageExtra }
  | { kind: 'GroupCreated'; info: GroupInfo; members: UserId[]; settings?: GroupSettings }
  | { kind: 'MemberJoined'; inviteId?: string }
  | { kind: 'MemberQuit' }
  | { kind: 'MembersAdded'; userIds: UserId[] }
  | { kind: 'MembersRemoved'; userIds: UserId[] }
  | { kind: 'GroupDismissed' }
  | { kind: 'RulesSet'; rules: Rules }
  | MessageEventBody
  | GroupEventBody
  | RelationEventBody
  | UserEventBody
  | StandingEventBody
  | AppEventBody

/** About messages of the session. */
type MessageEventBody =
  | { kind: 'MessageRevoked'; target: MessageRef }
  | { kind: 'MessageOverridden'; target: MessageRef; content: Content; extra?: MessageExtra; version: number }
  | { kind: 'MessageDeleted'; target: MessageRef }
  | { kind: 'ReactionAdded'; target: MessageRef; emoji: string }
  | { kind: 'ReactionRemoved'; target: MessageRef; emoji: string }
  | { kind: 'ReadMarked'; seq: Seq; count: Count }
  | { kind: 'DeliveredMarked'; seq: Seq }

/** In a group. */
type GroupEventBody =
  | { kind: 'GroupInfoUpdated'; info: GroupInfo }
  | { kind: 'GroupSettingsUpdated'; settings: GroupSettings }
  | { kind: 'OwnerChanged'; userId: UserId }
  | { kind: 'RolesSet'; userIds: UserId[]; role: MemberRole }
  | { kind: 'JoinRequested'; message?: string }
  | { kind: 'JoinRefused'; userId: UserId; reason?: string }
  | { kind: 'InviteCreated'; inviteId: string; secretHash: string; expiresAt: Millis; usesMax: number }
  | { kind: 'InviteRevoked'; inviteId: string }
  | { kind: 'MemberMuted'; userId: UserId; until: Millis }
  | { kind: 'AliasSet'; userId: UserId; alias: string }

/** Between the two users of a single chat (docs/adr/0008). */
type RelationEventBody =
  | { kind: 'FriendRequested'; message?: string }
  | { kind: 'FriendAccepted' }
  | { kind: 'FriendRefused' }
  | { kind: 'FriendDeleted' }
  | { kind: 'FriendRemarked'; remark: string }
  | { kind: 'UserBlocked' }
  | { kind: 'UserUnblocked' }

/** In a user's own session. */
type UserEventBody =
  | { kind: 'ProfileUpdated'; profile: Profile }
  | { kind: 'SettingsUpdated'; settings: UserSettings }
  | { kind: 'UserAttributesSet'; attributes: Attribute[] }
  | { kind: 'SessionAttributesSet'; sessionId: SessionId; attributes: SessionAttributes }
  | { kind: 'SessionReadMarked'; sessionId: SessionId; seq: Seq; count: Count }
  | { kind: 'SessionCleared'; sessionId: SessionId; seq: Seq; count: Count }
  | { kind: 'DeletedForMe'; sessionId: SessionId; seqs: Seq[] }
  | { kind: 'LoggedIn'; connectionId: string; clientVersion?: string; kicked: string[] }
  | { kind: 'LoggedOut'; connectionIds: string[]; code: number; reason?: string }
  | { kind: 'PushDevicesSet'; devices: PushDevice[]; added?: PushDevice; removed: PushTokenRemoved[] }
  | ({ kind: 'PushRequested' } & PushRequest)
  | { kind: 'PushOpened'; pushId: string }

export type RefusedBody = {
  kind: 'PackRefused'
  code: number
  reason: string
  /** When the like may be taken, where that is known. */
  until?: Millis
}
/** What operators have decided about a user or a session. */
type StandingEventBody =
  | { kind: 'UserDisabled'; reason?: string }
  | { kind: 'UserEnabled' }
  | { kind: 'UserErased'; reason?: string }
  | { kind: 'ContentErased'; userId: UserId }
  | { kind: 'HoldSet'; held: boolean; reason: string }
  | { kind: 'TokensRevoked'; revoked: Revoked }

/** In an app's own session. */
type AppEventBody =
  | { kind: 'KeySet'; key: AppKey }
  | { kind: 'KeyRevoked'; keyId: string }
  | { kind: 'ActRecorded'; act: string; subject: string; detail?: string }
  | ({ kind: 'JobStarted' } & JobStart)
  | ({ kind: 'JobStepped' } & JobStep)
  | ({ kind: 'JobEnded' } & JobEnd)

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

/**
 * Accepted events that take no seq in the timelines of single chats and groups: they do not change how the timeline
 * reads, and are ordered by their place in the log (DESIGN 2). In `u:` and `b:` sessions every accepted event takes one.
 */
const WITHOUT_SEQ: ReadonlySet<EventBody['kind']> = new Set<EventBody['kind']>([
  'RulesSet',
  'PackRefused',
  'PackRepeated',
  'ReadMarked',
  'DeliveredMarked',
  'JoinRequested',
  'JoinRefused',
  'InviteCreated',
  'InviteRevoked',
  'FriendRequested',
  'FriendAccepted',
  'FriendRefused',
  'FriendDeleted',
  'FriendRemarked',
  'UserBlocked',
  'UserUnblocked',
  // Nobody but operators may know of it, so it stands in nobody's timeline.
  'HoldSet',
])

/** True for a kind of event that stands in the timeline of its session. */
export function takesSeq(kind: EventBody['kind']): boolean {
  return !WITHOUT_SEQ.has(kind)
}

/** The kinds of which a client knows what its own pack became: its `ack` stands for the event (docs/protocol.md). */
const TOLD_BY_ACK: ReadonlySet<EventBody['kind']> = new Set<EventBody['kind']>([
  'MessageAccepted',
  'GroupCreated',
  'MemberJoined',
  'MemberQuit',
  'MembersAdded',
  'MembersRemoved',
  'GroupDismissed',
])

/**
 * True where the connection that sent the pack gets an ack in place of the event; otherwise it gets both. What a
 * message has besides its content was found by the server, or changed by it.
 */
export function isToldByAck(body: EventBody): boolean {
  return TOLD_BY_ACK.has(body.kind) && (body.kind !== 'MessageAccepted' || body.extra === undefined)
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

/** What the membership view keeps besides who is a member: how groups are run, what users are to each other, who they are. */
const FACTS: ReadonlySet<EventBody['kind']> = new Set<EventBody['kind']>([
  'GroupInfoUpdated',
  'GroupSettingsUpdated',
  'OwnerChanged',
  'RolesSet',
  'JoinRequested',
  'JoinRefused',
  'InviteCreated',
  'InviteRevoked',
  'MemberMuted',
  'AliasSet',
  'FriendRequested',
  'FriendAccepted',
  'FriendRefused',
  'FriendDeleted',
  'FriendRemarked',
  'UserBlocked',
  'UserUnblocked',
  'ProfileUpdated',
  'SettingsUpdated',
  'UserAttributesSet',
  'PushDevicesSet',
  'TokensRevoked',
  'KeySet',
  'KeyRevoked',
  'JobStarted',
  'JobStepped',
  'JobEnded',
  'UserDisabled',
  'UserEnabled',
  'UserErased',
  'ContentErased',
])

/** The acts of an app by which it says which webhooks it has: webhook-acts.ts. */
export const WEBHOOK_ACTS = ['createWebhook', 'changeWebhook', 'rotateWebhookSecret', 'deleteWebhook'] as const
export type WebhookAct = (typeof WEBHOOK_ACTS)[number]
const WEBHOOK_ACT_NAMES: ReadonlySet<string> = new Set(WEBHOOK_ACTS)

/** True for acts that say which webhooks there are. */
export function isWebhookAct(body: EventBody): boolean {
  return body.kind === 'ActRecorded' && WEBHOOK_ACT_NAMES.has(body.act)
}

/** The act by which an app says how much a key may do in a day: apps.ts. */
export const KEY_QUOTA_ACT = 'setKeyQuota'

/** True for what carries the header `facts`, by which the membership view finds them without decoding the rest. */
export function isFact(body: EventBody): boolean {
  return FACTS.has(body.kind) || isWebhookAct(body) || (body.kind === 'ActRecorded' && body.act === KEY_QUOTA_ACT)
}
