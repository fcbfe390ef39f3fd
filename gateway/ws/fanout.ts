import { unreachable } from '../../infra/assert.ts'
import type { Clock } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import { type RecordCodec, Undecodable, UnknownSchema } from '../../schemas/codec.ts'
import { type AcceptedEvent, type Event, isAccepted, isToldByAck } from '../../schemas/event.ts'
import type { ServerFrame } from '../../schemas/frames.ts'
import type { Partition, SessionId, UserId } from '../../schemas/ids.ts'
import type { FetchedBatch, Log, LogReader, StoredRecord } from '../../topics/log.ts'
import type { TopicName } from '../../topics/topics.ts'
import { HEADER_FACTS, HEADER_MEMBERS, LogCorrupt, type Position, selectValid } from '../../topics/valid-events.ts'
import type { Presence } from '../presence/presence.ts'
import type { AccessIndex } from './access.ts'
import type { Asker } from './asker.ts'
import type { Audience } from './audience.ts'
import type { ClientConnection } from './client-connection.ts'
import { audienceOf } from './event-audience.ts'
import { readSeq } from './event-seq.ts'
import { answerFrame, LiveEvent } from './frames.ts'
import type { FriendsOnly } from './friends-only.ts'
import type { KeyIndex } from './key-index.ts'
import type { LoginPacks } from './login-packs.ts'
import { type MembershipIndex, membershipChange } from './membership-index.ts'
import { changesList, type Nudges } from './nudges.ts'
import type { PendingPacks } from './pending.ts'
import type { Progress } from './progress.ts'
import type { UserRates } from './user-rates.ts'
import type { WebhookIndex } from './webhook-index.ts'

/**
 * Reads all of im.events and gives each event to the connections that it concerns.
 *
 * For every record, in order: the one shared reader decides whether it is valid; its key says whether anybody here
 * is concerned, and only then it is decoded (events that change membership always are). Then
 *  1. a change of membership goes into the index, which names who leaves by this event;
 *  2. a pack that waits for this outcome is answered, on the connections that sent it;
 *  3. an accepted event goes to all other connections of those who may see it (event-audience.ts), leavers included;
 *     encoded once per subprotocol.
 *     Where an ack does not say what the event says (isToldByAck), they get it too, before the ack.
 * Everything of one fetched batch happens in one go, the sockets are written at the end of the tick.
 *
 * An event of a kind that is newer than this gateway is skipped: the session's connections get a `gap` with its seq.
 * A corrupt log, or a change of membership that cannot be read, ends the gateway: nobody may go on with a wrong idea
 * of who is a member.
 */

export interface FanoutMetrics {
  delivered(connections: number): void
  answered(ms: number): void
  junk(records: number): void
  skipped(): void
}

export interface FanoutOptions {
  log: Log
  topic: TopicName
  codec: RecordCodec<Event>
  clock: Clock
  logger: Logger
  index: MembershipIndex
  audience: Audience
  pending: PendingPacks
  friendsOnly: Pick<FriendsOnly, 'passed'>
  access: Pick<AccessIndex, 'passed'>
  keys: Pick<KeyIndex, 'passed'>
  webhooks: Pick<WebhookIndex, 'passed'>
  loginPacks: Pick<LoginPacks, 'wants' | 'passed'>
  nudges: Nudges
  /** Absent where nobody keeps who is there. */
  presence?: Pick<Presence, 'passed'>
  progress: Progress
  rates: Pick<UserRates, 'refused'>
  metrics: FanoutMetrics
}

const NOBODY: readonly UserId[] = []

export class Fanout {
  private readonly options: FanoutOptions
  private readonly positions: Map<Partition, Position>
  private readonly reader: LogReader

