import type { Millis } from '../../infra/clock.ts'
import { Code } from '../../schemas/codes.ts'
import type { EventFrame, OnlineMessage, PackFrame, ServerFrame, SessionSummary } from '../../schemas/frames.ts'
import { isOwnFrame, RESUME_SESSIONS_MAX, SESSIONS_PAGE_MAX, sessionOfFrame } from '../../schemas/frames.ts'
import { makePackId, type PackId, type Seq, type SessionId, type UserId } from '../../schemas/ids.ts'
import { backoffMs } from './backoff.ts'
import { ExpiredPacks, renewed } from './expired-packs.ts'
import { Link, type LinkOptions, type Phase } from './link.ts'
import { ownEvent } from './own-event.ts'
import {
  ANSWER_MS_MAX,
  acceptedAnswer,
  expiredAnswer,
  frameToSend,
  isOnline,
  lookedUpRefusal,
  notConnectedAnswer,
  type PackAnswer,
  PENDING_PACKS_MAX,
  type PendingPack,
  PendingPacks,
  RENEWALS_MAX,
  RETRY_AFTER_MS_MAX,
  refusedAnswer,
  TEMPORARY_REFUSALS_MAX,
} from './pending-packs.ts'
import { type AnswerTo, type Question, QuestionFailed, Questions } from './questions.ts'
import type { Hole } from './session-cursor.ts'
import { Timelines } from './timelines.ts'

/**
 * The first layer of the SDK: one user on one device, over as many connections as it takes.
 *
 * After every `welcome`, in this order: everything that is followed is resumed above its last seq; on a reconnect, where
 * wanted, sessions that appeared meanwhile are looked up and resumed; then packs that have no answer yet go out again
 * under the same packId. The resume first and at once, because the gateway holds live events back for it, and because
 * the outcome of a pack may stand in what it brings.
 *
 * Promised: per session rising seqs, each once, without a hole that was not told (`gap`); every pack is answered once,
 * or is still open when the client closes. Not promised: any order between sessions, anything over a restart of this
 * process (storage is a later layer).
 */

/** How long a hole may stay open, in ms, before it is asked for: an answer and an event may cross. */
export const HOLE_PATIENCE_MS = 500
/** Pages of sessions that are looked up after a reconnect at most. */
export const DISCOVER_PAGES_MAX = 50

/** Where and as whom to connect. */
export interface ClientOptions extends LinkOptions {
  /**
   * Called after a reconnect for every session that is not followed: the seq above which it is wanted, or undefined
   * when it is not. Without this function sessions that begin while there is no connection are seen with their next
   * live event only.
   */
  discover?: (summary: SessionSummary) => Seq | undefined
}

/** What a client tells, by name. */
export interface ClientEvents {
  phase: Phase
  /** Everything that was missed is there and everything that was pending went out again. */
  caughtUp: { reconnected: boolean }
  /** The next event of its session; own accepted packs come as events as well. */
  event: EventFrame
  /** The final answer to a pack, accepted or refused. */
  answer: PackAnswer
  /** A pack that had expired without having taken effect goes on under a new packId, which its answer will name. */
  renewed: { packId: PackId; newPackId: PackId }
  /** Seqs that will not be delivered. */
  gap: { sessionId: SessionId } & Hole
  /** The session begins again at 0: what is kept of it is void. */
  reset: { sessionId: SessionId; lastSeq: Seq }
  /** A message that nobody keeps; its own packs of this kind have their answer only. */
  online: OnlineMessage
  /** Something was said by the server that no one asked for, or a resume was refused. */
  problem: { message: string }
  /** Every frame as it came in, before anything else is done with it: for those who check the server. */
  frame: ServerFrame
  /** Said by wires that several tabs share, never by a client of its own (client/logic/wire.ts). */
  keeper: undefined
}

type Listener<T> = (value: T) => void
type Listeners = { [Name in keyof ClientEvents]?: Set<Listener<ClientEvents[Name]>> }
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
/** A pack as the caller writes it: the packId is given here. */
export type PackRequest = DistributiveOmit<PackFrame, 'packId'>

const NOBODY = '' as UserId

/** How far a session is known. */
export interface SessionPosition {
  sessionId: SessionId
  /** The last seq that is known. */
  seq: Seq
}

