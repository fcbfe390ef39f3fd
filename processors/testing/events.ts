import fc from 'fast-check'
import type { MessageExtra, MessageRef } from '../../schemas/content.ts'
import type { AcceptedBody, Event, EventBody } from '../../schemas/event.ts'
import {
  type GroupId,
  groupSessionId,
  makePackId,
  type SessionId,
  singleSessionId,
  type UserId,
  userSessionId,
} from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import type { PlacedEvent, ViewBatch } from '../view.ts'

/** Events as a correct sequencer would write them to one partition, for tests of views. */
export class Script {
  readonly events: PlacedEvent[] = []
  private readonly heads = new Map<SessionId, { seq: number; count: number; members: Set<UserId>; owner: UserId }>()
  private readonly amended = new Map<string, { isFinal: boolean; version: number }>()
  private at = 1_700_000_000_000
  readonly partition: number

  constructor(partition = 0) {
    this.partition = partition
  }

  /** Lets log time pass. */
  wait(ms: number): this {
    this.at += ms
    return this
  }

  get now(): number {
    return this.at
  }

  message(sessionId: SessionId, from: UserId, text: string, flags: number = Flag.COUNTER): Event {
    return this.accept(sessionId, from, { kind: 'MessageAccepted', content: { kind: 'Text', text } }, flags)
  }

  /** A message with more than its text. */
  say(sessionId: SessionId, from: UserId, text: string, flags: number, extra: MessageExtra): Event {
    return this.accept(sessionId, from, { kind: 'MessageAccepted', content: { kind: 'Text', text }, extra }, flags)
  }

  /** What happens to a message, as a correct sequencer tells it; undefined where it would refuse. */
  revise(from: UserId, message: Event, change: 'revoke' | 'delete' | 'edit', text = ''): Event | undefined {
    const key = `${message.sessionId}#${message.seq}`
    const before = this.amended.get(key) ?? { isFinal: false, version: 0 }
    if (before.isFinal) return undefined
    const { seq, packId, at } = message
    const counted = (message.flags & Flag.COUNTER) !== 0
    const target: MessageRef = { seq, packId, from: message.from, at, counted }
    if (change === 'edit') {
      const version = before.version + 1
      this.amended.set(key, { isFinal: false, version })
      const content = { kind: 'Text', text } as const
      return this.accept(message.sessionId, from, { kind: 'MessageOverridden', target, content, version })
    }
    this.amended.set(key, { ...before, isFinal: true })
    return this.accept(message.sessionId, from, {
      kind: change === 'revoke' ? 'MessageRevoked' : 'MessageDeleted',
      target,
    })
  }

  /** What a user said in a session is erased; undefined where there is nothing. */
  erase(sessionId: SessionId, userId: UserId): Event | undefined {
    if (this.lastSeq(sessionId) === 0) return undefined
    for (const { event } of this.events) {
      if (event.sessionId !== sessionId || event.from !== userId || event.body.kind !== 'MessageAccepted') continue
      const key = `${sessionId}#${event.seq}`
      this.amended.set(key, { version: this.amended.get(key)?.version ?? 0, isFinal: true })
    }
    return this.accept(sessionId, userId, { kind: 'ContentErased', userId })
  }

  react(from: UserId, { sessionId, seq, packId, from: sender, at }: Event, emoji: string, adds = true): Event {
    const target = { seq, packId, from: sender, at, counted: true }
    return this.accept(sessionId, from, { kind: adds ? 'ReactionAdded' : 'ReactionRemoved', target, emoji })
  }

  /** A mark without a place in the timeline; clamped to the head, nothing where there is none. */
  mark(sessionId: SessionId, from: UserId, seq: number, kind: 'ReadMarked' | 'DeliveredMarked' = 'ReadMarked') {
    const upTo = Math.min(seq, this.heads.get(sessionId)?.seq ?? 0)
    if (upTo === 0) return undefined
    const body = kind === 'ReadMarked' ? { kind, seq: upTo, count: this.countAt(sessionId, upTo) } : { kind, seq: upTo }
    return this.put(sessionId, from, body as EventBody, { seq: 0, count: 0, flags: 0 })
  }

  /** The count of a session at a seq of it. */
  countAt(sessionId: SessionId, seq: number): number {
    return this.events.find(({ event }) => event.sessionId === sessionId && event.seq === seq)?.event.count ?? 0
  }

  lastSeq(sessionId: SessionId): number {
    return this.heads.get(sessionId)?.seq ?? 0
  }

