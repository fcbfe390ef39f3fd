import type { EventFrame } from '../../schemas/frames.ts'
import { HISTORY_PAGE_MAX } from '../../schemas/frames.ts'
import type { Seq, SessionId } from '../../schemas/ids.ts'
import { QuestionFailed } from '../network/questions.ts'
import type { MessageRow, OutboxRow, SessionRow } from './rows.ts'
import type { BookChange, SessionBook } from './session-book.ts'
import { spanOf } from './spans.ts'
import type { Wire } from './wire.ts'

/** Events that one step in either direction brings at most. */
export const CONVERSATION_PAGE_MAX = 60
/** Events that a window holds; beyond it the other end is let go, and comes again when it is looked at. */
export const WINDOW_ROWS_MAX = 1_200

export interface ConversationParts {
  sessionId: SessionId
  book: SessionBook
  wire: Wire
  outbox(sessionId: SessionId): OutboxRow[]
  changed(): void
}

/** What a window shows now. */
export interface ConversationView {
  /** Events by rising seq, without hidden ones. */
  events: readonly EventFrame[]
  /** Own packs that are not in the log yet, the oldest first; empty away from the end. */
  pending: readonly OutboxRow[]
  hasOlder: boolean
  /** True where the last event of the session is in the window: new ones appear by themselves. */
  isAtEnd: boolean
  isLoading: boolean
}

/**
 * A window on one session: a run of seqs in which nothing is missing, that grows at either end.
 *
 * It reads from the store where that has the seqs and from the server where not, so that what was seen once is there
 * offline as well. At the end of the session it follows what comes.
 */
export class Conversation {
  private rows: MessageRow[] = []
  /** The window holds everything from..to. Empty: from = to + 1. */
  private from: Seq
  private to: Seq
  private loading: Promise<void> | undefined
  /** True while the end of the session is looked at, although it may have moved on since. */
  private followsEnd = true
  private current: ConversationView | undefined
  private readonly parts: ConversationParts

  constructor(parts: ConversationParts) {
    this.parts = parts
    this.to = this.startSeq()
    this.from = this.to + 1
  }

  /** The session that is looked at. */
  get sessionId(): SessionId {
    return this.parts.sessionId
  }

  /** What the window shows; the same object until something changes. */
  get view(): ConversationView {
    this.current ??= this.makeView()
    return this.current
  }

  /** Shows older events: resolves when they are there, or cannot be had now. */
  loadOlder(): Promise<void> {
    return this.load(() => this.older())
  }

  /** Shows newer events. */
  loadNewer(): Promise<void> {
    return this.load(() => this.newer())
  }

  /** Shows the surroundings of a seq. */
  async jumpTo(seq: Seq): Promise<void> {
    await this.loading
    if (seq < this.from || seq > this.to) {
      this.restart(seq)
      this.followsEnd = this.isAtEnd()
    }
    await this.load(() => this.older())
    await this.load(() => this.newer())
  }

  /** Shows the end of the session. */
  async jumpToEnd(): Promise<void> {
    await this.loading
    this.followsEnd = true
    if (!this.isAtEnd()) this.restart(this.startSeq())
    await this.load(() => this.older())
  }

  /** Takes in what the book has changed. */
  follow(change: BookChange): void {
    const { sessionId } = this.parts
    if (change.forgotten.has(sessionId)) this.restart(this.startSeq())
    const rows = change.messages.get(sessionId) ?? []
    for (const row of rows) this.replace(row)
    const grew = this.grow(rows)
    if (rows.length > 0 || grew || change.sessions.has(sessionId) || change.forgotten.has(sessionId)) this.changed()
    this.catchUp()
  }

  /** The connection is there again, and what was missed is known. */
  synced(): void {
    this.changed()
    this.catchUp()
  }

  /** What waits in the outbox has changed. */
  changed(): void {
    this.current = undefined
    this.parts.changed()
  }

  private makeView(): ConversationView {
    const isAtEnd = this.isAtEnd()
    const cleared = this.session()?.clearedSeq ?? 0
    const shown = this.rows.filter(({ event, isHidden }) => !isHidden && event.seq > cleared)
    return {
      events: shown.map(({ event }) => event),
      pending: isAtEnd ? this.parts.outbox(this.parts.sessionId).filter(row => !row.hasArrived) : [],
      hasOlder: this.from > Math.max(1, cleared + 1),
      isAtEnd,
      isLoading: this.loading !== undefined,
    }
  }

  private session(): SessionRow | undefined {
    return this.parts.book.sessions.get(this.parts.sessionId)
  }

  /** The end of the session as far as it can be had: without a connection, the end of what is kept. */
  private startSeq(): Seq {
    const row = this.session()
    if (row === undefined) return 0
    if (this.parts.wire.phase.kind === 'Live' || row.spans.length === 0) return row.lastSeq
    return row.spans.at(-1)!.to
  }

  private isAtEnd(): boolean {
    return this.to >= this.startSeq()
  }

