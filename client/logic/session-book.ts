import type { EventFrame, SessionSummary } from '../../schemas/frames.ts'
import type { Count, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { Store, Write } from '../storage/store.ts'
import { BookDraft } from './book-draft.ts'
import { foldEvent, foldTarget, forgetEdit } from './fold-event.ts'
import { mergePage, messageRow } from './fold-message.ts'
import { foldRead, foldSummary } from './fold-session.ts'
import { emptySession, type MessageRow, messageKey, type SessionRow } from './rows.ts'
import { addSpan, type Span, topOf } from './spans.ts'

/** What one batch has changed. */
export interface BookChange {
  sessions: ReadonlySet<SessionId>
  /** Changed messages of a session, in no order; hidden ones as well. */
  messages: ReadonlyMap<SessionId, readonly MessageRow[]>
  /** Sessions of which everything that was kept is void. */
  forgotten: ReadonlySet<SessionId>
  /** Events that were folded, for those who keep other lists. */
  events: readonly EventFrame[]
}

export interface BookParts {
  store: Store
  me: UserId
  /** False: another process writes the store, and this one only follows. */
  isKeeper(): boolean
  changed(change: BookChange): void
  problem(message: string): void
}

/** Events by which a page may be behind what is kept: the server's view is moments behind its log. */
const SINCE_PAGE_MAX = 1_000

type Task = (draft: BookDraft) => void | Promise<void>

/**
 * The sessions and messages of one user.
 *
 * Everything that changes them is a task. Tasks run one after the other; those that are waiting run as one batch on a
 * draft, which is written to the store as a whole, and only then shown: a crash leaves a session and its messages
 * together as they were before or after. Folding is idempotent by seq, so that whatever comes again changes nothing.
 */
export class SessionBook {
  readonly sessions = new Map<SessionId, SessionRow>()
  private waiting: { task: Task; done: () => void }[] = []
  private isRunning = false
  private readonly parts: BookParts

  constructor(parts: BookParts) {
    this.parts = parts
  }

  /** Reads the sessions of the store in place of those that are known; what was folded since is folded again. */
  load(): Promise<void> {
    return this.run(async draft => {
      this.sessions.clear()
      draft.sessions.clear()
      for (const { value } of await this.parts.store.range('sessions', {})) {
        const row = value as SessionRow
        this.sessions.set(row.sessionId, row)
        draft.touch(row.sessionId)
      }
    })
  }

  event(event: EventFrame): Promise<void> {
    return this.run(draft => foldEvent(draft, event, this.parts.me))
  }

  /** These seqs will not come: they count as known. */
  gap(sessionId: SessionId, { from, to }: Span): Promise<void> {
    return this.change(sessionId, row => ({ ...row, spans: addSpan(row.spans, { from, to }) }))
  }

  /** What is kept of the session is void; `seq` is the last that there is. */
  forget(sessionId: SessionId, seq: Seq): Promise<void> {
    return this.run(draft => {
      const row = draft.session(sessionId)
      draft.forget(sessionId)
      if (row === undefined) return
      const { last: _, ...rest } = row
      draft.putSession({ ...rest, spans: [], lastSeq: Math.min(row.lastSeq, seq) })
    })
  }

  /** A page of history: everything of `span` that the user may see, as it was after `asOf`. */
  page(sessionId: SessionId, page: { events: readonly EventFrame[]; span: Span; asOf: Seq }): Promise<void> {
    return this.run(async draft => {
      const { events, span, asOf } = page
      for (const event of events) {
        const known = await draft.message(sessionId, event.seq)
        const merged = mergePage(known, messageRow(event, asOf))
        draft.putMessage(merged)
        await forgetEdit(draft, known?.event.state?.seq, merged.event)
      }
      // What the page tells of messages that were kept before and are not in it.
      for (const event of events) await foldTarget(draft, event)
      // What has come since the page was read, while its messages were not here.
      const since = await this.messages(
        sessionId,
        { from: asOf + 1, to: Number.MAX_SAFE_INTEGER },
        { limit: SINCE_PAGE_MAX, newest: false },
      )
      for (const { event } of since) await foldTarget(draft, event)
      const row = draft.session(sessionId) ?? emptySession(sessionId)
      if (span.from <= span.to) draft.putSession({ ...row, spans: addSpan(row.spans, span) })
    })
  }

  /** What the server lists. */
  summaries(summaries: readonly SessionSummary[]): Promise<void> {
    return this.run(draft => {
      for (const summary of summaries) {
        draft.putSession(foldSummary(draft.session(summary.sessionId) ?? emptySession(summary.sessionId), summary))
      }
    })
  }

  /** Read on this device, before the server knows. */
  read(sessionId: SessionId, seq: Seq, count: Count): Promise<void> {
    return this.change(sessionId, row => foldRead(row, seq, count))
  }

  private change(sessionId: SessionId, change: (row: SessionRow) => SessionRow): Promise<void> {
    return this.run(draft => {
      const row = draft.session(sessionId) ?? emptySession(sessionId)
      const changed = change(row)
      if (changed !== row) draft.putSession(changed)
    })
  }

  /** Kept messages of a session inside a span, the oldest first, at most `limit`: the first, or the last of them. */
  async messages(
    sessionId: SessionId,
    { from, to }: Span,
    { limit, newest }: { limit: number; newest: boolean },
  ): Promise<MessageRow[]> {
    const range = { from: messageKey(sessionId, from), to: messageKey(sessionId, to), limit, descending: newest }
    const rows = (await this.parts.store.range('messages', range)).map(({ value }) => value as MessageRow)
    return newest ? rows.reverse() : rows
  }

  /** Up to which seq nothing is missing at the end of what is kept. */
  topOf(sessionId: SessionId): Seq {
    return topOf(this.sessions.get(sessionId)?.spans ?? [])
  }

  /** Resolves when everything that was handed over until now is written. */
  settled(): Promise<void> {
    return this.run(() => {})
  }

  private run(task: Task): Promise<void> {
    return new Promise(done => {
      this.waiting.push({ task, done })
      if (!this.isRunning) void this.drain()
    })
  }

  private async drain(): Promise<void> {
    this.isRunning = true
    while (this.waiting.length > 0) {
      const batch = this.waiting
      this.waiting = []
      const draft = new BookDraft(this.sessions, this.parts.store)
      for (const { task } of batch) await task(draft)
      await this.write(await draft.writes())
      for (const [sessionId, row] of draft.sessions) this.sessions.set(sessionId, row)
      if (!draft.isEmpty) this.parts.changed(draft.change())
      for (const { done } of batch) done()
    }
    this.isRunning = false
  }

  /** A store that fails costs what is kept, not what is shown: it is fetched again after a restart. */
  private async write(writes: readonly Write[]): Promise<void> {
    if (writes.length === 0 || !this.parts.isKeeper()) return
    try {
      await this.parts.store.write(writes)
    } catch (error) {
      this.parts.problem(`the store does not write: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
}
