import { REMEMBERED_CODES } from '../../schemas/codes.ts'
import {
  isOpenToApp,
  type Offset,
  type PackId,
  type Partition,
  type Seq,
  type SessionId,
  type UserId,
} from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import type { Position } from '../../topics/valid-events.ts'
import {
  type ArchivedOutcome,
  type ArchivedTimeline,
  type ArchiveReader,
  type OutcomeRequest,
  outcomeTimes,
  type SentPlace,
  type SentRequest,
  type TimelineRequest,
} from './archive-reader.ts'
import type { ArchiveSearch, MessagePlace } from './archive-search.ts'
import type { ArchiveProgress, ArchiveStore, Load, RecordedRange } from './archive-store.ts'
import { archivedContent, changedContent, frameOfRow } from './archived-frames.ts'
import { EVENT_COLUMNS, type EventRow } from './event-row.ts'
import {
  type ArchiveInspector,
  type MessageRow,
  type MessagesOfEvents,
  type MessagesRange,
  messageOfEvent,
} from './inspect.ts'
import { encodeRows } from './row-binary.ts'
import { hasTerms } from './search-words.ts'

/**
 * An archive in memory, for simulation and tests: tables that drop a block whose token they have seen, and keys that
 * collapse when they are read. Several stores may be opened on one archive, as several processes on one server.
 */
export class MemoryArchive implements ArchiveInspector, ArchiveReader {
  /** Rows as inserted, doubles included. */
  readonly eventRows: EventRow[] = []
  readonly messageRows: MessageRow[] = []
  private readonly eventTokens = new Set<string>()
  private readonly messageTokens = new Set<string>()
  private readonly done = new Map<Partition, RecordedRange>()
  private readonly intents = new Map<Partition, RecordedRange>()

  store(): ArchiveStore {
    return {
      prepare: async () => {},
      progress: async () => this.progress(),
      recordIntent: async load => record(this.intents, load),
      insert: async (load, rows) => {
        this.insertEvents(load.token, rows)
        this.insertMessages(load.token, rows)
      },
      recordDone: async load => record(this.done, load),
      close: async () => {},
    }
  }

  /** The first half of an insert: what is there when the server stops between the two tables. */
  insertEvents(token: string, rows: readonly EventRow[]): void {
    if (this.eventTokens.has(token)) return
    this.eventTokens.add(token)
    for (const row of rows) this.eventRows.push(row)
  }

  async positions(): Promise<ReadonlyMap<Partition, Position>> {
    return new Map([...this.done].map(([partition, range]) => [partition, range.last]))
  }

  async position(partition: Partition): Promise<Position | undefined> {
    return this.done.get(partition)?.last
  }

  async outcome(request: OutcomeRequest): Promise<ArchivedOutcome | undefined> {
    const { partition, sessionId, from, packId } = request
    const times = outcomeTimes(packId)
    for await (const row of this.events(partition)) {
      if (row.packId !== packId || row.sessionId !== sessionId || row.from !== from) continue
      if (row.kind === 'PackRepeated' || !REMEMBERED_CODES.includes(row.code)) continue
      const { code, seq, count, at } = row
      if (at >= times.from && at <= times.to) return { code, seq, count, at }
    }
    return undefined
  }

  async count({ partition, sessionId, seq }: { partition: Partition; sessionId: SessionId; seq: Seq }) {
    for await (const row of this.events(partition)) if (row.sessionId === sessionId && row.seq === seq) return row.count
    return undefined
  }

  async message({ partition, sessionId, seq }: { partition: Partition; sessionId: SessionId; seq: Seq }) {
    for await (const row of this.messages(partition)) {
      if (row.sessionId !== sessionId || row.seq !== seq) continue
      const [packId, from] = [row.packId as PackId, row.from as UserId]
      const change = this.lastChange(partition, sessionId, seq)
      const content = change === undefined ? archivedContent(row) : changedContent(change)
      return { packId, from, at: row.at, counted: (row.flags & Flag.COUNTER) !== 0, content }
    }
    return undefined
  }

  async timeline({ partition, sessionId, fromSeq, toSeq }: TimelineRequest): Promise<ArchivedTimeline> {
    const rows: EventRow[] = []
    for await (const row of this.events(partition)) if (row.sessionId === sessionId && row.seq > 0) rows.push(row)
    const wanted = rows.filter(({ seq }) => seq >= fromSeq && seq <= toSeq)
    const targets = new Set(wanted.map(row => (row.targetSeq > 0 ? row.targetSeq : row.seq)))
    const changes = rows.filter(({ targetSeq }) => targetSeq > 0 && targets.has(targetSeq))
    return { events: wanted.map(frameOfRow), changes: changes.map(frameOfRow), firstSeq: rows[0]?.seq }
  }

