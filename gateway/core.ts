import type { Clock, Millis, Random } from '../infra/clock.ts'
import type { Logger } from '../infra/logger.ts'
import type { Metrics } from '../infra/metrics.ts'
import type { ArchiveReader } from '../processors/archive/archive-reader.ts'
import type { HistoryReader } from '../processors/history/history-store.ts'
import type { AppsReader } from '../processors/membership/apps-store.ts'
import type { MembershipReader } from '../processors/membership/membership-store.ts'
import type { PeopleReader } from '../processors/membership/people-store.ts'
import type { CloseName } from '../schemas/close-codes.ts'
import type { RecordCodec } from '../schemas/codec.ts'
import type { Event } from '../schemas/event.ts'
import type { SessionId, UserId } from '../schemas/ids.ts'
import type { Pack, Rules } from '../schemas/pack.ts'
import type { Log } from '../topics/log.ts'
import { sessionPartition, type Topics } from '../topics/topics.ts'
import type { Hooks } from './hooks/hooks.ts'
import {
  CHANGES_KEPT_MAX,
  DRAIN_FLUSH_MS_MAX,
  DRAIN_PENDING_MS_MAX,
  MEMBERSHIP_POLL_MS,
  PENDING_SWEEP_MS,
  QUESTION_MS_MAX,
  SEARCH_BEHIND_MS_MAX,
  SEARCH_NOTE_MS,
  USER_PACKS_PER_SECOND_MAX,
} from './limits.ts'
import { OnlineMessages, type OnlineMessagesOptions } from './presence/online-messages.ts'
import { Presence } from './presence/presence.ts'
import type { PresenceStore, Signals } from './presence/presence-store.ts'
import { TypingSignals } from './presence/typing.ts'
import { ArchiveLag } from './search/archive-lag.ts'
import { MessageSearch } from './search/message-search.ts'
import type { WordList } from './words/word-list.ts'
import { AccessIndex, accessFault } from './ws/access.ts'
import { ArchiveViews } from './ws/archive-views.ts'
import type { Identity } from './ws/asker.ts'
import { Audience } from './ws/audience.ts'
import { Calls } from './ws/calls.ts'
import { CatchUp } from './ws/catchup.ts'
import { Deadline } from './ws/deadline.ts'
import { Fanout } from './ws/fanout.ts'
import { refusal } from './ws/frames.ts'
import { FriendsOnly } from './ws/friends-only.ts'
import { gatewayMetrics } from './ws/gateway-metrics.ts'
import { GroupQuestions } from './ws/group-questions.ts'
import { Hub } from './ws/hub.ts'
import { KeyIndex } from './ws/key-index.ts'
import { LoginPacks, type LoginWait } from './ws/login-packs.ts'
import { Logins } from './ws/logins.ts'
import { MarkLookUps } from './ws/mark-look-ups.ts'
import { MembershipIndex } from './ws/membership-index.ts'
import { Nudges } from './ws/nudges.ts'
import { OlderHistory } from './ws/older-history.ts'
import { Outcomes } from './ws/outcomes.ts'
import { PackAppender } from './ws/pack-appender.ts'
import { PendingPacks } from './ws/pending.ts'
import { PeopleQuestions } from './ws/people-questions.ts'
import { PresenceQuestions } from './ws/presence-questions.ts'
import { LogEnds, Progress } from './ws/progress.ts'
import { Questions } from './ws/questions.ts'
import { ReadingQuestions } from './ws/reading-questions.ts'
import { Sends } from './ws/sends.ts'
import { Stamps } from './ws/stamps.ts'
import { findStart, type StartPoint } from './ws/start.ts'
import { Targets } from './ws/targets.ts'
import { UserRates } from './ws/user-rates.ts'
import { QuestionFailed, Reached, Views } from './ws/views.ts'
import { WebhookIndex } from './ws/webhook-index.ts'

