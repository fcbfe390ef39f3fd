import type { Clock, PortableRandom } from '../../infra/clock.ts'
import type { Content, SendExtra, Target } from '../../schemas/content.ts'
import type { EventFrame, FriendSummary, GroupSummary, MemberSummary, PackFrame } from '../../schemas/frames.ts'
import { sessionOfFrame } from '../../schemas/frames.ts'
import { type PackId, parseSessionId, type Seq, type SessionId, type UserId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import type { PackRequest } from '../network/client.ts'
import type { Phase } from '../network/link.ts'
import type { PackAnswer } from '../network/pending-packs.ts'
import type { AnswerTo, Question } from '../network/questions.ts'
import type { Store } from '../storage/store.ts'
import { Conversation } from './conversation.ts'
import { Emitter } from './emitter.ts'
import { Lists } from './lists.ts'
import { Marks } from './marks.ts'
import { Outbox } from './outbox.ts'
import { People } from './people.ts'
import type { OutboxRow, SessionRow } from './rows.ts'
import { type BookChange, SessionBook } from './session-book.ts'
import { Sync } from './sync.ts'
import type { Wire } from './wire.ts'

/** What a messenger is made of. */
export interface MessengerOptions {
  /** Whose messenger it is: the store is this user's alone. */
  userId: UserId
  wire: Wire
  store: Store
  clock: Clock
  random: PortableRandom
}

/** What a messenger tells, by name. */
export interface MessengerEvents {
  phase: Phase
  /** Everything that was missed is there. */
  synced: undefined
  /** Sessions look otherwise: these, or what stands in their list. */
  sessions: { sessionIds: ReadonlySet<SessionId> }
  /** Every event as it is folded, also those that a reconnect brings; each may come more than once. */
  event: EventFrame
  friends: undefined
  groups: undefined
  members: undefined
  settings: undefined
  profiles: undefined
  presence: undefined
  typing: { sessionId: SessionId }
  /** A pack was refused for good. */
  refused: { frame: PackFrame; answer: Extract<PackAnswer, { kind: 'Refused' }> }
  problem: { message: string }
}

/** A pack that was handed over. */
export interface Sending {
  packId: PackId
  sessionId: SessionId
  /** The final answer; stays open while there is no connection. */
  answer: Promise<PackAnswer>
}

/**
 * The logic layer of the SDK: sessions with unread numbers, conversations, sending, friends, groups, people.
 *
 * What it shows is there at once, also without a connection; what is done while there is none goes out with the next
 * one, once, also after a restart. Everything that changes is told by an event; what is shown then is read from here.
 */
export class Messenger {
  /** Whose messenger it is. */
  readonly userId: UserId
  /** Profiles, presence and typing. */
  readonly people: People
  /** Friends, groups, members and settings. */
  readonly lists: Lists
  private readonly book: SessionBook
  private readonly outbox: Outbox
  private readonly sync: Sync
  private readonly marks: Marks
  private readonly conversations = new Map<SessionId, Conversation>()
  private readonly emitter = new Emitter<MessengerEvents>()
  private readonly options: MessengerOptions
  private isSynced = false

  constructor(options: MessengerOptions) {
    this.options = options
    this.userId = options.userId
    const { wire, store, clock, random, userId: me } = options
    const problem = (message: string) => this.emitter.emit('problem', { message })
    this.book = new SessionBook({
      store,
      me,
      isKeeper: () => wire.isKeeper,
      changed: change => this.changed(change),
      problem,
    })
    this.outbox = new Outbox({ store, wire, clock, changed: sessionId => this.outboxChanged(sessionId) })
    this.people = new People({
      store,
      wire,
      clock,
      changed: what => this.emitter.emit(what, undefined),
      typingChanged: sessionId => this.emitter.emit('typing', { sessionId }),
    })
    this.lists = new Lists({ store, wire, clock, me, changed: what => this.emitter.emit(what, undefined) })
    this.marks = new Marks({ wire, clock, me })
    const refreshLists = () => this.lists.refresh()
    this.sync = new Sync({
      store,
      wire,
      book: this.book,
      clock,
      random,
      me,
      refreshLists,
      synced: () => this.synced(),
      problem,
    })
    this.listen()
  }

  /** Reads what is kept and connects. Resolves when what is kept can be shown. */
  async start(): Promise<void> {
    await this.book.load()
    await Promise.all([this.people.load(), this.lists.load()])
    await this.outbox.load()
    this.options.wire.start()
  }

  /** Ends the connection and closes the store, once everything is written. */
  async close(): Promise<void> {
    this.options.wire.close()
    await this.settled()
    await this.options.store.close()
  }

  /** Resolves when everything until now is in the store. */
  async settled(): Promise<void> {
    await this.outbox.settled()
    await this.book.settled()
  }

  /**
   * To be called when the app comes to the foreground and when the platform says that there is a network: what waits to
   * be tried again is tried now, and a connection that died meanwhile is found out soon.
   */
  wake(): void {
    this.options.wire.wake()
  }

  /** Calls the listener at every event of this name; gives what ends that. */
  on<Name extends keyof MessengerEvents>(name: Name, listener: (value: MessengerEvents[Name]) => void): () => void {
    return this.emitter.on(name, listener)
  }

  /** How the connection stands. */
  get phase(): Phase {
    return this.options.wire.phase
  }

  /** True where this tab keeps the store: what is to be done once for all tabs is done here. */
  get isKeeper(): boolean {
    return this.options.wire.isKeeper
  }

  /** True once everything that was missed is there, until the connection is lost. */
  get isUpToDate(): boolean {
    return this.isSynced
  }

  /** Single chats, groups and notifications: pinned ones first, then by last activity. Hidden ones are left out. */
  sessions(): SessionRow[] {
    const shown = [...this.book.sessions.values()].filter(row => !row.sessionId.startsWith('u:') && row.lastSeq > 0)
    const visible = shown.filter(row => row.attributes?.hidden !== true)
    const rank = (row: SessionRow) => (row.attributes?.pinned ? 1 : 0)
    return visible.sort((a, b) => rank(b) - rank(a) || b.at - a.at)
  }

  /** What is known of a session. */
  session(sessionId: SessionId): SessionRow | undefined {
    return this.book.sessions.get(sessionId)
  }

  /** Unread messages of all sessions that are not muted. */
  unread(): number {
    const loud = this.sessions().filter(row => row.attributes?.notify !== 'none')
    return loud.reduce((sum, row) => sum + row.unread, 0)
  }

  /** The window on a session; the same one at every call. */
  open(sessionId: SessionId): Conversation {
    let conversation = this.conversations.get(sessionId)
    if (conversation === undefined) {
      const { book } = this
      const changed = () => this.emitter.emit('sessions', { sessionIds: new Set([sessionId]) })
      const outbox = (id: SessionId) => this.messagesOf(id)
      conversation = new Conversation({ sessionId, book, wire: this.options.wire, outbox, changed })
      this.conversations.set(sessionId, conversation)
    }
    return conversation
  }

  /** Forgets the window; what it showed stays in the store. */
  release(sessionId: SessionId): void {
    this.conversations.delete(sessionId)
  }

  /** Sends a message that counts as unread. It is shown at once, and stands in the timeline when the log has it. */
  send(sessionId: SessionId, content: Content, extra?: SendExtra): Sending {
    this.people.sayTyping(sessionId, false)
    return this.submit({ type: 'send', sessionId, flags: Flag.COUNTER, content, ...(extra && { extra }) })
  }

  /** Sends a message again that was refused, under a new packId. */
  retry(packId: PackId): Sending | undefined {
    const row = this.outbox.get(packId)
    if (row === undefined || !this.outbox.drop(packId)) return undefined
    return this.submit(row.frame)
  }

  /** Drops a message that was refused. */
  discard(packId: PackId): boolean {
    return this.outbox.drop(packId)
  }

  /** Hands over any pack: it is kept until it is answered. */
  submit(request: PackRequest): Sending {
    const packId = this.options.wire.newPackId()
    const frame = { ...request, packId } as PackFrame
    const sessionId = sessionOfFrame(frame, this.userId)
    const answer = this.outbox.add(frame, sessionId)
    void answer.then(result => {
      if (result.kind === 'Refused') this.emitter.emit('refused', { frame, answer: result })
    })
    return { packId, sessionId, answer }
  }

  /** Asks the server; rejects with QuestionFailed, also when there is no connection. */
  ask<Q extends Question>(question: Q): Promise<AnswerTo<Q['type']>> {
    return this.options.wire.ask(question)
  }

  /** Read up to here, on this device at once and elsewhere when the server knows. */
  markRead(sessionId: SessionId, seq: Seq): void {
    const row = this.book.sessions.get(sessionId)
    if (row === undefined || seq <= row.readSeq || seq > row.lastSeq) return
    const unreadAfter = seq >= row.lastSeq ? 0 : row.unread
    void this.book.read(sessionId, seq, row.count - unreadAfter)
    this.marks.read(sessionId, seq, request => void this.submit(request))
  }

  /** Names a message for revoke, override, reactions and quotes. */
  target({ seq, packId, from }: EventFrame): Target {
    return { seq, packId, from }
  }

  /** Friends, requests and blocks. */
  friends(): FriendSummary[] {
    return [...this.lists.friends.values()]
  }

  /** Groups that the user is in. */
  groups(): GroupSummary[] {
    return [...this.lists.groups.values()]
  }

  /** One of these groups. */
  group(sessionId: SessionId): GroupSummary | undefined {
    return this.lists.groups.get(sessionId)
  }

  /** Members of a group that are known; the first call asks for them. */
  members(sessionId: SessionId): readonly MemberSummary[] {
    return this.lists.membersOf(sessionId)
  }

  /** Messages that wait or were refused. */
  private messagesOf(sessionId: SessionId): OutboxRow[] {
    return this.outbox.of(sessionId).filter(({ frame }) => frame.type === 'send')
  }

  private listen(): void {
    const { wire } = this.options
    const { book } = this
    wire.on('event', event => void book.event(event))
    wire.on('gap', ({ sessionId, fromSeq, toSeq }) => void book.gap(sessionId, { from: fromSeq, to: toSeq }))
    wire.on('reset', ({ sessionId }) => void book.forget(sessionId, 0))
    wire.on('problem', problem => this.emitter.emit('problem', problem))
    wire.on('keeper', () => void this.becomeKeeper())
    wire.on('phase', phase => {
      if (phase.kind !== 'Live') this.isSynced = false
      this.emitter.emit('phase', phase)
    })
    wire.on('caughtUp', () => this.people.reconnected())
  }

  /** Another tab has kept the store until now: what it wrote is where we go on from. */
  private async becomeKeeper(): Promise<void> {
    this.sync.keeperChanged()
    await this.book.load()
    this.outbox.refeed()
    await this.outbox.load()
  }

  private synced(): void {
    this.isSynced = true
    for (const conversation of this.conversations.values()) conversation.synced()
    this.emitter.emit('synced', undefined)
  }

  private changed(change: BookChange): void {
    for (const event of change.events) {
      if (event.from === this.userId) this.outbox.arrived(event.packId)
      this.lists.fold(event)
      if (event.body.kind === 'ProfileUpdated') this.people.setProfile(event.from, event.seq, event.body.profile)
      this.marks.received(event, this.book.sessions.get(event.sessionId))
    }
    for (const conversation of this.conversations.values()) conversation.follow(change)
    if (change.sessions.size > 0) this.emitter.emit('sessions', { sessionIds: change.sessions })
    for (const event of change.events) this.emitter.emit('event', event)
  }

  private outboxChanged(sessionId: SessionId): void {
    this.conversations.get(sessionId)?.changed()
  }
}

/** Who the session is with: the other user, the group, or the app. */
export function sessionPeer(sessionId: SessionId, me: UserId): { kind: 'user' | 'group' | 'app'; id: string } {
  const session = parseSessionId(sessionId)
  if (session?.kind === 'Single') return { kind: 'user', id: session.a === me ? session.b : session.a }
  if (session?.kind === 'Group') return { kind: 'group', id: session.groupId }
  return { kind: 'app', id: session?.kind === 'Notify' ? session.app : sessionId }
}
