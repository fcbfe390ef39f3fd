import type { HistoryReader, HotSession, UrgentEvent } from '../../processors/history/history-store.ts'
import type { MembershipReader } from '../../processors/membership/membership-store.ts'
import { Code } from '../../schemas/codes.ts'
import {
  type EventFrame,
  HISTORY_PAGE_MAX,
  MEMBERS_PAGE_MAX,
  type QuestionFrame,
  type ServerFrame,
  type SessionSummary,
} from '../../schemas/frames.ts'
import type { Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import { RECEIPT_MEMBERS_ASKED_MAX, URGENT_KEPT_MS } from '../limits.ts'
import { usersOf } from './audience.ts'
import { encodeFrame, type Subprotocol } from './frames.ts'
import { aboveCleared, isShown } from './kept-ranges.ts'
import { offsetsText, pageCursor, parseOffsets, parsePageCursor, parseTimes, timesText } from './list-cursors.ts'
import type { Positions } from './membership-index.ts'
import { QuestionFailed, type Views } from './views.ts'
import { textFrame } from './websocket-frame.ts'

/** Answers what clients ask of their sessions as a whole: the list, who has read what, what must not be missed. */

export type ReadingQuestion = Extract<QuestionFrame, { type: 'sessions' | 'receipts' | 'priority' }>
type Question<Type extends ReadingQuestion['type']> = Extract<ReadingQuestion, { type: Type }>

export interface ReadingQuestionsOptions {
  history: HistoryReader
  membership: MembershipReader
  views: Views
  partitionOf(sessionId: SessionId): Partition
}

export class ReadingQuestions {
  private readonly options: ReadingQuestionsOptions

  constructor(options: ReadingQuestionsOptions) {
    this.options = options
  }

  /** Rejects with QuestionFailed. */
  ask(userId: UserId, subprotocol: Subprotocol, frame: ReadingQuestion): Promise<Buffer> {
    switch (frame.type) {
      case 'sessions':
        return this.sessions(userId, subprotocol, frame)
      case 'receipts':
        return this.receipts(userId, frame).then(answer => encodeFrame(subprotocol, answer))
      case 'priority':
        return this.priority(userId, frame).then(answer => encodeFrame(subprotocol, answer))
    }
  }

  /**
   * A client takes the list for all that it has to resume: a session that began while it was away, and that history
   * does not have yet or is being filled with again, would be missed for good. `since` is what was true before the
   * first page was read, so that what changes while pages are read is told next time.
   */
  private async sessions(userId: UserId, subprotocol: Subprotocol, frame: Question<'sessions'>): Promise<Buffer> {
    const { history, partitionOf } = this.options
    const { requestId, limit = 0 } = frame
    const going = frame.cursor === undefined ? undefined : parsePageCursor(frame.cursor)
    const times = frame.since === undefined ? undefined : parseTimes(frame.since)
    const request = {
      userId,
      limit,
      ...(going === undefined ? {} : { cursor: going.cursor }),
      ...(times === undefined ? {} : { since: { times, partitionOf } }),
    }
    let since = going?.since
    const page = await asFailedList(() =>
      this.complete(async reached => {
        since ??= timesText(await history.times([...reached.keys()]))
        return history.hotSessions(request)
      }),
    )
    const code = page.cursor === undefined ? Code.SUCCESS.number : Code.HOTSESSION_MORE.number
    const head = { type: 'sessions' as const, requestId, code }
    const next = page.cursor === undefined ? { since: since! } : { cursor: pageCursor(page.cursor, since!) }
    if (subprotocol === 'avro') {
      return encodeFrame('avro', { ...head, sessions: page.sessions.map(parseSummary), ...next })
    }
    const rest = JSON.stringify({ ...head, ...next })
    return textFrame(`${rest.slice(0, -1)},"sessions":[${page.sessions.map(summaryText).join(',')}]}`)
  }

  /** An answer of history that holds everything that the log held when it was asked. */
  private async complete<T>(ask: (reached: Positions) => Promise<T>): Promise<T> {
    const { views } = this.options
    const reached = await views.everythingCaughtUp()
    const found = await views.ask('HISTORY_ERROR', () => ask(reached))
    await Promise.all([...reached.keys()].map(partition => views.confirmHistory(partition, reached)))
    return found
  }

  /** Of those who could read the message and still can, without its sender: how many have, and who. */
  private async receipts(userId: UserId, frame: Question<'receipts'>): Promise<ServerFrame> {
    const { views, history, partitionOf } = this.options
    const { requestId, sessionId, seq, cursor = '', limit = MEMBERS_PAGE_MAX } = frame
    const ranges = await views.ranges(userId, sessionId)
    if (!ranges.some(({ fromSeq, toSeq }) => fromSeq <= seq && seq <= toSeq)) {
      throw new QuestionFailed('HISTORY_DENIED', Code.HISTORY_DENIED.text)
    }
    const reached = await views.caughtUp([partitionOf(sessionId)])
    const page = await views.ask('HISTORY_ERROR', () => history.page({ sessionId, afterSeq: seq - 1, limit: 1 }))
    if (seq < 1 || seq > page.lastSeq) throw new QuestionFailed('MSG_NOT_EXIST', Code.MSG_NOT_EXIST.text)
    const sender = page.seqs[0] === seq ? (JSON.parse(page.events[0]!) as EventFrame).from : undefined
    const people = (await this.peopleAt(sessionId, seq)).filter(one => one !== sender)
    const readSeqs = await views.ask('HISTORY_ERROR', () => history.readSeqs({ sessionId, userIds: people }))
    await views.confirmHistory(partitionOf(sessionId), reached)
    const readers = people.filter((_, index) => readSeqs[index]! >= seq)
    const rest = readers.filter(reader => reader > cursor)
    const shown = rest.slice(0, limit)
    const next = rest.length > shown.length ? { cursor: shown.at(-1)! } : {}
    const counts = { readCount: readers.length, memberCount: people.length }
    return { type: 'receipts', requestId, sessionId, seq, ...counts, readers: shown, ...next }
  }

  /** Who was in the session at a seq and is now, by id. */
  private async peopleAt(sessionId: SessionId, seq: Seq): Promise<UserId[]> {
    const { views, membership } = this.options
    if (!sessionId.startsWith('g:')) return [...usersOf(sessionId)].sort()
    const people: UserId[] = []
    let cursor: string | undefined
    do {
      const request = { sessionId, limit: MEMBERS_PAGE_MAX, ...(cursor === undefined ? {} : { cursor }) }
      const page = await views.ask('REDIS_ERROR', () => membership.members(request))
      for (const { userId, joinSeq } of page.members) if (joinSeq <= seq) people.push(userId)
      cursor = page.cursor
      if (people.length > RECEIPT_MEMBERS_ASKED_MAX) {
        throw new QuestionFailed('LIMIT_REACHED', 'a group of this size has no receipts')
      }
    } while (cursor !== undefined)
    return people.sort()
  }

  /**
   * What must not be missed, by time. The cursor holds the offset that was reached in each partition: within one, times
   * never fall, so that nothing comes below it later. What the user may not see, or hides, is passed over.
   */
  private async priority(userId: UserId, frame: Question<'priority'>): Promise<ServerFrame> {
    const { history, views, partitionOf } = this.options
    const { requestId, limit = HISTORY_PAGE_MAX } = frame
    const offsets = parseOffsets(frame.cursor)
    const { events, times } = await this.complete(async reached => ({
      events: await history.urgent({ userId, after: { offsets, partitionOf } }),
      times: await history.times([...reached.keys()]),
    }))
    const kept = events.filter(({ at, partition }) => at >= (times.get(partition) ?? 0) - URGENT_KEPT_MS)
    kept.sort((a, b) => a.at - b.at || a.partition - b.partition || a.offset - b.offset)
    const isVisible = await this.visibleTo(userId, kept)
    const shown: UrgentEvent[] = []
    let passed = 0
    for (; passed < kept.length && shown.length < limit; passed++) {
      const event = kept[passed]!
      if (isVisible(event)) shown.push(event)
      offsets.set(event.partition, event.offset)
    }
    const texts = await views.ask('HISTORY_ERROR', () => history.urgentTexts(shown))
    const frames = texts.flatMap(text => (text === undefined ? [] : [JSON.parse(text) as EventFrame]))
    const more = kept.slice(passed).some(isVisible)
    return { type: 'priority', requestId, events: frames, more, cursor: offsetsText(offsets) }
  }

  private async visibleTo(userId: UserId, events: readonly UrgentEvent[]): Promise<(event: UrgentEvent) => boolean> {
    const { views, history } = this.options
    const sessionIds = [...new Set(events.filter(({ seq }) => seq > 0).map(({ sessionId }) => sessionId))]
    const kept = await views.ask('HISTORY_ERROR', () => history.kept({ userId, sessionIds }))
    const ranges = await Promise.all(sessionIds.map(sessionId => views.ranges(userId, sessionId)))
    const bySession = new Map(
      sessionIds.map((sessionId, i) => [sessionId, { ranges: aboveCleared(ranges[i]!, kept[i]!), kept: kept[i]! }]),
    )
    return ({ sessionId, seq }) => {
      // What no timeline holds was put there for this user.
      if (seq === 0) return true
      const session = bySession.get(sessionId)!
      return isShown(seq, session.ranges, session.kept)
    }
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

function parseSummary({ last, ...session }: HotSession): SessionSummary {
  return last === undefined ? session : { ...session, last: JSON.parse(last) as EventFrame }
}

/** The JSON text of a summary; the text of its last event is copied. */
function summaryText({ last, ...session }: HotSession): string {
  const text = JSON.stringify(session)
  return last === undefined ? text : `${text.slice(0, -1)},"last":${last}}`
}