export interface GatewayCoreOptions {
  log: Log
  codecs: { packs: RecordCodec<Pack>; events: RecordCodec<Event> }
  topics: Topics
  history: HistoryReader
  membership: MembershipReader
  people: PeopleReader
  /** Without it no app has a key. */
  apps?: AppsReader
  archive: ArchiveReader
  /** Partners who are asked before a pack is taken. */
  hooks?: Hooks
  /** The words that messages must not hold, as they are now. */
  words?: () => WordList | undefined
  clock: Clock
  random: Random
  logger: Logger
  metrics: Metrics
  /** Unique in the cluster: stands in packs, and tells this gateway's own outcomes from others'. */
  nodeName: string
  heartbeatMs?: Millis
  /** Of one connection. */
  packsPerSecond?: number
  /** Of one user on this gateway. */
  userPacksPerSecond?: number
  /** As the rules are configured; those that pass on the log go before. Default `all`. */
  loginPolicy?: Rules['loginPolicy']
  /** Who is there, over all gateways; without it nobody is told. */
  presence?: { store: PresenceStore; signals: Signals }
}

const DRAIN_POLL_MS: Millis = 20

/**
 * Everything of a gateway but its sockets: main.ts puts HTTP and WebSocket before it, the simulation its own sockets.
 * After `start` it looks for the place where to begin reading; `isOpen` is true once it has caught up with the log.
 */
export class GatewayCore {
  /** Rejects when the gateway can go on no longer; resolves after `stop`. */
  readonly done: Promise<void>
  private readonly options: GatewayCoreOptions
  private readonly stopping = new AbortController()
  private readonly timers = new Set<() => void>()
  private parts: Parts | undefined
  private isReady = false
  private isDraining = false
  private settle: { resolve: () => void; reject: (error: unknown) => void } = { resolve: () => {}, reject: () => {} }

  constructor(options: GatewayCoreOptions) {
    this.options = options
    this.done = new Promise((resolve, reject) => {
      this.settle = { resolve, reject }
    })
    // Whoever supervises the gateway hears of it; a rejection before that must not end the process.
    this.done.catch(() => {})
  }

  /** True when logins can be served. */
  get isOpen(): boolean {
    return this.isReady && !this.isDraining
  }

  /** The connections; undefined as long as the gateway has not found where to begin. */
  get hub(): Hub | undefined {
    return this.parts?.hub
  }

  /** Searches in the name of a user; undefined as long as the gateway has not found where to begin. */
  get search(): Pick<MessageSearch, 'search'> | undefined {
    return this.parts?.search
  }

  /** What is asked without a connection; undefined as long as `hub` is. */
  get calls(): Calls | undefined {
    return this.parts?.calls
  }

  /** The keys and webhooks of apps, and how users are let in; undefined as long as `hub` is. */
  get keys(): KeyIndex | undefined {
    return this.parts?.keys
  }

  get webhooks(): WebhookIndex | undefined {
    return this.parts?.webhooks
  }

  /** How the views are asked; undefined as long as `hub` is. */
  get views(): Views | undefined {
    return this.parts?.views
  }

  get letIns(): AccessIndex | undefined {
    return this.parts?.letIns
  }

  /** Takes a user over from the membership view; false when that is not possible now. Then `unreserve` is owed. */
  async admit(userId: UserId): Promise<boolean> {
    return this.isOpen ? (this.parts?.logins.admit(userId) ?? false) : false
  }

  /**
   * Opens the connection of an admitted user as soon as the login policy lets it in: `open` gets its id. Gives the
   * reason where it is refused.
   */
  async login(identity: Identity, open: (connectionId: string) => void): Promise<CloseName | undefined> {
    if (!this.isOpen || this.parts === undefined) return 'UNAVAILABLE'
    const { letIns, loginPacks } = this.parts
    try {
      const fault = await letIns.fault(identity)
      if (fault !== undefined) return fault.name
    } catch (error) {
      if (!(error instanceof QuestionFailed)) throw error
      return 'UNAVAILABLE'
    }
    // Who was closed or lost the token meanwhile: nothing waits between this and the opening.
    let late: CloseName | undefined
    const refused = await loginPacks.login(identity, connectionId => {
      late = letIns.knownFault(identity)?.name
      if (late === undefined) open(connectionId)
      else loginPacks.ended(identity, connectionId)
    })
    return refused ?? late
  }

