import type { RecordCodec } from '../../schemas/codec.ts'
import { Code, type CodeName } from '../../schemas/codes.ts'
import { changesMembership, type Event, type EventBody, isAccepted } from '../../schemas/event.ts'
import type { Partition, SessionId, UserId } from '../../schemas/ids.ts'
import { Flag, type Pack } from '../../schemas/pack.ts'
import type { StoredRecord } from '../../topics/log.ts'
import type { MemoryLog } from '../../topics/memory-log.ts'
import type { Topics } from '../../topics/topics.ts'
import { chainHash, chainHeaders, HEADER_MEMBERS, POSITION_START } from '../../topics/valid-events.ts'

/**
 * A scripted sequencer for the gateway's tests: answers packs when it is told to, with just enough rules of its own,
 * or with what a test dictates. It is not the product's sequencer and shares no code with it.
 */
export class ScriptedSequencer {
  private readonly waiting: { partition: Partition; record: StoredRecord }[] = []
  private readonly tails = new Map<Partition, { next: number; hash: string }>()
  private readonly causes = new Map<Partition, number>()
  private readonly sessions = new Map<string, { lastSeq: number; count: number; members: Set<string> }>()
  private readonly recents = new Map<string, Event>()
  private readonly log: MemoryLog
  private readonly topics: Topics
  private readonly codecs: { packs: RecordCodec<Pack>; events: RecordCodec<Event> }
  /** Every pack that was read, in order. */
  readonly packs: Pack[] = []
  /** Decides instead of the rules where it gives a body. */
  dictate: (pack: Pack) => EventBody | undefined = () => undefined

  constructor(log: MemoryLog, topics: Topics, codecs: { packs: RecordCodec<Pack>; events: RecordCodec<Event> }) {
    this.log = log
    this.topics = topics
    this.codecs = codecs
    const from = new Map(Array.from({ length: topics.packs.partitions }, (_, partition) => [partition, 0]))
    log.read({
      topic: topics.packs.name,
      from,
      onBatch: ({ partition, records }) => {
        for (const record of records) this.waiting.push({ partition, record })
      },
    })
  }

  /** Packs that were read and not answered. */
  get waitingCount(): number {
    return this.waiting.length
  }

  /** Answers up to `count` packs. */
  run(count = Number.POSITIVE_INFINITY): void {
    for (const { partition, record } of this.waiting.splice(0, count)) {
      const pack = this.codecs.packs.decode(record.value!)
      this.packs.push(pack)
      this.append(partition, this.outcome(pack, record.offset, record.appendedAt))
    }
  }

  /** Appends an event as the sequencer would; gives it back as it stands in the log. */
  append(partition: Partition, event: Event, value = this.codecs.events.encode(event), key = event.sessionId): Event {
    const tail = this.tails.get(partition) ?? { next: 0, hash: POSITION_START.hash! }
    const members = changesMembership(event.body) ? { [HEADER_MEMBERS]: Buffer.from([1]) } : {}
    const headers = { ...chainHeaders(tail.next, tail.hash), ...members }
    const record = { key: Buffer.from(key), value, headers }
    this.log.put(this.topics.events.name, partition, [record])
    this.tails.set(partition, { next: tail.next + 1, hash: chainHash(record) })
    return event
  }

  private outcome(pack: Pack, offset: number, at: number): Event {
    const session = this.session(pack.sessionId)
    const body = this.dictate(pack) ?? this.decide(pack)
    const isFact = body.kind !== 'PackRefused' && body.kind !== 'PackRepeated'
    if (isFact) session.lastSeq++
    if (body.kind === 'MessageAccepted' && (pack.flags & Flag.COUNTER) !== 0) session.count++
    const { packId, sessionId, from, actor, device, gateway, flags, digest } = pack
    const place = isFact ? { seq: session.lastSeq, count: session.count } : { seq: 0, count: 0 }
    const cause = { era: 0, offset }
    const event: Event = {
      cause,
      at,
      sessionId,
      packId,
      from,
      actor,
      device,
      gateway,
      flags,
      ...place,
      digest,
      pushInfo: null,
      body,
    }
    if (isAccepted(event)) this.evolve(event)
    return event
  }

  private session(sessionId: SessionId) {
    const session = this.sessions.get(sessionId) ?? { lastSeq: 0, count: 0, members: new Set<string>() }
    this.sessions.set(sessionId, session)
    return session
  }

  private decide(pack: Pack): EventBody {
    const recent = this.recents.get(`${pack.sessionId} ${pack.from} ${pack.packId}`)
    if (recent !== undefined) {
      if (!recent.digest.equals(pack.digest)) return refused('PACK_CONFLICT')
      return { kind: 'PackRepeated', code: 0, seq: recent.seq, count: recent.count, at: recent.at }
    }
    const isMember = this.session(pack.sessionId).members.has(pack.from)
    switch (pack.body.kind) {
      case 'SendMessage':
        if (pack.sessionId.startsWith('g:') && !isMember) return refused('GROUP_USER_NOT_EXIST')
        return { kind: 'MessageAccepted', content: pack.body.content }
      case 'CreateGroup':
        return { kind: 'GroupCreated', info: pack.body.info, members: pack.body.members }
      case 'JoinGroup':
        return isMember ? refused('ALREADY_MEMBER') : { kind: 'MemberJoined' }
      case 'QuitGroup':
        return isMember ? { kind: 'MemberQuit' } : refused('GROUP_USER_NOT_EXIST')
      case 'AddMembers':
        return { kind: 'MembersAdded', userIds: pack.body.userIds }
      case 'RemoveMembers':
        return { kind: 'MembersRemoved', userIds: pack.body.userIds }
      case 'DismissGroup':
        return { kind: 'GroupDismissed' }
      case 'SetRules':
        return refused('PARAM')
    }
  }

  private evolve(event: Event): void {
    this.recents.set(`${event.sessionId} ${event.from} ${event.packId}`, event)
    applyMembers(this.session(event.sessionId).members, event)
  }

  /** The cause of the next event that a test appends by hand. */
  nextCause(partition: Partition): { era: number; offset: number } {
    const offset = (this.causes.get(partition) ?? 1_000_000) + 1
    this.causes.set(partition, offset)
    return { era: 0, offset }
  }
}

export function refused(code: CodeName): EventBody {
  return { kind: 'PackRefused', code: Code[code].number, reason: 'as the test says' }
}

/** What an event does to the set of members. */
export function applyMembers(members: Set<string>, { body, from }: Event): void {
  switch (body.kind) {
    case 'GroupCreated':
      for (const userId of [from, ...body.members]) members.add(userId)
      break
    case 'MemberJoined':
      members.add(from)
      break
    case 'MembersAdded':
      for (const userId of body.userIds) members.add(userId)
      break
    case 'MemberQuit':
      members.delete(from)
      break
    case 'MembersRemoved':
      for (const userId of body.userIds) members.delete(userId)
      break
    case 'GroupDismissed':
      members.clear()
      break
    default:
      break
  }
}

export type { UserId }
