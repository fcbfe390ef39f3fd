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
  type Session,
  type SessionId,
  type UserId,
} from '../schemas/ids.ts'
import { Flag } from '../schemas/pack.ts'
import { type Difference, NOTHING, show } from './difference.ts'
import { digest } from './digest.ts'
import { GroupFold } from './fold-group.ts'
import { ReadingFold, type ReadingLimits } from './fold-reading.ts'
import { NO_ENTRIES, ownMap } from './lazily.ts'
import { PeopleFold } from './people.ts'

/**
 * What the log says, folded once more and in its own way: nothing here is shared with the processors, so that one
 * mistake is not made twice. Pure. Events are kept as the text of their frame, and a few facts beside it.
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

/** What to fold besides what every use needs. */
export interface FoldOptions {
  /** Members above which a group is large. */
  largeAbove: number
  limits: ReadingLimits
  /** Whether to keep what the archive's rows of messages must say; default false. */
  withMessages?: boolean
}

/** One session as the log tells it. */
export class SessionFold {
  readonly sessionId: SessionId
  readonly kind: Session
  /** Seq of the first event that the log still holds. */
  readonly firstSeq: Seq
  lastSeq: Seq
  count: Count = 0
  at = 0
  /** Of event firstSeq + i: where it is, its time, and (for messages, where they are kept) a digest of what the archive has. */
  readonly offsets: Offset[] = []
  readonly times: number[] = []
  readonly messages: (string | undefined)[] = []
  readonly reading: ReadingFold
  /** Groups: everyone who ever was in. */
  people: ReadonlyMap<UserId, Membership> = NO_ENTRIES
  createdSeq: Seq = 0
  /** How a group is run. */
  readonly group: GroupFold
  dismissedSeq: Seq = 0
  /** Seq at which more than the given number were in; 0 where that never was. */
  largeSince: Seq = 0
  private present = 0
  private readonly options: FoldOptions
  /** Of sessions with more than a few packs. */
  private packs: Map<string, Seq> | undefined

  constructor(event: Pick<AcceptedEvent, 'sessionId'>, kind: Session, firstSeq: Seq, options: FoldOptions) {
    this.reading = new ReadingFold(options.limits)
    this.group = kind.kind === 'Group' ? new GroupFold() : NO_GROUP
    this.sessionId = event.sessionId
    this.kind = kind
    this.firstSeq = firstSeq
    this.lastSeq = firstSeq - 1
    this.options = options
  }

  /** Takes the next event; gives what is wrong with it. */
  add(event: AcceptedEvent, offset: Offset): readonly Wrong[] {
    const wrong = this.check(event)
    const { seq, count, at, body } = event
    this.lastSeq = seq
    this.count = count
    this.at = at
    this.offsets.push(offset)
    this.times.push(at)
    if (this.options.withMessages === true) {
      this.messages.push(body.kind === 'MessageAccepted' ? digest(messageText(event)) : undefined)
    }
    this.reading.add(event, offset)
    this.notePack(event)
    if (this.kind.kind === 'Group') this.addMembers(event, this.options.largeAbove)
    this.run(event)
    return wrong
  }

  /** Takes what an event says of how a group is run. */
  run(event: AcceptedEvent): void {
    if (this.group !== NO_GROUP) this.group.add(event)
  }

  /** By its id alone, but where several users have one of the same id. */
  private notePack(event: AcceptedEvent): void {
    const { packId, from, seq } = event
    if (this.packs === undefined) {
      if (this.offsets.length <= FEW_PACKS) return
      this.packs = new Map()
      for (let known = Math.max(this.firstSeq, seq - 2 * FEW_PACKS); known < seq; known++) {
        const frame = this.reading.frame(known)
        if (frame !== undefined) this.packs.set(this.packName(frame), known)
      }
    }
    this.packs.set(this.packName({ packId, from }), seq)
  }

  private packName({ packId, from }: Pick<Event, 'packId' | 'from'>): string {
    const known = this.packs?.get(packId)
    return known === undefined || this.reading.frame(known)?.from === from ? packId : `${packId}/${from}`
  }

  /** The seq that a pack was accepted at; undefined where the log does not hold it. */
  seqOfPack({ packId, from }: Pick<Event, 'packId' | 'from'>): Seq | undefined {
    if (this.packs !== undefined) return this.packs.get(this.packName({ packId, from }))
    for (let seq = this.lastSeq; seq >= this.firstSeq && seq > this.lastSeq - 2 * FEW_PACKS; seq--) {
      const frame = this.reading.frame(seq)
      if (frame?.packId === packId && frame.from === from) return seq
    }
    return undefined
  }

  /** Who is in, dismissed or not. */
  *members(): IterableIterator<[UserId, Stay]> {
    for (const [userId, { stays, left }] of this.people) {
      if (left === undefined && stays.length > 0) yield [userId, stays.at(-1)!]
    }
  }