  /** A connection that was let in could not be opened: its client has gone. */
  ended(identity: Identity, connectionId: string): void {
    this.parts?.loginPacks.ended(identity, connectionId)
  }

  unreserve(userId: UserId): void {
    this.parts?.audience.unreserve(userId)
  }

  /** Begins; returns at once. */
  start(): void {
    this.begin().catch(this.settle.reject)
  }

  private async begin(): Promise<void> {
    const { log, topics, membership, clock, logger } = this.options
    const { signal } = this.stopping
    const start = await findStart({ log, topic: topics.events.name, membership, clock, logger, signal })
    if (start === undefined) return
    const parts = makeParts(this.options, start, this.settle.reject)
    this.parts = parts
    parts.fanout.done.catch(this.settle.reject)
    parts.presence?.start()
    this.every(PENDING_SWEEP_MS, () => this.sweep(parts))
    this.every(SEARCH_NOTE_MS, () => noteLog(parts, this.options.clock))
    this.every(MEMBERSHIP_POLL_MS, () => this.pollMembership(parts))
    const isCaughtUp = await parts.progress.reachedAll(start.ends, signal)
    // A pack that somebody has to be asked about must not pass because nobody knows yet.
    await this.options.hooks?.ready(signal)
    this.isReady = isCaughtUp && !signal.aborted
    if (this.isReady) logger.info('the gateway has caught up')
  }

  private every(periodMs: Millis, task: () => void | Promise<void>): void {
    const cancel = this.options.clock.schedule(periodMs, () => {
      this.timers.delete(cancel)
      Promise.resolve(task())
        .then(() => {
          if (!this.stopping.signal.aborted) this.every(periodMs, task)
        })
        .catch(this.settle.reject)
    })
    this.timers.add(cancel)
  }

  private sweep({ sends, progress, pending, index, metrics }: Parts): void {
    sends.sweep()
    metrics.levels({ lag: progress.lag, pending: pending.size, trail: index.kept })
  }

  private async pollMembership({ views, index }: Parts): Promise<void> {
    const deadline = new Deadline(this.options.clock, QUESTION_MS_MAX)
    try {
      index.viewMoved(await deadline.race(views.membershipPositions()))
    } catch (error) {
      this.options.logger.warn({ err: error }, 'the membership view does not say how far it is')
    } finally {
      deadline.end()
    }
  }

  /**
   * Takes nothing new, answers what was taken, closes every connection with "reconnect elsewhere". Bounded in time;
   * reading goes on until `stop`.
   */
  async drain(): Promise<void> {
    this.isDraining = true
    const { parts } = this
    if (parts === undefined) return
    parts.sends.stop()
    await this.until(() => parts.pending.size === 0, DRAIN_PENDING_MS_MAX)
    await this.until(() => parts.hub.isFlushed, DRAIN_FLUSH_MS_MAX)
    parts.hub.closeAll('DRAINING')
  }

  private async until(isDone: () => boolean, limitMs: Millis): Promise<void> {
    const { clock } = this.options
    const end = clock.monotonic() + limitMs
    while (!isDone() && clock.monotonic() < end) await clock.sleep(DRAIN_POLL_MS)
  }

  /** Stops reading. Idempotent. */
  async stop(): Promise<void> {
    this.stopping.abort()
    for (const cancel of this.timers) cancel()
    this.timers.clear()
    this.parts?.hub.stop()
    this.parts?.nudges.stop()
    this.parts?.presence?.stop()
    await this.parts?.fanout.close()
    this.settle.resolve()
  }
}

type Parts = ReturnType<typeof makeParts>

/** How far the log is, for searches that ask later whether the archive is too far behind. */
function noteLog({ lag, progress }: Parts, clock: Clock): void {
  const offsets = [...progress.partitions].map(partition => [partition, progress.position(partition).offset] as const)
  lag.note(clock.monotonic(), new Map(offsets))
}

