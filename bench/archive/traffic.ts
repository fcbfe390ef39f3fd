import type { Millis } from '../../infra/clock.ts'
import { SeededRandom } from '../../infra/seeded-random.ts'
import type { PlacedEvent } from '../../processors/view.ts'
import type { Content, MessageRef } from '../../schemas/content.ts'
import type { Event, EventBody } from '../../schemas/event.ts'
import {
  groupSessionId,
  makePackId,
  type Partition,
  type SessionId,
  singleSessionId,
  type UserId,
} from '../../schemas/ids.ts'
import { DeviceType, Flag } from '../../schemas/pack.ts'
import { textOf } from './vocabulary.ts'

/**
 * Traffic of a product as its sequencer would have written it: people who come and go, single chats and groups,
 * messages of some kinds, edits, revokes, reactions, marks and repeats. The same options give the same events, in the
 * order of the log, time going evenly from the first to the last.
 */
export interface TrafficOptions {
  seed: number
  /** Events in all; about three quarters are messages. */
  events: number
  users: number
  sessions: number
  /** UTF-8 bytes of a text, about. */
  textBytes: number
  startAt: Millis
  spanMs: Millis
  /** One session in so many is a group. Default 2. */
  groupEvery?: number
  /** The first events begin one session each, until all have begun. Default false. */
  beginsAll?: boolean
  partitionOf(sessionId: SessionId): Partition
}

/** Who is in the first sessions, so that a search in so many can be measured. */
export const ASKER = 'asker' as UserId
export const ASKER_SESSIONS = 500

interface Session {
  sessionId: SessionId
  partition: Partition
  members: UserId[]
  isGroup: boolean
  seq: number
  count: number
  /** The newest messages, those that were taken back left out. */
  recent: { ref: MessageRef; version: number }[]
}

const RECENT_MAX = 8
const GROUP_MEMBERS = 8
const TEXT_SHARE = 0.9

export class Traffic {
  private readonly options: TrafficOptions
  private readonly random: SeededRandom
  private readonly sessions: Session[]
  private readonly chats = new Set<SessionId>()
  private readonly offsets = new Map<Partition, number>()
  private made = 0

  constructor(options: TrafficOptions) {
    this.options = options
    this.random = new SeededRandom(options.seed)
    this.sessions = Array.from({ length: options.sessions }, (_, index) => this.session(index))
  }

  /** The next events, fewer than `count` at the end, none behind it. */
  next(count: number): Map<Partition, PlacedEvent[]> {
    const batch = new Map<Partition, PlacedEvent[]>()
    for (let i = 0; i < count && this.made < this.options.events; i++) {
      const session = this.pick()
      const placed = this.happens(session)
      const list = batch.get(session.partition)
      if (list === undefined) batch.set(session.partition, [placed])
      else list.push(placed)
      this.made++
    }
    return batch
  }

  private session(index: number): Session {
    const { users, partitionOf, groupEvery = 2 } = this.options
    const user = (number: number) => `user${number % users}` as UserId
    const isGroup = index % groupEvery === 1
    const first = index < ASKER_SESSIONS ? ASKER : user(index * 31)
    const members = [first]
    for (let i = 1; members.length < (isGroup ? GROUP_MEMBERS : 2); i++) {
      const other = user(index * 31 + i * 17 + 1)
      if (!members.includes(other)) members.push(other)
    }
    const sessionId = isGroup
      ? groupSessionId(`group${index}` as Parameters<typeof groupSessionId>[0])
      : this.unusedChat(members, index)
    return { sessionId, partition: partitionOf(sessionId), members, isGroup, seq: 0, count: 0, recent: [] }
  }

  /** A chat that two do not have yet; the second is somebody new where they do. */
  private unusedChat(members: UserId[], index: number): SessionId {
    if (this.chats.has(singleSessionId(members[0]!, members[1]!))) members[1] = `guest${index}` as UserId
    const sessionId = singleSessionId(members[0]!, members[1]!)
    this.chats.add(sessionId)
    return sessionId
  }

  /** Half of what is said is said in a tenth of the sessions. */
  private pick(): Session {
    const { length } = this.sessions
    if (this.options.beginsAll === true && this.made < length) return this.sessions[this.made]!
    const among = this.random.bits() % 2 === 0 ? Math.max(1, Math.floor(length / 10)) : length
    return this.sessions[Math.floor(this.random.next() * among)]!
  }

