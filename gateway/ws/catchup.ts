import { unreachable } from '../../infra/assert.ts'
import type { HistoryReader, KeptOfSession, SessionHead } from '../../processors/history/history-store.ts'
import { Code } from '../../schemas/codes.ts'
import { type ClientFrame, HISTORY_PAGE_MAX, type ServerFrame } from '../../schemas/frames.ts'
import { type Partition, type Seq, type SessionId, userSessionId } from '../../schemas/ids.ts'
import { RESUMES_MAX } from '../limits.ts'
import type { ClientConnection } from './client-connection.ts'
import { refusal, storedEventFrame } from './frames.ts'
import { aboveCleared } from './kept-ranges.ts'
import type { MembershipIndex, Positions } from './membership-index.ts'
import { mergeAbove } from './merge.ts'
import { QuestionFailed, type Range, type Views } from './views.ts'

/**
 * Moves a resuming client from stored history to live events, without a gap that is not told and without a repeat.
 *
 * For all sessions of one resume frame, in this order:
 *  1. From this moment their live events wait in a buffer (connection.ts).
 *  2. Take the ends of im.events; wait until this gateway has read up to them, then until history's position has
 *     passed what the gateway had read. So history holds everything from before the buffer, and every event that the
 *     client may have from any gateway lies below what this one has read.
 *  3. Read the heads, and look once more that history was not emptied meanwhile. A client that is above a head has events that do not exist: `reset`. One that is at it goes
 *     live without anything being read.
 *  4. Where a group has something new: wait again until the gateway has read the log's end of now, so that nobody is
 *     shown what came after they left. Pages go up to the head as of step 3, inside the stays of the user; what is
 *     above it is in the buffer.
 *  5. Merge the buffer by seq; the session is live.
 * A seq that will not come (no longer kept, between two stays, hidden by the user) is in a `gap` frame; before a page is said to have
 * one, history's position is looked at again as well.
 *
 * When a view stays behind or down, the answer is `failed` and the sessions go live all the same: events above a hole
 * arrive, and the client resumes again from below the hole. Pages wait for room in the outbox: a slow client makes
 * its own resume slow. The order between sessions is not promised.
 */

/** Sessions of one resume that are read at the same time. */
export const RESUME_PARALLEL_MAX = 8

type Resume = Extract<ClientFrame, { type: 'resume' }>
type Resumed = Extract<ServerFrame, { type: 'resumed' }>['sessions'][number]

export interface CatchUpOptions {
  history: HistoryReader
  views: Views
  index: MembershipIndex
  partitionOf(sessionId: SessionId): Partition
}

/** One resume frame that is being worked on. */
interface Run {
  connection: ClientConnection
  token: number
  /** What history had reached when the heads were read. */
  reached: Positions
}

export class CatchUp {
  private readonly options: CatchUpOptions
  private tokens = 0

  constructor(options: CatchUpOptions) {
    this.options = options
  }

  /** Answers a resume. Rejects only for what must end the gateway. */
  async resume(connection: ClientConnection, { requestId, sessions }: Resume): Promise<void> {
    const token = ++this.tokens
    if (connection.resumes >= RESUMES_MAX || !connection.state.beginResume(sessions, token)) {
      return connection.send({ type: 'failed', requestId, ...refusal('OVERLOADED', 'too many sessions are resuming') })
    }
    connection.resumes++
    try {
      const resumed = await this.run(connection, token, sessions)
      connection.send({ type: 'resumed', requestId, sessions: resumed })
    } catch (error) {
      if (!(error instanceof QuestionFailed)) throw error
      connection.send({ type: 'failed', requestId, ...refusal(error.code, error.message) })
    } finally {
      connection.resumes--
      for (const { sessionId } of sessions) this.goLive(connection, token, sessionId, { tellGaps: false })
    }
  }

