import type { MessageExtra } from '../schemas/content.ts'
import type { AcceptedEvent } from '../schemas/event.ts'
import { eventFrame } from '../schemas/frames.ts'
import type { Count, Offset, PackId, Seq, SessionId, UserId } from '../schemas/ids.ts'
import { Flag } from '../schemas/pack.ts'
import type { SessionAttributes } from '../schemas/settings.ts'
import { NO_ENTRIES, NO_MEMBERS, ownMap, ownSet, withItem } from './lazily.ts'

/** How much of a session's reading state history keeps: its own options. */
export interface ReadingLimits {
  stoppedMax: number
  mentionsMax: number
  urgentMax: number
  urgentAgeMs: number
  hiddenMax: number
}

export interface MarkAt {
  seq: Seq
  count: Count
}

export interface KeptFold {
  attributes: SessionAttributes | undefined
  read: MarkAt
  cleared: MarkAt
  hidden: Seq[]
}

/** An event as it reads now. */
export interface FrameFold {
  /** The text of its frame: up to the body it never changes. */
  json: string
  packId: PackId
  from: UserId
  count: Count
  at: number
  kind: string
  /** Whose alias it says. */
  alias: UserId | undefined
}

/** Shared by all, as what lazily.ts has. */
const NO_LIST: never[] = []
const NO_MARK: MarkAt = { seq: 0, count: 0 }

/**
 * What the log says of a session besides its timeline: changed messages, marks, mentions, reactions, what must not be
 * missed; and, of a user's own session, what the user keeps of others. Folded in its own way, as all of fold.ts.
 */
export class ReadingFold {
  marks: ReadonlyMap<UserId, MarkAt> = NO_ENTRIES
  delivered: ReadonlyMap<UserId, Seq> = NO_ENTRIES
  stopped: ReadonlySet<Seq> = NO_MEMBERS
  mentions: { seq: Seq; whom: string }[] = NO_LIST
  reactions: ReadonlyMap<Seq, Map<string, UserId[]>> = NO_ENTRIES
  urgent: { seq: Seq; at: number; offset: Offset }[] = NO_LIST
  kept: ReadonlyMap<SessionId, KeptFold> = NO_ENTRIES
  /** Of seq `firstSeq` + i. */
  private readonly frames: FrameFold[] = []
  private firstSeq: Seq = 0
  /** Messages that were changed, and by which event last; `gone`: nothing changes them any more. */
  private changed: ReadonlyMap<Seq, { version: number; by?: Seq; emptied?: string; gone: boolean }> = NO_ENTRIES
  private erasedUsers: ReadonlySet<UserId> = NO_MEMBERS
  private readonly limits: ReadingLimits

  constructor(limits: ReadingLimits) {
    this.limits = limits
  }

  /** Takes an event of the timeline. */
  add(event: AcceptedEvent, offset: Offset): void {
    const { body, seq, count, at, flags, from, packId } = event
    const json = JSON.stringify(eventFrame(event))
    if (this.frames.length === 0) this.firstSeq = seq
    const alias = body.kind === 'AliasSet' ? body.userId : undefined
    this.frames[seq - this.firstSeq] = { json, packId, from, count, at, kind: body.kind, alias }
    switch (body.kind) {
      case 'MessageAccepted':
        if ((flags & Flag.HIGH_PRIORITY) !== 0) this.must(event, offset)
        if ((flags & Flag.COUNTER) !== 0) {
          this.raise(from, event)
          this.mention(seq, body.extra)
        }
        break
      case 'MessageRevoked':
      case 'MessageDeleted':
        this.must(event, offset)
        if (body.target.counted) this.stop(body.target.seq)
        this.remove(event, body.target.seq, body.kind === 'MessageRevoked' ? 'revoked' : 'deleted')
        break
      case 'MessageOverridden':
        this.must(event, offset)
        this.edit(event, body)
        break
      case 'MembersRemoved':
      case 'GroupDismissed':
        this.must(event, offset)
        break
      case 'ReactionAdded':
        this.unreact(body.target.seq, body.emoji, from)
        this.react(body.target.seq, body.emoji, from)
        break
      case 'ReactionRemoved':
        this.unreact(body.target.seq, body.emoji, from)
        break
      case 'ContentErased':
        this.erase(event, event.sessionId.startsWith('b:') ? undefined : body.userId)
        break
      case 'UserErased':
        this.erase(event, undefined)
        this.forgetAttributes()
        break
      case 'SessionAttributesSet':
        this.keep(body.sessionId).attributes = body.attributes
        break
      case 'SessionReadMarked':
        this.keepMark(body.sessionId, 'read', body)
        break
      case 'SessionCleared':
        this.keepMark(body.sessionId, 'cleared', body)
        break
      case 'DeletedForMe': {
        const kept = this.keep(body.sessionId)
        kept.hidden = [...new Set([...kept.hidden, ...body.seqs])].sort((a, b) => a - b).slice(-this.limits.hiddenMax)
        break
      }
      default:
    }
  }