/** A pack that waits for its answer. */
export interface Submitted {
  packId: PackId
  sessionId: SessionId
  /** The final answer; never rejects. Stays open as long as there is no connection. */
  answer: Promise<PackAnswer>
}

/**
 * The network layer: one connection that is made again, packs until they are answered, questions, and the events of
 * sessions in the order of their seqs without gap or repeat.
 */
export class Client {
  /** See Wire: there is nobody to share with. */
  readonly isKeeper = true
  private readonly link: Link
  private readonly questions: Questions
  private readonly timelines: Timelines
  private readonly pending = new PendingPacks()
  private readonly listeners: Listeners = {}
  private readonly options: ClientOptions
  private readonly expired: ExpiredPacks
  private readonly openHoles = new Map<SessionId, () => void>()
  /** Numbers connections: what was begun on an old one is not finished on a new one. */
  private connection = 0
  private caughtUp = false
  private user: UserId | undefined
  /** How far the server's clock is ahead of ours, ms. */
  private clockSkewMs: Millis = 0

  constructor(options: ClientOptions) {
    this.options = options
    this.questions = new Questions(options.clock)
    this.timelines = new Timelines(
      {
        deliver: event => this.emit('event', event),
        holed: sessionId => this.expectFill(sessionId),
        gap: (sessionId, missing) => this.emit('gap', { sessionId, ...missing }),
      },
      () => this.user,
    )
    this.expired = new ExpiredPacks({
      ask: question => this.ask(question),
      isOpen: (pack, connection) => this.isCurrent(connection) && this.pending.get(pack.frame.packId) === pack,
      found: outcome => this.found(outcome),
      neverAccepted: pack => this.renew(pack),
      unknown: (pack, failure) => this.settle(expiredAnswer(pack, failure.message)),
      clock: options.clock,
      random: options.random,
    })
    this.link = new Link(options, {
      phase: phase => this.emit('phase', phase),
      welcome: frame => this.welcomed(frame),
      frame: frame => this.received(frame),
      lost: reason => this.lost(reason),
      beat: () => this.resendOverdue(),
    })
  }

  /** Connects, and goes on doing so until it is closed. */
  start(): void {
    this.link.start()
  }

  /** Ends the connection for good. Packs without an answer stay without one. */
  close(): void {
    for (const cancel of this.openHoles.values()) cancel()
    this.openHoles.clear()
    this.link.close()
  }

  /** How the connection stands. */
  get phase(): Phase {
    return this.link.phase
  }

  /** Who the server says we are; undefined before the first welcome. */
  get userId(): UserId | undefined {
    return this.user
  }

  /** Packs that have no final answer yet. */
  get pendingCount(): number {
    return this.pending.size
  }

  /** The last seq of the session that was delivered here. */
  seqOf(sessionId: SessionId): Seq | undefined {
    return this.timelines.seqOf(sessionId)
  }