  /** An event of the user's own session. */
  own(from: UserId, body: AcceptedBody): Event {
    return this.accept(userSessionId(from), from, body)
  }

  create(group: SessionId, owner: UserId, members: UserId[]): Event {
    const info = { name: `the ${group}`, avatar: '', notice: '' }
    return this.accept(group, owner, { kind: 'GroupCreated', info, members })
  }

  change(group: SessionId, from: UserId, body: AcceptedBody): Event {
    return this.accept(group, from, body)
  }

  /** An event that takes no seq. */
  unplaced(sessionId: SessionId, from: UserId, body: AcceptedBody): Event {
    return this.put(sessionId, from, body, { seq: 0, count: 0, flags: 0 })
  }

  refuse(sessionId: SessionId, from: UserId, code: number): Event {
    return this.put(sessionId, from, { kind: 'PackRefused', code, reason: 'no' }, { seq: 0, count: 0, flags: 0 })
  }

  put(
    sessionId: SessionId,
    from: UserId,
    body: EventBody,
    { seq, count, flags }: { seq: number; count: number; flags: number },
  ): Event {
    const offset = this.events.length
    this.at += 1
    const event: Event = {
      cause: { era: 0, offset },
      at: this.at,
      sessionId,
      packId: makePackId(this.at, Buffer.alloc(10, offset % 256)),
      from,
      actor: { kind: 'USER', id: from },
      device: { type: 6, id: 'laptop' },
      gateway: 'gw-1',
      flags,
      seq,
      count,
      digest: Buffer.alloc(16, 1),
      pushInfo: null,
      body,
    }
    const hash = offset.toString(16).padStart(16, '0')
    this.events.push({ event, position: { offset, cause: event.cause, hash } })
    return event
  }

  private accept(sessionId: SessionId, from: UserId, body: AcceptedBody, flags = 0): Event {
    const head = this.heads.get(sessionId) ?? { seq: 0, count: 0, members: new Set<UserId>(), owner: from }
    this.heads.set(sessionId, head)
    head.seq++
    if ((flags & Flag.COUNTER) !== 0) head.count++
    for (const userId of joining(body, from)) head.members.add(userId)
    for (const userId of leaving(body, from)) head.members.delete(userId)
    if (body.kind === 'GroupDismissed') head.members.clear()
    if (body.kind === 'OwnerChanged') head.owner = body.userId
    return this.put(sessionId, from, body, { seq: head.seq, count: head.count, flags })
  }

  members(group: SessionId): ReadonlySet<UserId> {
    return this.heads.get(group)?.members ?? new Set()
  }

  /** Of a group that was created. */
  owner(group: SessionId): UserId | undefined {
    return this.heads.get(group)?.owner
  }

  /** Events `from`..`to` (excluded) as a view gets them. */
  batch(from = 0, to = this.events.length): ViewBatch {
    const events = this.events.slice(from, to)
    return { partition: this.partition, events, position: events.at(-1)!.position }
  }
}

function joining(body: AcceptedBody, from: UserId): UserId[] {
  if (body.kind === 'GroupCreated') return [from, ...body.members]
  if (body.kind === 'MemberJoined') return [from]
  return body.kind === 'MembersAdded' ? body.userIds : []
}

function leaving(body: AcceptedBody, from: UserId): UserId[] {
  if (body.kind === 'MemberQuit') return [from]
  return body.kind === 'MembersRemoved' ? body.userIds : []
}

export const user = (name: string) => name as UserId
export const group = (name: string) => groupSessionId(name as GroupId)
export const single = (one: string, other: string) => singleSessionId(user(one), user(other))

export const USERS = ['alice', 'bob', 'carol', 'dave'].map(user)
const GROUPS = ['g1', 'g2'].map(group)

const RUNNING = ['role', 'owner', 'alias', 'mute', 'info', 'ask', 'answer', 'invite', 'use', 'end'] as const

const step = fc.record({
  what: fc.constantFrom(
    'single',
    'single',
    'group',
    'group',
    'join',
    'quit',
    'add',
    'remove',
    'refuse',
    'dismiss',
    'wait',
    'revoke',
    'delete',
    'edit',
    'edit',
    'react',
    'unreact',
    'mention',
    'urgent',
    'read',
    'read',
    'deliver',
    'readOwn',
    'clear',
    'hide',
    'choose',
    'eraseFrom',
    'eraseUser',
    'hold',
    ...RUNNING,
  ),
  back: fc.nat({ max: 6 }),
  who: fc.nat({ max: USERS.length - 1 }),
  whom: fc.nat({ max: USERS.length - 1 }),
  where: fc.nat({ max: GROUPS.length - 1 }),
  counted: fc.boolean(),
})

