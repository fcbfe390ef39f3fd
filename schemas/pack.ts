import type { GroupId, PackId, SessionId, UserId } from './ids.ts'

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

export type Content = { kind: 'Text'; text: string } | { kind: 'Custom'; type: string; data: string }

export interface GroupInfo {
  name: string
  avatar: string
  notice: string
}

/** What the sequencer decides by; see pack.avsc for the meaning and the units of each. */
export interface Rules {
  version: number
  dedupeWindowMs: number
  packIdAheadMsMax: number
  contentBytesMax: number
  groupMembersMax: number
  packMembersMax: number
}

/** The rules of a partition before any SetRules. */
export const RULES_DEFAULT: Rules = {
  version: 0,
  dedupeWindowMs: 3_600_000,
  packIdAheadMsMax: 300_000,
  contentBytesMax: 65_536,
  groupMembersMax: 1_000,
  packMembersMax: 5_000,
}

/** Bounds of what rules may say, inclusive. Within them every other limit of the sequencer keeps its relation. */
export const RULES_BOUNDS: Record<keyof Rules, readonly [min: number, max: number]> = {
  version: [1, 2 ** 31 - 1],
  dedupeWindowMs: [1_000, 7 * 86_400_000],
  packIdAheadMsMax: [0, 600_000],
  contentBytesMax: [1, 700_000],
  groupMembersMax: [1, 1_000_000],
  packMembersMax: [1, 10_000],
}

export type PackBody =
  | { kind: 'SendMessage'; content: Content }
  | { kind: 'CreateGroup'; info: GroupInfo; members: UserId[] }
  | { kind: 'JoinGroup' }
  | { kind: 'QuitGroup' }
  | { kind: 'AddMembers'; userIds: UserId[] }
  | { kind: 'RemoveMembers'; userIds: UserId[] }
  | { kind: 'DismissGroup' }
  | { kind: 'SetRules'; rules: Rules }

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
}

export type { GroupId, PackId, SessionId, UserId }