  private async run(connection: ClientConnection, token: number, sessions: Resume['sessions']): Promise<Resumed[]> {
    const { views, history } = this.options
    const ids = sessions.map(({ sessionId }) => sessionId)
    const { userId } = connection.identity
    // What the user hides is said in their own session.
    const partitions = [...ids, userSessionId(userId)].map(this.options.partitionOf)
    const reached = await views.caughtUp(ids.length === 0 ? [] : partitions)
    const heads = ids.length === 0 ? [] : await views.ask('HISTORY_ERROR', () => history.heads(ids))
    const kept = ids.length === 0 ? [] : await views.kept(userId, ids)
    await Promise.all([...reached.keys()].map(partition => views.confirmHistory(partition, reached)))
    const news = sessions.filter(({ seq }, i) => (heads[i]?.lastSeq ?? 0) > seq).map(({ sessionId }) => sessionId)
    const groups = news.filter(sessionId => sessionId.startsWith('g:'))
    if (groups.length > 0) await views.gatewayCaughtUp(groups.map(this.options.partitionOf))
    const run: Run = { connection, token, reached }
    const resumed: (Resumed | undefined)[] = []
    let next = 0
    const work = async () => {
      for (let i = next++; i < sessions.length && !connection.isClosed; i = next++) {
        resumed[i] = await this.session(run, sessions[i]!, heads[i], kept[i]!)
      }
    }
    await Promise.all(Array.from({ length: RESUME_PARALLEL_MAX }, work))
    return resumed.filter(session => session !== undefined)
  }

  /** Undefined when a later resume has taken the session over: what became of it is that one's to say. */
  private async session(
    run: Run,
    { sessionId, seq }: Resume['sessions'][number],
    head: SessionHead | undefined,
    kept: KeptOfSession,
  ): Promise<Resumed | undefined> {
    const { connection, token } = run
    const lastSeq = head?.lastSeq ?? 0
    const ranges = await this.rangesAbove(connection, sessionId, seq)
    if (ranges.length === 0) {
      this.goLive(connection, token, sessionId, { tellGaps: false })
      return { sessionId, lastSeq: 0, code: Code.HISTORY_DENIED.number }
    }
    if (seq > lastSeq) this.reset(run, sessionId, lastSeq)
    else await this.readPages(run, { sessionId, afterSeq: seq, lastSeq, ranges: aboveCleared(ranges, kept), kept })
    const cursor = this.goLive(connection, token, sessionId, { tellGaps: true })
    return cursor === undefined ? undefined : { sessionId, lastSeq: cursor }
  }

  /** What the user may see; of a stay that began at or before the wanted seqs, the index knows enough. */
  private async rangesAbove(connection: ClientConnection, sessionId: SessionId, seq: Seq): Promise<readonly Range[]> {
    const { userId } = connection.identity
    const joinSeq = this.options.index.joinSeq(userId, sessionId)
    if (joinSeq !== undefined && joinSeq <= seq + 1) return [{ fromSeq: joinSeq, toSeq: Number.POSITIVE_INFINITY }]
    return this.options.views.ranges(userId, sessionId)
  }

  private reset({ connection, token }: Run, sessionId: SessionId, lastSeq: Seq): void {
    if (connection.state.caughtUpTo(sessionId, token) === undefined) return
    connection.send({ type: 'reset', sessionId, lastSeq })
    connection.state.advance(sessionId, token, lastSeq)
  }

  /** Sends everything above afterSeq, up to lastSeq, inside the ranges; the rest is told as gaps. */
  private async readPages(
    run: Run,
    {
      sessionId,
      afterSeq,
      lastSeq,
      ranges,
      kept,
    }: { sessionId: SessionId; afterSeq: Seq; lastSeq: Seq; ranges: readonly Range[]; kept: KeptOfSession },
  ): Promise<void> {
    let cursor = afterSeq
    for (const range of ranges) {
      const toSeq = Math.min(range.toSeq, lastSeq)
      if (toSeq <= cursor) continue
      // A stay that this one does not follow at once: what lies between is not for this user.
      if (range.fromSeq > cursor + 1) {
        this.tellGap(run, sessionId, cursor + 1, range.fromSeq - 1)
        cursor = range.fromSeq - 1
      }
      while (cursor < toSeq) {
        const read = await this.readPage(run, { sessionId, kept }, cursor, toSeq)
        if (read === undefined) return
        cursor = read
      }
    }
  }