/** Where a connection may do more than usual, its user may too. */
function userPacksPerSecond({ userPacksPerSecond: ofUser, packsPerSecond }: GatewayCoreOptions): number {
  return ofUser ?? Math.max(USER_PACKS_PER_SECOND_MAX, packsPerSecond ?? 0)
}

const NO_APPS: Pick<AppsReader, 'keys' | 'quotas' | 'webhooks'> = {
  keys: async () => [],
  quotas: async () => [],
  webhooks: async () => [],
}

/** Ends that a LoggedIn or LoggedOut has said, or that the next login will. */
const TOLD_BY_LOG: ReadonlySet<CloseName | 'GONE'> = new Set<CloseName | 'GONE'>([
  'KICKED',
  'LOGGED_OUT',
  'DRAINING',
  'ACCESS_DENIED',
])

function makePresence(
  { presence: parts, people, membership, clock, logger, nodeName, words = () => undefined }: GatewayCoreOptions,
  shared: Pick<OnlineMessagesOptions, 'audience' | 'index' | 'friendsOnly' | 'views' | 'partitionOf'>,
  logins: { isAsked(): boolean; close(userId: UserId, connectionId: string): void },
): { presence?: Presence; typing?: TypingSignals; online?: OnlineMessages } {
  if (parts === undefined) return {}
  const { store, signals } = parts
  const { audience, index } = shared
  const claimsDevices = () => !logins.isAsked()
  const presence = new Presence({
    store,
    signals,
    people,
    clock,
    logger,
    gateway: nodeName,
    claimsDevices,
  })
  const typing = new TypingSignals({ signals, people, audience, index, clock, logger })
  const online = new OnlineMessages({ ...shared, signals, people, membership, clock, words })
  signals.listen(signal => {
    if (signal.kind === 'typing') typing.heard(signal)
    else if (signal.kind === 'online') online.heard(signal)
    else if (signal.kind === 'replaced') logins.close(signal.userId, signal.connectionId)
    else presence.moved(signal.userId)
  })
  return { presence, typing, online }
}

