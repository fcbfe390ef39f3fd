import type { Millis } from '../infra/clock.ts'
import type { CodeName } from './codes.ts'
import type { Content, ContentKind, SendExtra, Target } from './content.ts'
import type { Event, EventBody } from './event.ts'
import {
  type Count,
  defaultGroupId,
  type GroupId,
  groupSessionId,
  type PackId,
  type Seq,
  type SessionId,
  singleSessionId,
  type UserId,
  userSessionId,
} from './ids.ts'
import type { Device, InviteUse, PushInfo } from './pack.ts'
import type { DeviceRegistration } from './push-devices.ts'
import type {
  Attribute,
  GroupInfo,
  GroupSettings,
  MemberRole,
  Profile,
  SessionAttributes,
  UserSettings,
} from './settings.ts'

/**
 * The frames of the WebSocket protocol, version 1; docs/protocol.md shows an example of each.
 *
 * `packlog.v1.json` sends each as one JSON text; `packlog.v1.avro` sends the same records as Avro (frames.avsc).
 * Frames that carry a packId are packs: answered once, by `ack` or `refused`, when their outcome is in the log.
 * Frames that carry a requestId are questions: answered once, by the frame named beside them or by `failed`. Signals
 * carry neither and are not answered.
 */

export const SUBPROTOCOL_JSON = 'packlog.v1.json'
export const SUBPROTOCOL_AVRO = 'packlog.v1.avro'
/** A browser cannot set headers: it offers a further subprotocol of this prefix followed by its token. */
export const SUBPROTOCOL_TOKEN_PREFIX = 'packlog.token.'

/** One frame for each of the types. */
type FrameOf<Type extends string, Fields> = Type extends string ? { type: Type } & Fields : never

/** What every pack of a client has. */
interface ToSession {
  packId: PackId
  sessionId: SessionId
}

export type PackFrame = SessionPackFrame | OwnPackFrame

/** Packs that go to a session which they name, or name first. */
export type SessionPackFrame = MessagePackFrame | GroupPackFrame
/** Packs that are kept in the sender's own session, or in the single chat of two users. */
export type OwnPackFrame = AboutSessionFrame | UserPackFrame

type MessagePackFrame =
  | ({ type: 'send'; flags?: number; pushInfo?: PushInfo; content: Content; extra?: SendExtra } & ToSession)
  | FrameOf<'revoke' | 'deleteForAll', { target: Target } & ToSession>
  | ({ type: 'override'; target: Target; content: Content; extra?: SendExtra } & ToSession)
  | FrameOf<'addReaction' | 'removeReaction', { target: Target; emoji: string } & ToSession>
  | FrameOf<'markRead' | 'markDelivered', { seq: Seq } & ToSession>

/** About a session, and kept in the sender's own one, `u:<user>`, which the answer names. */
type AboutSessionFrame =
  | ({ type: 'clearSession'; seq: Seq } & ToSession)
  | ({ type: 'deleteForMe'; targets: Target[] } & ToSession)
  | ({ type: 'setSessionAttributes'; attributes: Partial<SessionAttributes> } & ToSession)

type GroupPackFrame =
  /** The session is `g:<groupId>`; without groupId the packId without its dashes is taken. */
  | {
      type: 'createGroup'
      packId: PackId
      groupId?: string
      info: Partial<GroupInfo> & { name: string }
      members: UserId[]
      settings?: Partial<GroupSettings>
    }
  | ({ type: 'joinGroup'; message?: string; invite?: InviteUse } & ToSession)
  | FrameOf<'quitGroup' | 'dismissGroup', ToSession>
  | FrameOf<'addMembers' | 'removeMembers', { userIds: UserId[] } & ToSession>
  | ({ type: 'updateGroupInfo'; info: Partial<GroupInfo> } & ToSession)
  | ({ type: 'updateGroupSettings'; settings: Partial<GroupSettings> } & ToSession)
  | ({ type: 'changeOwner'; userId: UserId } & ToSession)
  | ({ type: 'setRole'; userIds: UserId[]; role: MemberRole } & ToSession)
  | ({ type: 'answerJoin'; userId: UserId; approved: boolean; reason?: string } & ToSession)
  | ({ type: 'createInvite'; secretHash: string; expiresAt: Millis; usesMax: number } & ToSession)
  | ({ type: 'revokeInvite'; inviteId: string } & ToSession)
  | ({ type: 'muteMember'; userId: UserId; until: Millis } & ToSession)
  | ({ type: 'setAlias'; userId?: UserId; alias: string } & ToSession)