  /** Begins to read behind the given positions, one per partition of the topic. */
  constructor(options: FanoutOptions, start: ReadonlyMap<Partition, Position>) {
    this.options = options
    this.positions = new Map(start)
    const from = new Map([...start].map(([partition, { offset }]) => [partition, offset + 1]))
    for (const [partition, position] of start) {
      const next = position.offset + 1
      options.progress.moved(partition, { position, next, end: next })
    }
    this.reader = options.log.read({ topic: options.topic, from, onBatch: batch => this.take(batch) })
  }

  /** Rejects when reading cannot go on; resolves after close. */
  get done(): Promise<void> {
    return this.reader.done
  }

  close(): Promise<void> {
    return this.reader.close()
  }

  private async take({ partition, records, end }: FetchedBatch): Promise<void> {
    const { progress, metrics } = this.options
    const valid = selectValid(partition, this.positions.get(partition)!, records)
    if (valid.junk > 0) metrics.junk(valid.junk)
    for (const record of valid.records) {
      const unknown = this.handle(record, partition)
      if (unknown !== undefined) await this.learn(unknown, record, partition)
    }
    this.positions.set(partition, valid.position)
    progress.moved(partition, { position: valid.position, next: records.at(-1)!.offset + 1, end })
  }

  /** Handles one valid record; gives the id of its schema when that must be fetched first. */
  private handle(record: StoredRecord, partition: Partition): number | undefined {
    const sessionId = sessionOf(record)
    // How a group is run: roles are kept for whoever is connected, and who is let in or refused may be anybody.
    const isAboutGroup = record.headers[HEADER_FACTS] !== undefined && sessionId.startsWith('g:')
    const changesMembers = isAboutGroup || record.headers[HEADER_MEMBERS] !== undefined
    const { audience, pending } = this.options
    // Settings of anybody may be those of a receiver.
    const isOwnFact = record.headers[HEADER_FACTS] !== undefined && /^[ua]:/.test(sessionId)
    const isWanted =
      changesMembers ||
      isOwnFact ||
      audience.has(sessionId) ||
      pending.hasSession(sessionId) ||
      this.options.loginPacks.wants(sessionId)
    if (!isWanted) return undefined
    try {
      this.dispatch(this.options.codec.decode(record.value!), record, partition)
    } catch (error) {
      if (error instanceof UnknownSchema) return error.schemaId
      if (!(error instanceof Undecodable)) throw error
      this.skip(record, partition, sessionId, error)
    }
    return undefined
  }

  /** Fetches a schema and handles the record. */
  private async learn(schemaId: number, record: StoredRecord, partition: Partition): Promise<void> {
    if (await this.fetchSchema(schemaId)) {
      this.handle(record, partition)
    } else {
      const newer = new Undecodable(`schema ${schemaId} is newer than this gateway`)
      this.skip(record, partition, sessionOf(record), newer)
    }
  }

  /** Tries for as long as the registry is away. False when it has no such schema, or none that we can read. */
  private async fetchSchema(schemaId: number): Promise<boolean> {
    const { codec, clock, logger } = this.options
    for (;;) {
      try {
        return await codec.learn(schemaId)
      } catch (error) {
        logger.warn({ err: error, schemaId }, 'a schema could not be fetched')
        await clock.sleep(LEARN_RETRY_MS)
      }
    }
  }

  private dispatch(event: Event, record: StoredRecord, partition: Partition): void {
    const { index, audience } = this.options
    const change = membershipChange(event, partition, record.offset)
    const leavers = change === undefined ? NOBODY : index.apply(change)
    this.options.friendsOnly.passed(event)
    this.options.access.passed(event)
    this.options.keys.passed(event)
    this.options.webhooks.passed(event)
    this.options.presence?.passed(event)
    if (!isAccepted(event)) {
      this.answer(event)
    } else if (isToldByAck(event.body)) {
      this.deliver(event, leavers, this.answer(event))
    } else {
      // Whoever sent it cannot know what became of it: the event comes first, then the ack that names its seq.
      this.deliver(event, leavers, undefined)
      this.answer(event)
    }
    if (event.body.kind === 'GroupSettingsUpdated' || event.body.kind === 'GroupDismissed') {
      audience.settingsChanges++
      if (event.body.kind === 'GroupDismissed' || !event.body.settings.isPublic) audience.endWatches(event.sessionId)
    }
    this.options.loginPacks.passed(event)
  }

