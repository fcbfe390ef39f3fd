import type { AcceptedEvent, Event } from '../schemas/event.ts'
import { isAccepted } from '../schemas/event.ts'
import { eventFrame } from '../schemas/frames.ts'
import {
  type Count,
  type Offset,
  type Partition,
  parseSessionId,
  RULES_SESSION,
  type Seq,
  type SessionId,
  type UserId,
} from '../schemas/ids.ts'
import { Flag } from '../schemas/pack.ts'
import { type Difference, NOTHING, show } from './difference.ts'
import { digest } from './digest.ts'
import { GroupFold } from './fold-group.ts'
import { ReadingFold, type ReadingLimits } from './fold-reading.ts'
import { PeopleFold } from './people.ts'

/**
 * What the log says, folded once more and in its own way: nothing here is shared with the processors, so that one
 * mistake is not made twice. Pure. Events are kept as digests: about 250 bytes each, whatever their size.
 */

/** A stay in a group; leaveSeq is that of the event that ended it. */
export interface Stay {
  joinSeq: Seq
  leaveSeq?: Seq
}

export interface At {
  seq: Seq
  count: Count
  at: number
}

interface Membership {
  /** Oldest first. */
  stays: Stay[]
  /** The event that ended the last stay, while the user is out. */
  left?: At
  /** Was in when the group was large, or has come or gone since. */
  metLarge: boolean
}

/** One session as the log tells it. */
export class SessionFold {
  readonly sessionId: SessionId
  /** Seq of the first event that the log still holds. */
  readonly firstSeq: Seq
  lastSeq: Seq
  count: Count = 0
  at = 0
  /** Of event firstSeq + i: where it is, its time, and (for messages) a digest of what the archive keeps. */
  readonly offsets: Offset[] = []
  readonly times: number[] = []
  readonly messages: (string | undefined)[] = []
  readonly reading: ReadingFold
  /** Groups: everyone who ever was in. */
  readonly people = new Map<UserId, Membership>()
  createdSeq: Seq = 0
  /** How a group is run. */
  readonly group = new GroupFold()
  dismissedSeq: Seq = 0
  /** Seq at which more than the given number were in; 0 where that never was. */
  largeSince: Seq = 0
  private present = 0
  private readonly packs = new Map<string, Seq>()

  constructor(sessionId: SessionId, firstSeq: Seq, limits: ReadingLimits) {
    this.reading = new ReadingFold(limits)
    this.sessionId = sessionId
    this.firstSeq = firstSeq
    this.lastSeq = firstSeq - 1
  }

  /** Takes the next event; gives what is wrong with it. */
  add(event: AcceptedEvent, offset: Offset, largeAbove: number): Omit<Difference, 'view'>[] {
    const wrong = this.check(event)
    const { seq, count, at, body } = event
    this.lastSeq = seq
    this.count = count
    this.at = at
    this.offsets.push(offset)
    this.times.push(at)
    this.messages.push(body.kind === 'MessageAccepted' ? digest(messageText(event)) : undefined)
    this.packs.set(packKey(event), seq)
    this.reading.add(event, offset)
    this.addMembers(event, largeAbove)
    this.group.add(event)
    return wrong
  }

  /** The seq that a pack was accepted at; undefined where the log does not hold it. */
  seqOfPack(event: Pick<Event, 'packId' | 'from'>): Seq | undefined {
    return this.packs.get(packKey(event))
  }

  /** Who is in, dismissed or not. */
  *members(): IterableIterator<[UserId, Stay]> {
    for (const [userId, { stays, left }] of this.people) {
      if (left === undefined && stays.length > 0) yield [userId, stays.at(-1)!]
    }
  }