type UserPackFrame =
  /** Between the sender and another user; the session is their single chat. */
  | { type: 'requestFriend'; packId: PackId; userId: UserId; message?: string }
  | FrameOf<'acceptFriend' | 'refuseFriend' | 'deleteFriend', { packId: PackId; userId: UserId }>
  | { type: 'remarkFriend'; packId: PackId; userId: UserId; remark: string }
  | FrameOf<'blockUser' | 'unblockUser', { packId: PackId; userId: UserId }>
  /** In the sender's own session, `u:<user>`. */
  | { type: 'updateProfile'; packId: PackId; profile: Partial<Profile> }
  | { type: 'updateSettings'; packId: PackId; settings: Partial<UserSettings> }
  | { type: 'setUserAttributes'; packId: PackId; attributes: Attribute[] }
  /** Connections by the id of their welcome; none: all. */
  | { type: 'logout'; packId: PackId; connectionIds: string[] }
  /** Where the sender is pushed to. */
  | ({ type: 'registerDevice'; packId: PackId } & DeviceRegistration)
  | { type: 'unregisterDevice'; packId: PackId; serviceType: number; token: string }
  | { type: 'reportPushOpened'; packId: PackId; pushId: string }

/** A page of a list; `since` of an earlier answer asks only for what has changed. */
interface Paged {
  requestId: number
  cursor?: string
  limit?: number
}

export type QuestionFrame =
  /** Events above afterSeq, or below beforeSeq (exactly one of the two); answered by `page`, ascending by seq. */
  | { type: 'history'; requestId: number; sessionId: SessionId; afterSeq?: Seq; beforeSeq?: Seq; limit?: number }
  /** My sessions by last activity, newest first; answered by `sessions`. */
  | ({ type: 'sessions'; since?: string } & Paged)
  /** Members of a group that I am in; answered by `members`. */
  | ({ type: 'members'; sessionId: SessionId; since?: string } & Paged)
  /** What became of a pack of mine; answered by `outcome`. */
  | { type: 'outcome'; requestId: number; sessionId: SessionId; packId: PackId }
  /** Everything above the named seqs, then live without gap or repeat: `event` frames, then `resumed`. */
  | { type: 'resume'; requestId: number; sessions: { sessionId: SessionId; seq: Seq }[] }
  | { type: 'ping'; requestId: number }
  /** What must not be missed, of the last 30 days; answered by `priority`. */
  | ({ type: 'priority' } & Paged)
  /** Groups that I am in; answered by `groups`. */
  | ({ type: 'groups'; since?: string } & Paged)
  /** One group; answered by `group`. */
  | { type: 'group'; requestId: number; sessionId: SessionId }
  /** Is somebody a member; answered by `member`. */
  | { type: 'member'; requestId: number; sessionId: SessionId; userId: UserId }
  /** Requests to join a group that I run; answered by `joinRequests`. */
  | ({ type: 'joinRequests'; sessionId: SessionId } & Paged)
  /** Invites of a group that I run; answered by `invites`. */
  | { type: 'invites'; requestId: number; sessionId: SessionId }
  /** Friends, requests and blocks; answered by `friends`. */
  | ({ type: 'friends'; since?: string } & Paged)
  /** Profiles of users, those left out that have not changed since `seq`; answered by `profiles`. */
  | { type: 'profiles'; requestId: number; users: { userId: UserId; seq?: Seq }[] }
  /** Users by id or by the beginning of their name; answered by `profiles`. */
  | { type: 'findUsers'; requestId: number; name: string; limit?: number }
  /** My settings and attributes; answered by `settings`. */
  | { type: 'settings'; requestId: number }
  /** Who has read a message; answered by `receipts`. */
  | ({ type: 'receipts'; sessionId: SessionId; seq: Seq } & Paged)
  /** Who is online; answered by `presence`, and with subscribe by `presenceChanged` from then on. */
  | { type: 'presence'; requestId: number; userIds: UserId[]; subscribe?: boolean }
  /** My connections; answered by `logins`. */
  | { type: 'logins'; requestId: number }
  /** Follow a public group without being a member; answered by `watching`. */
  | { type: 'watch'; requestId: number; sessionId: SessionId; on: boolean }
  /** Messages that I may see by what they say, the newest first; answered by `found`. */
  | ({ type: 'search' } & MessageFilter & Paged)

