import type { Millis } from '../../infra/clock.ts'
import type { PackId, Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { SessionAttributes } from '../../schemas/settings.ts'
import type { Position } from '../../topics/valid-events.ts'
import { byKey } from '../by-key.ts'
import { ViewMoved } from '../view.ts'
import {
  type HistoryGap,
  type HistoryOptions,
  type HistoryPage,
  type HistoryReader,
  type HistoryStore,
  type HotSession,
  type HotSessionsPage,
  hotTime,
  type KeptOfSession,
  type PackOutcome,
  type SessionHead,
  type UrgentEvent,
} from './history-store.ts'
import { beforeCursor, cursorOf, newestFirst, parseCursor, wantedSince } from './hot-cursor.ts'
import type { HistoryInspector, HistorySessionRow, HistoryUserRow } from './inspect.ts'
import type { KeptWrites, ReceiptWrites, ToldWrite } from './kept.ts'
import { type Amended, amend, mentionsOf, notAmended } from './memory-amend.ts'
import type { Line, Mark, MemberChange, RefusalWrite, SessionWrites } from './project.ts'
import { NOTHING_KEPT, ownMark, peerOf, type SessionFacts, summaryOf, withReactions } from './session-summary.ts'
import { byPlace, toldEvent, toldMember } from './told.ts'
import { type GroupState, type UserWrites, userWritesOf } from './user-lists.ts'

/** History in memory, for the simulation and for tests; the same behaviour as in Redis (tests/contract). */

interface Left extends Mark {
  at: number
}

interface StoredSession extends Amended {
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

interface StoredUser {
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

interface Contents {
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

export class MemoryHistoryStore implements HistoryStore, HistoryReader, HistoryInspector {
  private readonly server: MemoryHistory
  private readonly options: HistoryOptions
  private readonly onGap: (gap: HistoryGap) => void
  private readonly places = new Map<Partition, { contents: Contents; before: number | undefined }>()

  constructor(server: MemoryHistory, options: HistoryOptions, onGap: (gap: HistoryGap) => void = () => {}) {
    this.server = server
    this.options = options
    this.onGap = onGap
  }

  async filling(): Promise<string> {
    return `life-${this.server.lives}`
  }

  async position(partition: Partition): Promise<Position | undefined> {
    const { contents } = this.server
    const position = contents.positions.get(partition)
    const known = this.places.get(partition)
    if (known?.contents === contents && (position?.offset ?? -1) < (known.before ?? -1)) this.server.lives++
    this.places.set(partition, { contents, before: position?.offset })
    return position
  }

  async write({ partition, writes, position }: Parameters<HistoryStore['write']>[0]): Promise<void> {
    const place = this.places.get(partition)
    if (place?.contents !== this.server.contents) throw new ViewMoved(`partition ${partition}`)
    const { contents } = place
    const isInPlace = this.isInPlace(partition)
    const states = writes.sessions.map(session => {
      if (!isInPlace && isGap(contents.sessions.get(session.sessionId), session)) {
        throw new ViewMoved(`partition ${partition}: ${session.sessionId} lacks events that were confirmed`)
      }
      return this.applySession(contents, partition, session)
    })
    for (const [userId, lists] of userWritesOf(writes.sessions, states)) this.applyUser(contents, userId, lists)
    for (const refusal of writes.refusals) this.applyRefusal(contents, refusal)
    for (const { sessionId, amendments } of writes.sessions) {
      amend(contents.sessions.get(sessionId)!, amendments, this.options)
    }
    for (const [sessionId, receipts] of writes.receipts) raiseMarks(contents.sessions.get(sessionId), receipts)
    for (const [userId, kept] of writes.kept) applyKept(userOf(contents, userId), kept, this.options)
    for (const [userId, told] of writes.told) applyTold(userOf(contents, userId), partition, told, this.options)
    const time = hotTime(writes.at)
    if (time > (contents.times.get(partition) ?? 0)) contents.times.set(partition, time)
    if (writes.at > 0) this.sweep(contents, partition, writes.at - this.options.eventAgeMs)
    // As in Redis: a store that was set back is noticed with the position, behind what was written.
    if (!isInPlace) throw new ViewMoved(`partition ${partition}: the store lost what it had confirmed`)
    const stored = contents.positions.get(partition)
    if (stored === undefined || stored.offset < position.offset) contents.positions.set(partition, position)
    place.before = position.offset
  }

  async inPlace(partition: Partition): Promise<boolean> {
    return this.places.has(partition) && this.isInPlace(partition)
  }

  private isInPlace(partition: Partition): boolean {
    const { contents, before } = this.places.get(partition)!
    if (contents !== this.server.contents) return false
    return before === undefined || (contents.positions.get(partition)?.offset ?? -2) >= before
  }

  private applySession(contents: Contents, partition: Partition, writes: SessionWrites): GroupState {
    const session = contents.sessions.get(writes.sessionId) ?? newSession()
    const before = session.lastSeq
    const fresh = writes.lines.filter(line => line.seq > before)
    if (isGap(session, writes)) {
      const { seq } = writes.lines[0]!
      this.onGap({ sessionId: writes.sessionId, firstSeq: seq })
      session.events.clear()
      session.reactions.clear()
      session.firstSeq = seq
    }
    for (const line of fresh) session.events.set(line.seq, line)
    const last = fresh.at(-1)
    if (last !== undefined) {
      Object.assign(session, { lastSeq: last.seq, count: last.count, at: last.at })
      contents.sessions.set(writes.sessionId, session)
      contents.homes.set(writes.sessionId, partition)
      for (const [userId, mark] of writes.marks) {
        if ((session.marks.get(userId)?.seq ?? 0) < mark.seq) session.marks.set(userId, mark)
      }
      for (const change of writes.changes) if (change.seq > before) this.applyChange(session, change)
      trim(session, last.seq - this.options.eventsPerSessionMax, last.at - this.options.eventAgeMs)
    }
    const tells = session.largeSince === 0 || session.largeSince >= writes.lines[0]!.seq
    return { largeSince: session.largeSince, at: session.at, members: tells ? [...session.members] : [] }
  }

  private applyChange(session: StoredSession, { kind, seq, count, at, userIds }: MemberChange): void {
    for (const userId of userIds) {
      if (kind === 'join') {
        session.members.add(userId)
        session.left.delete(userId)
      } else {
        session.members.delete(userId)
        session.left.set(userId, { seq, count, at })
      }
    }
    if (session.largeSince === 0 && session.members.size > this.options.hotGroupMembersMax) session.largeSince = seq
  }

  private applyUser(contents: Contents, userId: UserId, { hot, large }: UserWrites): void {
    const user = userOf(contents, userId)
    for (const [sessionId, at] of hot) {
      if ((user.hot.get(sessionId) ?? 0) < at) user.hot.set(sessionId, at)
    }
    for (const sessionId of large) {
      user.large.add(sessionId)
      user.hot.delete(sessionId)
    }
    const entries = [...user.hot].map(([sessionId, at]) => ({ sessionId, at })).sort(newestFirst)
    for (const { sessionId } of entries.slice(this.options.hotSessionsMax)) user.hot.delete(sessionId)
  }

  private applyRefusal(contents: Contents, refusal: RefusalWrite): void {
    const { refusals } = userOf(contents, refusal.userId)
    refusals.set(`${refusal.packId}/${refusal.sessionId}`, refusal)
    const oldest = [...refusals.keys()].sort().slice(0, -this.options.refusalsPerUserMax)
    for (const key of oldest) refusals.delete(key)
  }

  private sweep(contents: Contents, partition: Partition, cutoff: number): void {
    for (const [sessionId, session] of contents.sessions) {
      if (contents.homes.get(sessionId) === partition) trim(session, 0, cutoff)
    }
  }

  async page(request: Parameters<HistoryReader['page']>[0]): Promise<HistoryPage> {
    const session = this.server.contents.sessions.get(request.sessionId)
    if (session === undefined) return { events: [], seqs: [], lastSeq: 0, firstSeq: 1 }
    const { lastSeq, firstSeq, events } = session
    const after = 'afterSeq' in request
    const to = after
      ? Math.min(lastSeq, Math.max(request.afterSeq + 1, firstSeq) + request.limit - 1)
      : Math.min(request.beforeSeq - 1, lastSeq)
    const from = after ? Math.max(request.afterSeq + 1, firstSeq) : Math.max(firstSeq, to - request.limit + 1)
    const lines: Line[] = []
    for (let seq = from; seq <= to; seq++) lines.push(events.get(seq)!)
    const texts = lines.map(({ seq, json }) => {
      const reactions = session.reactions.get(seq)
      return reactions === undefined ? json : withReactions(json, reactions)
    })
    return { events: texts, seqs: lines.map(line => line.seq), lastSeq, firstSeq }
  }

  async heads(sessionIds: readonly SessionId[]): Promise<(SessionHead | undefined)[]> {
    return sessionIds.map(sessionId => {
      const session = this.server.contents.sessions.get(sessionId)
      return session && { lastSeq: session.lastSeq, count: session.count, at: session.at }
    })
  }

  async outcome(request: { sessionId: SessionId; from: UserId; packId: PackId }): Promise<PackOutcome | undefined> {
    const { sessionId, from, packId } = request
    for (const line of this.server.contents.sessions.get(sessionId)?.events.values() ?? []) {
      if (line.packId === packId && line.from === from) {
        return { code: 0, seq: line.seq, count: line.count, at: line.at }
      }
    }
    const refusal = this.server.contents.users.get(from)?.refusals.get(`${packId}/${sessionId}`)
    return refusal && { code: refusal.code, seq: 0, count: 0, at: refusal.at }
  }

  async hotSessions(request: Parameters<HistoryReader['hotSessions']>[0]): Promise<HotSessionsPage> {
    const user = this.server.contents.users.get(request.userId)
    if (user === undefined) return { sessions: [] }
    const cursor = parseCursor(request.cursor)
    const isWanted = wantedSince(request.userId, [...user.changed], request.since)
    const all = [...user.large, ...user.hot.keys()].map(sessionId => this.summary(request.userId, sessionId)!)
    const wanted = all
      .filter(session => beforeCursor(session, cursor) && isWanted(session.sessionId, hotTime(session.at)))
      .sort(newestFirst)
    const sessions = wanted.slice(0, request.limit)
    return wanted.length > request.limit ? { sessions, cursor: cursorOf(sessions.at(-1)!) } : { sessions }
  }

  private summary(userId: UserId, sessionId: SessionId): HotSession | undefined {
    const session = this.server.contents.sessions.get(sessionId)
    if (session === undefined) return undefined
    const left = session.left.get(userId)
    const { count, at } = left ?? session
    const lastSeq = left?.seq ?? session.lastSeq
    const kept = this.keptOf(userId, sessionId)
    const [stored, own] = [session.marks.get(userId) ?? { seq: 0, count: 0 }, ownMark(kept)]
    const read = own.seq > stored.seq ? own : stored
    const mentions = mentionsOf(session, userId, read.seq, lastSeq)
    const peer = peerOf(sessionId, userId)
    const facts: SessionFacts = {
      sessionId,
      lastSeq,
      count,
      at,
      read,
      stopped: [...session.stopped].filter(seq => seq > read.seq && seq <= lastSeq).length,
      mentions: mentions.length,
      firstMentionSeq: mentions[0] ?? 0,
      peerReadSeq: (peer && session.marks.get(peer)?.seq) ?? 0,
      peerDeliveredSeq: (peer && session.delivered.get(peer)) ?? 0,
      last: session.events.get(lastSeq)?.json,
    }
    return summaryOf(facts, kept)
  }

  private keptOf(userId: UserId, sessionId: SessionId): KeptOfSession {
    const kept = this.server.contents.users.get(userId)?.kept.get(sessionId)
    if (kept === undefined) return NOTHING_KEPT
    const { attributes, read, cleared, hidden } = kept
    return { attributes: attributes?.attributes, read, cleared, hidden }
  }

  async times(partitions: readonly Partition[]): Promise<ReadonlyMap<Partition, Millis>> {
    return new Map(partitions.map(partition => [partition, this.server.contents.times.get(partition) ?? 0]))
  }

  async kept({ userId, sessionIds }: Parameters<HistoryReader['kept']>[0]): Promise<KeptOfSession[]> {
    return sessionIds.map(sessionId => this.keptOf(userId, sessionId))
  }

  async readSeqs({ sessionId, userIds }: Parameters<HistoryReader['readSeqs']>[0]): Promise<Seq[]> {
    const marks = this.server.contents.sessions.get(sessionId)?.marks
    return userIds.map(userId => marks?.get(userId)?.seq ?? 0)
  }

  async urgent({ userId, after }: Parameters<HistoryReader['urgent']>[0]): Promise<UrgentEvent[]> {
    const user = this.server.contents.users.get(userId)
    const told = toldOf(user).filter(({ partition, offset }) => offset > (after.offsets.get(partition) ?? -1))
    const inSessions = [...(user?.hot.keys() ?? []), ...(user?.large ?? [])].flatMap(sessionId => {
      const partition = after.partitionOf(sessionId)
      const behind = after.offsets.get(partition) ?? -1
      const urgent = this.server.contents.sessions.get(sessionId)?.urgent ?? []
      return urgent.filter(({ offset }) => offset > behind).map(event => ({ sessionId, partition, ...event }))
    })
    return [...told, ...inSessions]
  }

  async urgentTexts(events: Parameters<HistoryReader['urgentTexts']>[0]): Promise<(string | undefined)[]> {
    return events.map(
      ({ sessionId, seq, json }) => json ?? this.server.contents.sessions.get(sessionId)?.urgentTexts.get(seq),
    )
  }

  async positions(): Promise<ReadonlyMap<Partition, Position>> {
    return new Map(this.server.contents.positions)
  }

  async *sessionIds(): AsyncIterable<SessionId[]> {
    yield [...this.server.contents.sessions.keys()]
  }

  async *userIds(): AsyncIterable<UserId[]> {
    yield [...this.server.contents.users.keys()]
  }

  async session(sessionId: SessionId): Promise<HistorySessionRow | undefined> {
    const session = this.server.contents.sessions.get(sessionId)
    if (session === undefined) return undefined
    const { lastSeq, firstSeq, count, at } = session
    const lines = [...session.events.values()].sort((a, b) => a.seq - b.seq)
    const outcomes = lines.map(({ packId, from, seq, count, at }) => ({ packId, from, seq, count, at }))
    return {
      sessionId,
      head: { lastSeq, firstSeq, count, at },
      events: lines.map(({ seq, json }) => ({ seq, json })),
      marks: [...session.marks].sort(byKey).map(([userId, mark]) => ({ userId, ...mark })),
      outcomes: outcomes.sort((a, b) => (a.packId < b.packId ? -1 : 1)),
      members: [...session.members].sort(),
      left: [...session.left].sort(byKey).map(([userId, left]) => ({ userId, ...left })),
      largeSince: session.largeSince,
      delivered: [...session.delivered].sort(byKey).map(([userId, seq]) => ({ userId, seq })),
      stopped: [...session.stopped].sort((a, b) => a - b),
      mentions: session.mentions.map(({ seq, whom }) => `${seq}/${whom}`).sort(),
      reactions: [...session.reactions].sort(([a], [b]) => a - b).map(([seq, reactions]) => ({ seq, reactions })),
      urgent: session.urgent.map(event => ({ ...event, json: session.urgentTexts.get(event.seq)! })),
    }
  }

  async user(userId: UserId): Promise<HistoryUserRow | undefined> {
    const user = this.server.contents.users.get(userId)
    if (user === undefined) return undefined
    const { hot, large, refusals, kept, told } = user
    if (hot.size + large.size + refusals.size + kept.size + told.size === 0) return undefined
    return {
      userId,
      kept: [...user.kept].sort(byKey).map(([sessionId, { attributes, ...kept }]) => ({
        sessionId,
        attributes: attributes?.attributes,
        ...kept,
      })),
      hot: [...user.hot].sort(byKey).map(([sessionId, at]) => ({ sessionId, at })),
      largeGroups: [...user.large].sort(),
      told: toldOf(user)
        .sort(byPlace)
        .map(({ sessionId: _, seq: __, ...event }) => event),
      refusals: [...user.refusals]
        .sort(byKey)
        .map(([, { packId, sessionId, code, at }]) => ({ packId, sessionId, code, at })),
    }
  }

  async close(): Promise<void> {}
}

interface StoredKept extends Omit<KeptOfSession, 'attributes'> {
  attributes: { seq: Seq; attributes: SessionAttributes } | undefined
}

function raiseMarks(session: StoredSession | undefined, { read, delivered }: ReceiptWrites): void {
  if (session === undefined) return
  for (const [userId, mark] of read) {
    if ((session.marks.get(userId)?.seq ?? 0) < mark.seq) session.marks.set(userId, mark)
  }
  for (const [userId, seq] of delivered) {
    session.delivered.set(userId, Math.max(seq, session.delivered.get(userId) ?? 0))
  }
}

function applyKept(user: StoredUser, writes: KeptWrites, { hiddenMax, changedMax }: HistoryOptions): void {
  const of = (sessionId: SessionId): StoredKept => user.kept.get(sessionId) ?? (NOTHING_KEPT as StoredKept)
  const set = (sessionId: SessionId, change: Partial<StoredKept>) =>
    user.kept.set(sessionId, { ...of(sessionId), ...change })
  for (const [sessionId, attributes] of writes.attributes) {
    if (attributes.seq > (of(sessionId).attributes?.seq ?? 0)) set(sessionId, { attributes })
  }
  for (const [sessionId, { attributes }] of writes.erasedAt === undefined ? [] : user.kept) {
    if (attributes === undefined || attributes.seq >= writes.erasedAt!) continue
    set(sessionId, { attributes: undefined })
    const { read, cleared, hidden } = of(sessionId)
    if (read.seq + cleared.seq + hidden.length === 0) user.kept.delete(sessionId)
  }
  for (const [sessionId, read] of writes.read) if (read.seq > of(sessionId).read.seq) set(sessionId, { read })
  for (const [sessionId, cleared] of writes.cleared) {
    if (cleared.seq > of(sessionId).cleared.seq) set(sessionId, { cleared })
  }
  for (const [sessionId, seqs] of writes.hidden) {
    const hidden = [...new Set([...of(sessionId).hidden, ...seqs])].sort((a, b) => a - b)
    set(sessionId, { hidden: hidden.slice(-hiddenMax) })
  }
  for (const [member, at] of writes.changed) {
    user.changed.set(member, Math.max(hotTime(at), user.changed.get(member) ?? 0))
  }
  const oldest = [...user.changed].sort(([, a], [, b]) => b - a).slice(changedMax)
  for (const [member] of oldest) user.changed.delete(member)
}

function applyTold(
  user: StoredUser,
  partition: Partition,
  writes: readonly ToldWrite[],
  { urgentMax }: HistoryOptions,
): void {
  for (const write of writes) user.told.set(toldMember(partition, write), write.at)
  const oldest = [...user.told].sort(([a, at], [b, other]) => other - at || (a < b ? 1 : -1)).slice(urgentMax)
  for (const [member] of oldest) user.told.delete(member)
}

function toldOf(user: StoredUser | undefined): (UrgentEvent & { json: string })[] {
  return [...(user?.told ?? [])].map(([member, at]) => toldEvent(member, at))
}

/** True where what is stored does not reach up to the first event that is new. */
function isGap(stored: StoredSession | undefined, { lines }: SessionWrites): boolean {
  const before = stored?.lastSeq ?? 0
  return lines[0]!.seq > before + 1
}

function newSession(): StoredSession {
  return {
    lastSeq: 0,
    firstSeq: 1,
    count: 0,
    at: 0,
    largeSince: 0,
    events: new Map(),
    marks: new Map(),
    delivered: new Map(),
    members: new Set(),
    left: new Map(),
    ...notAmended(),
  }
}

/** Drops what is at or below a seq or older than a time. */
function trim(session: StoredSession, seqMax: Seq, cutoff: number): void {
  for (;;) {
    const oldest = session.events.get(session.firstSeq)
    if (oldest === undefined || (oldest.seq > seqMax && oldest.at >= cutoff)) return
    session.events.delete(oldest.seq)
    session.reactions.delete(oldest.seq)
    session.firstSeq++
  }
}

function userOf(contents: Contents, userId: UserId): StoredUser {
  let user = contents.users.get(userId)
  if (user === undefined) {
    user = {
      hot: new Map(),
      large: new Set(),
      refusals: new Map(),
      kept: new Map(),
      changed: new Map(),
      told: new Map(),
    }
    contents.users.set(userId, user)
  }
  return user
}
