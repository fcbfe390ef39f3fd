import type { Client } from '../../client/network/client.ts'
import type { PackAnswer } from '../../client/network/pending-packs.ts'
import type { Question } from '../../client/network/questions.ts'
import type { TransportEnd } from '../../client/network/transport.ts'
import type { ClientFrame, EventFrame, PackFrame, ServerFrame } from '../../schemas/frames.ts'
import type { Offset, PackId, Partition, Seq, SessionId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import { type Moment, momentOf } from './air.ts'
import type { Device } from './device.ts'
import type { Host } from './host.ts'
import type { World } from './world.ts'

/** Messages of one session that are remembered for what is said about them. */
const MESSAGES_MAX = 10

/** The answer to a question, with the ends of im.events as of when it was asked. */
export interface Learned {
  question: Question
  answer: ServerFrame
  asked: ReadonlyMap<Partition, Offset>
}

/** One thing that happened to a device; what has a connection came over that one. */
export type Seen =
  | { kind: 'Sent'; connection: number; frame: ClientFrame; moment?: Moment }
  | { kind: 'Received'; connection: number; frame: ServerFrame; moment?: Moment }
  | { kind: 'Delivered'; event: EventFrame }
  | { kind: 'Gap'; sessionId: SessionId; fromSeq: Seq; toSeq: Seq }
  | { kind: 'Reset'; sessionId: SessionId; lastSeq: Seq }
  | { kind: 'Follows'; sessionId: SessionId; seq: Seq }
  /** A login by an app that has kept nothing. */
  | { kind: 'StartsAnew' }

/** Writes down what a device said, heard and was given, in order; judges nothing. */
export class Witness {
  readonly seen: Seen[] = []
  /** By packId: every content that was sent under it. */
  readonly packs = new Map<PackId, PackFrame[]>()
  /** What earlier logins had under way when they ended: nobody waits for the answers. */
  private readonly abandoned = new Set<PackId>()
  /** The last messages that came, for what names one. */
  readonly messages = new Map<SessionId, EventFrame[]>()
  /** PackIds of messages that nobody keeps. */
  readonly whispers = new Set<string>()
  readonly answers: PackAnswer[] = []
  readonly learnt: Learned[] = []
  /** How connections ended. */
  readonly ends: { connection: number; end: TransportEnd }[] = []
  /** The device's connections, by number, in order. */
  readonly connections: number[] = []
  /** To whom each of them goes. */
  readonly hosts = new Map<number, Host>()
  /** Where im.events ended when the welcome of a connection was heard. */
  readonly welcomes = new Map<number, { connectionId: string; ends: ReadonlyMap<Partition, Offset> }>()
  /** True while everything that was missed is there, as the client says. */
  isCaughtUp = false
  private readonly world: World
  private readonly device: Device

  constructor(world: World, device: Device) {
    this.world = world
    this.device = device
  }

  /** Events that came to the app. */
  get deliveries(): number {
    return this.seen.reduce((sum, { kind }) => sum + (kind === 'Delivered' ? 1 : 0), 0)
  }

  listen(client: Client): void {
    client.on('event', event => this.delivered(event))
    client.on('gap', gap => {
      this.note(`gap ${gap.sessionId} ${gap.fromSeq}..${gap.toSeq}`)
      this.seen.push({ kind: 'Gap', ...gap })
    })
    client.on('reset', reset => this.seen.push({ kind: 'Reset', ...reset }))
    client.on('caughtUp', () => {
      this.isCaughtUp = true
    })
    client.on('phase', phase => {
      if (phase.kind !== 'Live') this.isCaughtUp = false
      if (phase.kind === 'Closed') this.note(`closed for good: ${phase.reason}`)
    })
    client.on('problem', ({ message }) => this.note(message))
  }

  private delivered(event: EventFrame): void {
    this.seen.push({ kind: 'Delivered', event })
    const { body, sessionId } = event
    if (body.kind === 'InviteCreated') this.world.invites.push({ sessionId, inviteId: body.inviteId })
    if (body.kind !== 'MessageAccepted') return
    const messages = this.messages.get(sessionId)
    if (messages === undefined) this.messages.set(sessionId, [event])
    else messages.push(event)
    if (messages !== undefined && messages.length > MESSAGES_MAX) messages.shift()
  }

  sent(connection: number, frame: ClientFrame): void {
    this.seen.push({ kind: 'Sent', connection, frame, ...this.momentOf(connection, isAside(frame)) })
    if (frame.type === 'send' && isAside(frame)) this.whispers.add(frame.packId)
    if (frame.type !== 'ping') this.note(`${connection} > ${brief(frame)}`)
  }

  received(connection: number, frame: ServerFrame): void {
    this.seen.push({ kind: 'Received', connection, frame, ...this.momentOf(connection, isAside(frame)) })
    if (frame.type === 'welcome') {
      const { connectionId } = frame
      this.welcomes.set(connection, { connectionId, ends: this.world.truth.ends() })
    }
    if (frame.type !== 'pong') this.note(`${connection} < ${brief(frame)}`)
  }

  ended(connection: number, end: TransportEnd): void {
    this.note(`${connection} ended with ${end.code}`)
    this.ends.push({ connection, end })
  }

  submitted(frame: PackFrame): void {
    const before = this.packs.get(frame.packId)
    if (before === undefined) this.packs.set(frame.packId, [frame])
    else before.push(frame)
  }

  answered(answer: PackAnswer): void {
    this.answers.push(answer)
  }

  learned(question: Question, answer: ServerFrame, asked: ReadonlyMap<Partition, Offset>): void {
    this.learnt.push({ question, answer, asked })
  }

  /** The app asks for everything of a session above `seq`, what it had before included. */
  follows(sessionId: SessionId, seq: Seq): void {
    this.seen.push({ kind: 'Follows', sessionId, seq })
  }

  opened(connection: number, host: Host): void {
    this.hosts.set(connection, host)
    this.connections.push(connection)
  }

  /** True where the device had already begun another connection. */
  isReplaced(connection: number): boolean {
    return this.connections.at(-1) !== connection
  }

  private momentOf(connection: number, isWanted: boolean): { moment?: Moment } {
    return isWanted ? { moment: momentOf(this.world, this.hosts.get(connection)!) } : {}
  }

  startsAnew(): void {
    this.seen.push({ kind: 'StartsAnew' })
    const answered = new Set(this.answers.map(({ packId }) => packId))
    for (const packId of this.packs.keys()) if (!answered.has(packId)) this.abandoned.add(packId)
  }

  /**
   * What may go out once more past the client, as it was first sent: packs whose answer the client knows or waits for.
   * What an earlier login had under way may never have been accepted; the ack of a second try would be the only word of
   * its event, and the client could make nothing of it.
   */
  resendable(): PackFrame[] {
    return [...this.packs].flatMap(([packId, frames]) => (this.abandoned.has(packId) ? [] : frames.slice(0, 1)))
  }

  private note(text: string): void {
    this.world.note(`${this.device.name} ${text}`)
  }
}

/** True for what goes past the log. */
function isAside(frame: ClientFrame | ServerFrame): boolean {
  if (frame.type === 'send') return ((frame.flags ?? 0) & Flag.ONLINE_ONLY) !== 0
  return ASIDES.includes(frame.type)
}

const ASIDES = ['online', 'typing', 'presence', 'presenceChanged']

/** A frame in a few words. */
function brief(frame: ClientFrame | ServerFrame): string {
  switch (frame.type) {
    case 'event':
      return `event ${frame.sessionId} #${frame.seq} ${frame.body.kind}`
    case 'ack':
      return `ack ${frame.sessionId} #${frame.seq} ${tail(frame.packId)}${frame.repeated ? ' repeated' : ''}`
    case 'refused':
      return `refused ${frame.sessionId} ${frame.name} ${tail(frame.packId)}`
    case 'failed':
      return `failed ${frame.requestId} ${frame.name}`
    case 'gap':
      return `gap ${frame.sessionId} ${frame.fromSeq}..${frame.toSeq}`
    case 'reset':
      return `reset ${frame.sessionId} #${frame.lastSeq}`
    case 'resume':
      return `resume ${frame.requestId} ${frame.sessions.map(({ sessionId, seq }) => `${sessionId}#${seq}`).join(' ')}`
    case 'resumed':
      return `resumed ${frame.requestId} ${frame.sessions.map(({ sessionId, lastSeq, code }) => `${sessionId}#${lastSeq}${code === undefined ? '' : ` code ${code}`}`).join(' ')}`
    case 'createGroup':
      return `createGroup ${frame.groupId} ${tail(frame.packId)}`
    default:
      return 'packId' in frame && 'sessionId' in frame
        ? `${frame.type} ${frame.sessionId} ${tail(frame.packId)}`
        : frame.type
  }
}

function tail(packId: string): string {
  return packId.slice(-6)
}
