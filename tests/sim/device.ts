import { Client, type PackRequest } from '../../client/network/client.ts'
import { type AnswerTo, type Question, QuestionFailed } from '../../client/network/questions.ts'
import type { SeededRandom } from '../../infra/seeded-random.ts'
import { CloseCode } from '../../schemas/close-codes.ts'
import type { EventFrame, PackFrame, SessionSummary } from '../../schemas/frames.ts'
import { isOwnFrame, SESSIONS_PAGE_MAX } from '../../schemas/frames.ts'
import {
  type GroupId,
  groupSessionId,
  type SessionId,
  singleSessionId,
  type UserId,
  userSessionId,
} from '../../schemas/ids.ts'
import { DeviceType } from '../../schemas/pack.ts'
import { SteppedClock } from './broker.ts'
import { OPERATIONS } from './operations/index.ts'
import { actAsPhone } from './phone.ts'
import { Witness } from './witness.ts'
import type { World } from './world.ts'

/** How long a device waits before it asks again for what the server could not tell. */
const ASK_AGAIN_MS = 500
/** How long it takes at most until somebody logs in again. */
const AWAY_MS_MAX = 8_000

/** What a user is told when all is quiet. */
export interface Survey {
  /** The whole list. */
  sessions: SessionSummary[]
  /** The end of each. */
  events: EventFrame[]
  /** The whole priority queue. */
  urgent: EventFrame[]
}

/**
 * One device of a user: the product's own client, an app that does one random operation after the other, and a
 * witness who writes down everything that was said and heard.
 */
export class Device {
  readonly user: UserId
  readonly id: string
  /** The type that it logs in with. */
  readonly type: number
  /** Anew after each login that was ended for good. */
  client: Client
  readonly witness: Witness
  readonly clock: SteppedClock
  readonly random: SeededRandom
  readonly world: World
  /** What is known of the sessions that were there before: asked for once, after the first welcome. */
  private isOriented = false
  private isComingBack = false
  private texts = 0

  constructor(world: World, user: UserId, id: string) {
    this.world = world
    this.user = user
    this.id = id
    this.random = world.random.fork()
    this.clock = new SteppedClock(world.clock)
    this.witness = new Witness(world, this)
    this.type = this.random.pick([DeviceType.web, DeviceType.web, DeviceType.ios, DeviceType.linux])
    this.client = this.makeClient()
  }

  private makeClient(): Client {
    const { world, user, id } = this
    const client: Client = new Client({
      url: 'ws://sim/v1/ws',
      token: user,
      deviceType: 'web',
      deviceId: id,
      open: world.network.openFor(this),
      clock: this.clock,
      random: this.random,
      discover: summary => {
        const known = client.seqOf(summary.sessionId)
        if (known !== undefined && known >= summary.lastSeq) return undefined
        this.witness.follows(summary.sessionId, known ?? 0)
        return known ?? 0
      },
    })
    this.witness.listen(client)
    if (world.options.pushes) actAsPhone(this, client)
    client.on('caughtUp', () => void this.orient())
    client.on('phase', phase => {
      if (phase.kind === 'Closed' && client === this.client) this.closed()
    })
    return client
  }

  /** Another login, or a logout, has ended this one: people who are about something log in again. */
  private closed(): void {
    const isKicked = this.witness.ends.at(-1)?.end.code === CloseCode.KICKED.code
    if (this.world.isActing || !isKicked) this.loginLater()
  }

  private loginLater(): void {
    if (this.isComingBack) return
    this.isComingBack = true
    this.world.clock.schedule(this.random.next() * AWAY_MS_MAX, () => this.login())
  }

  /** As an app that has kept nothing. */
  private login(): void {
    this.isComingBack = false
    this.isOriented = false
    this.witness.startsAnew()
    this.client = this.makeClient()
    this.client.start()
  }

  /** True where the login was ended, and stays so. */
  get isOut(): boolean {
    return this.client.phase.kind === 'Closed' && !this.isComingBack
  }

  /** Somebody of each user stays: the login that ended the last one may never have come about. */
  comeBackIfAlone(): void {
    const others = this.world.devices.filter(device => device.user === this.user && device !== this)
    if (this.isOut && others.every(device => device.isOut || device.isComingBack)) this.loginLater()
  }

  get name(): string {
    return `${this.user}/${this.id}`
  }

  start(): void {
    this.client.start()
    this.actLater()
  }

  /** True when nothing of this device is under way. */
  get isQuiet(): boolean {
    const { client } = this
    if (this.isOut) return true
    return client.phase.kind === 'Live' && client.pendingCount === 0 && this.isOriented && this.witness.isCaughtUp
  }

  private actLater(): void {
    const delayMs = this.random.next() * 2 * this.world.options.thinkMs
    this.world.clock.schedule(delayMs, () => {
      if (!this.world.isActing) return
      this.random.weighted(OPERATIONS).perform(this)
      this.actLater()
    })
  }

