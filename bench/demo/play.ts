import type { ClientOptions } from '../../client/network/client.ts'
import type { Clock, Millis } from '../../infra/clock.ts'
import { SeededRandom } from '../../infra/seeded-random.ts'
import type { MediaFile } from '../../schemas/content.ts'
import type { Seq, UserId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import { type Accepted, type Arrival, type Audit, audit, sessionsByPerson } from './audit.ts'
import { spendEvening } from './evening.ts'
import type { NewFile } from './files.ts'
import { Person } from './person.ts'
import { emblem, portrait } from './portrait.ts'
import type { Act, Story, StoryEvening, StoryGroup, StoryPerson } from './story.ts'

/**
 * Plays a story on a server and proves it. Order: everybody connects; the groups are created; the day runs; when
 * nothing arrives any more, what arrived is compared with what was accepted; then everybody comes again on a new
 * device, reads everything from the beginning, and that is compared as well. The evening comes after the proof.
 */

export interface PlayOptions {
  story: Story
  dayMs: Millis
  /** What every connection has in common. */
  connection(userId: UserId, deviceId: string): Omit<ClientOptions, 'discover'>
  clock: Clock
  upload(person: Person, file: NewFile): Promise<MediaFile | undefined>
  /** Leaves one delivery out of the books, to show that the proof notices. */
  suppressOne: boolean
  progress(state: { phase: string; elapsedMs: Millis; accepted: number; arrived: number }): void
}

export interface PlayResult {
  live: Audit
  fresh: Audit
  sessions: number
  accepted: number
  /** Packs that the server refused, in words. */
  refused: string[]
}

/** Connections that are made, or read everything again, at the same time. */
const AT_ONCE_MAX = 25
/** How long a speaker waits to see the line before; then the scene goes on without. */
const SEE_MS_MAX: Millis = 10_000
/** When nothing has arrived for so long, nothing more is coming. */
const QUIET_MS: Millis = 2_000
const PROGRESS_MS: Millis = 250
const EMBLEMS = ['🌿', '🎈', '⚽', '🎵', '🍀', '📚', '🌊', '🔔', '🧩', '🍊']

export async function play(options: PlayOptions): Promise<PlayResult> {
  const demo = new Demo(options)
  try {
    return await demo.run()
  } finally {
    demo.close()
  }
}

class Demo {
  private readonly options: PlayOptions
  private readonly people = new Map<UserId, Person>()
  private readonly accepted: Accepted[] = []
  private readonly refused: string[] = []
  private arrived = 0
  private lastArrivalAt: Millis = 0
  private leftToSuppress: number
  private phase = 'connecting'
  private beganAt: Millis
  private readonly random: SeededRandom
  private readonly ended = new AbortController()

  constructor(options: PlayOptions) {
    this.options = options
    this.leftToSuppress = options.suppressOne ? 1 : 0
    this.beganAt = options.clock.monotonic()
    this.random = new SeededRandom(options.story.seed)
  }

  async run(): Promise<PlayResult> {
    const { story, clock } = this.options
    void this.tellProgress()
    await this.inTurns(story.people, ({ userId }) => this.arrive(userId))
    this.phase = 'saying who they are'
    await this.inTurns(story.people, person => this.introduce(person))
    this.phase = 'creating groups'
    await Promise.all(story.groups.map(group => this.create(group)))
    this.phase = 'the day'
    this.beganAt = clock.monotonic()
    await Promise.all(story.acts.map(act => this.perform(act)))
    this.phase = 'waiting for the last deliveries'
    await this.untilQuiet()
    const live = audit(this.accepted, this.arrivalsOf(this.people.values()))
    this.phase = 'reading everything again'
    const fresh = audit(this.accepted, await this.readAgain())
    if (story.evening !== undefined) await this.evening(story.evening)
    this.ended.abort()
    const sessions = new Set(this.accepted.map(({ sessionId }) => sessionId)).size
    return { live, fresh, sessions, accepted: this.accepted.length, refused: this.refused }
  }

  close(): void {
    this.ended.abort()
    for (const person of this.people.values()) person.client.close()
  }

  private async arrive(userId: UserId): Promise<void> {
    const person = new Person(userId, this.options.connection(userId, 'phone'), {
      accepted: pack => this.accepted.push(pack),
      refused: problem => this.refused.push(problem),
      keeps: () => this.keeps(),
    })
    this.people.set(userId, person)
    await person.connected()
  }

  private keeps(): boolean {
    this.arrived++
    this.lastArrivalAt = this.options.clock.monotonic()
    // Somewhere in the middle of the day, not at its edges.
    if (this.leftToSuppress === 0 || this.accepted.length < this.options.story.messages / 2) return true
    this.leftToSuppress--
    return false
  }

  private async introduce({ userId, name }: StoryPerson): Promise<void> {
    const profile = { name, avatar: portrait(this.random.fork()) }
    await this.person(userId).say({ type: 'updateProfile', profile }, 'ProfileUpdated')
  }

  private async evening({ host, friends, stranger }: StoryEvening): Promise<void> {
    this.phase = 'the evening'
    const { upload, story } = this.options
    await spendEvening({
      host: this.person(host.userId),
      friends: friends.map(({ userId }) => this.person(userId)),
      stranger: this.person(stranger.userId),
      hostName: host.name.split(' ')[0]!,
      tag: story.tag,
      random: this.random,
      upload,
      refused: problem => this.refused.push(problem),
    })
  }

  private async create({ owner, groupId, name, members }: StoryGroup): Promise<void> {
    const info = { name, avatar: emblem(this.random.pick(EMBLEMS), this.random) }
    const request = { type: 'createGroup', groupId, info, members } as const
    await this.person(owner).say(request, `GroupCreated ${name}`, { kind: 'Created', members })
  }

  private async perform(act: Act): Promise<void> {
    await this.options.clock.sleep(act.at)
    switch (act.kind) {
      case 'Scene':
        await this.playScene(act)
        break
      case 'Join':
        await this.person(act.userId).say({ type: 'joinGroup', sessionId: act.sessionId }, 'MemberJoined', {
          kind: 'Joined',
        })
        break
      case 'Quit':
        await this.person(act.userId).say({ type: 'quitGroup', sessionId: act.sessionId }, 'MemberQuit', {
          kind: 'Quit',
        })
    }
  }

  private async playScene({ sessionId, turns }: Extract<Act, { kind: 'Scene' }>): Promise<void> {
    const { clock } = this.options
    let before: Seq = 0
    for (const { from, text, pauseMs } of turns) {
      const speaker = this.person(from)
      const seen = new AbortController()
      await Promise.race([speaker.sees(sessionId, before), clock.sleep(SEE_MS_MAX, seen.signal)])
      seen.abort()
      speaker.marks('markDelivered', sessionId, before)
      await clock.sleep(pauseMs)
      speaker.marks('markRead', sessionId, before)
      const request = { type: 'send', sessionId, flags: Flag.COUNTER, content: { kind: 'Text', text } } as const
      before = (await speaker.say(request, text)) ?? before
    }
  }

  private async untilQuiet(): Promise<void> {
    const { clock } = this.options
    this.lastArrivalAt = clock.monotonic()
    while (clock.monotonic() - this.lastArrivalAt < QUIET_MS) await clock.sleep(PROGRESS_MS)
  }

  /** Everybody on a new device that knows nothing: resumes every session from 0. */
  private async readAgain(): Promise<Map<UserId, readonly Arrival[]>> {
    const arrivals = new Map<UserId, readonly Arrival[]>()
    await this.inTurns([...sessionsByPerson(this.accepted)], async ([userId, sessionIds]) => {
      const person = new Person(userId, this.options.connection(userId, 'new-phone'), {
        accepted: () => {},
        refused: problem => this.refused.push(problem),
        keeps: () => true,
      })
      try {
        await person.connected()
        await person.client.follow(sessionIds.map(sessionId => ({ sessionId, seq: 0 })))
      } finally {
        person.client.close()
      }
      arrivals.set(userId, person.arrivals)
    })
    return arrivals
  }

  private arrivalsOf(people: Iterable<Person>): Map<UserId, readonly Arrival[]> {
    return new Map([...people].map(({ userId, arrivals }) => [userId, arrivals]))
  }

  private async inTurns<T>(items: readonly T[], task: (item: T) => Promise<void>): Promise<void> {
    let next = 0
    const worker = async () => {
      for (let at = next++; at < items.length; at = next++) await task(items[at]!)
    }
    await Promise.all(Array.from({ length: AT_ONCE_MAX }, worker))
  }

  private person(userId: UserId): Person {
    return this.people.get(userId)!
  }

  private async tellProgress(): Promise<void> {
    const { clock, progress } = this.options
    while (!this.ended.signal.aborted) {
      const elapsedMs = clock.monotonic() - this.beganAt
      progress({ phase: this.phase, elapsedMs, accepted: this.accepted.length, arrived: this.arrived })
      await clock.sleep(PROGRESS_MS, this.ended.signal)
    }
  }
}
