import type { EventFrame } from '../../schemas/frames.ts'
import type { Seq, SessionId } from '../../schemas/ids.ts'
import type { Store, Write } from '../storage/store.ts'
import { type MessageRow, messageKey, type SessionRow } from './rows.ts'
import type { BookChange } from './session-book.ts'

/** One batch of changes to sessions and messages, before it is written. */
export class BookDraft {
  readonly sessions = new Map<SessionId, SessionRow>()
  private readonly messages = new Map<string, MessageRow>()
  private readonly forgotten = new Map<SessionId, string[]>()
  private readonly touched = new Set<SessionId>()
  private readonly events: EventFrame[] = []
  private readonly known: ReadonlyMap<SessionId, SessionRow>
  private readonly store: Store
  private pendingRemovals: Promise<void>[] = []

  constructor(known: ReadonlyMap<SessionId, SessionRow>, store: Store) {
    this.known = known
    this.store = store
  }

  get isEmpty(): boolean {
    const nothing = this.sessions.size === 0 && this.messages.size === 0 && this.forgotten.size === 0
    return nothing && this.touched.size === 0 && this.events.length === 0
  }

  session(sessionId: SessionId): SessionRow | undefined {
    return this.sessions.get(sessionId) ?? this.known.get(sessionId)
  }

  putSession(row: SessionRow): void {
    this.sessions.set(row.sessionId, row)
  }

  /** The session looks otherwise, without being written. */
  touch(sessionId: SessionId): void {
    this.touched.add(sessionId)
  }

  async message(sessionId: SessionId, seq: Seq): Promise<MessageRow | undefined> {
    const key = messageKey(sessionId, seq)
    const drafted = this.messages.get(key)
    if (drafted !== undefined || this.forgotten.has(sessionId)) return drafted
    return (await this.store.get('messages', key)) as MessageRow | undefined
  }

  putMessage(row: MessageRow): void {
    this.messages.set(messageKey(row.event.sessionId, row.event.seq), row)
  }

  /** Remembers that an event was folded. */
  folded(event: EventFrame): void {
    this.events.push(event)
  }

  /** Everything that is kept of the session goes. */
  forget(sessionId: SessionId): void {
    for (const [key, { event }] of this.messages) if (event.sessionId === sessionId) this.messages.delete(key)
    const keys: string[] = []
    this.forgotten.set(sessionId, keys)
    const all = { from: messageKey(sessionId, 0), to: messageKey(sessionId, Number.MAX_SAFE_INTEGER) }
    const reading = this.store.range('messages', all).then(rows => {
      for (const { key } of rows) keys.push(key)
    })
    this.pendingRemovals.push(reading)
  }

  /** All writes; removals first. */
  async writes(): Promise<Write[]> {
    await Promise.all(this.pendingRemovals)
    const writes: Write[] = []
    for (const key of [...this.forgotten.values()].flat()) writes.push({ table: 'messages', key, value: undefined })
    for (const [key, value] of this.messages) writes.push({ table: 'messages', key, value })
    for (const [key, value] of this.sessions) writes.push({ table: 'sessions', key, value })
    return writes
  }

  change(): BookChange {
    const messages = new Map<SessionId, MessageRow[]>()
    for (const row of this.messages.values()) {
      const rows = messages.get(row.event.sessionId)
      if (rows === undefined) messages.set(row.event.sessionId, [row])
      else rows.push(row)
    }
    const sessions = new Set([...this.sessions.keys(), ...this.touched])
    return { sessions, messages, forgotten: new Set(this.forgotten.keys()), events: this.events }
  }
}