/** What is searched for; at least one of words, from and contentKind. */
export interface MessageFilter {
  /** All of them, in any order; in double quotes as they stand. */
  words?: string
  sessionId?: SessionId
  from?: UserId
  contentKind?: ContentKind
  /** Sent at or after, and before, by log time. */
  sinceAt?: Millis
  beforeAt?: Millis
}

/** Not answered and not kept. */
export type SignalFrame = { type: 'typing'; sessionId: SessionId; on: boolean }

export type ClientFrame = PackFrame | QuestionFrame | SignalFrame

/** Packs carry a packId; the only question that names one asks what became of it. */
export function isPackFrame(frame: ClientFrame): frame is PackFrame {
  return 'packId' in frame && frame.type !== 'outcome'
}

/** An event as clients see it. Redis history keeps exactly this JSON text, so that a page is copied, not encoded again. */
export interface EventFrame {
  type: 'event'
  sessionId: SessionId
  seq: Seq
  count: Count
  at: Millis
  packId: PackId
  from: UserId
  flags: number
  body: EventBody
  /** In pages: what became of the message since. */
  state?: MessageState
  /** In pages: how it was reacted to. */
  reactions?: ReactionCount[]
}

/** What became of a message. */
export interface MessageState {
  change: 'edited' | 'revoked' | 'deleted'
  by: UserId
  at: Millis
  /** Of the event that says so. */
  seq: Seq
  /** How often the content was changed. */
  version: number
}

/** Who reacted to a message by one emoji. */
export interface ReactionCount {
  emoji: string
  count: number
  /** The first of them. */
  userIds: UserId[]
}

export interface SessionSummary {
  sessionId: SessionId
  lastSeq: Seq
  count: Count
  unread: number
  /** Read up to here. */
  readSeq: Seq
  /** Time of the last event. */
  at: Millis
  /** The last event; absent where history no longer keeps it. */
  last?: EventFrame
  /** The asker's own; absent: the defaults. */
  attributes?: SessionAttributes
  /** Unread messages that mean the asker, and the first of them. */
  mentions?: number
  firstMentionSeq?: Seq
  /** Single chat: how far the other user has read, and a device of theirs has it. */
  peerReadSeq?: Seq
  peerDeliveredSeq?: Seq
  /** What lies at or below is hidden from the asker. */
  clearedSeq?: Seq
}

/** Somebody in a group. */
export interface MemberSummary {
  userId: UserId
  role: MemberRole
  joinSeq: Seq
  alias?: string
  mutedUntil?: Millis
}

/** A group as its members see it. */
export interface GroupSummary {
  sessionId: SessionId
  /** Last seq that the asker may see. */
  seq: Seq
  owner: UserId
  memberCount: number
  info: GroupInfo
  /** Absent: the defaults. */
  settings?: GroupSettings
  /** What the asker is in it. */
  me?: MemberSummary
}