  private check(event: AcceptedEvent): Omit<Difference, 'view'>[] {
    const { sessionId, seq, count } = event
    const wrong: Omit<Difference, 'view'>[] = []
    const say = (what: string, expected: unknown, found: unknown) =>
      wrong.push({ sessionId, seq, what, expected: show(expected), found: show(found) })
    if (seq !== this.lastSeq + 1) say('seq that is not dense', this.lastSeq + 1, seq)
    const first = this.seqOfPack(event)
    if (first !== undefined) say('pack accepted twice', `only at seq ${first}`, `seq ${seq}`)
    const isKnown = this.offsets.length > 0 || this.firstSeq === 1
    const counted = this.count + (isCounted(event) && event.body.kind === 'MessageAccepted' ? 1 : 0)
    if (isKnown && count !== counted) say('count', counted, count)
    return wrong
  }

  private addMembers({ body, from, seq, count, at }: AcceptedEvent, largeAbove: number): void {
    const here = { seq, count, at }
    switch (body.kind) {
      case 'GroupCreated':
        this.createdSeq = seq
        this.join([from, ...body.members], here, largeAbove)
        break
      case 'MemberJoined':
        this.join([from], here, largeAbove)
        break
      case 'MembersAdded':
        this.join(body.userIds, here, largeAbove)
        break
      case 'MemberQuit':
        this.leave([from], here)
        break
      case 'MembersRemoved':
        this.leave(body.userIds, here)
        break
      case 'GroupDismissed':
        this.dismissedSeq = seq
        break
      default:
        break
    }
  }

  private join(userIds: readonly UserId[], here: At, largeAbove: number): void {
    for (const userId of new Set(userIds)) {
      this.reading.raise(userId, here)
      const person = this.people.get(userId) ?? { stays: [], metLarge: false }
      this.people.set(userId, person)
      const isIn = person.stays.length > 0 && person.left === undefined
      if (!isIn) {
        person.stays.push({ joinSeq: here.seq })
        this.present++
      }
      person.left = undefined
      if (this.largeSince > 0) person.metLarge = true
    }
    if (this.largeSince === 0 && this.present > largeAbove) {
      this.largeSince = here.seq
      for (const [userId] of this.members()) this.people.get(userId)!.metLarge = true
    }
  }

  private leave(userIds: readonly UserId[], here: At): void {
    for (const userId of userIds) {
      const person = this.people.get(userId) ?? { stays: [], metLarge: false }
      this.people.set(userId, person)
      const stay = person.stays.at(-1)
      if (stay !== undefined && person.left === undefined) {
        stay.leaveSeq = here.seq
        this.present--
      }
      person.left = here
      if (this.largeSince > 0) person.metLarge = true
    }
  }
}

/** One refusal that its sender may ask for again. */
export interface Refusal {
  userId: UserId
  packId: string
  sessionId: string
  code: number
  at: number
}

/** What one user has done to another, who must learn it. */
export interface Told {
  userId: UserId
  /** Names the event. */
  key: string
  at: number
  partition: Partition
  offset: Offset
  frame: string
}

/** Kinds by which another user is told what they are to the sender now. */
export const TOLD_KINDS: readonly string[] = ['FriendRequested', 'FriendAccepted', 'FriendRefused', 'FriendDeleted']

/** One partition as the log tells it. */
export class PartitionFold {
  readonly partition: Partition
  /** The log has lost its beginning: sessions may begin in the middle. */
  readonly isPartial: boolean
  readonly sessions = new Map<SessionId, SessionFold>()
  readonly refusals: Refusal[] = []
  readonly told: Told[] = []
  readonly people = new PeopleFold()
  events = 0
  private readonly largeAbove: number
  private readonly limits: ReadingLimits
  /** Log time of the last event. */
  newestAt = 0

  constructor(options: { partition: Partition; isPartial: boolean; largeAbove: number; limits: ReadingLimits }) {
    this.limits = options.limits
    this.partition = options.partition
    this.isPartial = options.isPartial
    this.largeAbove = options.largeAbove
  }

