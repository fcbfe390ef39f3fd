import type { Clock } from '../../infra/clock.ts'
import type { ArchiveReader } from '../../processors/archive/archive-reader.ts'
import type { MessagePlace, SearchedPart } from '../../processors/archive/archive-search.ts'
import { parseSearchWords, type SearchTerm } from '../../processors/archive/search-words.ts'
import type { KeptOfSession } from '../../processors/history/history-store.ts'
import { Code } from '../../schemas/codes.ts'
import type { EventFrame, MessageFilter } from '../../schemas/frames.ts'
import { isOpenToApp, isSessionId, type Partition, type Seq, type SessionId, type UserId } from '../../schemas/ids.ts'
import {
  ARCHIVE_BEHIND_MS_MAX,
  ARCHIVE_POLL_MS,
  SEARCH_LOOKS_MAX,
  SEARCH_SESSIONS_MAX,
  SEARCHES_AT_ONCE_MAX,
  SEARCHES_WAITING_MAX,
} from '../limits.ts'
import { archivedTexts } from '../ws/archived-pages.ts'
import { Deadline } from '../ws/deadline.ts'
import { aboveCleared, isShown } from '../ws/kept-ranges.ts'
import type { MembershipIndex } from '../ws/membership-index.ts'
import type { UserRates } from '../ws/user-rates.ts'
import { QuestionFailed, type Range, type Views } from '../ws/views.ts'
import type { ArchiveLag } from './archive-lag.ts'

/**
 * Searches the messages that a user may see, for the frame `search` and for whoever else asks in a user's name.
 *
 * Order of steps: the archive must have what the log held a moment ago, so that what was taken back is not found; the
 * sessions that the user is or was in, with what of them they may see (the same function that says it for history, and
 * what they have cleared); the places of messages that fit, in the archive; the membership once more, because somebody
 * may have left meanwhile; then the messages themselves, with what became of them. Messages that are hidden one by one
 * are left out of what was found, and the archive is asked for more.
 */
export class MessageSearch {
  private readonly options: MessageSearchOptions
  private running = 0
  private readonly waiting: (() => void)[] = []

  constructor(options: MessageSearchOptions) {
    this.options = options
  }

  /**
   * Messages that fit, the newest first by log time, as `page` would show them: those that `userId` may see and nobody
   * else; with `ofApp` those of all chats and groups, and what the app says itself. Rejects with QuestionFailed: PARAM (nothing to look for, a cursor that is none of ours), HISTORY_DENIED (a
   * session that is not the user's), RATE_LIMITED, OVERLOADED, and VIEW_BEHIND, DB_ERROR, REDIS_ERROR or HISTORY_ERROR
   * while a view cannot answer.
   */
  async search(userId: UserId, request: SearchRequest): Promise<FoundMessages> {
    const query = queryOf(request)
    if (!this.options.rates.maySearch(userId)) throw new QuestionFailed('RATE_LIMITED', 'too many searches: ask later')
    await this.begin()
    try {
      await this.archiveIsFresh()
      const { sessionId, ofApp = false } = request
      const scope = ofApp ? scopeOfApp(userId, sessionId) : await this.scopeOf(userId, sessionId)
      return await this.find(userId, query, scope)
    } finally {
      this.end()
    }
  }

  private async begin(): Promise<void> {
    if (this.running < SEARCHES_AT_ONCE_MAX) {
      this.running++
      return
    }
    if (this.waiting.length >= SEARCHES_WAITING_MAX) throw new QuestionFailed('OVERLOADED', 'too many searches at once')
    // Whoever ends gives the place on.
    await new Promise<void>(resolve => this.waiting.push(resolve))
  }

  private end(): void {
    const next = this.waiting.shift()
    if (next === undefined) this.running--
    else next()
  }

  private async archiveIsFresh(): Promise<void> {
    const { archive, views, clock, lag } = this.options
    const deadline = new Deadline(clock, ARCHIVE_BEHIND_MS_MAX)
    try {
      while (!deadline.signal.aborted) {
        const positions = await views.ask('DB_ERROR', () => archive.positions())
        if (lag.behind(clock.monotonic(), positions).length === 0) return
        await clock.sleep(ARCHIVE_POLL_MS, deadline.signal)
      }
    } finally {
      deadline.end()
    }
    throw new QuestionFailed('VIEW_BEHIND', 'the archive is behind the log')
  }