/** What another user is to the asker; `requested` is asked by the asker, `asked` by the other. */
export interface FriendSummary {
  userId: UserId
  relation: 'none' | 'friend' | 'requested' | 'asked'
  blocked: boolean
  at: Millis
  remark?: string
  message?: string
}

export interface ProfileSummary {
  userId: UserId
  /** Of the event that set it. */
  seq: Seq
  profile: Profile
}

export interface InviteSummary {
  inviteId: string
  by: UserId
  expiresAt: Millis
  usesMax: number
  uses: number
}

export interface UserPresence {
  userId: UserId
  /** Types of the devices that are online. */
  online: number[]
  /** Absent: not known, or not shown. */
  lastSeenAt?: Millis
}

export interface LoginSummary {
  connectionId: string
  device: Device
  gateway: string
  at: Millis
}

interface Refusal {
  code: number
  name: CodeName
  reason: string
  retry: 'never' | 'same' | 'new'
  /** In how many ms the same may be taken, where that is known. */
  retryAfterMs?: Millis
}

export type ServerFrame =
  | {
      type: 'welcome'
      connectionId: string
      userId: UserId
      gateway: string
      serverTime: Millis
      /** The server sends a WebSocket ping this often and closes after two without an answer. */
      heartbeatMs: Millis
      frameBytesMax: number
    }
  | {
      type: 'ack'
      packId: PackId
      sessionId: SessionId
      seq: Seq
      count: Count
      at: Millis
      repeated?: boolean
      /** The server changed the content; it stands in history. */
      rewritten?: boolean
    }
  | ({ type: 'refused'; packId: PackId; sessionId: SessionId; repeated?: boolean } & Refusal)
  | EventFrame
  | { type: 'page'; requestId: number; sessionId: SessionId; lastSeq: Seq; more: boolean; events: EventFrame[] }
  | { type: 'sessions'; requestId: number; code: number; sessions: SessionSummary[]; cursor?: string; since?: string }
  | ({ type: 'members'; sessionId: SessionId; members: MemberSummary[]; left?: UserId[] } & PageEnd)
  | {
      type: 'outcome'
      requestId: number
      sessionId: SessionId
      packId: PackId
      found: boolean
      code: number
      seq: Seq
      count: Count
      at: Millis
    }
  /** `code` is there where a session could not be resumed and says why; the others are live above lastSeq. */
  | { type: 'resumed'; requestId: number; sessions: { sessionId: SessionId; lastSeq: Seq; code?: number }[] }
  /** The client's seq is above the session's last: it must forget what it has of the session and begin at 0. */
  | { type: 'reset'; sessionId: SessionId; lastSeq: Seq }
  /** Events fromSeq..toSeq will not come: no longer kept, not for this user, or of a kind newer than the server. */
  | { type: 'gap'; sessionId: SessionId; fromSeq: Seq; toSeq: Seq }
  | ({ type: 'failed'; requestId: number } & Refusal)
  /** A frame that could not be read at all, or a reason before a close. */
  | ({ type: 'error' } & Refusal)
  | { type: 'pong'; requestId: number; serverTime: Millis }
  | ListFrame
  | PushedFrame

/** Where a list goes on; the last page has no cursor, and may have a `since` to be given next time. */
interface PageEnd {
  requestId: number
  cursor?: string
  since?: string
}

