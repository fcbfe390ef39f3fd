import { unreachable } from '../../infra/assert.ts'
import type { Clock } from '../../infra/clock.ts'

import type { HistoryPage, HistoryReader, KeptOfSession } from '../../processors/history/history-store.ts'
import { NOTHING_KEPT } from '../../processors/history/session-summary.ts'

import { Code } from '../../schemas/codes.ts'
import { type QuestionFrame, SEARCH_PAGE_MAX } from '../../schemas/frames.ts'
import { isOpenToApp, type Partition, type SessionId, type UserId } from '../../schemas/ids.ts'
import { PAGE_BYTES_MAX, QUESTIONS_MAX } from '../limits.ts'
import type { MessageSearch } from '../search/message-search.ts'
import { type Identity, isService } from './asker.ts'
import type { ClientConnection } from './client-connection.ts'
import { encodeFrame, pageFrame, refusal, type StoredPage, type Subprotocol } from './frames.ts'

import { type GroupQuestions, isGroupQuestion } from './group-questions.ts'

import { aboveCleared, isShown } from './kept-ranges.ts'

import type { MembershipIndex } from './membership-index.ts'
import type { OlderHistory, Span } from './older-history.ts'
import type { Outcomes } from './outcomes.ts'
import type { PeopleQuestions } from './people-questions.ts'
import type { PresenceQuestions } from './presence-questions.ts'
import type { ReadingQuestions } from './reading-questions.ts'
import type { UserRates } from './user-rates.ts'
import { QuestionFailed, type Range, type Views } from './views.ts'

/**
 * Answers what clients ask of the views. Every question has its limits: how many run per connection, how long each
 * may take. A view that is down answers with a temporary code; sending and receiving do not depend on this file.
 */

type Question<Type extends QuestionFrame['type']> = Extract<QuestionFrame, { type: Type }>

/** What is answered once, to whoever asks. */
export type PlainQuestion = Exclude<QuestionFrame, { type: 'resume' | 'watch' }>

const EVERYTHING: readonly Range[] = [{ fromSeq: 1, toSeq: Number.POSITIVE_INFINITY }]

export interface QuestionsOptions {
  history: HistoryReader
  views: Views
  older: Pick<OlderHistory, 'complete'>
  index: MembershipIndex
  outcomes: Outcomes
  people: Pick<PeopleQuestions, 'ask'>
  groups: Pick<GroupQuestions, 'answer' | 'watch'>
  reading: Pick<ReadingQuestions, 'ask'>
  search: Pick<MessageSearch, 'search'>
  presence: Pick<PresenceQuestions, 'ask'>
  rates: Pick<UserRates, 'mayAsk' | 'questionWaitMs'>
  clock: Clock
  partitionOf(sessionId: SessionId): Partition
}

export class Questions {
  private readonly options: QuestionsOptions

  constructor(options: QuestionsOptions) {
    this.options = options
  }

  /** Answers one question, or tells why not. Rejects only for what must end the gateway. */
  async answer(connection: ClientConnection, frame: Exclude<QuestionFrame, { type: 'resume' }>): Promise<void> {
    const { requestId } = frame
    if (connection.questions >= QUESTIONS_MAX) {
      return connection.send({ type: 'failed', requestId, ...refusal('RATE_LIMITED', 'too many questions at once') })
    }
    const { rates } = this.options
    if (frame.type !== 'ping' && !rates.mayAsk(connection.identity.userId)) {
      const waitMs = rates.questionWaitMs(connection.identity.userId)
      const fields = refusal('RATE_LIMITED', 'too many questions: ask later', waitMs)
      return connection.send({ type: 'failed', requestId, ...fields })
    }
    connection.questions++
    try {
      const bytes = await this.answerOf(connection, frame)
      await connection.room(bytes.length)
      connection.sendBytes(bytes)
    } catch (error) {
      if (!(error instanceof QuestionFailed)) throw error
      connection.send({ type: 'failed', requestId, ...refusal(error.code, error.message, error.retryAfterMs) })
    } finally {
      connection.questions--
    }
  }

  private async answerOf(
    connection: ClientConnection,
    frame: Exclude<QuestionFrame, { type: 'resume' }>,
  ): Promise<Buffer> {
    const { identity, subprotocol } = connection
    const { groups, presence } = this.options
    if (frame.type === 'watch') return encodeFrame(subprotocol, await groups.watch(connection, frame))
    if (frame.type === 'presence') {
      return encodeFrame(subprotocol, await presence.ask(identity, frame, connection))
    }
    return this.ask(identity, subprotocol, frame)
  }