  /** Calls `listener` for every event of that name; the returned function ends it. */
  on<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): () => void {
    const listeners: Set<Listener<ClientEvents[Name]>> = this.listeners[name] ?? new Set()
    this.listeners[name] = listeners as Listeners[Name]
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  /** The app is in the foreground again, or the network is back: connects now, and finds out soon whether a line is dead. */
  wake(): void {
    this.link.wake()
  }

  /** Says that the user is typing, or no longer; nobody keeps it, and without a connection it is lost. */
  typing(sessionId: SessionId, on: boolean): void {
    this.link.send({ type: 'typing', sessionId, on })
  }

  /**
   * Hands over a pack. It goes out now or with the next connection, again after each reconnect and after temporary
   * refusals, always under the same packId, until it is answered. A message that nobody keeps (ONLINE_ONLY) goes out now or not at all. Where a packId has expired, what became of it is looked
   * up: only a pack that never took effect goes on under a new packId. Throws when PENDING_PACKS_MAX wait already, and
   * before the first welcome where the session is named after ourselves: who that is, the server says.
   */
  submit(request: PackRequest): Submitted {
    if (this.pending.size >= PENDING_PACKS_MAX) throw new Error(`${PENDING_PACKS_MAX} packs wait for an answer already`)
    const packId = this.newPackId()
    const frame = { ...request, packId } as PackFrame
    const sessionId = this.sessionOf(frame)
    return { packId, sessionId, answer: this.handOver(frame, sessionId) }
  }

  /**
   * The same with a pack whose packId was made before, perhaps by an earlier process: it may have taken effect already,
   * and then its answer is the first outcome. A pack that waits here already is left alone. The answer comes as the
   * event `answer`. Throws when PENDING_PACKS_MAX wait already.
   */
  submitFrame(frame: PackFrame, sessionId: SessionId): void {
    if (this.pending.get(frame.packId) !== undefined) return
    if (this.pending.size >= PENDING_PACKS_MAX) throw new Error(`${PENDING_PACKS_MAX} packs wait for an answer already`)
    void this.handOver(frame, sessionId)
  }

  private handOver(frame: PackFrame, sessionId: SessionId): Promise<PackAnswer> {
    return new Promise(resolve => {
      const pack: PendingPack = { frame, sessionId, sentAt: undefined, refusals: 0, renewals: 0, settle: resolve }
      this.pending.add(pack)
      if (this.caughtUp) this.transmit(pack)
      else if (isOnline(pack)) this.settle(notConnectedAnswer(pack))
    })
  }

  private sessionOf(frame: PackFrame): SessionId {
    if (this.user === undefined && isOwnFrame(frame)) throw new Error('there was no welcome yet')
    return sessionOfFrame(frame, this.user ?? NOBODY)
  }

  /** Asks the server; rejects with QuestionFailed, also when there is no connection. */
  ask<Q extends Question>(question: Q, limitMs?: Millis): Promise<AnswerTo<Q['type']>> {
    if (this.link.phase.kind !== 'Live') {
      return Promise.reject(new QuestionFailed('NOT_CONNECTED', true, 'there is no connection'))
    }
    return this.questions.ask(question, frame => this.link.send(frame), limitMs)
  }

  /**
   * From now on everything of these sessions above the named seqs is delivered, over reconnects as well; what was
   * delivered above them before comes again. Resolves when what is there already has been delivered, or when there is no connection: the next one brings it. Rejects
   * with QuestionFailed when the server refuses for good.
   */
  async follow(sessions: readonly SessionPosition[]): Promise<void> {
    for (const { sessionId, seq } of sessions) this.timelines.follow(sessionId, seq)
    const connection = this.connection
    for (let attempt = 0; this.isCurrent(connection); attempt++) {
      const failure = await this.attempt(() => this.resume(sessions))
      if (failure === undefined || !this.isCurrent(connection)) return
      if (!failure.temporary) throw failure
      await this.options.clock.sleep((failure.retryAfterMs ?? 0) + backoffMs(attempt, this.options.random))
    }
  }

  private welcomed(frame: Extract<ServerFrame, { type: 'welcome' }>): void {
    this.emit('frame', frame)
    this.user = frame.userId
    this.clockSkewMs = frame.serverTime - this.options.clock.now()
    const reconnected = this.connection > 0
    const connection = ++this.connection
    if (reconnected && this.options.discover !== undefined) this.timelines.holdUnknown()
    void this.catchUp(connection, reconnected)
  }

  private async catchUp(connection: number, reconnected: boolean): Promise<void> {
    for (let attempt = 0; this.isCurrent(connection); attempt++) {
      const failure = await this.attempt(() => this.tryCatchUp(reconnected))
      if (!this.isCurrent(connection)) return
      // Sending does not wait for a view that is down: only the first try may hold it up.
      if (attempt === 0 || failure === undefined) this.goOn()
      if (failure === undefined) break
      this.emit('problem', { message: `catching up failed: ${failure.message}` })
      if (!failure.temporary) break
      await this.options.clock.sleep((failure.retryAfterMs ?? 0) + backoffMs(attempt, this.options.random))
    }
    if (!this.isCurrent(connection)) return
    this.timelines.releaseUnknown()
    for (const sessionId of this.timelines.holed()) this.expectFill(sessionId)
    this.emit('caughtUp', { reconnected })
  }

  private isCurrent(connection: number): boolean {
    return connection === this.connection && this.link.phase.kind === 'Live'
  }

  private async tryCatchUp(reconnected: boolean): Promise<void> {
    await this.resume(this.timelines.positions())
    if (reconnected && this.options.discover !== undefined) await this.discoverSessions(this.options.discover)
  }

  /** Runs what asks the server; a question that failed is a value, everything else a bug. */
  private async attempt(task: () => Promise<void>): Promise<QuestionFailed | undefined> {
    try {
      await task()
      return undefined
    } catch (error) {
      if (error instanceof QuestionFailed) return error
      throw error
    }
  }

  private async discoverSessions(discover: (summary: SessionSummary) => Seq | undefined): Promise<void> {
    let cursor: string | undefined
    for (let page = 0; page < DISCOVER_PAGES_MAX; page++) {
      const question = { type: 'sessions', limit: SESSIONS_PAGE_MAX } as const
      const answer = await this.ask(cursor === undefined ? question : { ...question, cursor })
      const found: SessionPosition[] = []
      for (const summary of answer.sessions) {
        const { sessionId } = summary
        const seq = this.timelines.isFollowed(sessionId) ? undefined : discover(summary)
        if (seq !== undefined) found.push({ sessionId, seq })
      }
      for (const { sessionId, seq } of found) this.timelines.follow(sessionId, seq)
      await this.resume(found)
      cursor = answer.cursor
      if (cursor === undefined) return
    }
  }

  private async resume(sessions: readonly SessionPosition[]): Promise<void> {
    for (let first = 0; first < sessions.length; first += RESUME_SESSIONS_MAX) {
      const asked = sessions.slice(first, first + RESUME_SESSIONS_MAX)
      const resumed = await this.askResume(asked)
      // A later resume of ours has taken them over, and may have failed since.
      if (asked.some(({ sessionId }) => !resumed.has(sessionId))) {
        throw new QuestionFailed('VIEW_BEHIND', true, 'another resume of the session was under way')
      }
    }
  }

  /** Gives the sessions that were brought. Those that were not stay expected: another resume has to bring them. */
  private async askResume(sessions: readonly SessionPosition[]): Promise<ReadonlySet<SessionId>> {
    const ids = sessions.map(({ sessionId }) => sessionId)
    const resume = this.timelines.expect(ids)
    try {
      const answer = await this.ask({ type: 'resume', sessions: [...sessions] })
      const brought = new Set(answer.sessions.map(({ sessionId }) => sessionId))
      this.timelines.brought(brought, resume)
      return brought
    } catch (error) {
      if (error instanceof QuestionFailed && !error.temporary) this.timelines.brought(ids, resume)
      throw error
    }
  }

  /** Everything that has no answer goes out, oldest first. */
  private goOn(): void {
    this.caughtUp = true
    for (const pack of this.pending.all()) this.transmit(pack)
  }

  private transmit(pack: PendingPack): void {
    if (this.link.send(frameToSend(pack))) pack.sentAt = this.options.clock.monotonic()
  }

  private resendOverdue(): void {
    if (!this.caughtUp) return
    for (const pack of this.pending.overdue(this.options.clock.monotonic() - ANSWER_MS_MAX)) this.transmit(pack)
  }

  private received(frame: ServerFrame): void {
    this.emit('frame', frame)
    switch (frame.type) {
      case 'event':
        this.timelines.offer(frame)
        break
      case 'ack':
        this.accepted(frame)
        break
      case 'refused':
        this.refused(frame)
        break
      case 'gap':
        this.timelines.skip(frame.sessionId, { fromSeq: frame.fromSeq, toSeq: frame.toSeq })
        break
      case 'reset':
        this.wasReset(frame)
        break
      case 'online': {
        const { type: _, ...message } = frame
        this.emit('online', message)
        break
      }
      case 'error':
        this.emit('problem', { message: `${frame.name}: ${frame.reason}` })
        break
      case 'welcome':
        break
      default:
        // A newer server may say what this client does not know yet.
        if ('requestId' in frame) this.questions.answer(frame)
    }
  }

  private accepted(frame: Extract<ServerFrame, { type: 'ack' }>): void {
    const pack = this.pending.get(frame.packId)
    if (pack === undefined || this.user === undefined) return
    const answer = acceptedAnswer(frame)
    this.pending.settle(frame.packId, answer)
    const event = isOnline(pack) ? undefined : ownEvent(pack.frame, frame, this.user)
    if (event !== undefined) this.timelines.offer(event)
    this.emit('answer', answer)
  }

  private found(outcome: AnswerTo<'outcome'>): void {
    if (outcome.code !== Code.SUCCESS.number) {
      this.settle(lookedUpRefusal(outcome))
      return
    }
    const { packId, sessionId, seq, count, at } = outcome
    this.accepted({ type: 'ack', packId, sessionId, seq, count, at, repeated: true })
  }

  private renew(pack: PendingPack): void {
    if (pack.renewals >= RENEWALS_MAX) {
      this.settle(expiredAnswer(pack, 'expired under new packIds as well'))
      return
    }
    const { packId } = pack.frame
    const newPackId = this.newPackId()
    this.pending.renew(pack, renewed(pack.frame, newPackId))
    this.emit('renewed', { packId, newPackId })
    this.transmit(pack)
  }

  /** A packId of the server's present time, as far as it is known. */
  newPackId(): PackId {
    return makePackId(this.options.clock.now() + this.clockSkewMs, this.options.random.bytes(10))
  }

  private settle(answer: PackAnswer): void {
    this.pending.settle(answer.packId, answer)
    this.emit('answer', answer)
  }

  private refused(frame: Extract<ServerFrame, { type: 'refused' }>): void {
    const pack = this.pending.get(frame.packId)
    if (pack === undefined) return
    const { retry, retryAfterMs = 0 } = frame
    const mayComeAgain = !isOnline(pack) && pack.refusals < TEMPORARY_REFUSALS_MAX && retryAfterMs <= RETRY_AFTER_MS_MAX
    if (retry === 'same' && mayComeAgain) {
      // Not before the server takes it, and not all at that moment.
      const delayMs = retryAfterMs + backoffMs(pack.refusals++, this.options.random)
      const connection = this.connection
      this.options.clock.schedule(delayMs, () => {
        if (this.isCurrent(connection) && this.pending.get(frame.packId) === pack) this.transmit(pack)
      })
      return
    }
    if (retry === 'new') this.expired.add(pack, this.connection)
    else this.settle(refusedAnswer(frame))
  }

  private wasReset({ sessionId, lastSeq }: Extract<ServerFrame, { type: 'reset' }>): void {
    this.timelines.reset(sessionId)
    this.emit('reset', { sessionId, lastSeq })
    void this.attempt(() => this.follow([{ sessionId, seq: 0 }])).then(failure => {
      if (failure !== undefined) this.emit('problem', { message: `${sessionId}: ${failure.message}` })
    })
  }

  /** Waits a little, asks for what is missing, and says so when it does not come. */
  private expectFill(sessionId: SessionId): void {
    if (this.openHoles.has(sessionId) || !this.caughtUp) return
    const connection = this.connection
    const cancel = this.options.clock.schedule(HOLE_PATIENCE_MS, () => {
      void this.fillHole(sessionId, connection).finally(() => {
        if (this.openHoles.get(sessionId) === cancel) this.openHoles.delete(sessionId)
      })
    })
    this.openHoles.set(sessionId, cancel)
  }

  private async fillHole(sessionId: SessionId, connection: number): Promise<void> {
    let asked: Seq
    do {
      if (!this.isCurrent(connection) || !this.timelines.hasHole(sessionId)) return
      asked = this.timelines.seqOf(sessionId) ?? 0
      await this.attempt(() => this.follow([{ sessionId, seq: asked }]))
      // Where the session is wanted from further back by now, what is missing there was not asked for yet.
    } while ((this.timelines.seqOf(sessionId) ?? 0) < asked)
    // The server was asked and answered: what it has not sent now, it does not have.
    if (this.isCurrent(connection)) this.timelines.giveUp(sessionId)
  }

  private lost(reason: string): void {
    this.caughtUp = false
    for (const cancel of this.openHoles.values()) cancel()
    this.openHoles.clear()
    this.questions.failAll(reason)
    for (const pack of this.pending.all()) if (isOnline(pack)) this.settle(notConnectedAnswer(pack))
  }

  private emit<Name extends keyof ClientEvents>(name: Name, value: ClientEvents[Name]): void {
    for (const listener of this.listeners[name] ?? []) listener(value)
  }
}

/** Makes a client and lets it connect. */
export function connect(options: ClientOptions): Client {
  const client = new Client(options)
  client.start()
  return client
}