/** Scripts in which a few users chat, and create, join, leave and dismiss two groups, as the rules allow. */
export const anyScript: fc.Arbitrary<Script> = fc.array(step, { minLength: 1, maxLength: 60 }).map(steps => {
  const script = new Script()
  const dismissed = new Set<SessionId>()
  const erased = new Set<UserId>()
  script.create(GROUPS[0]!, USERS[0]!, [USERS[1]!])
  script.create(GROUPS[1]!, USERS[2]!, [])
  for (const { what, who, whom, where, counted, back } of steps) {
    const from = USERS[who]!
    const other = USERS[whom]!
    const session = GROUPS[where]!
    const members = script.members(session)
    const flags = counted ? Flag.COUNTER : 0
    if (what === 'wait') script.wait(1_000)
    if (what === 'refuse') script.refuse(session, from, 30)
    if (what === 'single' && from !== other) script.message(single(from, other), from, `${script.events.length}`, flags)
    amend(script, { what, from, other, session, back })
    if (!erased.has(from)) keep(script, { what, from, other, session, back })
    if (decideStanding(script, { what, from, other, session, back })) erased.add(from)
    if (dismissed.has(session)) continue
    if (what === 'mention' && members.has(from)) {
      const extra = counted ? { mentions: [other] } : { mentionsAll: true, mentions: [other] }
      script.say(session, from, 'you', back > 0 ? Flag.COUNTER : 0, extra)
    }
    if (what === 'urgent' && members.has(from)) {
      script.message(session, from, 'now', flags | Flag.HIGH_PRIORITY)
    }
    if (what === 'group' && members.has(from)) script.message(session, from, `${script.events.length}`, flags)
    if (what === 'join' && !members.has(from)) script.change(session, from, { kind: 'MemberJoined' })
    if (what === 'quit' && members.has(from) && from !== script.owner(session))
      script.change(session, from, { kind: 'MemberQuit' })
    if (what === 'add' && !members.has(other)) {
      script.change(session, from, { kind: 'MembersAdded', userIds: [other] })
    }
    if (what === 'remove' && members.has(other) && other !== script.owner(session)) {
      script.change(session, from, { kind: 'MembersRemoved', userIds: [other] })
    }
    runGroup(script, session, { what, from, other })
    if (what === 'dismiss' && who + whom + where === 0) {
      script.change(session, from, { kind: 'GroupDismissed' })
      dismissed.add(session)
    }
  }
  return script
})

interface Step {
  what: string
  from: UserId
  other: UserId
  session: SessionId
  back: number
}

/** What somebody does to one of the latest messages, of anybody. */
function amend(script: Script, { what, from, back }: Step): void {
  const messages = script.events.map(({ event }) => event).filter(({ body }) => body.kind === 'MessageAccepted')
  const message = messages.at(-1 - back)
  if (message === undefined) return
  if (what === 'revoke' || what === 'delete' || what === 'edit') script.revise(from, message, what, `nr ${back} "}}`)
  if (what === 'react') script.react(from, message, ['👍', 'a/b'][back % 2]!)
  if (what === 'unreact') script.react(from, message, ['👍', 'a/b'][back % 2]!, false)
}

/** What operators decide; true where the user is erased from here on. */
function decideStanding(script: Script, { what, from, other, session, back }: Step): boolean {
  const sessionId = back % 2 === 0 || from === other ? session : single(from, other)
  if (what === 'eraseFrom') script.erase(sessionId, from)
  if (what === 'hold') script.unplaced(session, from, { kind: 'HoldSet', held: back % 2 === 0, reason: 'case' })
  if (what !== 'eraseUser' || back > 1) return false
  script.own(from, { kind: 'UserErased' })
  return true
}

/** Marks, and what users keep of sessions. */
function keep(script: Script, { what, from, other, session, back }: Step): void {
  const sessionId = back % 2 === 0 || from === other ? session : single(from, other)
  const seq = Math.max(1, script.lastSeq(sessionId) - back)
  const count = script.countAt(sessionId, seq)
  if (what === 'read') script.mark(sessionId, from, seq)
  if (what === 'deliver') script.mark(sessionId, from, seq, 'DeliveredMarked')
  if (script.lastSeq(sessionId) === 0) return
  if (what === 'readOwn') script.own(from, { kind: 'SessionReadMarked', sessionId, seq, count })
  if (what === 'clear') script.own(from, { kind: 'SessionCleared', sessionId, seq, count })
  if (what === 'hide') script.own(from, { kind: 'DeletedForMe', sessionId, seqs: [seq, seq + 1] })
  if (what === 'choose') {
    const attributes = { pinned: back > 2, notify: 'all', hidden: false, draft: `${back}` } as const
    script.own(from, { kind: 'SessionAttributesSet', sessionId, attributes })
  }
}