  /** The answer to what needs no connection, as one WebSocket frame. Rejects with QuestionFailed. */
  async ask(identity: Identity, subprotocol: Subprotocol, frame: PlainQuestion): Promise<Buffer> {
    if (isGroupQuestion(frame)) return encodeFrame(subprotocol, await this.options.groups.answer(identity, frame))
    switch (frame.type) {
      case 'history':
        return isService(identity)
          ? this.wholeHistory(identity.userId, subprotocol, frame)
          : this.history(identity.userId, subprotocol, frame)
      case 'sessions':
      case 'receipts':
      case 'priority':
        return this.options.reading.ask(identity.userId, subprotocol, frame)
      case 'outcome':
        return this.outcome(identity.userId, subprotocol, frame)
      case 'ping': {
        const { requestId } = frame
        const serverTime = this.options.clock.now()
        return Promise.resolve(encodeFrame(subprotocol, { type: 'pong', requestId, serverTime }))
      }
      case 'search':
        return this.search(identity, subprotocol, frame)
      case 'friends':
      case 'profiles':
      case 'findUsers':
      case 'settings':
        return this.options.people.ask(identity.userId, frame).then(answer => encodeFrame(subprotocol, answer))
      case 'presence':
      case 'logins':
        return this.options.presence.ask(identity, frame).then(answer => encodeFrame(subprotocol, answer))
      default:
        return unreachable(frame)
    }
  }

  /** As the log has it, hidden from nobody. */
  private async wholeHistory(app: UserId, subprotocol: Subprotocol, frame: Question<'history'>): Promise<Buffer> {
    const { requestId, sessionId } = frame
    if (!isOpenToApp(sessionId, app)) throw new QuestionFailed('HISTORY_DENIED', Code.HISTORY_DENIED.text)
    const page = await this.page(frame, EVERYTHING)
    const visible = visiblePart(frame, page, EVERYTHING)
    return pageFrame(subprotocol, { requestId, sessionId, ...visible, ...cutToSize(frame, visible) })
  }

  private async history(userId: UserId, subprotocol: Subprotocol, frame: Question<'history'>): Promise<Buffer> {
    const { requestId, sessionId } = frame
    const stays = await this.rangesOf(userId, sessionId)
    const [kept] = (await this.options.views.kept(userId, [sessionId])) as [KeptOfSession]
    let query = frame
    let { page, ranges } = await this.pageInside(userId, query, stays, kept)
    let visible = visiblePart(query, page, aboveCleared(ranges, kept), kept)
    // Where history no longer keeps a stay, what it has next may lie between two stays, or be hidden: go on to the next.
    for (let i = 0; i < ranges.length + HIDDEN_PAGES_MAX && visible.more && visible.events.length === 0; i++) {
      query = nextQuery(query, page)
      ;({ page, ranges } = await this.pageInside(userId, query, ranges, kept))
      visible = visiblePart(query, page, aboveCleared(ranges, kept), kept)
    }
    return pageFrame(subprotocol, { requestId, sessionId, ...visible, ...cutToSize(frame, visible) })
  }

  /** A page, and the user's stays as they are known after it was read: what came after a leave must not be shown. */
  private async pageInside(
    userId: UserId,
    query: Question<'history'>,
    ranges: readonly Range[],
    kept: KeptOfSession,
  ): Promise<{ page: HistoryPage; ranges: readonly Range[] }> {
    const { index, views, partitionOf } = this.options
    const { sessionId } = query
    const page = await this.page(query, aboveCleared(ranges, kept))
    if (!sessionId.startsWith('g:')) return { page, ranges }
    const lastSeq = page.seqs.at(-1) ?? 0
    const knows = lastSeq <= index.seenSeq(sessionId)
    if (!knows) await views.gatewayCaughtUp([partitionOf(sessionId)])
    const isIn = ranges.at(-1)?.toSeq === Number.POSITIVE_INFINITY
    // The stay may have ended, or begun anew, while the page was read.
    if (knows && (!isIn || index.joinSeq(userId, sessionId) === ranges.at(-1)!.fromSeq)) return { page, ranges }
    const newer = await this.rangesOf(userId, sessionId)
    index.sawSeq(sessionId, lastSeq)
    return { page, ranges: newer }
  }