  /** Gives the event to everyone who may see it but those who have an ack in its place. */
  private deliver(event: AcceptedEvent, leavers: readonly UserId[], answered: readonly Asker[] | undefined) {
    const live = new LiveEvent(event)
    const { nudges } = this.options
    const about = changesList(event.body.kind) ? usersWhoMoved(event, leavers) : undefined
    let sent = 0
    this.forAudience(event, leavers, connection => {
      if (answered?.includes(connection)) return
      if (connection.offer(live)) sent++
      if (about !== undefined) nudges.add(connection, event, about.has(connection.identity.userId))
    })
    if (sent > 0) this.options.metrics.delivered(sent)
  }

  private forAudience(
    event: AcceptedEvent,
    leavers: readonly UserId[],
    deliver: (connection: ClientConnection) => void,
  ): void {
    const { audience } = this.options
    const who = audienceOf(event)
    switch (who.kind) {
      case 'Session':
        audience.forEach(event.sessionId, who.seq, leavers, deliver)
        return
      case 'Users':
        audience.forUsers(who.userIds, deliver)
        return
      case 'Managers':
        audience.forUsers([...this.options.index.managers(event.sessionId), ...who.userIds], deliver)
        return
      default:
        unreachable(who)
    }
  }

  /** Answers those who wait for this outcome, and names them. */
  private answer(event: Event): readonly Asker[] | undefined {
    const { pending, clock, metrics } = this.options
    const settled = pending.settle(event)
    if (settled === undefined) return undefined
    metrics.answered(clock.monotonic() - settled.startedAt)
    const { body } = event
    const code = body.kind === 'PackRefused' || body.kind === 'PackRepeated' ? body.code : 0
    if (code !== 0 && settled.onRefused?.(code, settled.waiters) === true) return undefined
    const frame = answerFrame(event)
    for (const { connection, packId } of settled.overtaken) connection.send({ ...frame, packId } as ServerFrame)
    for (const connection of settled.waiters) {
      connection.send(frame)
      if (event.body.kind === 'PackRefused' && connection.identity.actor === undefined) {
        this.options.rates.refused(connection.identity.userId)
      }
      if (isAccepted(event) && isToldByAck(event.body)) connection.acked(event.sessionId, event.seq)
    }
    return settled.waiters
  }

  private skip(record: StoredRecord, partition: Partition, sessionId: SessionId, cause: Undecodable): void {
    const { audience, logger, metrics } = this.options
    if (record.headers[HEADER_MEMBERS] !== undefined) {
      throw new LogCorrupt(partition, record.offset, `a change of membership that cannot be read: ${cause.message}`)
    }
    metrics.skipped()
    const seq = readSeq(record.value!)
    logger.error({ err: cause, partition, offset: record.offset, sessionId, seq }, 'an event was skipped')
    if (seq === undefined || seq === 0) return
    audience.forEach(sessionId, seq, NOBODY, connection => {
      connection.send({ type: 'gap', sessionId, fromSeq: seq, toSeq: seq })
    })
  }
}

/** Who came or went by the event. */
function usersWhoMoved({ body, from }: AcceptedEvent, leavers: readonly UserId[]): ReadonlySet<UserId> {
  if (body.kind === 'MembersAdded') return new Set(body.userIds)
  return new Set(body.kind === 'MemberJoined' ? [from] : leavers)
}

/** The key of a record: session ids are ASCII. */
function sessionOf({ key }: StoredRecord): SessionId {
  return (key?.toString('latin1') ?? '') as SessionId
}

const LEARN_RETRY_MS = 500
