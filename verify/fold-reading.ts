import type { MessageExtra } from '../schemas/content.ts'
import type { AcceptedEvent } from '../schemas/event.ts'
import { eventFrame } from '../schemas/frames.ts'
import type { Count, Offset, Seq, SessionId, UserId } from '../schemas/ids.ts'
import { Flag } from '../schemas/pack.ts'
import type { SessionAttributes } from '../schemas/settings.ts'
import { digest } from './digest.ts'

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

/** A frame as two digests: what never changes, and the body with what became of it; and what erasing has to know. */
interface FrameDigests {
  opening: string
  rest: string
  from: UserId
  kind: string
  /** Whose alias it says. */
  alias: UserId | undefined
}

const NO_MARK: MarkAt = { seq: 0, count: 0 }

/**
 * What the log says of a session besides its timeline: changed messages, marks, mentions, reactions, what must not be
 * missed; and, of a user's own session, what the user keeps of others. Folded in its own way, as all of fold.ts.
 */
export class ReadingFold {
  readonly marks = new Map<UserId, MarkAt>()
  readonly delivered = new Map<UserId, Seq>()
  readonly stopped = new Set<Seq>()
  mentions: { seq: Seq; whom: string }[] = []
  readonly reactions = new Map<Seq, Map<string, UserId[]>>()
  readonly urgent: { seq: Seq; at: number; offset: Offset }[] = []
  readonly kept = new Map<SessionId, KeptFold>()
  private readonly frames = new Map<Seq, FrameDigests>()
  /** Messages that were changed, and by which event last; `gone`: nothing changes them any more. */
  private readonly changed = new Map<Seq, { version: number; by?: Seq; emptied?: string; gone: boolean }>()
  private readonly erasedUsers = new Set<UserId>()
  private readonly limits: ReadingLimits

  constructor(limits: ReadingLimits) {
    this.limits = limits
  }

