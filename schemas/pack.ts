import type { Millis } from '../infra/clock.ts'
import type { JobEnd, JobStart, JobStep, NewKey } from './apps.ts'
import type { Content, SendExtra, Target } from './content.ts'
import type { Count, PackId, Seq, SessionId, UserId } from './ids.ts'
import type { DeviceRegistration, PushRequest } from './push-devices.ts'
import type {
  Attribute,
  GroupInfo,
  GroupSettings,
  MemberRole,
  Profile,
  SessionAttributes,
  UserSettings,
} from './settings.ts'

/** Bits of `flags`, in packs, events and frames. */
export const Flag = {
  ACK: 1,
  DUP: 2,
  /** The message counts as unread. */
  COUNTER: 4,
  OVERRIDE: 8,
  REVOKE: 16,
  HIGH_PRIORITY: 32,
  /** Never enters the log. */
  ONLINE_ONLY: 64,
  NO_PUSH: 128,
  /** Of events only: sent in a group with slow mode, so that its time counts for the next message. */
  SLOWED: 256,
} as const

export const DeviceType = {
  none: 0,
  ios: 1,
  android: 2,
  macos: 3,
  windows: 4,
  linux: 5,
  web: 6,
  'mini-program': 7,
  tablet: 8,
  harmonyos: 9,
} as const
export type DeviceTypeName = keyof typeof DeviceType

const deviceTypeNames = new Map<number, string>(Object.entries(DeviceType).map(([name, type]) => [type, name]))

/** The name of a device type, or its number where it is newer than we are. */
export function deviceTypeName(type: number): string {
  return deviceTypeNames.get(type) ?? `${type}`
}

export interface Actor {
  kind: 'USER' | 'APP' | 'OPERATOR' | 'SYSTEM'
  id: string
}

export interface Device {
  /** A value of DeviceType. */
  type: number
  id: string
}

export interface PushInfo {
  title: string
  summary: string
  url: string
}

/** What the sequencer decides by; see pack.avsc for the meaning and the units of each. */
export interface Rules {
  version: number
  dedupeWindowMs: number
  packIdAheadMsMax: number
  contentBytesMax: number
  groupMembersMax: number
  packMembersMax: number
  revokeWindowMs: Millis
  overrideWindowMs: Millis
  deleteWindowMs: Millis
  receiptMembersMax: number
  groupAdminsMax: number
  loginPolicy: (typeof LOGIN_POLICIES)[number]
  loginsMax: number
}

export const LOGIN_POLICIES = ['all', 'onePerType', 'one', 'classes'] as const

/** The rules of a partition before any SetRules. */
export const RULES_DEFAULT: Rules = {
  version: 0,
  dedupeWindowMs: 3_600_000,
  packIdAheadMsMax: 300_000,
  contentBytesMax: 65_536,
  groupMembersMax: 1_000,
  packMembersMax: 5_000,
  revokeWindowMs: 120_000,
  overrideWindowMs: 900_000,
  deleteWindowMs: 120_000,
  receiptMembersMax: 500,
  groupAdminsMax: 100,
  loginPolicy: 'all',
  loginsMax: 64,
}

/** Every rule but the login policy, whose values the schema bounds. */
export type NumberRule = Exclude<keyof Rules, 'loginPolicy'>

const YEAR_MS = 366 * 86_400_000

/** Bounds of what rules may say, inclusive. Within them every other limit of the sequencer keeps its relation. */
export const RULES_BOUNDS: Record<NumberRule, readonly [min: number, max: number]> = {
  version: [1, 2 ** 31 - 1],
  dedupeWindowMs: [1_000, 7 * 86_400_000],
  packIdAheadMsMax: [0, 600_000],
  contentBytesMax: [1, 700_000],
  groupMembersMax: [1, 1_000_000],
  packMembersMax: [1, 10_000],
  revokeWindowMs: [0, YEAR_MS],
  overrideWindowMs: [0, YEAR_MS],
  deleteWindowMs: [0, YEAR_MS],
  receiptMembersMax: [0, 10_000],
  groupAdminsMax: [0, 1_000],
  loginsMax: [1, 1_000],
}

/** The invite that lets a joiner in; the log has only the hash of its secret until somebody uses it. */
export interface InviteUse {
  inviteId: string
  secret: string
}

/** What is asked for; in optional fields, absent means null in pack.avsc. */
export type PackBody =
  | { kind: 'SendMessage'; content: Content; extra?: SendExtra }
  | { kind: 'CreateGroup'; info: GroupInfo; members: UserId[]; settings?: Partial<GroupSettings> }
  | { kind: 'JoinGroup'; message?: string; invite?: InviteUse }
  | { kind: 'QuitGroup' }
  | { kind: 'AddMembers'; userIds: UserId[] }
  | { kind: 'RemoveMembers'; userIds: UserId[] }
  | { kind: 'DismissGroup' }
  | { kind: 'SetRules'; rules: Rules }
  | MessagePackBody
  | GroupPackBody
  | RelationPackBody
  | UserPackBody
  | StandingPackBody
  | AppPackBody