  private check(event: AcceptedEvent): readonly Wrong[] {
    const { sessionId, seq, count } = event
    const first = this.seqOfPack(event)
    const isKnown = this.offsets.length > 0 || this.firstSeq === 1
    const counted = this.count + (isCounted(event) && event.body.kind === 'MessageAccepted' ? 1 : 0)
    if (seq === this.lastSeq + 1 && first === undefined && (!isKnown || count === counted)) return NOTHING_WRONG
    const wrong: Wrong[] = []
    const say = (what: string, expected: unknown, found: unknown) =>
      wrong.push({ sessionId, seq, what, expected: show(expected), found: show(found) })
    if (seq !== this.lastSeq + 1) say('seq that is not dense', this.lastSeq + 1, seq)
    if (first !== undefined) say('pack accepted twice', `only at seq ${first}`, `seq ${seq}`)
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
      this.people = ownMap(this.people).set(userId, person)
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
      this.people = ownMap(this.people).set(userId, person)
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

/** So many packs of a session are looked through one by one; with room for seqs that are missing. */
const FEW_PACKS = 16

/** Stands where a session is no group; nothing is added to it. */
const NO_GROUP = new GroupFold()

/** What is wrong with an event by the rules of the log. */
type Wrong = Omit<Difference, 'view'>
const NO_DIFFERENCES: readonly Difference[] = []
const NOTHING_WRONG: readonly Wrong[] = []

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
  /** The text of its frame. */
  json: string
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
  /** Log time of the last event. */
  newestAt = 0
  private readonly options: FoldOptions

  constructor({ partition, isPartial, ...options }: { partition: Partition; isPartial: boolean } & FoldOptions) {
    this.options = options
    this.partition = partition
    this.isPartial = isPartial
  }

  /** Takes the next valid event; gives what is wrong with it by the rules of the log. */
  add(event: Event, offset: Offset): readonly Difference[] {
    this.events++
    const isLate = event.at < this.newestAt
    const wrong = this.take(event, offset)
    if (wrong.length === 0 && !isLate) return NO_DIFFERENCES
    const late: Wrong[] = []
    if (isLate) {
      const text = { expected: `at least ${this.newestAt}`, found: show(event.at) }
      late.push({ sessionId: event.sessionId, what: 'time that falls', ...text })
    }
    const place = { partition: this.partition, offset }
    return [...late, ...wrong].map(difference => ({ view: 'log', ...difference, ...place }))
  }

  private take(event: Event, offset: Offset): readonly Wrong[] {
    if (event.at > this.newestAt) this.newestAt = event.at
    this.people.add(event)
    if (event.body.kind === 'PackRefused') this.refuse(event, event.body.code)
    if (event.body.kind === 'PackRepeated') return this.checkRepeated(event, event.body)
    return isAccepted(event) ? this.accept(event, offset) : NOTHING_WRONG
  }

  private accept(event: AcceptedEvent, offset: Offset): readonly Wrong[] {
    const session = event.seq > 0 ? this.sessionOf(event) : undefined
    if (session !== undefined) return session.add(event, offset)
    const known = this.sessions.get(event.sessionId)
    known?.run(event)
    if (event.seq === 0) known?.reading.note(event)
    if (TOLD_KINDS.includes(event.body.kind)) this.tell(event, offset)
    return NOTHING_WRONG
  }

  /** The session in whose timeline an event with a seq stands; undefined where it stands in none. */
  private sessionOf(event: AcceptedEvent): SessionFold | undefined {
    const { sessionId, seq } = event
    const known = this.sessions.get(sessionId)
    if (known !== undefined) return known
    const kind = sessionId === RULES_SESSION ? undefined : parseSessionId(sessionId)
    if (kind === undefined) return undefined
    const session = new SessionFold(event, kind, this.isPartial ? seq : 1, this.options)
    this.sessions.set(sessionId, session)
    return session
  }

  private tell(event: AcceptedEvent, offset: Offset): void {
    const { sessionId, from, at } = event
    const session = parseSessionId(sessionId)
    if (session?.kind !== 'Single') return
    const userId = from === session.a ? session.b : session.a
    const said = eventFrame(event)
    // Whoever asked may be erased: their words are not in what is told.
    if (said.body.kind === 'FriendRequested') said.body = { kind: 'FriendRequested' }
    const json = JSON.stringify(said)
    this.told.push({ userId, key: toldKey(event), at, partition: this.partition, offset, json })
  }

  private checkRepeated(event: Event, body: { code: number; seq: Seq }): readonly Wrong[] {
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

function isCounted({ flags }: Event): boolean {
  return (flags & Flag.COUNTER) !== 0
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