  async sessionsOf({ userId, limit }: { userId: UserId; limit: number }): Promise<SessionId[]> {
    const ids = new Set<SessionId>()
    const rows = latest(this.eventRows, row => `${row.partition} ${row.offset}`).sort((a, b) => b.at - a.at)
    for (const row of rows) if (usersWhoMove(row).includes(userId)) ids.add(row.sessionId as SessionId)
    return [...ids].slice(0, limit)
  }

  async search(request: ArchiveSearch): Promise<MessagePlace[]> {
    const mine = new Set<string>(await this.sessionsOf({ userId: request.userId, limit: Number.POSITIVE_INFINITY }))
    const places: MessagePlace[] = []
    for (const row of latest(this.messageRows, ({ sessionId, seq }) => `${sessionId} ${seq}`)) {
      const isSearched =
        request.sessionId !== undefined
          ? row.sessionId === request.sessionId
          : request.ofApp === true
            ? isOpenToApp(row.sessionId as SessionId, request.userId)
            : mine.has(row.sessionId)
      const change = this.lastChange(row.partition, row.sessionId as SessionId, row.seq)
      if (!isSearched || (change !== undefined && change.kind !== 'MessageOverridden')) continue
      const place = { at: row.at, sessionId: row.sessionId as SessionId, seq: row.seq }
      if (fits(place, { ...row, ...(change && { text: change.text, contentKind: change.contentKind }) }, request)) {
        places.push(place)
      }
    }
    return places.sort(newestFirst).slice(0, request.limit)
  }

  async sentBy({ userId, after, limit }: SentRequest): Promise<MessagePlace[]> {
    return this.sent(userId)
      .map(({ at, sessionId, seq }) => ({ at, sessionId: sessionId as SessionId, seq }))
      .sort(byPlace)
      .filter(place => after === undefined || byPlace(place, after) > 0)
      .slice(0, limit)
  }

  async sentCount(userId: UserId): Promise<number> {
    return this.sent(userId).length
  }

  private sent(userId: UserId): MessageRow[] {
    const rows = latest(this.messageRows, ({ sessionId, seq }) => `${sessionId} ${seq}`)
    return rows.filter(({ from }) => from === userId)
  }

  async messagesAt(places: readonly MessagePlace[]) {
    const wanted = new Set(places.map(({ sessionId, seq }) => `${sessionId} ${seq}`))
    const rows = latest(this.eventRows, row => `${row.partition} ${row.offset}`).sort((a, b) => a.offset - b.offset)
    const events = rows.filter(row => row.kind === 'MessageAccepted' && wanted.has(`${row.sessionId} ${row.seq}`))
    const changes = rows.filter(row => row.targetSeq > 0 && wanted.has(`${row.sessionId} ${row.targetSeq}`))
    return { events: events.map(frameOfRow), changes: changes.map(frameOfRow) }
  }

  private lastChange(partition: Partition, sessionId: SessionId, seq: Seq): EventRow | undefined {
    const kinds = ['MessageRevoked', 'MessageDeleted', 'MessageOverridden']
    const changes = this.eventRows.filter(
      row =>
        row.partition === partition && row.sessionId === sessionId && row.targetSeq === seq && kinds.includes(row.kind),
    )
    return changes.sort((a, b) => a.offset - b.offset).at(-1)
  }

  async *events(partition: Partition, after: Offset = -1): AsyncIterable<EventRow> {
    const rows = this.eventRows.filter(row => row.partition === partition && row.offset > after)
    yield* latest(rows, row => String(row.offset)).sort((a, b) => a.offset - b.offset)
  }

  async *eventBytes(partition: Partition, after?: Offset): AsyncIterable<Buffer> {
    for await (const row of this.events(partition, after)) yield encodeRows(EVENT_COLUMNS, [row], 0)
  }

  async messagesOfEvents(ranges: readonly MessagesRange[]): Promise<ReadonlyMap<Partition, MessagesOfEvents>> {
    const found = new Map<Partition, MessagesOfEvents>()
    for (const range of ranges) found.set(range.partition, await this.messagesIn(range))
    return found
  }

