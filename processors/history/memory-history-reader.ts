import type { Millis } from '../../infra/clock.ts'
import type { PackId, Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import { byKey } from '../by-key.ts'
import {
  type HistoryPage,
  type HistoryReader,
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
import { mentionsOf } from './memory-amend.ts'
import type { MemoryHistory, StoredUser } from './memory-history.ts'
import type { Line } from './project.ts'
import { NOTHING_KEPT, ownMark, peerOf, type SessionFacts, summaryOf, withReactions } from './session-summary.ts'
import { byPlace, toldEvent } from './told.ts'

/** Reads history in memory, as the gateway and verify do in Redis. */
export class MemoryHistoryReader implements HistoryReader, HistoryInspector {
  protected readonly server: MemoryHistory

  constructor(server: MemoryHistory) {
    this.server = server
  }

  async filling(): Promise<string> {
    return `life-${this.server.lives}`
  }

  async position(partition: Partition): Promise<Position | undefined> {
    return this.server.contents.positions.get(partition)
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
}

function toldOf(user: StoredUser | undefined): (UrgentEvent & { json: string })[] {
  return [...(user?.told ?? [])].map(([member, at]) => toldEvent(member, at))
}
