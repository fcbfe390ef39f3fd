import type { OpenTransport } from '../../client/network/transport.ts'
import { openWsTransport } from '../../client/network/ws-transport.ts'
import { Client, MemoryStore, Messenger, type PackAnswer } from '../../client/sdk.ts'
import { type Clock, type Millis, systemRandom } from '../../infra/clock.ts'
import { HOST } from '../../infra/local/ports.ts'
import { SeededRandom } from '../../infra/seeded-random.ts'
import type { ServerFrame } from '../../schemas/frames.ts'
import { type GroupId, groupSessionId, type SessionId, singleSessionId, type UserId } from '../../schemas/ids.ts'
import { compareStore } from './compare-store.ts'
import { FlakyLink } from './flaky-link.ts'
import { foldLog } from './log-fold.ts'

/**
 * People with the SDK chat over lines that break. When everything is healed and answered, what each of them keeps must
 * be what `verify` folds from the log.
 */
export interface SdkFaultsOptions {
  /** What is done and what breaks, in which order. */
  seed: number
  /** How often a line breaks. */
  faults: number
  people: number
}

export interface SdkFaultsReport {
  /** How often what broke. */
  faults: Record<string, number>
  connections: number
  /** Packs that were handed over, and what became of them, by name. */
  packs: number
  outcomes: Record<string, number>
  /** Events that were compared, of all people together. */
  compared: number
  differences: readonly string[]
  elapsedMs: Millis
}

export interface SdkFaultsShell {
  gatewayPorts: readonly number[]
  /** Environment of the product's processes. */
  env: Record<string, string>
  token(userId: UserId): Promise<string>
  clock: Clock
  say(line: string): void
}

/** Each fault comes after so many acts, one of all people each. */
const ACTS_PER_FAULT = 3
const ACT_GAP_MS_MAX = 40
/** A person finds out in a few seconds that nobody answers. */
const HEARTBEAT_MS = 1_000
const SETTLE_MS_MAX: Millis = 120_000
const POLL_MS: Millis = 200
const DIFFERENCES_SHOWN_MAX = 20

const FAULTS = [
  { kind: 'cut', weight: 4, breaks: (link: FlakyLink) => link.cut() },
  { kind: 'delay', weight: 3, breaks: (link: FlakyLink, ms: Millis) => link.delay(ms) },
  { kind: 'half-open', weight: 1, breaks: (link: FlakyLink) => link.silence() },
  { kind: 'down', weight: 2, breaks: (link: FlakyLink, ms: Millis) => link.down(ms) },
]
const ACTS = [
  { kind: 'send', weight: 6 },
  { kind: 'edit', weight: 1 },
  { kind: 'react', weight: 2 },
  { kind: 'revoke', weight: 1 },
  { kind: 'read', weight: 1 },
] as const

interface Person {
  userId: UserId
  link: FlakyLink
  store: MemoryStore
  messenger: Messenger
  sessionIds: SessionId[]
}

/** Plays one seed. Throws when the product answers nobody any more. */
export async function runSdkFaults(options: SdkFaultsOptions, shell: SdkFaultsShell): Promise<SdkFaultsReport> {
  const run = new SdkFaultsRun(options, shell)
  try {
    return await run.play()
  } finally {
    await run.close()
  }
}

class SdkFaultsRun {
  private readonly people: Person[] = []
  private readonly random: SeededRandom
  private readonly answers: Promise<PackAnswer>[] = []
  private readonly faults: Record<string, number> = {}
  private answered = 0
  /** Messages that were accepted, by session: so many the log must count. */
  private readonly accepted = new Map<SessionId, number>()
  private readonly options: SdkFaultsOptions
  private readonly shell: SdkFaultsShell

  constructor(options: SdkFaultsOptions, shell: SdkFaultsShell) {
    this.options = options
    this.shell = shell
    this.random = new SeededRandom(options.seed)
  }

