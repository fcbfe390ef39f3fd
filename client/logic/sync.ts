import type { Clock, PortableRandom } from '../../infra/clock.ts'
import type { SessionSummary } from '../../schemas/frames.ts'
import { SESSIONS_PAGE_MAX } from '../../schemas/frames.ts'
import { type SessionId, type UserId, userSessionId } from '../../schemas/ids.ts'
import { backoffMs } from '../network/backoff.ts'
import type { SessionPosition } from '../network/client.ts'
import { QuestionFailed } from '../network/questions.ts'
import type { Store } from '../storage/store.ts'
import { askPages } from './pages.ts'
import type { SessionBook } from './session-book.ts'
import type { Wire } from './wire.ts'

/** A session that is further behind than this begins anew at its end; older events are read when they are looked at. */
export const RESUME_EVENTS_MAX = 1_000
const SINCE_KEY = 'sessionsSince'

export interface SyncParts {
  store: Store
  wire: Wire
  book: SessionBook
  clock: Clock
  random: PortableRandom
  me: UserId
  refreshLists(): Promise<void>
  synced(): void
  problem(message: string): void
}

/**
 * Brings what is kept up to date after every connect: the list of sessions since the last time, then everything of
 * them that is missing, through the network layer's `follow`. Live events that come meanwhile are folded as they come;
 * what comes twice changes nothing.
 */
export class Sync {
  private run = 0
  private hasFollowed = false
  private readonly parts: SyncParts

  constructor(parts: SyncParts) {
    this.parts = parts
    parts.wire.on('caughtUp', () => void this.start())
    parts.wire.on('phase', phase => {
      if (phase.kind !== 'Live') this.run++
    })
  }

  /** The store was written by another process until now: everything is followed from where it stands there. */
  keeperChanged(): void {
    this.hasFollowed = false
  }

  async start(): Promise<void> {
    const run = ++this.run
    const { clock, random } = this.parts
    for (let attempt = 0; run === this.run; attempt++) {
      const failure = await this.attempt()
      if (failure === undefined) {
        if (run === this.run) this.parts.synced()
        return
      }
      this.parts.problem(`sessions: ${failure.message}`)
      if (!failure.temporary) return
      await clock.sleep(backoffMs(attempt, random))
    }
  }

  private async attempt(): Promise<QuestionFailed | undefined> {
    try {
      await this.readSessions()
      await this.parts.refreshLists()
      return undefined
    } catch (error) {
      if (error instanceof QuestionFailed) return error
      throw error
    }
  }

  private async readSessions(): Promise<void> {
    const { store, wire, book } = this.parts
    const since = (await store.get('meta', SINCE_KEY)) as string | undefined
    const question = { type: 'sessions', limit: SESSIONS_PAGE_MAX, ...(since !== undefined && { since }) } as const
    const changed = new Set<SessionId>()
    for await (const page of askPages(wire, question)) {
      for (const { sessionId } of page.sessions) changed.add(sessionId)
      await this.takeIn(page.sessions)
      if (page.since !== undefined && wire.isKeeper) {
        await store.write([{ table: 'meta', key: SINCE_KEY, value: page.since }])
      }
    }
    if (!this.hasFollowed) await this.followRest(changed)
    this.hasFollowed = true
    await book.settled()
  }

  private async takeIn(summaries: readonly SessionSummary[]): Promise<void> {
    const { book, wire } = this.parts
    for (const { sessionId, lastSeq } of summaries) {
      const top = book.topOf(sessionId)
      if (top > 0 && lastSeq - top > RESUME_EVENTS_MAX) await book.forget(sessionId, lastSeq)
    }
    await book.summaries(summaries)
    const positions = summaries
      .filter(({ sessionId }) => book.sessions.get(sessionId)?.isOut !== true)
      .map(({ sessionId, lastSeq }) => ({ sessionId, seq: book.topOf(sessionId) || lastSeq }))
    await wire.follow(positions)
  }

  /** Sessions in which nothing has changed, and the user's own. */
  private async followRest(changed: ReadonlySet<SessionId>): Promise<void> {
    const { book, wire, me } = this.parts
    const own = userSessionId(me)
    const rest: SessionPosition[] = [...book.sessions.values()]
      .filter(row => !changed.has(row.sessionId) && row.isOut !== true && row.sessionId !== own)
      .map(row => ({ sessionId: row.sessionId, seq: book.topOf(row.sessionId) || row.lastSeq }))
    await wire.follow(rest)
    await this.followOwn(own)
  }

  private async followOwn(own: SessionId): Promise<void> {
    const { book, wire } = this.parts
    let seq = book.topOf(own)
    if (seq === 0) {
      seq = (await wire.ask({ type: 'settings' })).seq
      if (seq > 0) await book.gap(own, { from: 1, to: seq })
    }
    if (seq > 0) await wire.follow([{ sessionId: own, seq }])
  }
}
