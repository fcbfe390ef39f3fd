import type { Millis } from '../../infra/clock.ts'
import { Code, codeName, isTemporary } from '../../schemas/codes.ts'
import { type AcceptedEvent, type Event, isAccepted, takesSeq } from '../../schemas/event.ts'
import { eventJson } from '../../schemas/frames.ts'
import {
  type Count,
  isPackId,
  isSessionId,
  isUserId,
  type Offset,
  type PackId,
  parseSessionId,
  RULES_SESSION,
  type Seq,
  type SessionId,
  type UserId,
} from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import { LogCorrupt } from '../../topics/valid-events.ts'
import type { ViewBatch } from '../view.ts'
import { type Amendment, amendmentsOf } from './amendments.ts'
import { type PersonalWrites, projectPersonal } from './kept.ts'

/** Turns events into the writes of the history view, grouped per session and per user. Pure. */

/** One event of a session's timeline. `json` is the text of its frame, as clients get it. */
export interface Line {
  seq: Seq
  count: Count
  at: Millis
  packId: PackId
  from: UserId
  json: string
}

/** "Read up to": a max-register. */
export interface Mark {
  seq: Seq
  count: Count
}

export interface MemberChange extends Mark {
  kind: 'join' | 'leave'
  at: Millis
  userIds: readonly UserId[]
}

export interface SessionWrites {
  sessionId: SessionId
  isGroup: boolean
  /** Ascending and dense by seq; at least one. */
  lines: Line[]
  /** The highest mark of each user that these events set. */
  marks: Map<UserId, Mark>
  /** In log order. */
  changes: MemberChange[]
  /** In log order. */
  amendments: Amendment[]
}

/** A final refusal, told to the sender only; it belongs to the sender and makes no session state. */
export interface RefusalWrite {
  userId: UserId
  sessionId: SessionId
  packId: PackId
  code: number
  at: Millis
}

export interface HistoryWrites extends PersonalWrites {
  sessions: SessionWrites[]
  refusals: RefusalWrite[]
  /** Log time of the last event; 0 when there was none. */
  at: Millis
}

/** Why history cannot show an event; undefined where it can. */
export function reasonToSkip(event: Event): string | undefined {
  if (!isAccepted(event) || event.sessionId === RULES_SESSION) return undefined
  if (!isSessionId(event.sessionId)) return 'the session id is not in its canonical form'
  if (event.seq < 1 && takesSeq(event.body.kind)) return 'an accepted event of a timeline without a seq'
  return undefined
}

/** The writes of a batch. Throws LogCorrupt where a session's seqs are not dense: no correct sequencer writes that. */
export function project({ partition, events }: Pick<ViewBatch, 'partition' | 'events'>): HistoryWrites {
  const sessions = new Map<SessionId, SessionWrites>()
  const refusals: RefusalWrite[] = []
  const personal: PersonalWrites = { receipts: new Map(), kept: new Map(), told: new Map() }
  for (const { event, position } of events) {
    if (event.body.kind === 'PackRefused') projectRefused(refusals, event, event.body.code)
    if (!isAccepted(event) || event.sessionId === RULES_SESSION || reasonToSkip(event) !== undefined) continue
    projectPersonal(personal, event, position.offset)
    if (!takesSeq(event.body.kind)) continue
    const writes = writesOf(sessions, event.sessionId)
    const before = writes.lines.at(-1)
    if (before !== undefined && event.seq !== before.seq + 1) {
      const message = `${event.sessionId}: seq ${event.seq} follows ${before.seq}`
      throw new LogCorrupt(partition, position.offset, message)
    }
    addEvent(writes, event, position.offset)
  }
  return { sessions: [...sessions.values()], refusals, ...personal, at: events.at(-1)?.event.at ?? 0 }
}

function writesOf(sessions: Map<SessionId, SessionWrites>, sessionId: SessionId): SessionWrites {
  let writes = sessions.get(sessionId)
  if (writes === undefined) {
    writes = {
      sessionId,
      isGroup: sessionId.startsWith('g:'),
      lines: [],
      marks: new Map(),
      changes: [],
      amendments: [],
    }
    sessions.set(sessionId, writes)
  }
  return writes
}

function addEvent(writes: SessionWrites, event: AcceptedEvent, offset: Offset): void {
  const { seq, count, at, packId, from } = event
  const json = eventJson(event)
  writes.lines.push({ seq, count, at, packId, from, json })
  for (const amendment of amendmentsOf(event, offset, json)) writes.amendments.push(amendment)
  const mark = { seq, count }
  const change = memberChange(event)
  if (change !== undefined) {
    writes.changes.push(change)
    // Who comes in has read everything up to the coming in (DESIGN 5).
    if (change.kind === 'join') for (const userId of change.userIds) writes.marks.set(userId, mark)
  }
  if (event.body.kind === 'MessageAccepted' && (event.flags & Flag.COUNTER) !== 0) writes.marks.set(event.from, mark)
}

/** Who enters or leaves a group with this event; undefined where nobody does. */
function memberChange({ body, from, seq, count, at }: AcceptedEvent): MemberChange | undefined {
  const base = { seq, count, at }
  switch (body.kind) {
    case 'GroupCreated':
      return { kind: 'join', ...base, userIds: [from, ...body.members.filter(userId => userId !== from)] }
    case 'MemberJoined':
      return { kind: 'join', ...base, userIds: [from] }
    case 'MembersAdded':
      return { kind: 'join', ...base, userIds: body.userIds }
    case 'MemberQuit':
      return { kind: 'leave', ...base, userIds: [from] }
    case 'MembersRemoved':
      return { kind: 'leave', ...base, userIds: body.userIds }
    // With its dismissal a timeline ends: nothing has to be hidden from those who were in.
    default:
      return undefined
  }
}

/** Who has a session in the hot list whatever happens in it; in groups that depends on who is in. */
export function fixedUsersOf(sessionId: SessionId): UserId[] {
  const session = parseSessionId(sessionId)
  if (session?.kind === 'Single') return [session.a, session.b]
  if (session?.kind === 'Notify') return [session.user]
  return []
}

function projectRefused(refusals: RefusalWrite[], event: Event, code: number): void {
  if (!isRemembered(code) || !isPackId(event.packId) || !isUserId(event.from) || !isSessionId(event.sessionId)) return
  refusals.push({ userId: event.from, sessionId: event.sessionId, packId: event.packId, code, at: event.at })
}

/**
 * True for the refusals that are a pack's own first outcome for good. Temporary ones are not; EXPIRED and
 * PACK_CONFLICT say something of a resend; MISROUTED and UNREADABLE come from who is no client of ours.
 */
function isRemembered(code: number): boolean {
  const name = codeName(code)
  if (name === undefined || isTemporary(name) || Code[name].retry === 'new') return false
  return name !== 'PACK_CONFLICT' && name !== 'MISROUTED' && name !== 'UNREADABLE'
}
