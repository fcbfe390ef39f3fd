import { hotTime } from '../processors/history/history-store.ts'
import type { HistoryUserRow } from '../processors/history/inspect.ts'
import type { MembershipUserRow } from '../processors/membership/inspect.ts'
import { Code, codeName } from '../schemas/codes.ts'
import type { Event } from '../schemas/event.ts'
import type { EventFrame } from '../schemas/frames.ts'
import {
  isPackId,
  isSessionId,
  isUserId,
  type Seq,
  type SessionId,
  type UserId,
  userSessionId,
} from '../schemas/ids.ts'
import type { MemberRole } from '../schemas/settings.ts'
import { isSame } from './compare-history.ts'
import { type Difference, NOTHING, show } from './difference.ts'
import { type PartitionFold, type Refusal, type SessionFold, TOLD_KINDS, type Told, toldKey } from './fold.ts'
import type { KeptFold } from './fold-reading.ts'
import { NO_ENTRIES, NO_MEMBERS, ownMap, ownSet, withItem } from './lazily.ts'
import { type PeopleFold, PeopleMoves, type PersonFold, peopleOf } from './people.ts'

/**
 * What the views keep for each user, gathered over all partitions: the sessions of a user lie in many of them. A list
 * is compared entry by entry, because entries move one by one: what a session did after the end of the fold is in
 * `Moves`, and an entry is right when it is as the log had it at some time since. Pure.
 */

export interface UserFold {
  /** sessionId -> hotTime of the last event that the user may see. */
  hot: ReadonlyMap<SessionId, number>
  largeGroups: ReadonlySet<SessionId>
  /** sessionId -> seq of joining; groups that the user is in. */
  groups: ReadonlyMap<SessionId, { joinSeq: Seq; role: MemberRole }>
  refusals: Refusal[]
  /** What others have done to them. */
  told: Told[]
  /** What the user keeps of sessions. */
  kept: ReadonlyMap<SessionId, KeptFold>
}

/** What a user has nothing of is shared by all of them: there may be millions. */
const NO_USER: UserFold = {
  hot: NO_ENTRIES,
  largeGroups: NO_MEMBERS,
  groups: NO_ENTRIES,
  refusals: [],
  told: [],
  kept: NO_ENTRIES,
}

/** Of a session, what happened after the end of the fold. */
export interface SessionMoves {
  /** hotTime of each event. */
  times: Set<number>
  /** Seqs of events that change who is in. */
  memberSeqs: Set<Seq>
}

/** What happened after the end of the folds. */
export class Moves {
  readonly sessions = new Map<string, SessionMoves>()
  readonly refusals = new Set<string>()
  readonly told = new Set<string>()
  readonly people = new PeopleMoves()

  add(event: Event): void {
    const { sessionId, at, seq, body, packId, from } = event
    this.people.add(event)
    if (body.kind === 'PackRefused') this.refusals.add(`${from} ${packId}`)
    if (TOLD_KINDS.includes(body.kind)) this.told.add(toldKey(event))
    if (seq === 0) return
    const moves = this.sessions.get(sessionId) ?? { times: new Set(), memberSeqs: new Set() }
    this.sessions.set(sessionId, moves)
    moves.times.add(hotTime(at))
    if (body.kind !== 'MessageAccepted') moves.memberSeqs.add(seq)
  }
}

export class UserFolds {
  readonly users = new Map<UserId, UserFold>()
  private readonly peopleFolds: PeopleFold[] = []

  /** Takes what a partition says of users besides their sessions. */
  addPersonal({ people, told, refusals }: PartitionFold): void {
    this.peopleFolds.push(people)
    for (const one of told) {
      const user = this.user(one.userId)
      user.told = withItem(user.told, one)
    }
    for (const refusal of refusals) {
      if (!isKept(refusal)) continue
      const user = this.user(refusal.userId)
      user.refusals = withItem(user.refusals, refusal)
    }
  }

  /** Takes what a partition says of the sessions of those users. */
  addSessions(fold: PartitionFold, wanted: ReadonlySet<UserId>): void {
    for (const session of fold.sessions.values()) this.addSession(session, wanted)
  }

  /** What the log says of each user besides their sessions. */
  people(): Map<UserId, PersonFold> {
    return peopleOf(this.peopleFolds)
  }