  /** True for a message whose content was taken back, and for everything that an erasure has taken. */
  isTakenBack(seq: Seq): boolean {
    return this.changed.get(seq)?.gone === true
  }

  /** True where what the user has said here without a place in the timeline was erased. */
  isErased(userId: UserId): boolean {
    return this.erasedUsers.has(userId)
  }

  /** Takes an event without a place in the timeline. */
  note({ body, from }: AcceptedEvent): void {
    if (body.kind === 'ReadMarked') this.raise(from, body)
    if (body.kind === 'DeliveredMarked') {
      this.delivered = ownMap(this.delivered).set(from, Math.max(this.delivered.get(from) ?? 0, body.seq))
    }
  }

  raise(userId: UserId, { seq, count }: MarkAt): void {
    if ((this.marks.get(userId)?.seq ?? 0) < seq) this.marks = ownMap(this.marks).set(userId, { seq, count })
  }

  /** The event at a seq as it reads now; undefined where the log does not hold it. */
  frame(seq: Seq): FrameFold | undefined {
    return this.frames[seq - this.firstSeq]
  }

  /** True where the text is the frame of the event as it reads now. */
  isFrame(seq: Seq, json: string): boolean {
    return this.frame(seq)?.json === json
  }

  private edit(event: AcceptedEvent, body: Extract<AcceptedEvent['body'], { kind: 'MessageOverridden' }>): void {
    const { target, content, extra, version, kind } = body
    const { seq, at, from: by } = event
    if (this.changed.get(target.seq)?.gone) return
    this.emptyEdit(target.seq)
    const message = { kind: 'MessageAccepted', content, ...(extra === undefined ? {} : { extra }) }
    this.rewrite(target.seq, { body: message, state: { change: 'edited', by, at, seq, version } })
    const emptied = restOf({ body: { kind, target, content: { kind: 'Removed' }, version } })
    this.changed = ownMap(this.changed).set(target.seq, { version, by: seq, emptied, gone: false })
    this.mentions = this.mentions.filter(entry => entry.seq !== target.seq)
    if (target.counted) this.mention(target.seq, extra)
  }

  private remove({ seq, at, from: by }: AcceptedEvent, target: Seq, change: 'revoked' | 'deleted'): void {
    const before = this.changed.get(target)
    if (before?.gone) return
    this.emptyEdit(target)
    const version = before?.version ?? 0
    const body = { kind: 'MessageAccepted', content: { kind: 'Removed' } }
    this.rewrite(target, { body, state: { change, by, at, seq, version } })
    this.changed = ownMap(this.changed).set(target, { version, gone: true })
    this.mentions = this.mentions.filter(entry => entry.seq !== target)
    ownMap(this.reactions).delete(target)
  }

  /** Everything below the event that a user said is gone; undefined: that anybody said. */
  private erase(event: AcceptedEvent, userId: UserId | undefined): void {
    this.erasedUsers = ownSet(this.erasedUsers).add(userId ?? event.from)
    for (const [target, { by }] of this.changed) {
      if (by !== undefined && (userId === undefined || this.frame(by)?.from === userId)) this.emptyEdit(target)
    }
    for (let seq = this.firstSeq; seq < event.seq; seq++) {
      const frame = this.frame(seq)
      if (frame === undefined) continue
      const { from, kind, alias } = frame
      if (userId !== undefined && alias === userId) this.rewrite(seq, { body: { kind, userId, alias: '' } })
      if (userId !== undefined && (from !== userId || kind !== 'MessageAccepted')) continue
      this.remove(event, seq, 'deleted')
    }
  }