  private happens(session: Session): PlacedEvent {
    const from = session.members[this.random.bits() % session.members.length]!
    if (session.isGroup && session.seq === 0) {
      const [owner, ...members] = session.members
      const info = { name: session.sessionId, avatar: '', notice: '' }
      return this.put(session, owner!, { kind: 'GroupCreated', info, members })
    }
    const dice = this.random.next()
    const target = session.recent[this.random.bits() % RECENT_MAX]
    if (target !== undefined && dice < 0.06) return this.change(session, target, dice)
    if (session.seq > 0 && dice >= 0.06 && dice < 0.2) return this.mark(session, from, dice)
    if (dice >= 0.2 && dice < 0.205) {
      return this.put(session, from, {
        kind: 'PackRefused',
        code: 41,
        reason: 'the content is longer than 65536 bytes',
      })
    }
    return this.say(session, from)
  }

  private say(session: Session, from: UserId): PlacedEvent {
    const placed = this.put(session, from, { kind: 'MessageAccepted', content: this.content() }, Flag.COUNTER)
    const { seq, packId, at } = placed.event
    session.recent.push({ ref: { seq, packId, from, at, counted: true }, version: 0 })
    if (session.recent.length > RECENT_MAX) session.recent.shift()
    return placed
  }

  private content(): Content {
    const { random } = this
    const text = textOf(random, this.options.textBytes)
    if (random.next() < TEXT_SHARE) return { kind: 'Text', text }
    const number = random.bits()
    const file = { url: `https://media.example/${number}`, mime: 'image/png', size: number % 1_000_000, hash: 'none' }
    return { kind: 'Image', file, width: 640, height: 480, caption: text.slice(0, 40) }
  }

  private change(session: Session, target: Session['recent'][number], dice: number): PlacedEvent {
    const { ref } = target
    if (dice < 0.02) {
      const content = { kind: 'Text', text: textOf(this.random, this.options.textBytes) } as const
      return this.put(session, ref.from, { kind: 'MessageOverridden', target: ref, content, version: ++target.version })
    }
    if (dice < 0.03) {
      session.recent = session.recent.filter(other => other !== target)
      return this.put(session, ref.from, { kind: 'MessageRevoked', target: ref })
    }
    const from = session.members[0]!
    return this.put(session, from, { kind: 'ReactionAdded', target: ref, emoji: '👍' })
  }

  /** Marks take no seq. */
  private mark(session: Session, from: UserId, dice: number): PlacedEvent {
    const { seq, count } = session
    if (session.isGroup || dice < 0.13) return this.put(session, from, { kind: 'ReadMarked', seq, count })
    return this.put(session, from, { kind: 'DeliveredMarked', seq })
  }

  private put(session: Session, from: UserId, body: EventBody, flags = 0): PlacedEvent {
    const { options, random } = this
    const takesSeq = !WITHOUT_SEQ.has(body.kind)
    if (takesSeq) session.seq++
    if (flags === Flag.COUNTER) session.count++
    const offset = this.offsets.get(session.partition) ?? 0
    this.offsets.set(session.partition, offset + 1)
    const at = options.startAt + Math.floor((this.made * options.spanMs) / options.events)
    const bytes = Buffer.allocUnsafe(10)
    bytes.writeUInt32LE(random.bits(), 0)
    bytes.writeUInt32LE(this.made, 4)
    bytes.writeUInt16LE(0, 8)
    const event: Event = {
      cause: { era: 0, offset },
      at,
      sessionId: session.sessionId,
      packId: makePackId(at - 5, bytes),
      from,
      actor: { kind: 'USER', id: from },
      device: from.length % 2 === 0 ? PHONE : BROWSER,
      gateway: 'gateway-1',
      flags,
      seq: takesSeq ? session.seq : 0,
      count: takesSeq ? session.count : 0,
      digest: Buffer.alloc(16, offset),
      pushInfo: null,
      body,
    }
    return { event, position: { offset, cause: event.cause, hash: NO_HASH } }
  }
}

const PHONE = { type: DeviceType.android, id: 'phone' }
const BROWSER = { type: DeviceType.web, id: 'browser' }
const WITHOUT_SEQ: ReadonlySet<string> = new Set(['ReadMarked', 'DeliveredMarked', 'PackRefused'])
const NO_HASH = '0000000000000000'
