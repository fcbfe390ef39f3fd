import type { RecordCodec } from '../../schemas/codec.ts'
import { Code, type CodeName } from '../../schemas/codes.ts'
import { changesMembership, type Event, type EventBody, isAccepted, isFact, takesSeq } from '../../schemas/event.ts'
import type { Partition, SessionId } from '../../schemas/ids.ts'
import { Flag, type Pack } from '../../schemas/pack.ts'
import type { Headers, StoredRecord } from '../../topics/log.ts'
import type { MemoryLog } from '../../topics/memory-log.ts'
import type { Topics } from '../../topics/topics.ts'
import { chainHash, chainHeaders, HEADER_FACTS, HEADER_MEMBERS, POSITION_START } from '../../topics/valid-events.ts'

interface Tail {
  next: number
  cause: number
  hash: string
}

/**
 * A scripted sequencer for the gateway's tests: answers packs when it is told to, with just enough rules of its own,
 * or with what a test dictates. It is not the product's sequencer and shares no code with it.
 */
export class ScriptedSequencer {
  private readonly waiting: { partition: Partition; record: StoredRecord }[] = []
  private readonly tails = new Map<Partition, Tail>()
  private readonly sessions = new Map<string, { lastSeq: number; count: number; members: Set<string> }>()
  private readonly recents = new Map<string, Event>()
  private readonly log: MemoryLog
  private readonly topics: Topics
  private readonly codecs: { packs: RecordCodec<Pack>; events: RecordCodec<Event> }
  /** Every pack that was read, in order. */
  readonly packs: Pack[] = []
  /** Decides instead of the rules where it gives a body. */
  dictate: (pack: Pack) => EventBody | undefined = () => undefined
  /** True: packs are answered as they come, without being told to. */
  isFollowing = false
  /** Changes the bytes of events before they are appended. */
  rewrite: ((value: Buffer) => Buffer) | undefined

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
        if (this.isFollowing) this.run()
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
      this.append(partition, this.outcome(pack, record.appendedAt))
    }
  }

  /** Appends an event as the sequencer would, with the next cause. */
  private append(partition: Partition, event: Event): void {
    const tail = this.tail(partition)
    const bytes = this.codecs.events.encode({ ...event, cause: { era: 0, offset: tail.cause } })
    const value = this.rewrite?.(bytes) ?? bytes
    const members: Headers = changesMembership(event.body) ? { [HEADER_MEMBERS]: Buffer.from([1]) } : {}
    const facts: Headers = isFact(event.body) ? { [HEADER_FACTS]: Buffer.from([1]) } : {}
    const headers: Headers = { ...chainHeaders(tail.next, tail.hash), ...members, ...facts }
    const record = { key: Buffer.from(event.sessionId), value, headers }
    this.log.put(this.topics.events.name, partition, [record])
    this.tails.set(partition, { next: tail.next + 1, cause: tail.cause + 1, hash: chainHash(record) })
  }

  private tail(partition: Partition): Tail {
    return this.tails.get(partition) ?? { next: 0, cause: 0, hash: POSITION_START.hash! }
  }

  /** Somebody else has written a record. */
  skipOffset(partition: Partition): void {
    const tail = this.tail(partition)
    this.tails.set(partition, { ...tail, next: tail.next + 1 })
  }

  /** The next event leaves out a pack: corruption. */
  skipCause(partition: Partition): void {
    const tail = this.tail(partition)
    this.tails.set(partition, { ...tail, cause: tail.cause + 1 })
  }

  private outcome(pack: Pack, at: number): Event {
    const session = this.session(pack.sessionId)
    const body = this.dictate(pack) ?? this.decide(pack)
    const isFact = body.kind !== 'PackRefused' && body.kind !== 'PackRepeated'
    const takesPlace = isFact && (pack.sessionId.startsWith('u:') || takesSeq(body.kind))
    if (takesPlace) session.lastSeq++
    if (body.kind === 'MessageAccepted' && (pack.flags & Flag.COUNTER) !== 0) session.count++
    const { packId, sessionId, from, actor, device, gateway, flags, digest } = pack
    const place = takesPlace ? { seq: session.lastSeq, count: session.count } : { seq: 0, count: 0 }
    const cause = { era: 0, offset: 0 }
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
    const { members } = this.session(pack.sessionId)
    const isMember = members.has(pack.from)
    switch (pack.body.kind) {
      case 'SendMessage':
        if (pack.sessionId.startsWith('g:') && !isMember) return refused('GROUP_USER_NOT_EXIST')
        if (pack.sessionId.startsWith('s:') && !pack.sessionId.split(':').includes(pack.from))
          return refused('MSG_FORBIDDEN')
        return { kind: 'MessageAccepted', content: pack.body.content }
      case 'CreateGroup':
        return { kind: 'GroupCreated', info: pack.body.info, members: pack.body.members }
      case 'JoinGroup':
        return isMember ? refused('ALREADY_MEMBER') : { kind: 'MemberJoined' }
      case 'QuitGroup':
        return isMember ? { kind: 'MemberQuit' } : refused('GROUP_USER_NOT_EXIST')
      case 'AddMembers': {
        const userIds = pack.body.userIds.filter(userId => !members.has(userId))
        return userIds.length === 0 ? refused('ALREADY_MEMBER') : { kind: 'MembersAdded', userIds }
      }
      case 'RemoveMembers': {
        const userIds = pack.body.userIds.filter(userId => members.has(userId))
        return userIds.length === 0 ? refused('GROUP_USER_NOT_EXIST') : { kind: 'MembersRemoved', userIds }
      }
      case 'DismissGroup':
        return { kind: 'GroupDismissed' }
      case 'SetRules':
        return refused('PARAM')
      default:
        return refused('MSG_OP_CMD')
    }
  }

  private evolve(event: Event): void {
    this.recents.set(`${event.sessionId} ${event.from} ${event.packId}`, event)
    applyMembers(this.session(event.sessionId).members, event)
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