  private async messagesIn({ partition, firstOffset, lastOffset }: MessagesRange): Promise<MessagesOfEvents> {
    const texts = (rows: readonly (MessageRow | undefined)[]) => {
      const inRange = rows.filter(row => row !== undefined && row.offset >= firstOffset && row.offset <= lastOffset)
      return inRange.map(row => JSON.stringify(row)).sort()
    }
    const [messages, events]: [MessageRow[], EventRow[]] = [[], []]
    for await (const row of this.messages(partition)) messages.push(row)
    for await (const row of this.events(partition)) events.push(row)
    const [found, expected] = [texts(messages), texts(events.map(messageOfEvent))]
    const isSame = found.length === expected.length && found.every((text, index) => text === expected[index])
    return { isSame, rows: found.length, lastOffset: Math.max(-1, ...messages.map(({ offset }) => offset)) }
  }

  async *messages(partition: Partition): AsyncIterable<MessageRow> {
    const rows = this.messageRows.filter(row => row.partition === partition)
    const final = latest(rows, row => `${row.sessionId} ${row.seq}`)
    yield* final.sort((a, b) => compareBytes(a.sessionId, b.sessionId) || a.seq - b.seq)
  }

  /** It has no others. */
  async derived(): Promise<[]> {
    return []
  }

  private insertMessages(token: string, rows: readonly EventRow[]): void {
    if (this.messageTokens.has(token)) return
    this.messageTokens.add(token)
    for (const row of rows) {
      const message = messageOfEvent(row)
      if (message !== undefined) this.messageRows.push(message)
    }
  }

  private progress(): ArchiveProgress {
    return { done: new Map(this.done), intents: new Map(this.intents), switches: 0, switching: false }
  }
}

/** Who comes or goes with an event, as member_changes has it. */
function usersWhoMove({ sessionId, kind, seq, from, userIds }: EventRow): readonly string[] {
  const [letter, a = '', b = ''] = sessionId.split(':')
  if (letter === 's') return seq === 1 ? [a, b] : []
  if (letter === 'b') return seq === 1 ? [b] : []
  if (letter !== 'g') return []
  if (kind === 'GroupCreated') return [from, ...userIds]
  if (kind === 'MembersAdded' || kind === 'MembersRemoved') return userIds
  return kind === 'MemberJoined' || kind === 'MemberQuit' ? [from] : []
}

function fits(
  place: MessagePlace,
  { text, contentKind, from }: Pick<MessageRow, 'text' | 'contentKind' | 'from'>,
  request: ArchiveSearch,
): boolean {
  const { parts, terms, sinceAt = 0, beforeAt = Number.POSITIVE_INFINITY, after } = request
  const own = parts.filter(({ sessionId }) => sessionId === place.sessionId)
  const isShown = own.length === 0 || own.some(({ fromSeq, toSeq }) => fromSeq <= place.seq && place.seq <= toSeq)
  return (
    isShown &&
    hasTerms(text, terms) &&
    (request.from ?? from) === from &&
    (request.contentKind ?? contentKind) === contentKind &&
    place.at >= sinceAt &&
    place.at < beforeAt &&
    (after === undefined || newestFirst(after, place) < 0)
  )
}

function byPlace(a: SentPlace, b: SentPlace): number {
  return compareBytes(a.sessionId, b.sessionId) || a.seq - b.seq
}

function newestFirst(a: MessagePlace, b: MessagePlace): number {
  return b.at - a.at || compareBytes(b.sessionId, a.sessionId) || b.seq - a.seq
}

function record(ranges: Map<Partition, RecordedRange>, { token, ranges: added }: Load): void {
  const partitions = added.map(({ partition }) => partition)
  for (const range of added) {
    const before = ranges.get(range.partition)
    if (before !== undefined && before.last.offset > range.last.offset) continue
    ranges.set(range.partition, { ...range, token, partitions })
  }
}

/** One row for each key: that with the highest offset, the later one where they are equal. */
function latest<Row extends { offset: number }>(rows: readonly Row[], keyOf: (row: Row) => string): Row[] {
  const byKey = new Map<string, Row>()
  for (const row of rows) {
    const before = byKey.get(keyOf(row))
    if (before === undefined || before.offset <= row.offset) byKey.set(keyOf(row), row)
  }
  return [...byKey.values()]
}

/** ClickHouse orders strings by their bytes; session ids are ASCII. */
function compareBytes(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
