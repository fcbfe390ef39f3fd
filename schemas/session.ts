import { readFileSync } from 'node:fs'
import type { Millis } from '../infra/clock.ts'
import type { AppKey, Revoked } from './apps.ts'
import { type RecordCodec, registeredCodec, type SchemaRegistry } from './codec.ts'
import type { Cause } from './event.ts'
import type { Count, Offset, Seq, SessionId, UserId } from './ids.ts'
import type { Rules } from './pack.ts'
import type { PushDevice } from './push-devices.ts'
import type { Attribute, GroupInfo, GroupSettings, Profile, SessionAttributes, UserSettings } from './settings.ts'

/** Seqs between which a user was a member; leaveSeq is 0 while it lasts. */
export interface Interval {
  joinSeq: Seq
  leaveSeq: Seq
}

/** What the two users of a single chat are to each other; `a` is the one whose id stands first in the session id. */
export interface Relation {
  friends: boolean
  /** Empty: nobody has asked, or was answered. */
  requestedBy: string
  aBlocks: boolean
  bBlocks: boolean
}

/** An invite that has not ended. */
export interface Invite {
  inviteId: string
  secretHash: string
  by: UserId
  expiresAt: Millis
  usesMax: number
  uses: number
}

/** A connection of a user. */
export interface LoginEntry {
  connectionId: string
  deviceType: number
  deviceId: string
  gateway: string
  at: Millis
}

/** A position on im.events as it is stored; see topics/valid-events.ts. */
interface StoredPosition {
  offset: Offset
  cause: Cause | null
  hash: string | null
}

/** Of a user: whether they come in; erased is for good. */
export type Access = 'active' | 'disabled' | 'erased'

export type SessionBody =
  | {
      kind: 'SessionHead'
      sessionId: SessionId
      lastSeq: Seq
      count: Count
      owner: string
      dismissed: boolean
      memberCount: number
      settings?: GroupSettings
      relation?: Relation
    }
  | { kind: 'SessionInfo'; sessionId: SessionId; info: GroupInfo }
  | {
      kind: 'SessionMember'
      sessionId: SessionId
      userId: UserId
      owner: boolean
      intervals: Interval[]
      admin: boolean
      mutedUntil: Millis
      requestedAt: Millis
      lastSentAt: Millis
    }
  | {
      kind: 'PositionMark'
      position: StoredPosition
      at: Millis
      horizon: Millis
      windowMsMax: Millis
      rules: Rules
      recentFrom: StoredPosition
    }
  | { kind: 'OwnerClaim'; nonce: string }
  | { kind: 'InvitesRow'; sessionId: SessionId; invites: Invite[] }
  | { kind: 'AmendedRow'; sessionId: SessionId; seq: Seq; change: 'edited' | 'revoked' | 'deleted'; version: number }
  | { kind: 'ReactionsRow'; sessionId: SessionId; seq: Seq; userId: UserId; emojis: string[] }
  | { kind: 'ProfileRow'; sessionId: SessionId; profile: Profile }
  | { kind: 'SettingsRow'; sessionId: SessionId; settings: UserSettings }
  | { kind: 'AttributesRow'; sessionId: SessionId; attributes: Attribute[] }
  | { kind: 'SessionAttributesRow'; sessionId: SessionId; ofSessionId: SessionId; attributes: SessionAttributes }
  | { kind: 'LoginsRow'; sessionId: SessionId; logins: LoginEntry[] }
  | { kind: 'RosterRow'; sessionId: SessionId; admins: UserId[]; requests: UserId[] }
  | { kind: 'PushDevicesRow'; sessionId: SessionId; devices: PushDevice[] }
  | { kind: 'JoinedMembers'; sessionId: SessionId; joinSeq: Seq; userIds: UserId[] }
  | { kind: 'StandingRow'; sessionId: SessionId; access: Access; held: boolean }
  | { kind: 'AppKeysRow'; sessionId: SessionId; keys: AppKey[]; webhooks: string[] }
  | { kind: 'RevokedRow'; sessionId: SessionId; revoked: Revoked }
  | { kind: 'JobRow'; sessionId: SessionId; jobId: string; step: number; ended: boolean }
  | { kind: 'ErasureRow'; sessionId: SessionId; userId: UserId; seq: Seq }

/** A value of im.sessions; the fields are those of session.avsc. */
export interface SessionRecord {
  writer: string
  /** Offset on im.events up to which the row is folded. */
  offset: Offset
  body: SessionBody
}

export const sessionSchema = JSON.parse(readFileSync(new URL('./session.avsc', import.meta.url), 'utf8')) as object

/** The codec of im.sessions. `subject` is the topic's name followed by `-value`. */
export function sessionCodec(registry: SchemaRegistry, subject: string): Promise<RecordCodec<SessionRecord>> {
  return registeredCodec<SessionRecord>(registry, subject, sessionSchema)
}