  /** What is left of nothing is not kept at all. */
  private forgetAttributes(): void {
    for (const [sessionId, kept] of this.kept) {
      kept.attributes = undefined
      if (kept.read.seq + kept.cleared.seq + kept.hidden.length === 0) ownMap(this.kept).delete(sessionId)
    }
  }

  /** The event that changed the message last loses the content. */
  private emptyEdit(target: Seq): void {
    const { by, emptied } = this.changed.get(target) ?? {}
    if (by !== undefined && emptied !== undefined) this.replace(by, emptied)
  }

  private rewrite(seq: Seq, rest: object): void {
    this.replace(seq, restOf(rest))
  }

  /** Another text from the body on. */
  private replace(seq: Seq, rest: string): void {
    const frame = this.frame(seq)
    if (frame !== undefined) frame.json = frame.json.slice(0, frame.json.indexOf(BODY)) + rest
  }

  private stop(seq: Seq): void {
    const stopped = ownSet(this.stopped).add(seq)
    if (stopped.size > this.limits.stoppedMax) stopped.delete(Math.min(...stopped))
    this.stopped = stopped
  }

  private mention(seq: Seq, extra: MessageExtra | undefined): void {
    if (extra === undefined) return
    const whom = new Set<string>(extra.mentions ?? [])
    if (extra.mentionsAll === true) whom.add('*')
    if (whom.size === 0) return
    for (const one of whom) this.mentions = withItem(this.mentions, { seq, whom: one })
    const place = (entry: { seq: Seq; whom: string }) => `${String(entry.seq).padStart(16, '0')}/${entry.whom}`
    this.mentions.sort((a, b) => (place(a) < place(b) ? -1 : 1))
    this.mentions.splice(0, Math.max(0, this.mentions.length - this.limits.mentionsMax))
  }

  private react(seq: Seq, emoji: string, userId: UserId): void {
    if (this.changed.get(seq)?.gone) return
    const ofMessage = this.reactions.get(seq) ?? new Map<string, UserId[]>()
    this.reactions = ownMap(this.reactions).set(seq, ofMessage.set(emoji, [...(ofMessage.get(emoji) ?? []), userId]))
  }

  /** An emoji that nobody has any more is gone: when it comes again, it is the last. */
  private unreact(seq: Seq, emoji: string, userId: UserId): void {
    const ofMessage = this.reactions.get(seq)
    const left = ofMessage?.get(emoji)?.filter(other => other !== userId) ?? []
    if (left.length > 0) ofMessage!.set(emoji, left)
    else ofMessage?.delete(emoji)
  }

  private must({ seq, at }: AcceptedEvent, offset: Offset): void {
    this.urgent = withItem(this.urgent, { seq, at, offset })
    const { urgentMax, urgentAgeMs } = this.limits
    while (this.urgent.length > urgentMax || this.urgent[0]!.at < at - urgentAgeMs) {
      const { seq: dropped } = this.urgent.shift()!
      for (const [target, { by }] of this.changed) if (by === dropped) this.emptyEdit(target)
    }
  }

  private keep(sessionId: SessionId): KeptFold {
    const kept = this.kept.get(sessionId) ?? { attributes: undefined, read: NO_MARK, cleared: NO_MARK, hidden: [] }
    this.kept = ownMap(this.kept).set(sessionId, kept)
    return kept
  }

  private keepMark(sessionId: SessionId, which: 'read' | 'cleared', { seq, count }: MarkAt): void {
    const kept = this.keep(sessionId)
    if (kept[which].seq < seq) kept[which] = { seq, count }
  }
}

const BODY = ',"body":'

/** The text of a frame from its body on. */
function restOf(rest: object): string {
  return `,${JSON.stringify(rest).slice(1)}`
}