/** Wires the parts of a gateway that begins to read at `start`. */
function makeParts(options: GatewayCoreOptions, start: StartPoint, onFatal: (error: unknown) => void) {
  const { log, topics, codecs, history, membership, people, archive, clock, random, logger, nodeName } = options
  const metrics = gatewayMetrics(options.metrics)
  const partitionOf = (sessionId: SessionId) => sessionPartition(topics.packs, sessionId)
  const offsets = [...start.positions].map(([partition, { offset }]) => [partition, offset] as const)
  const index = new MembershipIndex(new Reached(offsets, start.filling), { changesMax: CHANGES_KEPT_MAX })
  const audience = new Audience(index)
  const progress = new Progress()
  const pending = new PendingPacks(nodeName)
  const ends = new LogEnds(log, topics.events.name)
  const views = new Views({ history, membership, index, progress, ends, clock })
  const appender = new PackAppender({
    log,
    topic: topics.packs,
    clock,
    random,
    logger,
    onFailed: packs => sends.failed(packs),
    onFatal,
  })
  const rates = new UserRates(clock, userPacksPerSecond(options))
  const friendsOnly = new FriendsOnly({ people, clock, logger })
  const archiveViews = new ArchiveViews({ archive, views, clock })
  const letIns = new AccessIndex({
    people,
    views,
    onChanged: (userId, now) => {
      for (const connection of [...audience.ofUser(userId)]) {
        const fault = accessFault(now, connection.identity)
        if (fault !== undefined) connection.close(fault.name, fault.detail)
      }
    },
  })
  const keys = new KeyIndex({ apps: options.apps ?? NO_APPS, views, partitionOf })
  const webhooks = new WebhookIndex({ apps: options.apps ?? NO_APPS, views, partitionOf })
  const targets = new Targets({ history, archive: archiveViews, views, clock, partitionOf })
  const marks = new MarkLookUps({ history, archive: archiveViews, views, targets, partitionOf })
  const sends = new Sends({
    codec: codecs.packs,
    clock,
    gateway: nodeName,
    pending,
    progress,
    appender,
    partitionOf,
    stamps: new Stamps({
      friendsOnly,
      targets,
      marks,
      words: options.words ?? (() => undefined),
      hooks: options.hooks,
    }),
    rates,
    onFatal,
    metrics,
  })
  const loginAppender = new PackAppender<LoginWait>({
    log,
    topic: topics.packs,
    clock,
    random,
    logger,
    onFailed: waits => loginPacks.failed(waits),
    onFatal,
  })
  const loginPacks = new LoginPacks({
    codec: codecs.packs,
    clock,
    random,
    gateway: nodeName,
    policy: options.loginPolicy ?? 'all',
    appender: loginAppender,
    partitionOf,
    close: (userId, connectionId, name, detail) => hub.closeConnection(userId, connectionId, name, detail),
    closeAll: (userId, name, detail) => hub.closeUser(userId, name, detail),
  })
  const outcomes = new Outcomes({ history, archive: archiveViews, views, pending, partitionOf })
  const lookUp = (userId: UserId, users: number) => rates.lookUp(userId, users)
  const peopleQuestions = new PeopleQuestions({ people, views, lookUp })
  const { presence, typing, online } = makePresence(
    options,
    { audience, index, friendsOnly, views, partitionOf },
    {
      isAsked: () => loginPacks.isAsked,
      close: (userId, connectionId) => hub.closeConnection(userId, connectionId, 'KICKED'),
    },
  )
  const presenceQuestions = new PresenceQuestions({ presence, views, lookUp })
  const older = new OlderHistory({ archive: archiveViews, views, progress, partitionOf })
  const parts = { history, views, older, index, outcomes, clock, partitionOf }
  const readingQuestions = new ReadingQuestions({ history, membership, views, partitionOf })
  const groups = new GroupQuestions({ history, membership, views, audience, clock, partitionOf })
  const lag = new ArchiveLag(SEARCH_BEHIND_MS_MAX)
  const search = new MessageSearch({ archive, views, index, lag, rates, clock, partitionOf })
  const asked = {
    search,
    groups,
    people: peopleQuestions,
    reading: readingQuestions,
    presence: presenceQuestions,
    rates,
  }
  const questions = new Questions({ ...parts, ...asked })
  const calls = new Calls({ sends, questions, rates, gateway: nodeName })
  const catchUp = new CatchUp({ history, views, index, partitionOf })
  const logins = new Logins({ membership, views, index, audience, clock, logger })
  const { heartbeatMs, packsPerSecond } = options
  const hub = new Hub({
    clock,
    random,
    gateway: nodeName,
    audience,
    sends,
    questions,
    catchUp,
    metrics,
    onOpened: connection => presence?.opened(connection),
    onEnded: (connection, name) => {
      presence?.ended(connection)
      if (!TOLD_BY_LOG.has(name)) loginPacks.ended(connection.identity, connection.id)
    },
    onTyping: (connection, frame) =>
      typing === undefined ? refusal('SERVICE_UNAVAILABLE') : typing.say(connection, frame),
    onOnline: (connection, frame) => {
      if (online === undefined) sends.refuse(connection, frame, 'SERVICE_UNAVAILABLE')
      else online.say(connection, frame).catch(onFatal)
    },
    onFatal,
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    ...(packsPerSecond === undefined ? {} : { packsPerSecond }),
  })
  const nudges = new Nudges(clock)
  const fanout = new Fanout(
    {
      log,
      topic: topics.events.name,
      codec: codecs.events,
      clock,
      logger,
      index,
      audience,
      pending,
      friendsOnly,
      access: letIns,
      keys,
      webhooks,
      loginPacks,
      rates,
      nudges,
      ...(presence === undefined ? {} : { presence }),
      progress,
      metrics,
    },
    start.positions,
  )
  return {
    index,
    audience,
    progress,
    pending,
    lag,
    search,
    views,
    sends,
    logins,
    loginPacks,
    presence,
    hub,
    calls,
    letIns,
    keys,
    webhooks,
    nudges,
    fanout,
    metrics,
  }
}