  private addSession(session: SessionFold, wanted: ReadonlySet<UserId>): void {
    const { sessionId, kind, at } = session
    if (kind.kind === 'Single') {
      for (const userId of [kind.a, kind.b]) if (wanted.has(userId)) this.see(userId, sessionId, at)
    }
    if (kind.kind === 'Notify' && wanted.has(kind.user)) this.see(kind.user, sessionId, at)
    if (kind.kind === 'User' && wanted.has(kind.user)) this.user(kind.user).kept = session.reading.kept
    if (kind.kind !== 'Group') return
    for (const [userId, { left, metLarge }] of session.people) {
      if (!wanted.has(userId)) continue
      const user = this.user(userId)
      if (!metLarge) this.see(userId, sessionId, left?.at ?? at)
      else user.largeGroups = ownSet(user.largeGroups).add(sessionId)
    }
    if (session.dismissedSeq > 0) return
    for (const [userId, { joinSeq }] of session.members()) {
      if (!wanted.has(userId)) continue
      const user = this.user(userId)
      user.groups = ownMap(user.groups).set(sessionId, { joinSeq, role: session.group.roleOf(userId) })
    }
  }

  private see(userId: UserId, sessionId: SessionId, at: number): void {
    const user = this.user(userId)
    user.hot = ownMap(user.hot).set(sessionId, hotTime(at))
  }

  private user(userId: UserId): UserFold {
    let user = this.users.get(userId)
    if (user === undefined) {
      user = { ...NO_USER }
      this.users.set(userId, user)
    }
    return user
  }
}

export interface UserLimits {
  hotSessionsMax: number
  refusalsPerUserMax: number
  urgentMax: number
}

/** What differs between a user of the history view and the log. */
export function compareHistoryUser(
  request: { userId: UserId; user: UserFold | undefined; row: HistoryUserRow | undefined; moves: Moves },
  { hotSessionsMax, refusalsPerUserMax, urgentMax }: UserLimits,
): Difference[] {
  const { userId, user = NO_USER, row, moves } = request
  const say = speaker('history', userId)
  const hot = new Map(row?.hot.map(({ sessionId, at }) => [sessionId as string, at]))
  const large = new Set(row?.largeGroups as string[] | undefined)
  for (const sessionId of union(user.hot, hot)) {
    const [expected, found] = [user.hot.get(sessionId as SessionId), hot.get(sessionId)]
    if (expected === found) continue
    const moved = moves.sessions.get(sessionId)
    const isMoved = found === undefined ? moved !== undefined && moved.memberSeqs.size > 0 : moved?.times.has(found)
    // A list that is full drops its oldest.
    const isDropped = found === undefined && hot.size >= hotSessionsMax
    if (isMoved !== true && !isDropped) say.about(sessionId, 'session list', expected, found)
  }
  for (const sessionId of union(user.largeGroups, large)) {
    const [expected, found] = [user.largeGroups.has(sessionId as SessionId), large.has(sessionId)]
    const isMoved = (moves.sessions.get(sessionId)?.memberSeqs.size ?? 0) > 0
    if (expected !== found && !isMoved) say.about(sessionId, 'large groups', expected, found)
  }
  compareRefusals(user, row, { moves, refusalsPerUserMax }, say)
  compareTold(user, row, { moves, urgentMax }, say)
  if (!moves.sessions.has(userSessionId(userId))) compareKept(user, row, say)
  return say.differences
}

function compareKept(user: UserFold, row: HistoryUserRow | undefined, say: Speaker): void {
  const found = new Map(row?.kept.map(({ sessionId, ...kept }) => [sessionId as string, kept]))
  for (const sessionId of union(user.kept, found)) {
    const [expected, stored] = [user.kept.get(sessionId as SessionId), found.get(sessionId)]
    if (!isSame(expected, stored)) say.about(sessionId, 'kept by a user', expected, stored)
  }
}