  private async scopeOf(userId: UserId, sessionId: SessionId | undefined): Promise<Scope> {
    const { archive, views } = this.options
    const limit = SEARCH_SESSIONS_MAX
    const sessions =
      sessionId === undefined ? await views.ask('DB_ERROR', () => archive.sessionsOf({ userId, limit })) : [sessionId]
    const ranges = await views.rangesOfAll(userId, sessions)
    if (sessionId !== undefined && ranges.get(sessionId)!.length === 0) throw denied()
    const kept = new Map<SessionId, KeptOfSession>()
    for (let at = 0; at < sessions.length; at += KEPT_ASKED_AT_ONCE) {
      const asked = sessions.slice(at, at + KEPT_ASKED_AT_ONCE)
      const found = await views.kept(userId, asked)
      for (const [i, id] of asked.entries()) kept.set(id, found[i]!)
    }
    return { sessions, sessionId, ranges, kept, ofApp: false }
  }

  private async find(userId: UserId, query: Query, scope: Scope): Promise<FoundMessages> {
    const { archive, views } = this.options
    const { limit, ...wanted } = query
    const { sessionId, ofApp } = scope
    const given = { ...wanted, ofApp, ...(sessionId === undefined ? {} : { sessionId }) }
    const parts = partsOf(scope)
    const shown: MessagePlace[] = []
    let after = query.after
    for (let look = 1; ; look++) {
      const ask = { userId, ...given, parts, limit: limit + 1, ...(after === undefined ? {} : { after }) }
      const places = await views.ask('DB_ERROR', () => archive.search(ask))
      shown.push(...(await this.visible(userId, places, scope)))
      after = places.at(-1)
      const isLast = places.length <= limit
      if (isLast || shown.length > limit || look >= SEARCH_LOOKS_MAX) {
        const page = shown.slice(0, limit)
        const next = shown.length > limit ? page.at(-1) : isLast ? undefined : after
        const events = await this.read(page)
        return { events, ...(next === undefined ? {} : { cursor: cursorOf(next) }) }
      }
    }
  }

  /** What the user may see of what was found, as their membership is now: they may have left while it was looked for. */
  private async visible(userId: UserId, places: readonly MessagePlace[], scope: Scope): Promise<MessagePlace[]> {
    if (scope.ofApp) return [...places]
    const { views, index, partitionOf } = this.options
    const groups = new Map<SessionId, Seq>()
    for (const { sessionId, seq } of places) {
      if (sessionId.startsWith('g:')) groups.set(sessionId, Math.max(seq, groups.get(sessionId) ?? 0))
    }
    const unknown = [...groups].filter(([sessionId, seq]) => seq > index.seenSeq(sessionId))
    if (unknown.length > 0) {
      await views.gatewayCaughtUp(unknown.map(([sessionId]) => partitionOf(sessionId)))
      for (const [sessionId, seq] of unknown) index.sawSeq(sessionId, seq)
    }
    const now = await views.rangesOfAll(userId, [...groups.keys()])
    return places.filter(({ sessionId, seq }) => {
      const kept = scope.kept.get(sessionId)
      const ranges = now.get(sessionId) ?? scope.ranges.get(sessionId)
      return kept !== undefined && ranges !== undefined && isShown(seq, aboveCleared(ranges, kept), kept)
    })
  }

  private async read(places: readonly MessagePlace[]): Promise<EventFrame[]> {
    const { archive, views } = this.options
    const { events, changes } = await views.ask('DB_ERROR', () => archive.messagesAt(places))
    const found = new Map<string, EventFrame>()
    for (const sessionId of new Set(places.map(place => place.sessionId))) {
      const of = (frames: readonly EventFrame[]) => frames.filter(frame => frame.sessionId === sessionId)
      for (const { seq, text } of archivedTexts({ events: of(events), changes: of(changes) })) {
        found.set(`${sessionId} ${seq}`, JSON.parse(text) as EventFrame)
      }
    }
    const frames = places.map(({ sessionId, seq }) => found.get(`${sessionId} ${seq}`))
    // What was taken back since it was found is not shown.
    return frames.filter((frame): frame is EventFrame => frame !== undefined && !isRemoved(frame))
  }
}