/** What is done to run a group, by members or by those who ask to be ones. */
function runGroup(
  script: Script,
  session: SessionId,
  { what, from, other }: { what: string; from: UserId; other: UserId },
): void {
  const members = script.members(session)
  const owner = script.owner(session)!
  const n = script.events.length
  const [isIn, isOtherIn] = [members.has(from), members.has(other)]
  if (what === 'ask' && !isIn) script.unplaced(session, from, { kind: 'JoinRequested', message: `${n} please` })
  const invites = invitesOf(script, session)
  if (what === 'use' && !isIn && invites.live.has('i0')) {
    script.change(session, from, { kind: 'MemberJoined', inviteId: 'i0' })
  }
  if (!isIn) return
  if (what === 'role' && isOtherIn && other !== owner) {
    script.change(session, from, { kind: 'RolesSet', userIds: [other], role: n % 3 === 0 ? 'member' : 'admin' })
  }
  if (what === 'owner' && isOtherIn && other !== owner) {
    script.change(session, owner, { kind: 'OwnerChanged', userId: other })
  }
  if (what === 'alias' && isOtherIn) {
    script.change(session, from, { kind: 'AliasSet', userId: other, alias: n % 2 === 0 ? '' : `alias ${n}` })
  }
  if (what === 'mute' && isOtherIn) script.change(session, from, { kind: 'MemberMuted', userId: other, until: n % 7 })
  if (what === 'info') {
    const info = { name: `name ${n}`, avatar: '', notice: '' }
    script.change(session, from, { kind: 'GroupInfoUpdated', info })
  }
  if (what === 'answer' && !isOtherIn) script.unplaced(session, from, { kind: 'JoinRefused', userId: other })
  if (what === 'invite') {
    const [inviteId, expiresAt] = [`i${invites.created}`, script.now + 1_500]
    script.unplaced(session, from, { kind: 'InviteCreated', inviteId, secretHash: '', expiresAt, usesMax: 2 })
  }
  if (what === 'end' && invites.live.has(`i${n % 2}`)) {
    script.unplaced(session, from, { kind: 'InviteRevoked', inviteId: `i${n % 2}` })
  }
}

/** Only an invite that was made and has not been revoked is used or revoked, and no two have one id. */
function invitesOf(script: Script, session: SessionId): { created: number; live: Set<string> } {
  const live = new Set<string>()
  let created = 0
  for (const { event } of script.events) {
    if (event.sessionId !== session) continue
    if (event.body.kind === 'InviteCreated') {
      live.add(event.body.inviteId)
      created++
    }
    if (event.body.kind === 'InviteRevoked') live.delete(event.body.inviteId)
  }
  return { created, live }
}

/**
 * How a view may be given `size` events: batches in order, with repeats and going back, each event after those before it,
 * to the end.
 */
export function anyDelivery(size: number): fc.Arbitrary<[from: number, to: number][]> {
  return fc
    .array(fc.record({ length: fc.integer({ min: 1, max: 12 }), back: fc.nat({ max: 15 }) }), { maxLength: 30 })
    .map(moves => {
      const batches: [number, number][] = []
      let reached = 0
      for (const { length, back } of moves) {
        const from = Math.max(0, Math.min(reached, reached - back + 5))
        const to = Math.min(size, from + length)
        if (from < to) batches.push([from, to])
        reached = to
      }
      if (reached < size) batches.push([reached, size])
      return batches
    })
}

/**
 * The same, with batches between them that are out of order: late ones, as of a process that was replaced, and early ones,
 * as of a process behind which the store was set back. The last event comes last.
 */
export function anyDisorder(size: number): fc.Arbitrary<[from: number, to: number][]> {
  const strays = fc.array(fc.record({ before: fc.nat(), from: fc.nat(), length: fc.integer({ min: 1, max: 12 }) }), {
    maxLength: 12,
  })
  return fc.tuple(anyDelivery(size), strays).map(([batches, stray]) => {
    const disordered = [...batches]
    for (const { before, from, length } of stray) {
      const start = from % size
      disordered.splice(before % (disordered.length + 1), 0, [start, Math.min(size, start + length)])
    }
    return [...disordered, [size - 1, size]]
  })
}
