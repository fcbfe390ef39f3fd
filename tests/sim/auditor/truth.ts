import { createHash } from 'node:crypto'
import type { RecordCodec } from '../../../schemas/codec.ts'
import { type AcceptedEvent, type Event, isAccepted } from '../../../schemas/event.ts'
import {
  type Offset,
  type PackId,
  type Partition,
  type Seq,
  type SessionId,
  type UserId,
  userSessionId,
} from '../../../schemas/ids.ts'
import type { Pack } from '../../../schemas/pack.ts'
import type { StoredRecord } from '../../../topics/log.ts'
import type { Topics } from '../../../topics/topics.ts'
import type { ObservedLog } from '../broker.ts'
import { operationOfEvent } from '../operations/index.ts'
import { hasSeq } from '../operations/operation.ts'

/**
 * What the log says, read by the auditor in its own way: the rule of which records count, the timelines and who was
 * in which group when are all written here once more, and nothing is taken from the processors or the gateway.
 */

/** A valid record of im.events. */
export interface Outcome {
  partition: Partition
  offset: Offset
  event: Event
  value: Buffer
}

/** A pack as it lies on im.packs; undefined where it cannot be read. */
export interface Request {
  record: StoredRecord
  pack: Pack | undefined
}

/** From the event that let a user in to the one that put them out, which they still see. */
export interface Stay {
  joinSeq: Seq
  leaveSeq: Seq
}

export class SessionTruth {
  readonly sessionId: SessionId
  /** Accepted events in the order of the log: seq i + 1 stands at i, unless SIM1 is broken. */
  readonly events: AcceptedEvent[] = []
  /** Accepted events that take no seq, in the order of the log. */
  readonly facts: AcceptedEvent[] = []
  /** How far the timeline had come with each of them. */
  readonly factsAfter: Seq[] = []
  private readonly byPack = new Map<string, AcceptedEvent>()
  private readonly stays = new Map<UserId, Stay[]>()

  constructor(sessionId: SessionId) {
    this.sessionId = sessionId
  }

  get lastSeq(): Seq {
    return this.events.length
  }

  at(seq: Seq): AcceptedEvent | undefined {
    return this.events[seq - 1]
  }

  /** What a pack has become; undefined where it was not accepted. */
  of(from: UserId, packId: PackId): AcceptedEvent | undefined {
    return this.byPack.get(`${from} ${packId}`)
  }

  add(event: AcceptedEvent): void {
    const key = `${event.from} ${event.packId}`
    if (!this.byPack.has(key)) this.byPack.set(key, event)
    if (!hasSeq(event.body)) {
      this.facts.push(event)
      this.factsAfter.push(this.lastSeq)
      return
    }
    this.events.push(event)
    const { joins = [], leaves = [] } = operationOfEvent(event.body.kind)?.members?.(event as never) ?? {}
    for (const userId of joins) this.join(userId, event.seq)
    for (const userId of leaves === 'everybody' ? this.stays.keys() : leaves) this.leave(userId, event.seq)
  }

  /** Stays of the user, oldest first; a single chat has its two users in for ever. */
  staysOf(userId: UserId): readonly Stay[] {
    if (!this.sessionId.startsWith('g:')) {
      return this.sessionId.split(':').slice(1).includes(userId) ? [FOR_EVER] : []
    }
    return this.stays.get(userId) ?? []
  }

  isVisible(userId: UserId, seq: Seq): boolean {
    return this.staysOf(userId).some(({ joinSeq, leaveSeq }) => joinSeq <= seq && seq <= leaveSeq)
  }

  /** True where the user may see one of the seqs between the two. */
  hasVisibleBetween(userId: UserId, after: Seq, before: Seq): boolean {
    for (let seq = after + 1; seq < before; seq++) if (this.isVisible(userId, seq)) return true
    return false
  }

  /** The last seq that the user may see; 0 where there is none. */
  lastVisible(userId: UserId): Seq {
    const last = this.staysOf(userId).at(-1)
    return last === undefined ? 0 : Math.min(last.leaveSeq, this.lastSeq)
  }

  /** Who is in after everything. */
  members(): UserId[] {
    return [...this.stays].filter(([, stays]) => stays.at(-1)!.leaveSeq === Number.POSITIVE_INFINITY).map(([id]) => id)
  }

  private join(userId: UserId, seq: Seq): void {
    const stays = this.stays.get(userId) ?? []
    this.stays.set(userId, stays)
    if (stays.at(-1)?.leaveSeq === Number.POSITIVE_INFINITY) return
    stays.push({ joinSeq: seq, leaveSeq: Number.POSITIVE_INFINITY })
  }

