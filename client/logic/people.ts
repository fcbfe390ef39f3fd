import type { Clock, Millis } from '../../infra/clock.ts'
import type { ProfileSummary, ServerFrame, UserPresence } from '../../schemas/frames.ts'
import { USERS_ASKED_MAX } from '../../schemas/frames.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import type { Profile } from '../../schemas/settings.ts'
import { QuestionFailed } from '../network/questions.ts'
import type { Store } from '../storage/store.ts'
import type { Wire } from './wire.ts'

/** Profiles that are wanted within this time, ms, are asked for together. */
export const PROFILES_TOGETHER_MS = 30
/** How long somebody counts as typing after they said so, ms. */
export const TYPING_MS = 6_000
/** How often the own typing is said, ms. */
export const TYPING_SAID_MS = 3_000
/** After a failure the same profiles are asked for again after this, ms. */
const PROFILES_AGAIN_MS = 2_000

export interface PeopleParts {
  store: Store
  wire: Wire
  clock: Clock
  changed(what: 'profiles' | 'presence'): void
  typingChanged(sessionId: SessionId): void
}

/** Who people are, whether they are there, and who is typing. */
export class People {
  private readonly profiles = new Map<UserId, ProfileSummary>()
  private readonly presences = new Map<UserId, UserPresence>()
  private readonly watched = new Set<UserId>()
  private readonly typists = new Map<SessionId, Map<UserId, () => void>>()
  private readonly saidTyping = new Map<SessionId, Millis>()
  /** Profiles that have been asked for in this run. */
  private readonly asked = new Set<UserId>()
  private wanted = new Set<UserId>()
  private readonly parts: PeopleParts

  constructor(parts: PeopleParts) {
    this.parts = parts
    parts.wire.on('frame', frame => this.received(frame))
  }

  /** Takes up what is kept: the messenger does so when it starts. */
  async load(): Promise<void> {
    for (const { value } of await this.parts.store.range('profiles', {})) {
      const profile = value as ProfileSummary
      this.profiles.set(profile.userId, profile)
    }
    this.parts.changed('profiles')
  }

  /** What is known of a user; the first call of a run asks the server. */
  profile(userId: UserId): Profile | undefined {
    if (!this.asked.has(userId)) this.want(userId)
    return this.profiles.get(userId)?.profile
  }

  /** The own profile changed, by whatever device. */
  setProfile(userId: UserId, seq: number, profile: Profile): void {
    this.keep([{ userId, seq, profile }])
  }

  /** Whether a user is there, as far as that is known: see watchPresence. */
  presence(userId: UserId): UserPresence | undefined {
    return this.presences.get(userId)
  }

  /** From now on, over reconnects, what these users' presence is will be known. */
  watchPresence(userIds: readonly UserId[]): void {
    const fresh = userIds.filter(userId => !this.watched.has(userId))
    for (const userId of fresh) this.watched.add(userId)
    void this.askPresence(fresh)
  }

  /** Who is typing in the session. */
  typing(sessionId: SessionId): UserId[] {
    return [...(this.typists.get(sessionId)?.keys() ?? [])]
  }

  /** Tells the others, not more often than they need to know. */
  sayTyping(sessionId: SessionId, on: boolean): void {
    const now = this.parts.clock.monotonic()
    const said = this.saidTyping.get(sessionId)
    if (on ? said !== undefined && now - said < TYPING_SAID_MS : said === undefined) return
    if (on) this.saidTyping.set(sessionId, now)
    else this.saidTyping.delete(sessionId)
    this.parts.wire.typing(sessionId, on)
  }

  /** There is a connection again: what was asked for on the last one is asked for anew. */
  reconnected(): void {
    void this.askPresence([...this.watched])
    this.askProfiles()
  }

  /** Somebody is not typing any more: they said so, sent it, or went silent. */
  stoppedTyping(sessionId: SessionId, userId: UserId): void {
    const typists = this.typists.get(sessionId)
    const cancel = typists?.get(userId)
    if (typists === undefined || cancel === undefined) return
    cancel()
    typists.delete(userId)
    this.parts.typingChanged(sessionId)
  }

  private want(userId: UserId): void {
    this.asked.add(userId)
    this.wanted.add(userId)
    if (this.wanted.size === 1) this.parts.clock.schedule(PROFILES_TOGETHER_MS, () => this.askProfiles())
  }

  private askProfiles(): void {
    if (this.wanted.size === 0 || this.parts.wire.phase.kind !== 'Live') return
    const all = [...this.wanted]
    const userIds = all.slice(0, USERS_ASKED_MAX)
    this.wanted = new Set(all.slice(USERS_ASKED_MAX))
    const users = userIds.map(userId => {
      const seq = this.profiles.get(userId)?.seq
      return seq === undefined ? { userId } : { userId, seq }
    })
    this.parts.wire.ask({ type: 'profiles', users }).then(
      answer => {
        this.keep(answer.profiles)
        this.askProfiles()
      },
      error => {
        for (const userId of userIds) this.wanted.add(userId)
        if (error instanceof QuestionFailed && error.code !== 'NOT_CONNECTED') {
          this.parts.clock.schedule(PROFILES_AGAIN_MS, () => this.askProfiles())
        }
      },
    )
  }

  private keep(profiles: readonly ProfileSummary[]): void {
    if (profiles.length === 0) return
    for (const profile of profiles) this.profiles.set(profile.userId, profile)
    this.parts.changed('profiles')
    const writes = profiles.map(value => ({ table: 'profiles' as const, key: value.userId, value }))
    // Profiles are only a copy: what is not written is asked for again.
    this.parts.store.write(writes).catch(() => {})
  }

  private async askPresence(userIds: readonly UserId[]): Promise<void> {
    for (let first = 0; first < userIds.length; first += USERS_ASKED_MAX) {
      const some = userIds.slice(first, first + USERS_ASKED_MAX)
      const answer = await this.parts.wire
        .ask({ type: 'presence', userIds: some, subscribe: true })
        .catch(() => undefined)
      for (const user of answer?.users ?? []) this.presences.set(user.userId, user)
    }
    if (userIds.length > 0) this.parts.changed('presence')
  }

  private received(frame: ServerFrame): void {
    if (frame.type === 'presenceChanged') {
      this.presences.set(frame.user.userId, frame.user)
      this.parts.changed('presence')
    }
    if (frame.type === 'typing') this.heardTyping(frame)
    if (frame.type === 'event') this.stoppedTyping(frame.sessionId, frame.from)
  }

  private heardTyping({ sessionId, from, on }: Extract<ServerFrame, { type: 'typing' }>): void {
    if (!on) {
      this.stoppedTyping(sessionId, from)
      return
    }
    const typists = this.typists.get(sessionId) ?? new Map<UserId, () => void>()
    this.typists.set(sessionId, typists)
    typists.get(from)?.()
    const cancel = this.parts.clock.schedule(TYPING_MS, () => this.stoppedTyping(sessionId, from))
    typists.set(from, cancel)
    this.parts.typingChanged(sessionId)
  }
}