export interface MessageSearchOptions {
  archive: Pick<ArchiveReader, 'positions' | 'sessionsOf' | 'search' | 'messagesAt'>
  views: Pick<Views, 'ask' | 'rangesOfAll' | 'kept' | 'gatewayCaughtUp'>
  index: Pick<MembershipIndex, 'seenSeq' | 'sawSeq'>
  lag: Pick<ArchiveLag, 'behind'>
  rates: Pick<UserRates, 'maySearch'>
  clock: Clock
  partitionOf(sessionId: SessionId): Partition
}

/** A page of what is looked for. */
export interface SearchRequest extends MessageFilter {
  /** Of the page before. */
  cursor?: string
  /** At most SEARCH_PAGE_MAX. */
  limit: number
  /** True: the one who asks is an app, which sees every chat and group, and what it says itself. */
  ofApp?: boolean
}

export interface FoundMessages {
  /** The newest first; each with its `state` and `reactions`. */
  events: EventFrame[]
  /** Present where there may be more. */
  cursor?: string
}

interface Query extends Omit<SearchRequest, 'words' | 'cursor' | 'sessionId' | 'ofApp'> {
  terms: readonly SearchTerm[]
  after?: MessagePlace
}

/** What a user may see of their sessions. */
interface Scope {
  sessions: readonly SessionId[]
  sessionId: SessionId | undefined
  ranges: ReadonlyMap<SessionId, readonly Range[]>
  kept: ReadonlyMap<SessionId, KeptOfSession>
  /** Nothing is hidden. */
  ofApp: boolean
}

function scopeOfApp(app: UserId, sessionId: SessionId | undefined): Scope {
  if (sessionId !== undefined && !isOpenToApp(sessionId, app)) throw denied()
  return { sessions: [], sessionId, ranges: new Map(), kept: new Map(), ofApp: true }
}

function denied(): QuestionFailed {
  return new QuestionFailed('HISTORY_DENIED', Code.HISTORY_DENIED.text)
}

/** Sessions of which it is asked at once what a user hides of them. */
const KEPT_ASKED_AT_ONCE = 500

function queryOf({ words, cursor, sessionId: _, ofApp: __, ...rest }: SearchRequest): Query {
  const terms = parseSearchWords(words ?? '')
  if (words !== undefined && words.trim() !== '' && terms.length === 0) {
    throw new QuestionFailed('PARAM', 'words: nothing in it can be looked for')
  }
  if (terms.length === 0 && rest.from === undefined && rest.contentKind === undefined) {
    throw new QuestionFailed('PARAM', 'words: needed, or from, or contentKind')
  }
  return { ...rest, terms, ...(cursor === undefined ? {} : { after: placeOf(cursor) }) }
}

/** The sessions that are not searched whole. */
function partsOf({ sessions, ranges, kept }: Scope): SearchedPart[] {
  const parts: SearchedPart[] = []
  for (const sessionId of sessions) {
    const shown = aboveCleared(ranges.get(sessionId)!, kept.get(sessionId)!)
    const isWhole = shown.length === 1 && shown[0]!.fromSeq <= 1 && shown[0]!.toSeq === Number.POSITIVE_INFINITY
    if (isWhole) continue
    if (shown.length === 0) parts.push({ sessionId, fromSeq: 1, toSeq: 0 })
    for (const { fromSeq, toSeq } of shown) parts.push({ sessionId, fromSeq, toSeq: Math.min(toSeq, SEQ_MAX) })
  }
  return parts
}

/** Numbers in JSON and in queries are exact up to here. */
const SEQ_MAX: Seq = Number.MAX_SAFE_INTEGER

function cursorOf({ at, seq, sessionId }: MessagePlace): string {
  return `${at}/${seq}/${sessionId}`
}

function placeOf(cursor: string): MessagePlace {
  const [, at, seq, sessionId] = /^(\d{1,15})\/(\d{1,15})\/(.+)$/.exec(cursor) ?? []
  if (sessionId === undefined || !isSessionId(sessionId))
    throw new QuestionFailed('PARAM', 'cursor: must be one of ours')
  return { at: Number(at), seq: Number(seq), sessionId }
}

function isRemoved({ body }: EventFrame): boolean {
  return body.kind === 'MessageAccepted' && body.content.kind === 'Removed'
}