  async play(): Promise<SdkFaultsReport> {
    const { clock, say } = this.shell
    const begunAt = clock.monotonic()
    await this.gather()
    say(`${this.people.length} people chat, and lines break ${this.options.faults} times`)
    for (let fault = 0; fault < this.options.faults; fault++) {
      for (let act = 0; act < ACTS_PER_FAULT; act++) {
        this.act()
        await clock.sleep(this.random.between(0, ACT_GAP_MS_MAX))
      }
      await this.until(() => this.connected().length > 0, 'somebody to be connected')
      this.breakSomething()
    }
    for (const { link } of this.people) link.up()
    say('no more faults: waiting until everything is answered')
    await this.until(() => this.answered === this.answers.length, 'answers')
    const { compared, differences } = await this.compare()
    return {
      faults: this.faults,
      connections: this.people.reduce((sum, { link }) => sum + link.connections, 0),
      packs: this.answers.length,
      outcomes: countBy((await Promise.all(this.answers)).map(answer => outcomeOf(answer))),
      compared,
      differences: differences.slice(0, DIFFERENCES_SHOWN_MAX),
      elapsedMs: clock.monotonic() - begunAt,
    }
  }

  async close(): Promise<void> {
    for (const { messenger, link } of this.people) {
      await messenger.close()
      await link.close()
    }
  }

  /** Connects everybody: each is in a pair with the next, and all are in one group. */
  private async gather(): Promise<void> {
    const { seed, people } = this.options
    const userIds = Array.from({ length: people }, (_, index) => `sdk${seed}-${index}` as UserId)
    const groupId = `sdk${seed}` as GroupId
    const group = groupSessionId(groupId)
    for (const [index, userId] of userIds.entries()) {
      const person = await this.person(userId)
      const neighbours = [userIds.at(index - 1)!, userIds[(index + 1) % people]!]
      person.sessionIds = [...neighbours.map(other => singleSessionId(userId, other)), group, group]
      this.people.push(person)
    }
    const [owner] = this.people
    const info = { name: 'Flaky' }
    await this.submit(owner!, { type: 'createGroup', groupId, info, members: userIds.slice(1) })
    await this.until(() => this.people.every(({ messenger }) => messenger.session(group) !== undefined), 'the group')
  }

  private async person(userId: UserId): Promise<Person> {
    const { gatewayPorts, clock, token } = this.shell
    const link = await FlakyLink.open(gatewayPorts, clock)
    const common = { clock, random: systemRandom }
    const wire = new Client({
      url: `ws://${HOST}:${link.port}/v1/ws`,
      token: () => token(userId),
      deviceType: 'linux',
      deviceId: `${userId}-1`,
      open: openImpatiently,
      ...common,
    })
    const store = new MemoryStore()
    const messenger = new Messenger({ userId, wire, store, ...common })
    await messenger.start()
    return { userId, link, store, messenger, sessionIds: [] }
  }

  private submit(person: Person, request: Parameters<Messenger['submit']>[0]): Promise<PackAnswer> {
    const { answer } = person.messenger.submit(request)
    this.track(answer)
    return answer
  }

  private track(answer: Promise<PackAnswer>): void {
    this.answers.push(answer)
    void answer.then(() => this.answered++)
  }

  /** Those whose line works: what strikes a line that is down already is no fault. */
  private connected(): Person[] {
    return this.people.filter(({ link, messenger }) => link.isWhole && messenger.phase.kind === 'Live')
  }

  private breakSomething(): void {
    const { kind, breaks } = this.random.weighted(FAULTS)
    breaks(this.random.pick(this.connected()).link, this.random.between(50, 1_500))
    this.faults[kind] = (this.faults[kind] ?? 0) + 1
  }

