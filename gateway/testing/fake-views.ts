import type {
  ArchivedMessage,
  ArchivedOutcome,
  ArchivedTimeline,
  ArchiveReader,
  OutcomeRequest,
  SentRequest,
  TimelineRequest,
} from '../../processors/archive/archive-reader.ts'
import type { ArchiveSearch, MessagePlace } from '../../processors/archive/archive-search.ts'
import { MemoryArchive } from '../../processors/archive/memory-archive-store.ts'
import { projectEvent } from '../../processors/archive/project.ts'
import type {
  HistoryPage,
  HistoryReader,
  HotSessionsPage,
  KeptOfSession,
  PackOutcome,
  SessionHead,
  UrgentEvent,
} from '../../processors/history/history-store.ts'
import { NOTHING_KEPT } from '../../processors/history/session-summary.ts'
import type { AppsReader } from '../../processors/membership/apps-store.ts'
import type { MembershipInterval, MembershipReader } from '../../processors/membership/membership-store.ts'
import { MemoryMembership, MemoryMembershipStore } from '../../processors/membership/memory-membership-store.ts'
import { MemoryPeople } from '../../processors/membership/memory-people.ts'
import { projectPeople } from '../../processors/membership/people.ts'
import type { DevicesReader, PeopleReader } from '../../processors/membership/people-store.ts'
import { project } from '../../processors/membership/project.ts'
import type { RecordCodec } from '../../schemas/codec.ts'
import { type Event, isAccepted } from '../../schemas/event.ts'
import { type EventFrame, eventFrame, eventJson } from '../../schemas/frames.ts'
import type { PackId, Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import type { StoredRecord } from '../../topics/log.ts'
import type { MemoryLog } from '../../topics/memory-log.ts'
import type { Topics } from '../../topics/topics.ts'
import { POSITION_START, type Position, selectValid } from '../../topics/valid-events.ts'

/**
 * Views in memory that a test can hold back, take down and empty. Each folds im.events by itself; data is applied
 * before the position, as the real ones do.
 */
abstract class FakeView {
  protected readonly places = new Map<Partition, Position>()
  private readonly waiting: { event: Event; partition: Partition; position: Position }[] = []
  /** How often it was emptied. */
  protected lives = 0
  /** False: what is read waits for `step`. */
  isFollowing = true
  /** True: every call rejects. */
  isDown = false
  /** True: no call ever answers. */
  isSilent = false

  constructor(log: MemoryLog, topics: Topics, codec: RecordCodec<Event>) {
    const positions = new Map<Partition, Position>()
    const from = new Map(Array.from({ length: topics.events.partitions }, (_, partition) => [partition, 0]))
    log.read({
      topic: topics.events.name,
      from,
      onBatch: ({ partition, records }) => {
        const valid = selectValid(partition, positions.get(partition) ?? POSITION_START, records as StoredRecord[])
        positions.set(partition, valid.position)
        valid.records.forEach((record, i) => {
          this.waiting.push({ event: codec.decode(record.value!), partition, position: valid.positions[i]! })
        })
        if (this.isFollowing) this.step()
      },
    })
  }

  /** Applies what waits: data and position. */
  step(count = Number.POSITIVE_INFINITY): void {
    for (const { event, partition, position } of this.waiting.splice(0, count)) {
      this.apply(event, partition, position)
      this.places.set(partition, position)
    }
  }

  follow(): void {
    this.isFollowing = true
    this.step()
  }

  protected abstract apply(event: Event, partition: Partition, position: Position): void

  filling(): Promise<string> {
    return this.answer(() => `life-${this.lives}`)
  }

  protected answer<T>(make: () => T | Promise<T>): Promise<T> {
    if (this.isSilent) return new Promise(() => {})
    return this.isDown ? Promise.reject(new Error('the store is down')) : Promise.resolve().then(make)
  }
}

interface Kept {
  lastSeq: Seq
  count: number
  at: number
  events: { seq: Seq; text: string }[]
}

export class FakeHistory extends FakeView implements HistoryReader {
  private readonly sessions = new Map<SessionId, Kept>()
  private readonly outcomes = new Map<string, PackOutcome>()
  pagesRead = 0

  protected apply(event: Event): void {
    if (!isAccepted(event) || event.seq === 0) return
    const kept = this.sessions.get(event.sessionId) ?? { lastSeq: 0, count: 0, at: 0, events: [] }
    kept.events.push({ seq: event.seq, text: eventJson(event) })
    this.sessions.set(event.sessionId, { ...kept, lastSeq: event.seq, count: event.count, at: event.at })
    const { seq, count, at } = event
    this.outcomes.set(`${event.sessionId} ${event.from} ${event.packId}`, { code: 0, seq, count, at })
  }

  /** Keeps only events from this seq on, and the outcomes that go with them. */
  trim(sessionId: SessionId, fromSeq: Seq): void {
    const kept = this.sessions.get(sessionId)!
    kept.events = kept.events.filter(({ seq }) => seq >= fromSeq)
    for (const [key, { seq }] of this.outcomes) {
      if (key.startsWith(`${sessionId} `) && seq < fromSeq) this.outcomes.delete(key)
    }
  }

  /** Loses everything, position included. */
  empty(): void {
    this.sessions.clear()
    this.places.clear()
    this.lives++
  }

  /** Is emptied, and filled again once somebody has asked. */
  async emptyFor<T>(question: () => Promise<T>): Promise<T> {
    const [sessions, places] = [[...this.sessions], [...this.places]]
    this.empty()
    const answer = await question()
    for (const [sessionId, kept] of sessions) this.sessions.set(sessionId, kept)
    for (const [partition, position] of places) this.places.set(partition, position)
    return answer
  }

  position(partition: Partition): Promise<Position | undefined> {
    return this.answer(() => this.places.get(partition))
  }

  page(request: Parameters<HistoryReader['page']>[0]): Promise<HistoryPage> {
    this.pagesRead++
    return this.answer(() => {
      const { lastSeq = 0, events = [] } = this.sessions.get(request.sessionId) ?? {}
      const chosen =
        'afterSeq' in request
          ? events.filter(({ seq }) => seq > request.afterSeq).slice(0, request.limit)
          : events.filter(({ seq }) => seq < request.beforeSeq).slice(-request.limit)
      const firstSeq = events[0]?.seq ?? lastSeq + 1
      return { events: chosen.map(({ text }) => text), seqs: chosen.map(({ seq }) => seq), lastSeq, firstSeq }
    })
  }

  heads(sessionIds: readonly SessionId[]): Promise<(SessionHead | undefined)[]> {
    return this.answer(() => sessionIds.map(sessionId => this.sessions.get(sessionId)))
  }

  hotSessions({ userId, cursor, limit }: Parameters<HistoryReader['hotSessions']>[0]): Promise<HotSessionsPage> {
    return this.answer(() => {
      const mine = [...this.sessions].filter(([sessionId]) => sessionId.split(':').includes(userId))
      const start = Number(cursor ?? 0)
      const sessions = mine.slice(start, start + limit).map(([sessionId, { lastSeq, count, at, events }]) => ({
        sessionId,
        lastSeq,
        count,
        at,
        unread: count,
        readSeq: 0,
        last: events.at(-1)!.text,
      }))
      return start + limit < mine.length ? { sessions, cursor: String(start + limit) } : { sessions }
    })
  }

  outcome(request: { sessionId: SessionId; from: UserId; packId: PackId }): Promise<PackOutcome | undefined> {
    return this.answer(() => this.outcomes.get(`${request.sessionId} ${request.from} ${request.packId}`))
  }

  async times(_partitions: readonly Partition[]): Promise<ReadonlyMap<Partition, number>> {
    return new Map()
  }

  kept({ sessionIds }: Parameters<HistoryReader['kept']>[0]): Promise<KeptOfSession[]> {
    return this.answer(() => sessionIds.map(() => NOTHING_KEPT))
  }

  async readSeqs({ userIds }: Parameters<HistoryReader['readSeqs']>[0]): Promise<Seq[]> {
    return userIds.map(() => 0)
  }

  async urgent(_request: Parameters<HistoryReader['urgent']>[0]): Promise<UrgentEvent[]> {
    return []
  }

  async urgentTexts(events: Parameters<HistoryReader['urgentTexts']>[0]): Promise<(string | undefined)[]> {
    return events.map(() => undefined)
  }
}

/** Keeps every outcome for ever. */
export class FakeArchive extends FakeView implements ArchiveReader {
  private readonly outcomes = new Map<string, ArchivedOutcome>()
  private readonly byPlace = new Map<string, ArchivedMessage>()
  private memory = new MemoryArchive()
  private readonly frames = new Map<SessionId, EventFrame[]>()

  protected apply(event: Event, partition: Partition, position: Position): void {
    const { sessionId, from, packId, seq, count, at } = event
    const load = { token: `${partition}:${position.offset}`, ranges: [] }
    // The memory takes it at once: nothing is waited for.
    void this.memory.store().insert(load, [projectEvent(partition, { event, position })])
    if (!isAccepted(event)) return
    const frames = this.frames.get(sessionId) ?? []
    if (seq > 0) frames.push(eventFrame(event))
    this.frames.set(sessionId, frames)
    this.outcomes.set(`${sessionId} ${from} ${packId}`, { code: 0, seq, count, at })
    if (event.body.kind !== 'MessageAccepted') return
    const counted = (event.flags & Flag.COUNTER) !== 0
    this.byPlace.set(`${sessionId} ${seq}`, { packId, from, at, counted, content: event.body.content })
  }

  /** Loses everything, position included. */
  empty(): void {
    this.outcomes.clear()
    this.byPlace.clear()
    this.frames.clear()
    this.memory = new MemoryArchive()
    this.places.clear()
  }

  positions(): Promise<ReadonlyMap<Partition, Position>> {
    return this.answer(() => new Map(this.places))
  }

  sessionsOf(request: { userId: UserId; limit: number }): Promise<SessionId[]> {
    return this.answer(() => this.memory.sessionsOf(request))
  }

  search(request: ArchiveSearch): Promise<MessagePlace[]> {
    return this.answer(() => this.memory.search(request))
  }

  sentBy(request: SentRequest): Promise<MessagePlace[]> {
    return this.answer(() => this.memory.sentBy(request))
  }

  sentCount(userId: UserId): Promise<number> {
    return this.answer(() => this.memory.sentCount(userId))
  }

  messagesAt(places: Parameters<ArchiveReader['messagesAt']>[0]): ReturnType<ArchiveReader['messagesAt']> {
    return this.answer(() => this.memory.messagesAt(places))
  }

  /** Keeps only events from this seq on, as a retention does. */
  trim(sessionId: SessionId, fromSeq: Seq): void {
    this.frames.set(
      sessionId,
      this.frames.get(sessionId)!.filter(({ seq }) => seq >= fromSeq),
    )
  }

  timeline({ sessionId, fromSeq, toSeq }: TimelineRequest): Promise<ArchivedTimeline> {
    return this.answer(() => {
      const all = this.frames.get(sessionId) ?? []
      const events = all.filter(({ seq }) => seq >= fromSeq && seq <= toSeq)
      const changes = all.filter(({ body }) => 'target' in body)
      return { events, changes, firstSeq: all[0]?.seq }
    })
  }

  position(partition: Partition): Promise<Position | undefined> {
    return this.answer(() => this.places.get(partition))
  }

  count({ sessionId, seq }: { sessionId: SessionId; seq: Seq }): Promise<number | undefined> {
    return this.answer(() => {
      for (const [key, outcome] of this.outcomes) {
        if (key.startsWith(`${sessionId} `) && outcome.seq === seq) return outcome.count
      }
      return undefined
    })
  }

  message({ sessionId, seq }: { sessionId: SessionId; seq: Seq }): Promise<ArchivedMessage | undefined> {
    return this.answer(() => this.byPlace.get(`${sessionId} ${seq}`))
  }

  outcome({ sessionId, from, packId }: OutcomeRequest): Promise<ArchivedOutcome | undefined> {
    return this.answer(() => this.outcomes.get(`${sessionId} ${from} ${packId}`))
  }
}

/** The membership view in memory, whose own contract says that it is right, behind a server that a test can hold back. */
export class FakeMembership extends FakeView implements MembershipReader {
  private readonly server = new MemoryMembership()
  private readonly store = new MemoryMembershipStore(this.server)

  protected apply(event: Event, partition: Partition, position: Position): void {
    const { events, ...place } = { events: [{ event, position }], partition, position }
    // The memory store takes both calls at once: nothing is waited for.
    void this.store.position(partition)
    void this.store.write({ ...place, writes: project({ events }) })
  }

  /** What is asked of apps, from the same server. */
  get apps(): AppsReader {
    return this.server.apps
  }

  empty(): void {
    this.server.flush()
    this.places.clear()
    this.lives++
  }

  /** Is emptied, and filled again once somebody has asked. */
  async emptyFor<T>(question: () => Promise<T>): Promise<T> {
    const { contents } = this.server
    const places = [...this.places]
    this.empty()
    const answer = await question()
    this.server.contents = contents
    for (const [partition, position] of places) this.places.set(partition, position)
    return answer
  }

  positions(): Promise<ReadonlyMap<Partition, Position>> {
    return this.answer(() => new Map(this.places))
  }

  groupsOf(userId: UserId): ReturnType<MembershipReader['groupsOf']> {
    return this.answer(() => this.store.groupsOf(userId))
  }

  intervals(request: Parameters<MembershipReader['intervals']>[0]): Promise<MembershipInterval[]> {
    return this.answer(() => this.store.intervals(request))
  }

  members(request: Parameters<MembershipReader['members']>[0]): ReturnType<MembershipReader['members']> {
    return this.answer(() => this.store.members(request))
  }

  member(request: Parameters<MembershipReader['member']>[0]): ReturnType<MembershipReader['member']> {
    return this.answer(() => this.store.member(request))
  }

  groupFor(request: Parameters<MembershipReader['groupFor']>[0]): ReturnType<MembershipReader['groupFor']> {
    return this.answer(() => this.store.groupFor(request))
  }

  groupsFor(request: Parameters<MembershipReader['groupsFor']>[0]): ReturnType<MembershipReader['groupsFor']> {
    return this.answer(() => this.store.groupsFor(request))
  }

  joinRequests(request: Parameters<MembershipReader['joinRequests']>[0]): ReturnType<MembershipReader['joinRequests']> {
    return this.answer(() => this.store.joinRequests(request))
  }

  invites(sessionId: SessionId): ReturnType<MembershipReader['invites']> {
    return this.answer(() => this.store.invites(sessionId))
  }
}

export class FakePeople extends FakeView implements PeopleReader, DevicesReader {
  private readonly store = new MemoryPeople()
  private applied = 0

  protected apply(event: Event): void {
    const position = { offset: this.applied++, cause: null, hash: null }
    this.store.write(projectPeople({ events: [{ event, position }] }))
  }

  friends(request: Parameters<PeopleReader['friends']>[0]): ReturnType<PeopleReader['friends']> {
    return this.answer(() => this.store.friends(request)).then(page => page)
  }

  profiles(userIds: readonly UserId[]): ReturnType<PeopleReader['profiles']> {
    return this.answer(() => this.store.profiles(userIds)).then(profiles => profiles)
  }

  findUsers(request: Parameters<PeopleReader['findUsers']>[0]): ReturnType<PeopleReader['findUsers']> {
    return this.answer(() => this.store.findUsers(request)).then(profiles => profiles)
  }

  settings(userIds: readonly UserId[]): ReturnType<PeopleReader['settings']> {
    return this.answer(() => this.store.settings(userIds)).then(settings => settings)
  }

  relation(pair: Parameters<PeopleReader['relation']>[0]): ReturnType<PeopleReader['relation']> {
    return this.answer(() => this.store.relation(pair)).then(relation => relation)
  }

  revoked(userId: UserId): ReturnType<PeopleReader['revoked']> {
    return this.answer(() => this.store.revoked(userId)).then(revoked => revoked)
  }

  access(userIds: readonly UserId[]): ReturnType<PeopleReader['access']> {
    return this.answer(() => this.store.access(userIds)).then(access => access)
  }

  devices(userIds: readonly UserId[]): ReturnType<DevicesReader['devices']> {
    return this.answer(() => this.store.devices(userIds)).then(devices => devices)
  }

  tokenUsers(token: Parameters<DevicesReader['tokenUsers']>[0]): ReturnType<DevicesReader['tokenUsers']> {
    return this.answer(() => this.store.tokenUsers(token)).then(users => users)
  }

  blocks(pairs: Parameters<PeopleReader['blocks']>[0]): ReturnType<PeopleReader['blocks']> {
    return this.answer(() => this.store.blocks(pairs)).then(blocks => blocks)
  }

  own(userId: UserId): ReturnType<PeopleReader['own']> {
    return this.answer(() => this.store.own(userId)).then(own => own)
  }
}
