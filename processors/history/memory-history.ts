import type { Millis } from '../../infra/clock.ts'
import type { Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { SessionAttributes } from '../../schemas/settings.ts'
import type { Position } from '../../topics/valid-events.ts'
import type { KeptOfSession } from './history-store.ts'
import type { Amended } from './memory-amend.ts'
import type { Line, Mark, RefusalWrite } from './project.ts'

/** What history in memory consists of, for the simulation and for tests. */

interface Left extends Mark {
  at: number
}

export interface StoredSession extends Amended {
  lastSeq: Seq
  firstSeq: Seq
  count: number
  at: number
  largeSince: Seq
  events: Map<Seq, Line>
  marks: Map<UserId, Mark>
  delivered: Map<UserId, Seq>
  members: Set<UserId>
  left: Map<UserId, Left>
}

export interface StoredUser {
  hot: Map<SessionId, number>
  large: Set<SessionId>
  /** By packId and session. */
  refusals: Map<string, RefusalWrite>
  kept: Map<SessionId, StoredKept>
  /** `s` or `u` and the session id -> minute; see kept.ts. */
  changed: Map<string, Millis>
  /** Members as in told.ts, by time. */
  told: Map<string, Millis>
}

export interface Contents {
  positions: Map<Partition, Position>
  sessions: Map<SessionId, StoredSession>
  users: Map<UserId, StoredUser>
  /** Which partition a session is in, for trimming. */
  homes: Map<SessionId, Partition>
  /** Minutes up to which everything is stored. */
  times: Map<Partition, Millis>
}

/** What one or more stores share, as clients of one server do. */
export class MemoryHistory {
  contents: Contents = emptyContents()
  /** How often it was emptied, or found to be set back. */
  lives = 0

  /** Loses everything. */
  flush(): void {
    this.contents = emptyContents()
    this.lives++
  }
}

function emptyContents(): Contents {
  return { positions: new Map(), sessions: new Map(), users: new Map(), homes: new Map(), times: new Map() }
}

export interface StoredKept extends Omit<KeptOfSession, 'attributes'> {
  attributes: { seq: Seq; attributes: SessionAttributes } | undefined
}