/** Answers to the question of the same type, except where they are named otherwise. */
type ListFrame =
  | { type: 'priority'; requestId: number; events: EventFrame[]; more: boolean; cursor?: string }
  | ({ type: 'groups'; groups: GroupSummary[]; left?: SessionId[] } & PageEnd)
  | { type: 'group'; requestId: number; group: GroupSummary }
  | { type: 'member'; requestId: number; sessionId: SessionId; userId: UserId; member?: MemberSummary }
  | {
      type: 'joinRequests'
      requestId: number
      sessionId: SessionId
      requests: { userId: UserId; at: Millis; message?: string }[]
      cursor?: string
    }
  | { type: 'invites'; requestId: number; sessionId: SessionId; invites: InviteSummary[] }
  | ({ type: 'friends'; friends: FriendSummary[] } & PageEnd)
  | { type: 'profiles'; requestId: number; profiles: ProfileSummary[] }
  | { type: 'settings'; requestId: number; seq: Seq; settings: UserSettings; attributes: Attribute[] }
  | {
      type: 'receipts'
      requestId: number
      sessionId: SessionId
      seq: Seq
      readCount: number
      memberCount: number
      readers: UserId[]
      cursor?: string
    }
  | { type: 'presence'; requestId: number; users: UserPresence[] }
  | { type: 'logins'; requestId: number; logins: LoginSummary[] }
  | { type: 'watching'; requestId: number; sessionId: SessionId; on: boolean; lastSeq: Seq }
  | { type: 'found'; requestId: number; events: EventFrame[]; cursor?: string }

/** What was said to who is there just now. */
export interface OnlineMessage {
  sessionId: SessionId
  packId: PackId
  from: UserId
  /** The gateway's time. */
  at: Millis
  content: Content
  /** User ids that are meant. */
  mentions?: UserId[]
}

/** Said without being asked, and not kept. */
type PushedFrame =
  | { type: 'typing'; sessionId: SessionId; from: UserId; on: boolean }
  | { type: 'presenceChanged'; user: UserPresence }
  /** A message that nobody keeps (flag ONLINE_ONLY). */
  | ({ type: 'online' } & OnlineMessage)
  /** Something has changed that the client keeps a copy of: ask for it. */
  | { type: 'nudge'; what: 'friends' | 'groups' | 'groupInfo' | 'members' | 'settings'; sessionId?: SessionId }

/** The session that a pack of `me` is written to. */
export function sessionOfFrame(frame: PackFrame, me: UserId): SessionId {
  switch (frame.type) {
    case 'createGroup':
      return groupSessionId((frame.groupId as GroupId | undefined) ?? defaultGroupId(frame.packId))
    case 'clearSession':
    case 'deleteForMe':
    case 'setSessionAttributes':
    case 'updateProfile':
    case 'updateSettings':
    case 'setUserAttributes':
    case 'logout':
    case 'registerDevice':
    case 'unregisterDevice':
    case 'reportPushOpened':
      return userSessionId(me)
    case 'requestFriend':
    case 'acceptFriend':
    case 'refuseFriend':
    case 'deleteFriend':
    case 'remarkFriend':
    case 'blockUser':
    case 'unblockUser':
      return singleSessionId(me, frame.userId)
    default:
      return frame.sessionId
  }
}

/** True where the session is named after the sender: their own, or the single chat with another user. */
export function isOwnFrame(frame: PackFrame): frame is OwnPackFrame {
  return sessionOfFrame(frame, ONE) !== sessionOfFrame(frame, OTHER)
}

/** Two who are nobody. */
const ONE = '1' as UserId
const OTHER = '2' as UserId

/** The event as clients see it. */
export function eventFrame(event: Event): EventFrame {
  return {
    type: 'event',
    sessionId: event.sessionId,
    seq: event.seq,
    count: event.count,
    at: event.at,
    packId: event.packId,
    from: event.from,
    flags: event.flags,
    body: event.body,
  }
}

/** The event frame as JSON text: what goes to `packlog.v1.json` sockets and into Redis history. */
export function eventJson(event: Event): string {
  return JSON.stringify(eventFrame(event))
}

/** Events of one page at most. */
export const HISTORY_PAGE_MAX = 200
/** Sessions of one page at most. */
export const SESSIONS_PAGE_MAX = 100
export const MEMBERS_PAGE_MAX = 1_000
/** Users of whom one question may ask. */
export const USERS_ASKED_MAX = 200
/** Messages of one page of what was searched. */
export const SEARCH_PAGE_MAX = 50
/** Length of what is searched for. */
export const SEARCH_CHARS_MAX = 256
/** Sessions that one resume may name. */
export const RESUME_SESSIONS_MAX = 1_000