  private async page(query: Question<'history'>, ranges: readonly Range[]): Promise<HistoryPage> {
    const { views, history, older } = this.options
    const { sessionId } = query
    const span = spanOf(query, ranges)
    const page = await views.ask('HISTORY_ERROR', () => history.page({ sessionId, ...span }))
    return older.complete(sessionId, span, page)
  }

  private async rangesOf(userId: UserId, sessionId: SessionId): Promise<readonly Range[]> {
    const ranges = await this.options.views.ranges(userId, sessionId)
    if (ranges.length === 0) throw new QuestionFailed('HISTORY_DENIED', Code.HISTORY_DENIED.text)
    return ranges
  }

  private async search(identity: Identity, subprotocol: Subprotocol, frame: Question<'search'>): Promise<Buffer> {
    const { type: _, requestId, limit = SEARCH_PAGE_MAX, ...filter } = frame
    const request = { ...filter, limit, ofApp: isService(identity) }
    const found = await this.options.search.search(identity.userId, request)
    return encodeFrame(subprotocol, { type: 'found', requestId, ...found })
  }

  private async outcome(userId: UserId, subprotocol: Subprotocol, frame: Question<'outcome'>): Promise<Buffer> {
    const { requestId, sessionId, packId } = frame
    const outcome = await this.options.outcomes.find({ sessionId, from: userId, packId })
    const found = outcome !== undefined
    const fields = outcome ?? { code: 0, seq: 0, count: 0, at: 0 }
    return encodeFrame(subprotocol, { type: 'outcome', requestId, sessionId, packId, found, ...fields })
  }
}

/** Pages that hold nothing but hidden messages, one after the other, before the client is asked to go on. */
const HIDDEN_PAGES_MAX = 5

/** What lies behind a page of which nothing was shown. */
function nextQuery(query: Question<'history'>, page: HistoryPage): Question<'history'> {
  if (query.afterSeq === undefined) return { ...query, beforeSeq: page.seqs[0]! }
  return { ...query, afterSeq: page.seqs.at(-1)! }
}

/** Where to read: as asked, but past what lies before or behind the first stay that is concerned. */
function spanOf({ afterSeq, beforeSeq, limit = 0 }: Question<'history'>, ranges: readonly Range[]): Span {
  if (afterSeq !== undefined) {
    const range = ranges.find(({ toSeq }) => toSeq > afterSeq)
    return { afterSeq: Math.max(afterSeq, (range?.fromSeq ?? 1) - 1), limit }
  }
  const wanted = beforeSeq ?? 1
  const range = ranges.findLast(({ fromSeq }) => fromSeq < wanted)
  return { beforeSeq: Math.min(wanted, (range?.toSeq ?? wanted) + 1), limit }
}

/** The part of a page that lies inside the ranges, and whether there is more of it in the direction asked. */
export function visiblePart(
  { afterSeq }: Question<'history'>,
  page: HistoryPage,
  ranges: readonly Range[],
  kept: KeptOfSession = NOTHING_KEPT,
): Pick<StoredPage, 'lastSeq' | 'more' | 'events'> {
  const events = page.events.filter((_, i) => isShown(page.seqs[i]!, ranges, kept))
  const lastSeq = Math.min(page.lastSeq, ranges.at(-1)?.toSeq ?? 0)
  const [first, last] = [page.seqs[0], page.seqs.at(-1)]
  if (first === undefined || last === undefined) return { lastSeq, more: false, events }
  const more =
    afterSeq !== undefined
      ? last < lastSeq
      : ranges.some(({ fromSeq, toSeq }) => Math.max(fromSeq, page.firstSeq) <= Math.min(toSeq, first - 1))
  return { lastSeq, more, events }
}

/** As many events as one page may hold in bytes, from the end that was asked for. */
export function cutToSize(
  { afterSeq }: Question<'history'>,
  { events, more }: Pick<StoredPage, 'more' | 'events'>,
): Pick<StoredPage, 'more' | 'events'> {
  const fromStart = afterSeq !== undefined
  let bytes = 0
  let count = 0
  for (; count < events.length; count++) {
    bytes += Buffer.byteLength(events[fromStart ? count : events.length - 1 - count]!)
    if (bytes > PAGE_BYTES_MAX && count > 0) break
  }
  if (count === events.length) return { events, more }
  return { events: fromStart ? events.slice(0, count) : events.slice(-count), more: true }
}
