import { readFileSync } from 'node:fs'
import type { Millis } from '../infra/clock.ts'
import { type RecordCodec, registeredCodec, type SchemaRegistry } from './codec.ts'
import type { Cause } from './event.ts'
import type { Count, Offset, Seq, SessionId, UserId } from './ids.ts'
import type { GroupInfo, Rules } from './pack.ts'

/** Seqs between which a user was a member; leaveSeq is 0 while it lasts. */
export interface Interval {
  joinSeq: Seq
  leaveSeq: Seq
}

/** A position on im.events as it is stored; see topics/valid-events.ts. */
interface StoredPosition {
  offset: Offset
  cause: Cause | null
  hash: string | null
}

export type SessionBody =
  | {
      kind: 'SessionHead'
      sessionId: SessionId
      lastSeq: Seq
      count: Count
      owner: string
      dismissed: boolean
      memberCount: number
    }
  | { kind: 'SessionInfo'; sessionId: SessionId; info: GroupInfo }
  | { kind: 'SessionMember'; sessionId: SessionId; userId: UserId; owner: boolean; intervals: Interval[] }
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
