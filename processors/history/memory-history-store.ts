import type { Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import { ViewMoved } from '../view.ts'
import { type HistoryGap, type HistoryOptions, type HistoryStore, hotTime } from './history-store.ts'
import { newestFirst } from './hot-cursor.ts'
import type { KeptWrites, ReceiptWrites, ToldWrite } from './kept.ts'
import { amend, notAmended } from './memory-amend.ts'
import type { Contents, MemoryHistory, StoredKept, StoredSession, StoredUser } from './memory-history.ts'
import { MemoryHistoryReader } from './memory-history-reader.ts'
import type { MemberChange, RefusalWrite, SessionWrites } from './project.ts'
import { NOTHING_KEPT } from './session-summary.ts'
import { toldMember } from './told.ts'
import { type GroupState, type UserWrites, userWritesOf } from './user-lists.ts'

/** History in memory, for the simulation and for tests; the same behaviour as in Redis (tests/contract). */
export class MemoryHistoryStore extends MemoryHistoryReader implements HistoryStore {
  private readonly options: HistoryOptions
  private readonly onGap: (gap: HistoryGap) => void
  private readonly places = new Map<Partition, { contents: Contents; before: number | undefined }>()

  constructor(server: MemoryHistory, options: HistoryOptions, onGap: (gap: HistoryGap) => void = () => {}) {
    super(server)
    this.options = options
    this.onGap = onGap
  }

  override async position(partition: Partition): Promise<Position | undefined> {
    const { contents } = this.server
    const position = contents.positions.get(partition)
    if (this.places.get(partition)?.contents === contents && !this.isInPlace(partition)) this.server.lives++
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

  async close(): Promise<void> {}
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