  /** Takes an event of the timeline. */
  add(event: AcceptedEvent, offset: Offset): void {
    const { body, seq, flags, from } = event
    const { body: _, ...opening } = eventFrame(event)
    this.frames.set(seq, {
      opening: digest(JSON.stringify(opening).slice(0, -1)),
      rest: restOf({ body }),
      from,
      kind: body.kind,
      alias: body.kind === 'AliasSet' ? body.userId : undefined,
    })
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
      this.delivered.set(from, Math.max(this.delivered.get(from) ?? 0, body.seq))
    }
  }

  raise(userId: UserId, { seq, count }: MarkAt): void {
    if ((this.marks.get(userId)?.seq ?? 0) < seq) this.marks.set(userId, { seq, count })
  }

  /** True where the text is the frame of the event as it reads now. */
  isFrame(seq: Seq, json: string): boolean {
    const frame = this.frames.get(seq)
    const at = json.indexOf(',"body":')
    return frame !== undefined && digest(json.slice(0, at)) === frame.opening && digest(json.slice(at)) === frame.rest
  }

  private edit(event: AcceptedEvent, body: Extract<AcceptedEvent['body'], { kind: 'MessageOverridden' }>): void {
    const { target, content, extra, version, kind } = body
    const { seq, at, from: by } = event
    if (this.changed.get(target.seq)?.gone) return
    this.emptyEdit(target.seq)
    const message = { kind: 'MessageAccepted', content, ...(extra === undefined ? {} : { extra }) }
    this.rewrite(target.seq, { body: message, state: { change: 'edited', by, at, seq, version } })
    const emptied = restOf({ body: { kind, target, content: { kind: 'Removed' }, version } })
    this.changed.set(target.seq, { version, by: seq, emptied, gone: false })
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
    this.changed.set(target, { version, gone: true })
    this.mentions = this.mentions.filter(entry => entry.seq !== target)
    this.reactions.delete(target)
  }

  /** Everything below the event that a user said is gone; undefined: that anybody said. */
  private erase(event: AcceptedEvent, userId: UserId | undefined): void {
    this.erasedUsers.add(userId ?? event.from)
    for (const [target, { by }] of this.changed) {
      if (by !== undefined && (userId === undefined || this.frames.get(by)?.from === userId)) this.emptyEdit(target)
    }
    for (const [seq, { from, kind, alias }] of this.frames) {
      if (seq >= event.seq) continue
      if (userId !== undefined && alias === userId) this.rewrite(seq, { body: { kind, userId, alias: '' } })
      if (userId !== undefined && (from !== userId || kind !== 'MessageAccepted')) continue
      this.remove(event, seq, 'deleted')
    }
  }

  /** What is left of nothing is not kept at all. */
  private forgetAttributes(): void {
    for (const [sessionId, kept] of this.kept) {
      kept.attributes = undefined
      if (kept.read.seq + kept.cleared.seq + kept.hidden.length === 0) this.kept.delete(sessionId)
    }
  }

  /** The event that changed the message last loses the content. */
  private emptyEdit(target: Seq): void {
    const { by, emptied } = this.changed.get(target) ?? {}
    const frame = by === undefined ? undefined : this.frames.get(by)
    if (frame !== undefined && emptied !== undefined) frame.rest = emptied
  }

  private rewrite(seq: Seq, rest: object): void {
    const frame = this.frames.get(seq)
    if (frame !== undefined) frame.rest = restOf(rest)
  }

  private stop(seq: Seq): void {
    this.stopped.add(seq)
    if (this.stopped.size > this.limits.stoppedMax) this.stopped.delete(Math.min(...this.stopped))
  }

  private mention(seq: Seq, extra: MessageExtra | undefined): void {
    const whom = new Set<string>(extra?.mentions ?? [])
    if (extra?.mentionsAll === true) whom.add('*')
    for (const one of whom) this.mentions.push({ seq, whom: one })
    const place = (entry: { seq: Seq; whom: string }) => `${String(entry.seq).padStart(16, '0')}/${entry.whom}`
    this.mentions.sort((a, b) => (place(a) < place(b) ? -1 : 1))
    this.mentions.splice(0, Math.max(0, this.mentions.length - this.limits.mentionsMax))
  }

  private react(seq: Seq, emoji: string, userId: UserId): void {
    if (this.changed.get(seq)?.gone) return
    const ofMessage = this.reactions.get(seq) ?? new Map<string, UserId[]>()
    this.reactions.set(seq, ofMessage.set(emoji, [...(ofMessage.get(emoji) ?? []), userId]))
  }

  /** An emoji that nobody has any more is gone: when it comes again, it is the last. */
  private unreact(seq: Seq, emoji: string, userId: UserId): void {
    const ofMessage = this.reactions.get(seq)
    const left = ofMessage?.get(emoji)?.filter(other => other !== userId) ?? []
    if (left.length > 0) ofMessage!.set(emoji, left)
    else ofMessage?.delete(emoji)
  }

  private must({ seq, at }: AcceptedEvent, offset: Offset): void {
    this.urgent.push({ seq, at, offset })
    const { urgentMax, urgentAgeMs } = this.limits
    while (this.urgent.length > urgentMax || this.urgent[0]!.at < at - urgentAgeMs) {
      const { seq: dropped } = this.urgent.shift()!
      for (const [target, { by }] of this.changed) if (by === dropped) this.emptyEdit(target)
    }
  }

  private keep(sessionId: SessionId): KeptFold {
    const kept = this.kept.get(sessionId) ?? { attributes: undefined, read: NO_MARK, cleared: NO_MARK, hidden: [] }
    this.kept.set(sessionId, kept)
    return kept
  }

  private keepMark(sessionId: SessionId, which: 'read' | 'cleared', { seq, count }: MarkAt): void {
    const kept = this.keep(sessionId)
    if (kept[which].seq < seq) kept[which] = { seq, count }
  }
}

/** The text of a frame from its body on, as a digest. */
function restOf(rest: object): string {
  return digest(`,${JSON.stringify(rest).slice(1)}`)
}
