import { Schedule } from '../bench/pacing.ts'
import { Client } from '../client/network/client.ts'
import { PENDING_PACKS_MAX } from '../client/network/pending-packs.ts'
import type { OpenTransport } from '../client/network/transport.ts'
import { openWsTransport } from '../client/network/ws-transport.ts'
import type { Clock, Millis, Random } from '../infra/clock.ts'
import type { EventFrame } from '../schemas/frames.ts'
import { type GroupId, groupSessionId, type SessionId, singleSessionId, type UserId } from '../schemas/ids.ts'
import { Flag } from '../schemas/pack.ts'
import type { Book } from './book.ts'

/**
 * People who chat while things break: pairs, and groups of ten. Each has one device that connects again, resumes and
 * sends again under the same packId, and goes to the other gateway with every new connection. The schedule is
 * open-loop: a message is sent when it is due, whatever became of those before. What happens is written into the book;
 * nothing is judged here.
 */

export interface LoadOptions {
  /** WebSocket addresses of the gateways. */
  gatewayUrls: readonly string[]
  ratePerSecond: number
  pairs: number
  /** Put before every user's name. */
  name: string
  token(userId: UserId): Promise<string>
  book: Book
  clock: Clock
  random: Random
}

/** A group has so many members, and gets one of so many messages of each. */
export const GROUP_MEMBERS = 10
const GROUP_SHARE = 10
const TEXT_BYTES = 120
const TICK_MS: Millis = 5
const POLL_MS: Millis = 50
/** People who connect at the same time, at the start. */
const CONNECTING_MAX = 20

interface Person {
  userId: UserId
  client: Client
  /** Numbers of the sessions: with the other of the pair, and of the group. */
  single: number
  group: number
  sent: number
}

export class Load {
  private readonly options: LoadOptions
  private readonly people: Person[] = []
  private readonly sessionIds: SessionId[] = []
  private readonly members: number[][] = []
  private readonly numbers = new Map<SessionId, number>()
  private readonly padding = 'x'.repeat(TEXT_BYTES)
  private readonly startedAt: Millis
  private readonly stopping = new AbortController()
  /** Per lane (a person's own single chat, or a group) when it was last acked; see `ackedSince`. */
  private readonly lastAcks: Float64Array
  /** Highest seq per session that anybody has seen. */
  private readonly lastSeqs: number[] = []
  private messages = 0
  private readonly counts = { sent: 0, acked: 0, refused: 0, delivered: 0, heldBack: 0, connections: 0 }

  constructor(options: LoadOptions) {
    this.options = options
    this.startedAt = options.clock.monotonic()
    const { pairs, name, book } = options
    const userIds = Array.from({ length: 2 * pairs }, (_, user) => `${name}-${user}` as UserId)
    for (let pair = 0; pair < pairs; pair++) {
      const [a, b] = [2 * pair, 2 * pair + 1]
      this.addSession(singleSessionId(userIds[a]!, userIds[b]!), [a, b])
    }
    for (let first = 0; first < userIds.length; first += GROUP_MEMBERS) {
      const members = userIds.slice(first, first + GROUP_MEMBERS).map((_, index) => first + index)
      this.addSession(groupSessionId(`${name}-${first}` as GroupId), members)
    }
    this.lastAcks = new Float64Array(userIds.length + userIds.length / GROUP_MEMBERS)
    for (const [user, userId] of userIds.entries()) this.people.push(this.person(user, userId))
    for (const [user, userId] of userIds.entries()) book.user(user, userId)
    for (const [session, sessionId] of this.sessionIds.entries()) {
      book.session(session, sessionId, this.members[session]!)
    }
  }

  /** Milliseconds since the start, as they stand in the book. */
  now(): Millis {
    return Math.round(this.options.clock.monotonic() - this.startedAt)
  }

  /** What has happened so far. */
  figures(): Readonly<Record<keyof Load['counts'] | 'open', number>> {
    const open = this.people.reduce((sum, { client }) => sum + client.pendingCount, 0)
    return { ...this.counts, open }
  }

  /** Everybody connects, the groups are made, everybody follows what is theirs. */
  async connectAll(): Promise<void> {
    let next = 0
    const connectSome = async () => {
      for (let user = next++; user < this.people.length; user = next++) await this.connect(this.people[user]!)
    }
    await Promise.all(Array.from({ length: CONNECTING_MAX }, connectSome))
    await Promise.all(this.groups().map(group => this.createGroup(group)))
    await Promise.all(this.people.map(person => this.followAll(person)))
  }

  /** Sends until `stop` is called. */
  async run(): Promise<void> {
    const { clock, ratePerSecond, book } = this.options
    const schedule = new Schedule(ratePerSecond, Number.MAX_SAFE_INTEGER)
    const begunAt = clock.monotonic()
    while (!this.stopping.signal.aborted) {
      const due = schedule.dueCount(clock.monotonic() - begunAt)
      while (this.messages < due) this.sendNext()
      book.flush()
      await clock.sleep(TICK_MS, this.stopping.signal)
    }
  }

  stop(): void {
    this.stopping.abort()
  }

  /** True when every lane was acked after `at`: whatever was broken works again, for everybody. */
  ackedSince(at: Millis): boolean {
    return this.lastAcks.every(acked => acked > at)
  }