  private leave(userId: UserId, seq: Seq): void {
    const last = this.stays.get(userId)?.at(-1)
    if (last?.leaveSeq === Number.POSITIVE_INFINITY) last.leaveSeq = seq
  }
}

const FOR_EVER: Stay = { joinSeq: 1, leaveSeq: Number.POSITIVE_INFINITY }

export class PartitionTruth {
  readonly partition: Partition
  readonly outcomes: Outcome[] = []
  readonly requests: Request[] = []
  /** Records of im.events that do not count. */
  junk = 0
  /** Hash that the next valid record carries. */
  private hash = Buffer.alloc(8)
  private readEvents = 0
  private readPacks = 0
  private readonly sources: Sources

  constructor(partition: Partition, sources: Sources) {
    this.partition = partition
    this.sources = sources
  }

  /** Offset after the last record of im.events that was read. */
  get end(): Offset {
    return this.readEvents
  }

  /** Reads what is new; gives the outcomes. */
  read(): readonly Outcome[] {
    const { log, topics, codecs } = this.sources
    const packs = log.stored(topics.packs.name, this.partition)
    for (; this.readPacks < packs.length; this.readPacks++) {
      const record = packs[this.readPacks]!
      this.requests.push({ record, pack: record.value === null ? undefined : codecs.pack.decode(record.value) })
    }
    const events = log.stored(topics.events.name, this.partition)
    const before = this.outcomes.length
    for (; this.readEvents < events.length; this.readEvents++) this.take(events[this.readEvents]!)
    return this.outcomes.slice(before)
  }

  private take({ offset, key, value, headers }: StoredRecord): void {
    const { pos, prev } = headers
    const counts =
      value !== null && pos?.length === 8 && pos.readBigInt64BE() === BigInt(offset) && prev?.equals(this.hash)
    if (!counts) {
      this.junk++
      return
    }
    const keyLength = Buffer.alloc(4)
    keyLength.writeInt32BE(key?.length ?? -1)
    const parts = [prev!, pos, keyLength, key ?? Buffer.alloc(0), value]
    this.hash = createHash('sha256').update(Buffer.concat(parts)).digest().subarray(0, 8)
    this.outcomes.push({ partition: this.partition, offset, event: this.sources.codecs.event.decode(value), value })
  }
}

export interface Sources {
  log: ObservedLog
  topics: Topics
  codecs: { pack: PackReader; event: RecordCodec<Event> }
}

/** Gives undefined for bytes that are no pack. */
export interface PackReader {
  decode(value: Buffer): Pack | undefined
}

export class Truth {
  readonly partitions: readonly PartitionTruth[]
  readonly sessions = new Map<SessionId, SessionTruth>()
  private readonly sources: Sources

  constructor(sources: Sources) {
    this.sources = sources
    const count = sources.topics.events.partitions
    this.partitions = Array.from({ length: count }, (_, partition) => new PartitionTruth(partition, sources))
  }

  /** Reads on to the end of the log. */
  read(): void {
    for (const partition of this.partitions) {
      for (const { event } of partition.read()) {
        if (isAccepted(event) && event.body.kind !== 'RulesSet') this.session(event.sessionId).add(event)
      }
    }
  }

  session(sessionId: SessionId): SessionTruth {
    let session = this.sessions.get(sessionId)
    if (session === undefined) {
      session = new SessionTruth(sessionId)
      this.sessions.set(sessionId, session)
    }
    return session
  }

  /** True for what the user has hidden from themselves, at any time: single messages, and what was cleared. */
  isHidden(userId: UserId, sessionId: SessionId, seq: Seq): boolean {
    return this.session(userSessionId(userId)).events.some(({ body }) => {
      if (body.kind === 'DeletedForMe') return body.sessionId === sessionId && body.seqs.includes(seq)
      return body.kind === 'SessionCleared' && body.sessionId === sessionId && seq <= body.seq
    })
  }

  /** Where im.events ends now. */
  ends(): ReadonlyMap<Partition, Offset> {
    const { log, topics } = this.sources
    return new Map(this.partitions.map(({ partition: n }) => [n, log.stored(topics.events.name, n).length]))
  }

  /** Packs without an outcome. */
  unanswered(): number {
    return this.partitions.reduce((sum, { requests, outcomes }) => sum + requests.length - outcomes.length, 0)
  }
}