/** About messages of the session: single chats, groups, notifications. */
type MessagePackBody =
  | { kind: 'RevokeMessage'; target: Target }
  | { kind: 'OverrideMessage'; target: Target; content: Content; extra?: SendExtra }
  | { kind: 'DeleteForAll'; target: Target }
  | { kind: 'AddReaction'; target: Target; emoji: string }
  | { kind: 'RemoveReaction'; target: Target; emoji: string }
  | { kind: 'MarkRead'; seq: Seq }
  | { kind: 'MarkDelivered'; seq: Seq }

/** In a group. */
type GroupPackBody =
  | { kind: 'UpdateGroupInfo'; info: Partial<GroupInfo> }
  | { kind: 'UpdateGroupSettings'; settings: Partial<GroupSettings> }
  | { kind: 'ChangeOwner'; userId: UserId }
  | { kind: 'SetRole'; userIds: UserId[]; role: MemberRole }
  | { kind: 'AnswerJoin'; userId: UserId; approved: boolean; reason?: string }
  | { kind: 'CreateInvite'; secretHash: string; expiresAt: Millis; usesMax: number }
  | { kind: 'RevokeInvite'; inviteId: string }
  | { kind: 'MuteMember'; userId: UserId; until: Millis }
  | { kind: 'SetAlias'; userId?: UserId; alias: string }

/** In a single chat: what its two users are to each other (docs/adr/0008). */
type RelationPackBody =
  | { kind: 'RequestFriend'; message?: string }
  | { kind: 'AcceptFriend' }
  | { kind: 'RefuseFriend' }
  | { kind: 'DeleteFriend' }
  | { kind: 'RemarkFriend'; remark: string }
  | { kind: 'BlockUser' }
  | { kind: 'UnblockUser' }

/** In a user's own session. */
type UserPackBody =
  | { kind: 'UpdateProfile'; profile: Partial<Profile> }
  | { kind: 'UpdateSettings'; settings: Partial<UserSettings> }
  | { kind: 'SetUserAttributes'; attributes: Attribute[] }
  | { kind: 'SetSessionAttributes'; sessionId: SessionId; attributes: Partial<SessionAttributes> }
  | { kind: 'MarkSessionRead'; sessionId: SessionId; seq: Seq }
  | { kind: 'ClearSession'; sessionId: SessionId; seq: Seq }
  | { kind: 'DeleteForMe'; sessionId: SessionId; targets: Target[] }
  | { kind: 'Login'; connectionId: string; clientVersion?: string }
  | { kind: 'Logout'; connectionIds: string[]; code: number; reason?: string }
  | ({ kind: 'RegisterDevice' } & DeviceRegistration)
  | { kind: 'UnregisterDevice'; serviceType: number; token: string }
  | { kind: 'InvalidateToken'; serviceType: number; token: string; before: Millis; reason: string }
  | ({ kind: 'Push' } & PushRequest)
  | { kind: 'ReportPushOpened'; pushId: string }

/** What operators, and apps that may, decide about users and sessions; never asked for by a client. */
type StandingPackBody =
  | { kind: 'DisableUser'; reason?: string }
  | { kind: 'EnableUser' }
  | { kind: 'EraseUser'; reason?: string }
  | { kind: 'EraseFrom'; userId: UserId }
  | { kind: 'SetHold'; held: boolean; reason: string }
  | { kind: 'RevokeTokens'; notBefore?: Millis; tokenId?: string; tokenExpiresAt?: Millis }

/** In an app's own session. */
type AppPackBody =
  | ({ kind: 'CreateKey' } & NewKey)
  | { kind: 'SetKeyExpiry'; keyId: string; expiresAt: Millis }
  | { kind: 'RevokeKey'; keyId: string }
  | { kind: 'RecordAct'; act: string; subject: string; detail?: string }
  | ({ kind: 'StartJob' } & JobStart)
  | ({ kind: 'StepJob' } & JobStep)
  | ({ kind: 'EndJob' } & JobEnd)

/** What the gateway looked up for the sequencer: immutable facts, in few packs. The digest leaves it out. */
export interface Stamp {
  /** Refused before the sequencer decides (word list, hook, no such target); answered so, also to a resend. */
  verdict: { code: number; reason: string } | null
  /** Of the message that `target` names, and of the one that `quote` names. */
  target: { from: UserId; at: Millis; counted: boolean } | null
  quote: { from: UserId; at: Millis; counted: boolean } | null
  /** Of the message that `forward` names, which the sender may read and whose content this is. */
  origin: { from: UserId; at: Millis } | null
  /** At the seq of MarkRead, MarkSessionRead or ClearSession. */
  count: Count
  friendsOnly: boolean
  rewritten: boolean
}

/** A request on im.packs; the fields are those of pack.avsc. */
export interface Pack {
  packId: PackId
  sessionId: SessionId
  from: UserId
  actor: Actor
  device: Device
  gateway: string
  flags: number
  /** 16 bytes; see digest.ts. */
  digest: Buffer
  pushInfo: PushInfo | null
  body: PackBody
  stamp: Stamp | null
}
