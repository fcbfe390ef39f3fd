import type { Millis } from '../../infra/clock.ts'
import type { AppKey, Revoked } from '../../schemas/apps.ts'
import type { Count, PackId, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import { RULES_BOUNDS, RULES_DEFAULT, type Rules } from '../../schemas/pack.ts'
import type { PushDevice } from '../../schemas/push-devices.ts'
import type { Access, Interval, Invite, LoginEntry, Relation } from '../../schemas/session.ts'
import type {
  Attribute,
  GroupInfo,
  GroupSettings,
  Profile,
  SessionAttributes,
  UserSettings,
} from '../../schemas/settings.ts'
import { POSITION_START, type Position } from '../../topics/valid-events.ts'

/**
 * What the sequencer knows: rows per session, and the log time of the partition. Rows are never changed in place:
 * a change is a new row under the same key, so that layers (session-state.ts) can share them.
 */

/** Exists from the session's first accepted event on. */
export interface Head {
  lastSeq: Seq
  count: Count
  /** Owner of a group; empty for other sessions. */
  owner: string
  dismissed: boolean
  memberCount: number
  /** Of a group; undefined: the defaults. */
  settings?: GroupSettings
  /** Of a single chat; undefined: the two are nothing to each other. */
  relation?: Relation
}

/** What a head says of a session that is no group and whose users are nothing to each other. */
export const HEAD_PLAIN = { owner: '', dismissed: false, memberCount: 0 } as const

/** One row per user who ever was a member, or asked to be one. The dismissal of a group ends every open interval without touching it. */
export interface Member {
  owner: boolean
  admin: boolean
  /** Oldest first, at most MEMBER_INTERVALS_MAX; the oldest are forgotten. */
  intervals: readonly Interval[]
  /** May not send before; 0: may. */
  mutedUntil: Millis
  /** When a request to join was made that waits for its answer; 0: none. */
  requestedAt: Millis
  /** Time of the last message in a group with slow mode. */
  lastSentAt: Millis
}

/** A member of whom nothing is known but when. */
export const MEMBER_PLAIN = { owner: false, admin: false, mutedUntil: 0, requestedAt: 0, lastSentAt: 0 } as const

/** Of a group: who has a role besides the owner, and who waits to be let in, so that limits need no search. */
export interface Roster {
  admins: readonly UserId[]
  /** The oldest first. */
  requests: readonly UserId[]
}

export const ROSTER_EMPTY: Roster = { admins: [], requests: [] }

/** What became of a message: there is a row only for those that were changed, revoked or deleted. */
export interface Amended {
  /** Revoked and deleted are for good. */
  change: 'edited' | 'revoked' | 'deleted'
  /** How often its content was changed. */
  version: number
}

/** What operators have decided about a user (in their own session) or another session. */
export interface Standing {
  /** Of a user. */
  access: Access
  /** A legal hold is on it. */
  held: boolean
}

export const STANDING_PLAIN: Standing = { access: 'active', held: false }

export interface Erasure {
  /** Of the event that erased what the user said before it. */
  seq: Seq
}

/** The first outcome of a packId, for as long as it is remembered. */
export interface RecentPack {
  /** The pack's digest, one character per byte. */
  digest: string
  /** 0 where it was accepted. */
  code: number
  seq: Seq
  count: Count
  at: Millis
  /** Whether it made a message, which others can name, and whether that counts as unread. */
  message: 'no' | 'uncounted' | 'counted'
}

/** What an app has set. */
export interface AppRow {
  /** The oldest first. */
  keys: readonly AppKey[]
  /** Ids of its webhooks, the oldest first; one that is older than this list is in it from its next change on. */
  webhooks: readonly string[]
}

export const APP_EMPTY: AppRow = { keys: [], webhooks: [] }

/** Which step of a job was begun last; 0: none. */
export interface Job {
  step: number
  ended: boolean
}

/** The key functions below say how the rows are keyed; without one it is the session id. */
export interface Rows {
  heads: Head
  infos: GroupInfo
  members: Member
  rosters: Roster
  recents: RecentPack
  /** Of a group: those that have not ended, the oldest first. */
  invites: readonly Invite[]
  amended: Amended
  /** How one user reacts to one message. */
  reactions: readonly string[]
  /** Of a user's own session. */
  profiles: Profile
  settings: UserSettings
  attributes: readonly Attribute[]
  logins: readonly LoginEntry[]
  /** Where a user is pushed to, the oldest first. */
  pushDevices: readonly PushDevice[]
  revoked: Revoked
  /** Of an app: its keys, and its webhooks as well. */
  appKeys: AppRow
  /** Of an app: how far a job is. */
  jobs: Job
  /** Of a user or a session: what operators have decided. */
  standings: Standing
  /** Of a user in a session: what they said before is gone. */
  erasures: Erasure
  /** Of a user, for another session. */
  sessionAttributes: SessionAttributes
}

export type Table = keyof Rows
export const TABLES = [
  'heads',
  'infos',
  'members',
  'rosters',
  'recents',
  'invites',
  'amended',
  'reactions',
  'profiles',
  'settings',
  'attributes',
  'logins',
  'sessionAttributes',
  'pushDevices',
  'revoked',
  'appKeys',
  'jobs',
  'standings',
  'erasures',
] as const satisfies readonly Table[]

/** One row that an event writes. */
export type Change = { [T in Table]: { table: T; key: string; row: Rows[T] } }[Table]

/** Rows by table and key. */
export type RowMaps = { [T in Table]: Map<string, Rows[T]> }

export function makeRowMaps(): RowMaps {
  return {
    heads: new Map(),
    infos: new Map(),
    members: new Map(),
    rosters: new Map(),
    recents: new Map(),
    invites: new Map(),
    amended: new Map(),
    reactions: new Map(),
    profiles: new Map(),
    settings: new Map(),
    attributes: new Map(),
    logins: new Map(),
    sessionAttributes: new Map(),
    pushDevices: new Map(),
    revoked: new Map(),
    appKeys: new Map(),
    jobs: new Map(),
    standings: new Map(),
    erasures: new Map(),
  }
}

/** How many rows the maps hold together. */
export function countRows(maps: RowMaps): number {
  let rows = 0
  for (const table of TABLES) rows += maps[table].size
  return rows
}

/** Synchronous read access to the rows. */
export interface StateView {
  get<T extends Table>(table: T, key: string): Rows[T] | undefined
}

/** The partition's own state that `decide` needs besides the rows. */
export interface LogTime {
  /** Log time: time of the last outcome; never falls. */
  at: Millis
  /** Packs whose packId is older are EXPIRED; never falls, so that what was forgotten stays refused (SQ9). */
  horizon: Millis
  /** The longest dedupe window that ever applied. */
  windowMsMax: Millis
  rules: Rules
}

/** Position on im.events after an event with this time: later events are not older. */
export interface TimeMark {
  at: Millis
  position: Position
}

/** What is stored with the rows in one transaction. */
export interface Checkpoint {
  position: Position
  time: LogTime
  /** Oldest first; every event whose pack is still remembered lies after the first. */
  marks: readonly TimeMark[]
}

/** A checkpoint as the store keeps it. */
export interface StoredCheckpoint extends Checkpoint {
  /** Up to here im.sessions is known to hold everything; null before its first mark. */
  logged: Position | null
}

export const LOG_TIME_START: LogTime = {
  at: 0,
  horizon: 0,
  windowMsMax: RULES_DEFAULT.dedupeWindowMs,
  rules: RULES_DEFAULT,
}

export const CHECKPOINT_START: Checkpoint = {
  position: POSITION_START,
  time: LOG_TIME_START,
  marks: [{ at: Number.NEGATIVE_INFINITY, position: POSITION_START }],
}

export const MEMBER_INTERVALS_MAX = 100

/** Largest `packIdAheadMsMax` that rules may set, in ms: how much earlier than the horizon a restore begins to read. */
export const PACK_ID_AHEAD_MS_LIMIT = RULES_BOUNDS.packIdAheadMsMax[1]

export function memberKey(sessionId: SessionId, userId: UserId): string {
  return `${sessionId}#${userId}`
}

export function amendedKey(sessionId: SessionId, seq: Seq): string {
  return `${sessionId}#${seq}`
}

export function reactionsKey(sessionId: SessionId, seq: Seq, userId: UserId): string {
  return `${sessionId}#${seq}#${userId}`
}

/** Of a user's own session, for another one. */
export function sessionAttributesKey(sessionId: SessionId, ofSessionId: SessionId): string {
  return `${sessionId}#${ofSessionId}`
}

/** Of an app's own session. */
export function jobKey(sessionId: SessionId, jobId: string): string {
  return `${sessionId}#${jobId}`
}

/** Begins with the packId, whose first digits are its time: the rows lie in the order in which they are forgotten. */
export function recentKey(sessionId: SessionId, from: UserId, packId: PackId): string {
  return `${packId}${sessionId}#${from}`
}

/** Every recentKey of a packId that is older than `timeMs` sorts before this. */
export function recentKeyBefore(timeMs: Millis): string {
  const hex = Math.max(0, Math.floor(timeMs)).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}`
}

/** True for the owner and the admins of a group. */
export function isAdmin(head: Head | undefined, member: Member | undefined, userId: UserId): boolean {
  return head?.owner === userId || member?.admin === true
}

/** True while the user is a member of a group that has not ended. */
export function isMember(head: Head | undefined, member: Member | undefined): boolean {
  if (head === undefined || head.dismissed || member === undefined) return false
  return member.intervals.at(-1)?.leaveSeq === 0
}