  /** Waits until everything has its answer and everybody has what anybody has, at most so long. */
  async settle(msMax: Millis): Promise<boolean> {
    const { clock } = this.options
    const deadline = clock.monotonic() + msMax
    while (!this.isSettled()) {
      if (clock.monotonic() > deadline) return false
      await clock.sleep(POLL_MS)
    }
    return true
  }

  close(): void {
    for (const { client } of this.people) client.close()
  }

  private isSettled(): boolean {
    return this.people.every(({ client, single, group }) => {
      if (client.pendingCount > 0) return false
      return [single, group].every(session => (client.seqOf(this.sessionIds[session]!) ?? 0) >= this.lastSeqs[session]!)
    })
  }

  private addSession(sessionId: SessionId, members: number[]): void {
    this.numbers.set(sessionId, this.sessionIds.length)
    this.sessionIds.push(sessionId)
    this.members.push(members)
    this.lastSeqs.push(0)
  }

  private groups(): number[] {
    return this.sessionIds.flatMap((sessionId, session) => (sessionId.startsWith('g:') ? [session] : []))
  }

  private person(user: number, userId: UserId): Person {
    const { clock, random, token, pairs } = this.options
    const client = new Client({
      url: this.options.gatewayUrls[0]!,
      token: () => token(userId),
      deviceType: 'linux',
      deviceId: 'faults',
      open: this.openInTurn(user),
      clock,
      random,
    })
    client.on('event', event => this.received(user, event))
    client.on('gap', ({ sessionId, fromSeq, toSeq }) => this.lost(user, sessionId, `gap-${fromSeq}-${toSeq}`))
    client.on('reset', ({ sessionId, lastSeq }) => this.lost(user, sessionId, `reset-${lastSeq}`))
    return { userId, client, single: user >> 1, group: pairs + Math.floor(user / GROUP_MEMBERS), sent: 0 }
  }

  /** Every new connection of a person goes to the next gateway. */
  private openInTurn(user: number): OpenTransport {
    let turn = user
    return (request, events) => {
      const { gatewayUrls } = this.options
      const gateway = new URL(gatewayUrls[turn++ % gatewayUrls.length]!)
      gateway.search = new URL(request.url).search
      this.counts.connections++
      return openWsTransport({ ...request, url: gateway.href }, events)
    }
  }

  private connect({ client }: Person): Promise<void> {
    return new Promise((resolve, reject) => {
      client.on('caughtUp', () => resolve())
      client.on('phase', phase => phase.kind === 'Closed' && reject(new Error(`refused for good: ${phase.reason}`)))
      client.start()
    })
  }

  private async createGroup(session: number): Promise<void> {
    const [owner, ...others] = this.members[session]!.map(user => this.people[user]!)
    const { answer } = owner!.client.submit({
      type: 'createGroup',
      groupId: this.sessionIds[session]!.slice('g:'.length) as GroupId,
      info: { name: `group ${session}` },
      members: others.map(({ userId }) => userId),
    })
    const outcome = await answer
    if (outcome.kind === 'Refused') throw new Error(`a group was refused: ${outcome.name}, ${outcome.reason}`)
  }

  private followAll({ client, single, group }: Person): Promise<void> {
    return client.follow(
      [single, group].map(session => {
        const sessionId = this.sessionIds[session]!
        return { sessionId, seq: client.seqOf(sessionId) ?? 0 }
      }),
    )
  }

  private sendNext(): void {
    const { book } = this.options
    const message = this.messages++
    const user = message % this.people.length
    const person = this.people[user]!
    // A person whose answers do not come for so long waits with what they wanted to say.
    if (person.client.pendingCount >= PENDING_PACKS_MAX) {
      this.counts.heldBack++
      return
    }
    const isForGroup = (person.sent++ + user) % GROUP_SHARE === 0
    const session = isForGroup ? person.group : person.single
    const lane = isForGroup ? this.people.length + Math.floor(user / GROUP_MEMBERS) : user
    const { packId, answer } = person.client.submit({
      type: 'send',
      sessionId: this.sessionIds[session]!,
      flags: Flag.COUNTER,
      content: { kind: 'Text', text: `${message} ${this.padding}`.slice(0, TEXT_BYTES) },
    })
    this.counts.sent++
    book.sent(message, { user, session, packId }, this.now())
    void answer.then(outcome => {
      const at = this.now()
      if (outcome.kind === 'Accepted') {
        this.counts.acked++
        this.lastAcks[lane] = at
        book.acked(message, outcome.seq, at)
      } else {
        this.counts.refused++
        book.refused(message, outcome, at)
      }
    })
  }

  private received(user: number, { sessionId, seq, body }: EventFrame): void {
    const session = this.numbers.get(sessionId) ?? -1
    const content = body.kind === 'MessageAccepted' ? body.content : undefined
    const message = content?.kind === 'Text' ? numberOf(content.text) : -1
    if (session >= 0) this.lastSeqs[session] = Math.max(seq, this.lastSeqs[session]!)
    this.counts.delivered++
    this.options.book.delivered(user, { session, seq, message }, this.now())
  }

  private lost(user: number, sessionId: SessionId, what: string): void {
    this.options.book.lost(user, this.numbers.get(sessionId) ?? -1, what)
  }
}

/** The number that a message of ours begins with; -1 where it is not one. */
export function numberOf(text: string): number {
  const number = Number.parseInt(text, 10)
  return Number.isNaN(number) ? -1 : number
}