  private restart(seq: Seq): void {
    this.rows = []
    this.to = seq
    this.from = seq + 1
  }

  private load(step: () => Promise<void>): Promise<void> {
    if (this.loading !== undefined) return this.loading
    const { to } = this
    const loading = step().finally(() => {
      this.loading = undefined
      this.changed()
      // What came meanwhile could not join; where nothing came of loading, the next change tries again.
      if (this.to !== to || step !== this.toEnd) this.catchUp()
    })
    this.loading = loading
    this.changed()
    return loading
  }

  /** What came and does not join on to the window is read, where the end is looked at. */
  private catchUp(): void {
    const isEmpty = this.rows.length === 0 && this.from > 1
    if (this.followsEnd && this.loading === undefined && (isEmpty || !this.isAtEnd())) void this.load(this.toEnd)
  }

  private readonly toEnd = async (): Promise<void> => {
    const end = this.startSeq()
    if (this.rows.length > 0 && end - this.to <= CONVERSATION_PAGE_MAX) return this.newer()
    this.restart(end)
    await this.older()
  }

  private async older(): Promise<void> {
    const below = this.from - 1
    if (below < 1) return
    const kept = spanOf(this.session()?.spans ?? [], below)
    const from = kept?.from ?? (await this.fetch({ beforeSeq: below + 1 }))
    if (from === undefined || from > below) return
    const limit = CONVERSATION_PAGE_MAX
    const rows = await this.parts.book.messages(this.sessionId, { from, to: below }, { limit, newest: true })
    this.rows = [...rows, ...this.rows]
    this.from = rows.length < limit ? from : rows[0]!.event.seq
    if (this.rows.length <= WINDOW_ROWS_MAX) return
    this.rows = this.rows.slice(0, WINDOW_ROWS_MAX)
    this.to = this.rows.at(-1)!.event.seq
    this.followsEnd = false
  }

  private async newer(): Promise<void> {
    const above = this.to + 1
    if (above > (this.session()?.lastSeq ?? 0)) return
    const kept = spanOf(this.session()?.spans ?? [], above)
    const to = kept?.to ?? (await this.fetch({ afterSeq: above - 1 }))
    if (to === undefined || to < above) return
    const limit = CONVERSATION_PAGE_MAX
    const rows = await this.parts.book.messages(this.sessionId, { from: above, to }, { limit, newest: false })
    this.rows = [...this.rows, ...rows]
    this.to = rows.length < limit ? to : rows.at(-1)!.event.seq
    if (this.isAtEnd()) this.followsEnd = true
    if (this.rows.length <= WINDOW_ROWS_MAX) return
    this.rows = this.rows.slice(-WINDOW_ROWS_MAX)
    this.from = this.rows[0]!.event.seq
  }

  /** Gets a page into the book; gives how far it reaches, or undefined when it cannot be had now. */
  private async fetch(where: { beforeSeq: Seq } | { afterSeq: Seq }): Promise<Seq | undefined> {
    const { sessionId, book, wire } = this.parts
    const limit = Math.min(CONVERSATION_PAGE_MAX, HISTORY_PAGE_MAX)
    try {
      const page = await wire.ask({ type: 'history', sessionId, limit, ...where })
      const { events, more, lastSeq: asOf } = page
      if ('beforeSeq' in where) {
        const from = more ? (events[0]?.seq ?? where.beforeSeq) : 1
        await book.page(sessionId, { events, asOf, span: { from, to: where.beforeSeq - 1 } })
        return from
      }
      const to = more ? (events.at(-1)?.seq ?? where.afterSeq) : Math.max(asOf, events.at(-1)?.seq ?? 0)
      await book.page(sessionId, { events, asOf, span: { from: where.afterSeq + 1, to } })
      return to
    } catch (error) {
      if (error instanceof QuestionFailed) return undefined
      throw error
    }
  }

  private replace(row: MessageRow): void {
    const index = this.rows.findIndex(({ event }) => event.seq === row.event.seq)
    if (index >= 0) this.rows = this.rows.map(known => (known.event.seq === row.event.seq ? row : known))
  }

  /** At the end of the session, what came joins the window as far as nothing is missing before it. */
  private grow(rows: readonly MessageRow[]): boolean {
    const span = spanOf(this.session()?.spans ?? [], this.to + 1)
    if (span === undefined || this.loading !== undefined) return false
    const fresh = rows.filter(({ event }) => event.seq > this.to && event.seq <= span.to)
    const first = Math.min(...fresh.map(({ event }) => event.seq))
    // Rows that lie between were kept before: they are read by loadNewer.
    if (fresh.length === 0 || first > this.to + 1) return false
    this.rows = [...this.rows, ...fresh.sort((a, b) => a.event.seq - b.event.seq)]
    this.to = span.to
    if (this.rows.length > WINDOW_ROWS_MAX && this.from <= this.rows[0]!.event.seq) {
      this.rows = this.rows.slice(-WINDOW_ROWS_MAX)
      this.from = this.rows[0]!.event.seq
    }
    return true
  }
}
