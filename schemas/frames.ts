import type { Millis } from '../infra/clock.ts'
import type { CodeName } from './codes.ts'
import type { Event, EventBody } from './event.ts'
import type { Count, PackId, Seq, SessionId, UserId } from './ids.ts'
import type { Content, GroupInfo, PushInfo } from './pack.ts'

/**
 * The frames of the WebSocket protocol, version 1; docs/protocol.md shows an example of each.
 *
 * `packlog.v1.json` sends each as one JSON text; `packlog.v1.avro` sends the same records as Avro (frames.avsc).
 * Frames that carry a packId are packs: answered once, by `ack` or `refused`, when their outcome is in the log.
 * Frames that carry a requestId are questions: answered once, by the frame named beside them or by `failed`.
 */

export const SUBPROTOCOL_JSON = 'packlog.v1.json'
export const SUBPROTOCOL_AVRO = 'packlog.v1.avro'
/** A browser cannot set headers: it offers a further subprotocol of this prefix followed by its token. */
export const SUBPROTOCOL_TOKEN_PREFIX = 'packlog.token.'

export type PackFrame =
  | { type: 'send'; packId: PackId; sessionId: SessionId; flags?: number; pushInfo?: PushInfo; content: Content }
  /** The session is `g:<groupId>`; without groupId the packId without its dashes is taken. */
  | {
      type: 'createGroup'
      packId: PackId
      groupId?: string
      info: Partial<GroupInfo> & { name: string }
      members: UserId[]
    }
  | { type: 'joinGroup'; packId: PackId; sessionId: SessionId }
  | { type: 'quitGroup'; packId: PackId; sessionId: SessionId }
  | { type: 'dismissGroup'; packId: PackId; sessionId: SessionId }
  | { type: 'addMembers'; packId: PackId; sessionId: SessionId; userIds: UserId[] }
  | { type: 'removeMembers'; packId: PackId; sessionId: SessionId; userIds: UserId[] }

export type QuestionFrame =
  /** Events above afterSeq, or below beforeSeq (exactly one of the two); answered by `page`, ascending by seq. */
  | { type: 'history'; requestId: number; sessionId: SessionId; afterSeq?: Seq; beforeSeq?: Seq; limit?: number }
  /** My sessions by last activity, newest first; answered by `sessions`. */
  | { type: 'sessions'; requestId: number; cursor?: string; limit?: number }
  /** Members of a group that I am in; answered by `members`. */
  | { type: 'members'; requestId: number; sessionId: SessionId; cursor?: string; limit?: number }
  /** What became of a pack of mine; answered by `outcome`. */
  | { type: 'outcome'; requestId: number; sessionId: SessionId; packId: PackId }
  /** Everything above the named seqs, then live without gap or repeat: `event` frames, then `resumed`. */
  | { type: 'resume'; requestId: number; sessions: { sessionId: SessionId; seq: Seq }[] }
  | { type: 'ping'; requestId: number }

export type ClientFrame = PackFrame | QuestionFrame

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
}

export interface MemberSummary {
  userId: UserId
  role: 'owner' | 'admin' | 'member'
  joinSeq: Seq
}

interface Refusal {
  code: number
  name: CodeName
  reason: string
  retry: 'never' | 'same' | 'new'
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
  | { type: 'ack'; packId: PackId; sessionId: SessionId; seq: Seq; count: Count; at: Millis; repeated?: boolean }
  | ({ type: 'refused'; packId: PackId; sessionId: SessionId; repeated?: boolean } & Refusal)
  | EventFrame
  | { type: 'page'; requestId: number; sessionId: SessionId; lastSeq: Seq; more: boolean; events: EventFrame[] }
  | { type: 'sessions'; requestId: number; code: number; sessions: SessionSummary[]; cursor?: string }
  | { type: 'members'; requestId: number; sessionId: SessionId; members: MemberSummary[]; cursor?: string }
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
/** Sessions that one resume may name. */
export const RESUME_SESSIONS_MAX = 1_000