  /** The sessions that there are already, from their beginning. */
  private async orient(): Promise<void> {
    if (this.isOriented) return
    const { client } = this
    try {
      const own = { sessionId: userSessionId(this.user), seq: 0 }
      this.witness.follows(own.sessionId, own.seq)
      await client.follow([own])
      let cursor: string | undefined
      do {
        const page: AnswerTo<'sessions'> = await client.ask({
          type: 'sessions',
          limit: SESSIONS_PAGE_MAX,
          ...(cursor === undefined ? {} : { cursor }),
        })
        const sessions = page.sessions.map(({ sessionId }) => ({ sessionId, seq: 0 }))
        for (const { sessionId, seq } of sessions) this.witness.follows(sessionId, seq)
        await client.follow(sessions)
        cursor = page.cursor
      } while (cursor !== undefined)
      if (client === this.client) this.isOriented = true
    } catch (error) {
      if (!(error instanceof QuestionFailed)) throw error
      if (client === this.client) this.world.clock.schedule(ASK_AGAIN_MS, () => void this.orient())
    }
  }

  async survey(): Promise<Survey> {
    const sessions: SessionSummary[] = []
    const events: EventFrame[] = []
    let cursor: string | undefined
    do {
      const page = await this.askUntil({ type: 'sessions', limit: 3, ...(cursor === undefined ? {} : { cursor }) })
      sessions.push(...page.sessions)
      cursor = page.cursor
    } while (cursor !== undefined)
    for (const { sessionId, lastSeq } of sessions) {
      const beforeSeq = lastSeq + 1
      events.push(...(await this.askUntil({ type: 'history', sessionId, beforeSeq, limit: SURVEYED_EVENTS })).events)
    }
    return { sessions, events, urgent: await this.surveyUrgent() }
  }

  private async surveyUrgent(): Promise<EventFrame[]> {
    const urgent: EventFrame[] = []
    let cursor: string | undefined
    for (;;) {
      const page = await this.askUntil({ type: 'priority', limit: 7, ...(cursor === undefined ? {} : { cursor }) })
      urgent.push(...page.events)
      cursor = page.cursor
      if (!page.more) return urgent
    }
  }

  /** Asks as often as it takes. */
  private async askUntil<Q extends Question>(question: Q): Promise<AnswerTo<Q['type']>> {
    for (;;) {
      const answer = await this.ask(question)
      if (answer !== undefined) return answer
      await this.world.clock.sleep(ASK_AGAIN_MS)
    }
  }

  // What operations use.

  /** Hands a pack over to the client. */
  submit(request: PackRequest): void {
    if (this.client.pendingCount >= PENDING_MAX || this.client.phase.kind === 'Closed') return
    if (this.client.userId === undefined && isOwnFrame(request as PackFrame)) return
    const { packId, answer } = this.client.submit(request)
    this.witness.submitted({ ...request, packId } as PackFrame)
    void answer.then(given => this.witness.answered(given))
  }

  /** Sends a message that nobody keeps. */
  whisper(request: Extract<PackRequest, { type: 'send' }>): void {
    if (this.client.pendingCount >= PENDING_MAX || this.client.phase.kind === 'Closed') return
    void this.client.submit(request)
  }

  /** Asks; gives undefined when no answer came. */
  async ask<Q extends Question>(question: Q): Promise<AnswerTo<Q['type']> | undefined> {
    const asked = this.world.truth.ends()
    try {
      const answer = await this.client.ask(question)
      this.witness.learned(question, answer, asked)
      return answer
    } catch (error) {
      if (error instanceof QuestionFailed) return undefined
      throw error
    }
  }

  /** Sends a frame past the client, as a program of somebody else would. */
  sendRaw(frame: PackFrame): void {
    const connection = [...this.world.network.connections].find(it => it.isOf(this))
    if (connection === undefined) return
    this.witness.submitted(frame)
    connection.send(JSON.stringify(frame))
  }

  /** A text that nobody else has written. */
  newText(): string {
    const padding = this.random.chance(0.05) ? 'x'.repeat(this.random.between(0, 3_000)) : ''
    return `${this.name}#${++this.texts}${padding}`
  }

  anyUser(): UserId {
    return this.random.pick(this.world.users)
  }

  otherUser(): UserId {
    return this.random.pick(this.world.users.filter(user => user !== this.user))
  }

  anyGroup(): SessionId {
    return groupSessionId(`g${this.random.between(1, this.world.options.groups)}` as GroupId)
  }

  /** A message that this device was given, of the session where there is one. */
  anyMessage(sessionId: SessionId): EventFrame | undefined {
    const messages = this.witness.messages.get(sessionId)
    return messages === undefined ? undefined : this.random.pick(messages)
  }

  /** A message that this device was given; an own one where it should be and there is one. */
  anyMessageAnywhere(isOwn: boolean): EventFrame | undefined {
    const all = [...this.witness.messages.values()].flat()
    const own = isOwn ? all.filter(({ from }) => from === this.user) : []
    const messages = own.length > 0 ? own : all
    return messages.length === 0 ? undefined : this.random.pick(messages)
  }

  /** An invite that somebody passed on. */
  anyInvite(): { sessionId: SessionId; inviteId: string } | undefined {
    const { invites } = this.world
    return invites.length === 0 ? undefined : this.random.pick(invites)
  }

  anySession(): SessionId {
    return this.random.chance(0.5) ? this.anyGroup() : singleSessionId(this.user, this.otherUser())
  }
}

/** Events of each session that are looked at in the end. */
const SURVEYED_EVENTS = 30

/** Packs of one device that may be open: what a person would not exceed. */
const PENDING_MAX = 50
