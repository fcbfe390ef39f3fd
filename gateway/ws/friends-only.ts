import type { Clock } from '../../infra/clock.ts'
import { Generations } from '../../infra/generations.ts'
import type { Logger } from '../../infra/logger.ts'
import type { PeopleReader } from '../../processors/membership/people-store.ts'
import type { Event } from '../../schemas/event.ts'
import type { UserId } from '../../schemas/ids.ts'
import { FRIENDS_ONLY_KEPT_MAX, FRIENDS_ONLY_MS_MAX } from '../limits.ts'
import { Deadline } from './deadline.ts'

/**
 * Who takes messages of friends only, for the stamp of a message in a single chat. Asked of the membership view once
 * per receiver, kept, and kept right by the settings that pass on im.events.
 *
 * Problem: the answer of the view may be older than an event that has passed meanwhile. What an event says is taken
 * over at once where the receiver is known or being asked for, and a late answer does not replace it.
 * A view that does not answer in time means "anyone": sending does not depend on Redis. So the setting is as old as
 * the view is behind when a receiver is asked for, and as this gateway is behind the log from then on.
 */
export class FriendsOnly {
  private readonly options: { people: PeopleReader; clock: Clock; logger: Logger }
  private readonly known = new Generations<UserId, boolean>(FRIENDS_ONLY_KEPT_MAX)
  private readonly asking = new Map<UserId, Promise<boolean>>()

  constructor(options: { people: PeopleReader; clock: Clock; logger: Logger }) {
    this.options = options
  }

  /** At once where it is known. Never rejects. */
  of(userId: UserId): boolean | Promise<boolean> {
    return this.known.get(userId) ?? this.asking.get(userId) ?? this.ask(userId)
  }

  /** Takes what passes on im.events; of other kinds than settings nothing. */
  passed({ body, from }: Event): void {
    if (body.kind !== 'SettingsUpdated') return
    if (this.known.get(from) === undefined && !this.asking.has(from)) return
    this.known.set(from, body.settings.messagesFrom === 'friends')
  }

  private ask(userId: UserId): Promise<boolean> {
    const asked = this.read(userId).then(answer => {
      this.asking.delete(userId)
      const newer = this.known.get(userId)
      if (newer !== undefined) return newer
      if (answer === undefined) return false
      this.known.set(userId, answer)
      return answer
    })
    this.asking.set(userId, asked)
    return asked
  }

  private async read(userId: UserId): Promise<boolean | undefined> {
    const { people, clock, logger } = this.options
    const deadline = new Deadline(clock, FRIENDS_ONLY_MS_MAX)
    try {
      const { settings } = await deadline.race(people.own(userId))
      return settings.messagesFrom === 'friends'
    } catch (error) {
      logger.warn({ err: error }, 'whether a receiver takes messages of friends only could not be read')
      return undefined
    } finally {
      deadline.end()
    }
  }
}