function compareRefusals(
  user: UserFold,
  row: HistoryUserRow | undefined,
  { moves, refusalsPerUserMax }: { moves: Moves; refusalsPerUserMax: number },
  say: Speaker,
): void {
  const text = ({ packId, sessionId, code, at }: Omit<Refusal, 'userId'>) => `${packId}/${sessionId}/${code}/${at}`
  const newest = user.refusals.map(text).sort().slice(-refusalsPerUserMax)
  const all = new Set(user.refusals.map(text))
  const found = new Set(row?.refusals.map(text))
  const isFull = found.size >= refusalsPerUserMax
  for (const refusal of newest) {
    if (!found.has(refusal) && !isFull) say.about(refusal.split('/')[1]!, 'refusal', refusal, undefined)
  }
  for (const refusal of found) {
    const isMoved = moves.refusals.has(`${say.userId} ${refusal.split('/')[0]}`)
    if (!all.has(refusal) && !isMoved) say.about(refusal.split('/')[1]!, 'refusal', undefined, refusal)
  }
}

/** The newest must be there, but where newer ones have pushed them out; nothing else may be. */
function compareTold(
  user: UserFold,
  row: HistoryUserRow | undefined,
  { moves, urgentMax }: { moves: Moves; urgentMax: number },
  say: Speaker,
): void {
  const expected = new Map(user.told.map(told => [`${told.partition}/${told.offset}`, told]))
  const found = new Set<string>()
  for (const { partition, offset, at, json } of row?.told ?? []) {
    const place = `${partition}/${offset}`
    found.add(place)
    const told = expected.get(place)
    const frame = JSON.parse(json) as EventFrame
    const isRight = told === undefined ? moves.told.has(toldKey(frame)) : told.at === at && told.json === json
    if (!isRight) say.about(frame.sessionId, 'what must not be missed', told?.key, json)
  }
  const isFull = found.size >= urgentMax
  for (const [place, { key }] of expected) {
    if (!found.has(place) && !isFull) say.about(key.split(' ')[0]!, 'what must not be missed', key, undefined)
  }
}

/** What differs between a user of the membership view and the log. */
export function compareMembershipUser(request: {
  userId: UserId
  user: UserFold | undefined
  row: MembershipUserRow | undefined
  moves: Moves
}): Difference[] {
  const { userId, user = NO_USER, row, moves } = request
  const say = speaker('membership', userId)
  const groups = new Map(row?.groups.map(({ sessionId, joinSeq, role }) => [sessionId as string, { joinSeq, role }]))
  for (const sessionId of union(user.groups, groups)) {
    const [expected, found] = [user.groups.get(sessionId as SessionId), groups.get(sessionId)]
    if (isSame(expected, found)) continue
    const memberSeqs = moves.sessions.get(sessionId)?.memberSeqs
    // A role may have moved since as well: its seq is not in the row.
    const isSameStay = found !== undefined && found.joinSeq === expected?.joinSeq
    const isMoved =
      memberSeqs !== undefined &&
      (found === undefined || isSameStay ? memberSeqs.size > 0 : memberSeqs.has(found.joinSeq))
    if (!isMoved) say.about(sessionId, 'groups of a user', expected, found, (expected ?? found)?.joinSeq)
  }
  return say.differences
}

interface Speaker {
  userId: UserId
  differences: Difference[]
  about(sessionId: string, what: string, expected: unknown, found: unknown, seq?: Seq): void
}

function speaker(view: 'history' | 'membership', userId: UserId): Speaker {
  const differences: Difference[] = []
  return {
    userId,
    differences,
    about: (sessionId, what, expected, found, seq) => {
      const place = { view, sessionId, userId, ...(seq === undefined ? {} : { seq }) }
      differences.push({ ...place, what, expected: textOf(expected), found: textOf(found) })
    },
  }
}

function textOf(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'listed' : NOTHING
  return show(value)
}

function union(one: { keys(): Iterable<string> }, other: { keys(): Iterable<string> }): Set<string> {
  return new Set([...one.keys(), ...other.keys()])
}

/** Refusals that stay the answer to their pack for good, of senders who can ask. */
export function isKept({ userId, packId, sessionId, code }: Refusal): boolean {
  const name = codeName(code)
  if (name === undefined || Code[name].retry !== 'never') return false
  if (name === 'PACK_CONFLICT' || name === 'MISROUTED' || name === 'UNREADABLE') return false
  return isUserId(userId) && isPackId(packId) && isSessionId(sessionId)
}