  /** Sends one page and gives the seq up to which it went; undefined when nobody waits for it any more. */
  private async readPage(
    run: Run,
    { sessionId, kept }: { sessionId: SessionId; kept: KeptOfSession },
    afterSeq: Seq,
    toSeq: Seq,
  ): Promise<Seq | undefined> {
    const { connection, token, reached } = run
    const { views, history } = this.options
    const limit = Math.min(HISTORY_PAGE_MAX, toSeq - afterSeq)
    const page = await views.ask('HISTORY_ERROR', () => history.page({ sessionId, afterSeq, limit }))
    const items = page.seqs.map((seq, i) => ({ seq, text: page.events[i]! })).filter(({ seq }) => seq <= toSeq)
    const merged = mergeAbove(afterSeq, items)
    const isShort = merged.steps.length === 0
    const hasGap = isShort || merged.steps.some(({ kind }) => kind === 'Gap')
    if (hasGap) await views.confirmHistory(this.options.partitionOf(sessionId), reached)
    for (const step of merged.steps) {
      if (step.kind === 'Gap') this.tellGap(run, sessionId, step.fromSeq, step.toSeq)
      else if (kept.hidden.includes(step.item.seq)) this.tellGap(run, sessionId, step.item.seq, step.item.seq)
      else if (!(await this.sendStored(run, sessionId, step.item))) return undefined
    }
    // Nothing above afterSeq is kept any more, up to toSeq.
    if (isShort) this.tellGap(run, sessionId, afterSeq + 1, toSeq)
    return connection.state.caughtUpTo(sessionId, token)
  }

  /** Sends one stored event as soon as there is room; false when nobody waits for it any more. */
  private async sendStored(
    { connection, token }: Run,
    sessionId: SessionId,
    { seq, text }: { seq: Seq; text: string },
  ): Promise<boolean> {
    const { state, subprotocol } = connection
    const bytes = storedEventFrame(subprotocol, text)
    if (!connection.hasRoom(bytes.length)) await connection.room(bytes.length)
    if (connection.isClosed || state.caughtUpTo(sessionId, token) === undefined) return false
    if (!state.isAcked(sessionId, seq)) connection.sendBytes(bytes)
    state.advance(sessionId, token, seq)
    return true
  }

  private tellGap({ connection, token }: Run, sessionId: SessionId, fromSeq: Seq, toSeq: Seq): void {
    if (connection.state.caughtUpTo(sessionId, token) === undefined) return
    connection.send({ type: 'gap', sessionId, fromSeq, toSeq })
    connection.state.advance(sessionId, token, toSeq)
  }

  /** Sends what waited above the cursor and gives the seq that the client now has; undefined when it was live already. */
  private goLive(
    connection: ClientConnection,
    token: number,
    sessionId: SessionId,
    { tellGaps }: { tellGaps: boolean },
  ): Seq | undefined {
    const merged = connection.state.finishResume(sessionId, token)
    if (merged === undefined) return undefined
    for (const step of merged.steps) {
      switch (step.kind) {
        case 'Gap':
          if (tellGaps) connection.send({ type: 'gap', sessionId, fromSeq: step.fromSeq, toSeq: step.toSeq })
          break
        case 'Item':
          if (step.item.event !== undefined) connection.sendBytes(step.item.event.frame(connection.subprotocol))
          break
        default:
          unreachable(step)
      }
    }
    return merged.cursor
  }
}