  /** Somebody does something to what they see. */
  private act(): void {
    const person = this.random.pick(this.people)
    const sessionId = this.random.pick(person.sessionIds)
    const { kind } = this.random.weighted(ACTS)
    const { messenger } = person
    const messages = messenger.open(sessionId).view.events.filter(({ body }) => body.kind === 'MessageAccepted')
    const own = messages.filter(({ from, state }) => from === person.userId && state?.change !== 'revoked')
    const text = `${kind} ${this.answers.length} 😀`
    if (kind === 'read') {
      const last = messages.at(-1)
      if (last !== undefined) messenger.markRead(sessionId, last.seq)
    } else if (kind === 'react' && messages.length > 0) {
      const target = messenger.target(this.random.pick(messages))
      const type = this.random.pick(['addReaction', 'removeReaction'] as const)
      void this.submit(person, { type, sessionId, target, emoji: this.random.pick(['👍', '🎉']) })
    } else if (kind === 'edit' && own.length > 0) {
      const target = messenger.target(this.random.pick(own))
      void this.submit(person, { type: 'override', sessionId, target, content: { kind: 'Text', text } })
    } else if (kind === 'revoke' && own.length > 0) {
      void this.submit(person, { type: 'revoke', sessionId, target: messenger.target(this.random.pick(own)) })
    } else {
      const { answer } = messenger.send(sessionId, { kind: 'Text', text })
      this.track(answer)
      void answer.then(({ kind: outcome }) => {
        if (outcome === 'Accepted') this.accepted.set(sessionId, (this.accepted.get(sessionId) ?? 0) + 1)
      })
    }
  }

  /** What everybody keeps, once it has all arrived; marks and events may be under way for a moment. */
  private async compare(): Promise<{ compared: number; differences: string[] }> {
    const { clock, env } = this.shell
    const deadline = clock.monotonic() + SETTLE_MS_MAX
    for (;;) {
      await this.readAll()
      const log = await foldLog(env)
      const differences = [...this.accepted].flatMap(([sessionId, count]) => {
        const found = log.get(sessionId)?.count ?? 0
        return found === count ? [] : [`${sessionId}: ${count} messages were accepted and ${found} are in the log`]
      })
      let compared = 0
      for (const { userId, store, sessionIds } of this.people) {
        const folds = [...new Set(sessionIds)].flatMap(sessionId => log.get(sessionId) ?? [])
        compared += folds.reduce((sum, { lastSeq }) => sum + lastSeq, 0)
        differences.push(...(await compareStore(store, userId, folds)))
      }
      if (differences.length === 0 || clock.monotonic() > deadline) return { compared, differences }
      await clock.sleep(POLL_MS)
    }
  }

  /** Everybody looks at everything. */
  private async readAll(): Promise<void> {
    await this.until(() => this.people.every(({ messenger }) => messenger.isUpToDate), 'everybody to be up to date')
    for (const { messenger, sessionIds } of this.people) {
      for (const sessionId of new Set(sessionIds)) {
        const conversation = messenger.open(sessionId)
        while (conversation.view.hasOlder && messenger.isUpToDate) await conversation.loadOlder()
      }
      await messenger.settled()
    }
  }

  private async until(fits: () => boolean, what: string): Promise<void> {
    const { clock } = this.shell
    const deadline = clock.monotonic() + SETTLE_MS_MAX
    while (!fits()) {
      if (clock.monotonic() > deadline) throw new Error(`waited ${SETTLE_MS_MAX / 1_000} s in vain for ${what}`)
      await clock.sleep(POLL_MS)
    }
  }
}

/** The server's heartbeat is long; this one notices a silent line soon. */
const openImpatiently: OpenTransport = (request, events) =>
  openWsTransport(request, {
    ...events,
    received: text => {
      const frame = JSON.parse(text) as ServerFrame
      events.received(frame.type === 'welcome' ? JSON.stringify({ ...frame, heartbeatMs: HEARTBEAT_MS }) : text)
    },
  })

function outcomeOf(answer: PackAnswer): string {
  return answer.kind === 'Accepted' ? 'accepted' : answer.name
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
