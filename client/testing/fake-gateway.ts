import type { Clock, Millis, Random } from '../../infra/clock.ts'
import { Code, type CodeName } from '../../schemas/codes.ts'
import { type EventBody, isToldByAck, takesSeq } from '../../schemas/event.ts'
import type { ClientFrame, EventFrame, PackFrame, QuestionFrame, ServerFrame } from '../../schemas/frames.ts'
import { SUBPROTOCOL_TOKEN_PREFIX, sessionOfFrame } from '../../schemas/frames.ts'
import type { PackId, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import { USER_SETTINGS_DEFAULT } from '../../schemas/settings.ts'
import { amend, messageRow, targetSeq } from '../logic/fold-message.ts'
import type { OpenTransport, TransportEvents } from '../network/transport.ts'

/**
 * A gateway for tests of clients: it keeps sessions in memory, speaks the frames, takes the token for the user's
 * name, and misbehaves on request. `open` is its socket in memory; `fake-gateway-server.ts` puts it behind `ws`.
 * Everybody whom a single chat names or a group was given is a member; what a real gateway checks is not checked.
 */

export const FAKE_HEARTBEAT_MS = 10_000

/** Middle numbers, and bytes that never repeat. */
export const notRandom: Random = {
  next: () => 0.5,
  bytes: size => {
    const bytes = Buffer.alloc(size)
    bytes.writeUInt32BE(++made, size - 4)
    return bytes
  },
}
let made = 0

export interface FakeConnection {
  readonly userId: UserId
  readonly deviceId: string
  /** Frames that came from the client, in order. */
  readonly received: ClientFrame[]
  push(frame: ServerFrame): void
  end(code: number, reason?: string): void
  /** Half-open: nothing is carried any more, in neither direction, and nobody is told. */
  isSilent: boolean
}

type Interceptor = (frame: ClientFrame, connection: FakeConnection) => boolean

export class FakeGateway {
  readonly connections: FakeConnection[] = []
  readonly timelines = new Map<SessionId, EventFrame[]>()
  private readonly members = new Map<SessionId, Set<UserId>>()
  private readonly outcomes = new Map<PackId, ServerFrame>()
  private readonly clock: Pick<Clock, 'now'>
  /** False: connections are not made at all. */
  up = true
  /** Tells that a test takes a frame over: true keeps it from being handled. */
  intercept: Interceptor = () => false
  /** How far the server's clock is ahead. */
  skewMs = 0
  /** Events by which pages of history are behind. */
  pagesBehind = 0
  /** The first seq that is still kept, per session. */
  readonly keptFrom = new Map<SessionId, Seq>()

  constructor(clock: Pick<Clock, 'now'>) {
    this.clock = clock
  }

  readonly open: OpenTransport = (request, events) => {
    const token = request.subprotocols.find(name => name.startsWith(SUBPROTOCOL_TOKEN_PREFIX)) ?? ''
    const url = new URL(request.url)
    let connection: FakeConnection | undefined
    let ended = false
    const end = (code: number, reason: string) => {
      if (ended) return
      ended = true
      if (connection !== undefined) this.remove(connection)
      events.ended({ code, reason })
    }
    queueMicrotask(() => {
      if (!this.up) return end(1006, 'connection refused')
      const user = token.slice(SUBPROTOCOL_TOKEN_PREFIX.length) as UserId
      connection = this.accept(user, url.searchParams.get('deviceId') ?? '', {
        received: text => !ended && connection?.isSilent !== true && events.received(text),
        ended: ({ code, reason }) => end(code, reason),
      })
    })
    return {
      send: text => {
        const to = connection
        if (!ended && to?.isSilent === false) queueMicrotask(() => this.handle(to, JSON.parse(text) as ClientFrame))
      },
      close: (code, reason) => queueMicrotask(() => end(code, reason)),
      terminate: () => queueMicrotask(() => end(1006, '')),
    }
  }

  /** Takes a connection in and greets it. */
  accept(userId: UserId, deviceId: string, events: TransportEvents): FakeConnection {
    const connection: FakeConnection = {
      userId,
      deviceId,
      received: [],
      isSilent: false,
      push: frame => events.received(JSON.stringify(frame)),
      end: (code, reason = '') => events.ended({ code, reason }),
    }
    this.connections.push(connection)
    const welcome: ServerFrame = {
      type: 'welcome',
      connectionId: `c${this.connections.length}`,
      userId,
      gateway: 'fake',
      serverTime: this.clock.now() + this.skewMs,
      heartbeatMs: FAKE_HEARTBEAT_MS,
      frameBytesMax: 100_000,
    }
    queueMicrotask(() => connection.push(welcome))
    return connection
  }

  remove(connection: FakeConnection): void {
    const index = this.connections.indexOf(connection)
    if (index >= 0) this.connections.splice(index, 1)
  }

  /** Breaks all connections. */
  dropAll(code = 1006): void {
    for (const connection of [...this.connections]) connection.end(code)
  }

  /** The newest connection of a user. */
  connectionOf(userId: string): FakeConnection {
    const found = this.connections.findLast(connection => connection.userId === userId)
    if (found === undefined) throw new Error(`${userId} is not connected`)
    return found
  }

  /** A message of somebody who needs no connection. */
  say(sessionId: SessionId, from: string, text: string, packId = notPackId()): EventFrame {
    return this.append(sessionId, from as UserId, packId, {
      kind: 'MessageAccepted',
      content: { kind: 'Text', text },
    })
  }

  newPackId(): PackId {
    return notPackId()
  }

  handle(connection: FakeConnection, frame: ClientFrame): void {
    connection.received.push(frame)
    if (this.intercept(frame, connection)) return
    if ('packId' in frame && frame.type !== 'outcome') this.answerPack(connection, frame)
    else this.answerQuestion(connection, frame as QuestionFrame)
  }

  private answerPack(connection: FakeConnection, frame: PackFrame): void {
    const known = this.outcomes.get(frame.packId)
    if (known !== undefined) {
      connection.push({ ...known, repeated: true } as ServerFrame)
      return
    }
    const sessionId = sessionOfFrame(frame, connection.userId)
    const body = bodyOf(frame) ?? this.amendmentOf(frame, sessionId)
    if (body === undefined) {
      connection.push(refused(frame, 'MSG_OP_CMD', connection.userId))
      return
    }
    const isTold = isToldByAck(body)
    const event = this.append(sessionId, connection.userId, frame.packId, body, isTold ? connection : undefined)
    const { packId, seq, count, at } = event
    const ack: ServerFrame = { type: 'ack', packId, sessionId, seq, count, at }
    this.outcomes.set(packId, ack)
    connection.push(ack)
  }

  /** Records an event and sends it to every member's connections but one. */
  append(sessionId: SessionId, from: UserId, packId: PackId, body: EventBody, except?: FakeConnection): EventFrame {
    const timeline = this.timelines.get(sessionId) ?? []
    this.timelines.set(sessionId, timeline)
    const seq = takesSeq(body.kind) ? timeline.length + 1 : 0
    const counted = body.kind === 'MessageAccepted' ? 1 : 0
    const event: EventFrame = {
      type: 'event',
      sessionId,
      seq,
      count: seq === 0 ? 0 : (timeline.at(-1)?.count ?? 0) + counted,
      at: this.clock.now() as Millis,
      packId,
      from,
      flags: 0,
      body,
    }
    if (seq > 0) timeline.push(event)
    const before = new Set(this.membersOf(sessionId))
    this.changeMembers(event)
    for (const connection of this.connections) {
      const isMember = before.has(connection.userId) || this.membersOf(sessionId).has(connection.userId)
      if (isMember && connection !== except) connection.push(event)
    }
    return event
  }

  /** What a pack about a message became; undefined where there is no such message. */
  private amendmentOf(frame: PackFrame, sessionId: SessionId): EventBody | undefined {
    if (frame.type === 'markRead') {
      const count = this.timelines.get(sessionId)?.[frame.seq - 1]?.count ?? 0
      return { kind: 'ReadMarked', seq: frame.seq, count }
    }
    if (frame.type === 'markDelivered') return { kind: 'DeliveredMarked', seq: frame.seq }
    if (!('target' in frame)) return undefined
    const message = this.timelines.get(sessionId)?.[frame.target.seq - 1]
    if (message?.packId !== frame.target.packId) return undefined
    const { seq, packId, from, at } = message
    const target = { seq, packId, from, at, counted: true }
    switch (frame.type) {
      case 'revoke':
        return { kind: 'MessageRevoked', target }
      case 'deleteForAll':
        return { kind: 'MessageDeleted', target }
      case 'override':
        return { kind: 'MessageOverridden', target, content: frame.content, version: 1 }
      case 'addReaction':
        return { kind: 'ReactionAdded', target, emoji: frame.emoji }
      case 'removeReaction':
        return { kind: 'ReactionRemoved', target, emoji: frame.emoji }
    }
  }

  membersOf(sessionId: SessionId): Set<UserId> {
    let members = this.members.get(sessionId)
    if (members === undefined) {
      members = new Set(sessionId.startsWith('s:') ? (sessionId.split(':').slice(1) as UserId[]) : [])
      this.members.set(sessionId, members)
    }
    return members
  }

  private changeMembers({ sessionId, from, body }: EventFrame): void {
    const members = this.membersOf(sessionId)
    if (body.kind === 'GroupCreated') for (const user of [from, ...body.members]) members.add(user)
    if (body.kind === 'MemberJoined') members.add(from)
    if (body.kind === 'MemberQuit') members.delete(from)
    if (body.kind === 'MembersAdded') for (const user of body.userIds) members.add(user)
    if (body.kind === 'MembersRemoved') for (const user of body.userIds) members.delete(user)
    if (body.kind === 'GroupDismissed') members.clear()
  }

  private answerQuestion(connection: FakeConnection, frame: QuestionFrame): void {
    switch (frame.type) {
      case 'ping':
        connection.push({ type: 'pong', requestId: frame.requestId, serverTime: this.clock.now() })
        break
      case 'resume':
        this.resume(connection, frame)
        break
      case 'history':
        this.history(connection, frame)
        break
      case 'sessions':
        connection.push({
          ...frame,
          type: 'sessions',
          code: 0,
          sessions: this.sessionsOf(connection.userId),
        } as ServerFrame)
        break
      case 'members': {
        const members = [...this.membersOf(frame.sessionId)]
        connection.push({
          type: 'members',
          requestId: frame.requestId,
          sessionId: frame.sessionId,
          members: members.map((userId, index) => ({ userId, role: index === 0 ? 'owner' : 'member', joinSeq: 1 })),
        })
        break
      }
      default:
        connection.push(this.emptyList(frame) ?? failed(frame.requestId, 'PROTOCOL'))
    }
  }

  /** What this gateway knows nothing of. */
  private emptyList(frame: QuestionFrame): ServerFrame | undefined {
    const { requestId } = frame
    switch (frame.type) {
      case 'friends':
        return { type: 'friends', requestId, friends: [] }
      case 'groups':
        return { type: 'groups', requestId, groups: [] }
      case 'settings':
        return { type: 'settings', requestId, seq: 0, settings: USER_SETTINGS_DEFAULT, attributes: [] }
      case 'presence':
        return { type: 'presence', requestId, users: frame.userIds.map(userId => ({ userId, online: [] })) }
      case 'profiles': {
        const profiles = frame.users.map(({ userId }) => ({ userId, seq: 1, profile: { name: userId, avatar: '' } }))
        return { type: 'profiles', requestId, profiles }
      }
      default:
        return undefined
    }
  }

  private resume(connection: FakeConnection, frame: Extract<ClientFrame, { type: 'resume' }>): void {
    for (const { sessionId, seq } of frame.sessions) {
      const timeline = this.timelines.get(sessionId) ?? []
      if (seq > timeline.length) connection.push({ type: 'reset', sessionId, lastSeq: timeline.length })
      const keptFrom = this.keptFrom.get(sessionId) ?? 1
      if (seq + 1 < keptFrom) connection.push({ type: 'gap', sessionId, fromSeq: seq + 1, toSeq: keptFrom - 1 })
      for (const event of timeline.slice(Math.max(seq, keptFrom - 1))) connection.push(event)
    }
    const sessions = frame.sessions.map(({ sessionId }) => {
      return { sessionId, lastSeq: this.timelines.get(sessionId)?.length ?? 0 }
    })
    connection.push({ type: 'resumed', requestId: frame.requestId, sessions })
  }

  private history(connection: FakeConnection, frame: Extract<ClientFrame, { type: 'history' }>): void {
    const { requestId, sessionId, afterSeq, beforeSeq, limit = 200 } = frame
    const whole = this.timelines.get(sessionId) ?? []
    const timeline = whole.slice(0, Math.max(0, whole.length - this.pagesBehind))
    const wanted = afterSeq === undefined ? timeline.filter(event => event.seq < beforeSeq!) : timeline.slice(afterSeq)
    const events = afterSeq === undefined ? wanted.slice(-limit) : wanted.slice(0, limit)
    const more = wanted.length > events.length
    // Pages show what became of messages since.
    const shown = events.map(event => {
      const about = timeline.filter(later => later.seq > event.seq && targetSeq(later) === event.seq)
      return about.reduce(amend, messageRow(event)).event
    })
    connection.push({ type: 'page', requestId, sessionId, lastSeq: timeline.length, more, events: shown })
  }

  private sessionsOf(userId: UserId) {
    return [...this.timelines]
      .filter(([sessionId]) => this.membersOf(sessionId).has(userId))
      .map(([sessionId, timeline]) => {
        const last = timeline.at(-1)!
        const ownSeq = timeline.findLast(event => event.from === userId)?.seq ?? 0
        const unread = last.count - (timeline[ownSeq - 1]?.count ?? 0)
        return { sessionId, lastSeq: last.seq, count: last.count, unread, readSeq: ownSeq, at: last.at, last }
      })
  }
}

export function failed(requestId: number, name: CodeName): ServerFrame {
  const { number: code, retry, text: reason } = Code[name]
  return { type: 'failed', requestId, code, name, reason, retry }
}

export function refused(frame: PackFrame, name: CodeName, me = 'alice' as UserId): ServerFrame {
  const { number: code, retry, text: reason } = Code[name]
  return { type: 'refused', packId: frame.packId, sessionId: sessionOfFrame(frame, me), code, name, reason, retry }
}

/** What the pack became; undefined where this gateway does not take it. */
function bodyOf(frame: PackFrame): EventBody | undefined {
  switch (frame.type) {
    case 'send':
      return { kind: 'MessageAccepted', content: frame.content }
    case 'createGroup':
      return { kind: 'GroupCreated', info: { avatar: '', notice: '', ...frame.info }, members: frame.members }
    case 'joinGroup':
      return { kind: 'MemberJoined' }
    case 'quitGroup':
      return { kind: 'MemberQuit' }
    case 'dismissGroup':
      return { kind: 'GroupDismissed' }
    case 'addMembers':
      return { kind: 'MembersAdded', userIds: frame.userIds }
    case 'removeMembers':
      return { kind: 'MembersRemoved', userIds: frame.userIds }
    default:
      return undefined
  }
}

let packs = 0
function notPackId(): PackId {
  return `0193a5c0-0000-7000-8000-${(++packs).toString(16).padStart(12, '0')}` as PackId
}