  /** Takes the next valid event; gives what is wrong with it by the rules of the log. */
  add(event: Event, offset: Offset): Difference[] {
    this.events++
    const wrong: Omit<Difference, 'view'>[] = []
    if (event.at < this.newestAt) {
      const text = { expected: `at least ${this.newestAt}`, found: show(event.at) }
      wrong.push({ sessionId: event.sessionId, what: 'time that falls', ...text })
    }
    this.newestAt = Math.max(this.newestAt, event.at)
    this.people.add(event)
    if (event.body.kind === 'PackRefused') this.refuse(event, event.body.code)
    if (event.body.kind === 'PackRepeated') wrong.push(...this.checkRepeated(event, event.body))
    if (isAccepted(event)) wrong.push(...this.accept(event, offset))
    return wrong.map(difference => ({ view: 'log', ...difference, partition: this.partition, offset }))
  }

  private accept(event: AcceptedEvent, offset: Offset): Omit<Difference, 'view'>[] {
    if (takesSeq(event)) return this.session(event).add(event, offset, this.largeAbove)
    const session = this.sessions.get(event.sessionId)
    session?.group.add(event)
    if (event.seq === 0) session?.reading.note(event)
    if (TOLD_KINDS.includes(event.body.kind)) this.tell(event, offset)
    return []
  }

  private tell(event: AcceptedEvent, offset: Offset): void {
    const { sessionId, from, at } = event
    const session = parseSessionId(sessionId)
    if (session?.kind !== 'Single') return
    const userId = from === session.a ? session.b : session.a
    const said = eventFrame(event)
    // Whoever asked may be erased: their words are not in what is told.
    if (said.body.kind === 'FriendRequested') said.body = { kind: 'FriendRequested' }
    const frame = digest(JSON.stringify(said))
    this.told.push({ userId, key: toldKey(event), at, partition: this.partition, offset, frame })
  }

  private session(event: AcceptedEvent): SessionFold {
    const { sessionId, seq } = event
    let session = this.sessions.get(sessionId)
    if (session === undefined) {
      session = new SessionFold(sessionId, this.isPartial ? seq : 1, this.limits)
      this.sessions.set(sessionId, session)
    }
    return session
  }

  private checkRepeated(event: Event, body: { code: number; seq: Seq }): Omit<Difference, 'view'>[] {
    if (body.code !== 0 || this.isPartial) return []
    const first = this.sessions.get(event.sessionId)?.seqOfPack(event)
    if (first === body.seq || body.seq === 0) return []
    const expected = first === undefined ? NOTHING : show(first)
    return [{ sessionId: event.sessionId, seq: body.seq, what: 'first outcome', expected, found: show(body.seq) }]
  }

  private refuse({ from, packId, sessionId, at }: Event, code: number): void {
    this.refusals.push({ userId: from, packId, sessionId, code, at })
  }
}

/** True for accepted events that stand in the timeline of a session. */
function takesSeq(event: AcceptedEvent): boolean {
  return event.sessionId !== RULES_SESSION && parseSessionId(event.sessionId) !== undefined && event.seq > 0
}

function isCounted({ flags }: Event): boolean {
  return (flags & Flag.COUNTER) !== 0
}

function packKey({ packId, from }: Pick<Event, 'packId' | 'from'>): string {
  return digest(`${packId}/${from}`)
}

/** Names an event that is told. */
export function toldKey({ sessionId, packId, from }: Pick<Event, 'sessionId' | 'packId' | 'from'>): string {
  return `${sessionId} ${packId} ${from}`
}

/** What the archive keeps of a message, in one order. */
export function messageText(event: Event): string {
  const { sessionId, seq, count, at, from, packId, device, gateway, flags, body } = event
  const [content, extra] = body.kind === 'MessageAccepted' ? [body.content, body.extra ?? null] : [null, null]
  return JSON.stringify([
    sessionId,
    seq,
    count,
    at,
    from,
    packId,
    device.type,
    device.id,
    gateway,
    flags,
    content,
    extra,
  ])
}
