import type { Clock } from '../../infra/clock.ts'
import type { HistoryPage, HistoryReader, HotSession } from '../../processors/history/history-store.ts'
import type { MembershipReader } from '../../processors/membership/membership-store.ts'
import { Code } from '../../schemas/codes.ts'
import type { EventFrame, QuestionFrame, SessionSummary } from '../../schemas/frames.ts'
import type { Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import { PAGE_BYTES_MAX, QUESTIONS_MAX } from '../limits.ts'
import type { ClientConnection } from './client-connection.ts'
import { encodeFrame, pageFrame, refusal, type StoredPage, type Subprotocol } from './frames.ts'
import type { MembershipIndex } from './membership-index.ts'
import type { Outcomes } from './outcomes.ts'
import type { PeopleQuestions } from './people-questions.ts'
import { QuestionFailed, type Range, type Views } from './views.ts'
import { textFrame } from './websocket-frame.ts'

/**
 * Answers what clients ask of the views. Every question has its limits: how many run per connection, how long each
 * may take. A view that is down answers with a temporary code; sending and receiving do not depend on this file.
 */

type Question<Type extends QuestionFrame['type']> = Extract<QuestionFrame, { type: Type }>

export interface QuestionsOptions {
  history: HistoryReader
  membership: MembershipReader
  views: Views
  index: MembershipIndex
  outcomes: Outcomes
  people: Pick<PeopleQuestions, 'ask'>
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
    connection.questions++
    try {
      const bytes = await this.ask(connection, frame)
      await connection.room(bytes.length)
      connection.sendBytes(bytes)
    } catch (error) {
      if (!(error instanceof QuestionFailed)) throw error
      connection.send({ type: 'failed', requestId, ...refusal(error.code, error.message) })
    } finally {
      connection.questions--
    }
  }

  private ask(
    { identity, subprotocol }: ClientConnection,
    frame: Exclude<QuestionFrame, { type: 'resume' }>,
  ): Promise<Buffer> {
    switch (frame.type) {
      case 'history':
        return this.history(identity.userId, subprotocol, frame)
      case 'sessions':
        return this.sessions(identity.userId, subprotocol, frame)
      case 'members':
        return this.members(identity.userId, subprotocol, frame)
      case 'outcome':
        return this.outcome(identity.userId, subprotocol, frame)
      case 'ping': {
        const { requestId } = frame
        const serverTime = this.options.clock.now()
        return Promise.resolve(encodeFrame(subprotocol, { type: 'pong', requestId, serverTime }))
      }
      case 'friends':
      case 'profiles':
      case 'findUsers':
      case 'settings':
        return this.options.people.ask(identity.userId, frame).then(answer => encodeFrame(subprotocol, answer))
      default:
        return Promise.reject(new QuestionFailed('MSG_OP_CMD', `this server does not answer ${frame.type} yet`))
    }
  }

  private async history(userId: UserId, subprotocol: Subprotocol, frame: Question<'history'>): Promise<Buffer> {
    const { requestId, sessionId } = frame
    let query = frame
    let { page, ranges } = await this.pageInside(userId, query, await this.rangesOf(userId, sessionId))
    let visible = visiblePart(query, page, ranges)
    // Where history no longer keeps a stay, what it has next may lie between two stays: go on to the next one.
    for (let i = 0; i < ranges.length && visible.more && visible.events.length === 0; i++) {
      query = { ...query, afterSeq: page.seqs.at(-1)! }
      ;({ page, ranges } = await this.pageInside(userId, query, ranges))
      visible = visiblePart(query, page, ranges)
    }
    return pageFrame(subprotocol, { requestId, sessionId, ...visible, ...cutToSize(frame, visible) })
  }

  /** A page, and the user's stays as they are known after it was read: what came after a leave must not be shown. */
  private async pageInside(
    userId: UserId,
    query: Question<'history'>,
    ranges: readonly Range[],
  ): Promise<{ page: HistoryPage; ranges: readonly Range[] }> {
    const { index, views, partitionOf } = this.options
    const { sessionId } = query
    const page = await this.page(query, ranges)
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

  private page(query: Question<'history'>, ranges: readonly Range[]): Promise<HistoryPage> {
    const { views, history } = this.options
    const span = spanOf(query, ranges)
    return views.ask('HISTORY_ERROR', () => history.page({ sessionId: query.sessionId, ...span }))
  }

  private async rangesOf(userId: UserId, sessionId: SessionId): Promise<readonly Range[]> {
    const ranges = await this.options.views.ranges(userId, sessionId)
    if (ranges.length === 0) throw new QuestionFailed('HISTORY_DENIED', Code.HISTORY_DENIED.text)
    return ranges
  }

  /**
   * A client takes the list for all that it has to resume: a session that began while it was away, and that history
   * does not have yet or is being filled with again, would be missed for good.
   */
  private async sessions(userId: UserId, subprotocol: Subprotocol, frame: Question<'sessions'>): Promise<Buffer> {
    const { views, history } = this.options
    const { requestId, cursor, limit = 0 } = frame
    const request = cursor === undefined ? { userId, limit } : { userId, cursor, limit }
    const page = await asFailedList(async () => {
      const reached = await views.everythingCaughtUp()
      const found = await views.ask('HISTORY_ERROR', () => history.hotSessions(request))
      await Promise.all([...reached.keys()].map(partition => views.confirmHistory(partition, reached)))
      return found
    })
    const code = page.cursor === undefined ? Code.SUCCESS.number : Code.HOTSESSION_MORE.number
    const head = { type: 'sessions' as const, requestId, code }
    const next = page.cursor === undefined ? {} : { cursor: page.cursor }
    if (subprotocol === 'avro') {
      return encodeFrame('avro', { ...head, sessions: page.sessions.map(parseSummary), ...next })
    }
    const rest = JSON.stringify({ ...head, ...next })
    return textFrame(`${rest.slice(0, -1)},"sessions":[${page.sessions.map(summaryText).join(',')}]}`)
  }

  private async members(userId: UserId, subprotocol: Subprotocol, frame: Question<'members'>): Promise<Buffer> {
    const { views, membership, index } = this.options
    const { requestId, sessionId, cursor, limit = 0 } = frame
    if (index.joinSeq(userId, sessionId) === undefined) {
      throw new QuestionFailed('GROUP_USER_NOT_EXIST', Code.GROUP_USER_NOT_EXIST.text)
    }
    const request = cursor === undefined ? { sessionId, limit } : { sessionId, cursor, limit }
    const page = await views.ask('REDIS_ERROR', () => membership.members(request))
    const next = page.cursor === undefined ? {} : { cursor: page.cursor }
    return encodeFrame(subprotocol, { type: 'members', requestId, sessionId, members: page.members, ...next })
  }

  private async outcome(userId: UserId, subprotocol: Subprotocol, frame: Question<'outcome'>): Promise<Buffer> {
    const { requestId, sessionId, packId } = frame
    const outcome = await this.options.outcomes.find({ sessionId, from: userId, packId })
    const found = outcome !== undefined
    const fields = outcome ?? { code: 0, seq: 0, count: 0, at: 0 }
    return encodeFrame(subprotocol, { type: 'outcome', requestId, sessionId, packId, found, ...fields })
  }
}

/** A list that history cannot give has a code of its own. */
async function asFailedList<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (error) {
    if (!(error instanceof QuestionFailed) || error.code !== 'HISTORY_ERROR') throw error
    throw new QuestionFailed('HOTSESSION_FAILED', error.message, error)
  }
}

type Span = { afterSeq: Seq; limit: number } | { beforeSeq: Seq; limit: number }

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
): Pick<StoredPage, 'lastSeq' | 'more' | 'events'> {
  const isVisible = (seq: Seq) => ranges.some(({ fromSeq, toSeq }) => fromSeq <= seq && seq <= toSeq)
  const events = page.events.filter((_, i) => isVisible(page.seqs[i]!))
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

function parseSummary({ last, ...session }: HotSession): SessionSummary {
  return last === undefined ? session : { ...session, last: JSON.parse(last) as EventFrame }
}

/** The JSON text of a summary; the text of its last event is copied. */
function summaryText({ last, ...session }: HotSession): string {
  const text = JSON.stringify(session)
  return last === undefined ? text : `${text.slice(0, -1)},"last":${last}}`
}
