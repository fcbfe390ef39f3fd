import { Client, type ClientOptions, type PackRequest } from '../../client/network/client.ts'
import { isNobodyThere, NoServer, START_HINT } from '../../client/terminal/find-server.ts'
import type { EventBody } from '../../schemas/event.ts'
import type { ServerFrame } from '../../schemas/frames.ts'
import type { PackId, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { Accepted, Arrival } from './audit.ts'

/**
 * One person of the demo on one device: a client of the public protocol, and a notebook of every frame as it came in,
 * before the client has put anything in order or dropped a repeat.
 */
export class Person {
  readonly userId: UserId
  readonly client: Client
  /** What arrived, in the order of arrival. */
  readonly arrivals: Arrival[] = []
  private readonly highest = new Map<SessionId, Seq>()
  private readonly waiting: { sessionId: SessionId; seq: Seq; resolve: () => void }[] = []
  private readonly said = new Map<PackId, Omit<Accepted, 'seq' | 'packId' | 'sessionId'>>()
  private readonly acked = new Set<PackId>()
  private readonly notebook: Notebook

  constructor(userId: UserId, options: Omit<ClientOptions, 'discover'>, notebook: Notebook) {
    this.userId = userId
    this.notebook = notebook
    this.client = new Client(options)
    this.client.on('frame', frame => this.note(frame))
    this.client.start()
  }

  /** Resolves when the connection is made; rejects when the server refuses it for good, or is not there (NoServer). */
  connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.client.on('caughtUp', () => resolve())
      this.client.on('phase', phase => {
        if (phase.kind === 'Closed') reject(new NoServer(`${this.userId} was refused: ${phase.reason}`))
        if (phase.kind === 'Waiting' && isNobodyThere(phase.reason))
          reject(new NoServer(`${phase.reason}: ${START_HINT}`))
      })
    })
  }

  /** Sends a pack; resolves with its seq, or undefined when it was refused. */
  async say(request: PackRequest, content: string, change?: Accepted['change']): Promise<Seq | undefined> {
    const { packId, answer } = this.client.submit(request)
    this.said.set(
      packId,
      change === undefined ? { from: this.userId, content } : { from: this.userId, content, change },
    )
    const outcome = await answer
    if (outcome.kind === 'Accepted') return outcome.seq
    this.notebook.refused(`${this.userId}: "${content}" was refused: ${outcome.name}, ${outcome.reason}`)
    return undefined
  }

  /** How far this person has seen each session. */
  get heads(): ReadonlyMap<SessionId, Seq> {
    return this.highest
  }

  /** Tells that what came up to here has arrived, and, once it is read, that as well. */
  marks(type: 'markDelivered' | 'markRead', sessionId: SessionId, seq: Seq): void {
    if (seq === 0 || (type === 'markDelivered' && !sessionId.startsWith('s:'))) return
    this.client.submit({ type, sessionId, seq })
  }

  /** Resolves when this person has seen the session up to `seq`. */
  sees(sessionId: SessionId, seq: Seq): Promise<void> {
    if ((this.highest.get(sessionId) ?? 0) >= seq) return Promise.resolve()
    return new Promise(resolve => this.waiting.push({ sessionId, seq, resolve }))
  }

  private note(frame: ServerFrame): void {
    if (frame.type === 'event') {
      const { sessionId, seq, packId, body } = frame
      // Marks take no place in the session.
      if (seq === 0) return
      this.arrived({ sessionId, seq, packId, content: contentOf(body) }, true)
    } else if (frame.type === 'ack') {
      this.wasAcked(frame)
    }
  }

  private wasAcked({ packId, sessionId, seq, repeated = false }: Extract<ServerFrame, { type: 'ack' }>): void {
    const pack = this.said.get(packId)
    if (pack === undefined) return
    // A pack that was sent again after a reconnect is answered again; its event came with the resume.
    const isAgain = repeated && (this.acked.has(packId) || (this.highest.get(sessionId) ?? 0) >= seq)
    if (!this.acked.has(packId)) this.notebook.accepted({ ...pack, packId, sessionId, seq })
    this.acked.add(packId)
    // What is said in one's own session comes to all devices as an event, also to the one that said it.
    if (!isAgain && !sessionId.startsWith('u:')) this.arrived({ sessionId, seq, packId, content: pack.content }, false)
  }

  private arrived(arrival: Arrival, isFromOthers: boolean): void {
    const { sessionId, seq } = arrival
    if (!isFromOthers || this.notebook.keeps(arrival)) this.arrivals.push(arrival)
    this.highest.set(sessionId, Math.max(this.highest.get(sessionId) ?? 0, seq))
    for (let at = this.waiting.length - 1; at >= 0; at--) {
      const waiting = this.waiting[at]!
      if (waiting.sessionId !== sessionId || waiting.seq > seq) continue
      this.waiting.splice(at, 1)
      waiting.resolve()
    }
  }
}

/** Where everybody writes what happened. */
export interface Notebook {
  accepted(pack: Accepted): void
  refused(problem: string): void
  /** False keeps what arrived out of the books: how the demo shows that its proof can fail. */
  keeps(arrival: Arrival): boolean
}

/** What an event says, as text that can be compared. */
export function contentOf(body: EventBody): string {
  switch (body.kind) {
    case 'MessageAccepted':
      return body.content.kind === 'Text' ? body.content.text : JSON.stringify(body.content)
    case 'GroupCreated':
      return `GroupCreated ${body.info.name}`
    default:
      return body.kind
  }
}
