import type { Clock, Millis } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { PeopleReader } from '../../processors/membership/people-store.ts'
import type { CodeName } from '../../schemas/codes.ts'
import type { SignalFrame } from '../../schemas/frames.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { TYPING, TYPING_MEMBERS_MAX } from '../limits.ts'
import { type Audience, usersOf } from '../ws/audience.ts'
import type { ClientConnection } from '../ws/client-connection.ts'
import { type RefusalFields, refusal } from '../ws/frames.ts'
import type { MembershipIndex } from '../ws/membership-index.ts'
import { Buckets } from '../ws/rate-limits.ts'
import type { Signal, Signals } from './presence-store.ts'

type Typing = Extract<Signal, { kind: 'typing' }>

/** "Is typing" goes from gateway to gateway past the log: nobody keeps it, and nobody waits for it. */
export class TypingSignals {
  private readonly options: {
    signals: Pick<Signals, 'publish'>
    people: PeopleReader
    audience: Audience
    index: MembershipIndex
    clock: Clock
    logger: Logger
  }
  private readonly buckets = new Buckets<UserId>(TYPING)

  constructor(options: TypingSignals['options']) {
    this.options = options
  }

  /** Passes on what a client says; gives the refusal where it may not. */
  say({ identity }: ClientConnection, { sessionId, on }: SignalFrame): RefusalFields | undefined {
    const { signals, clock } = this.options
    const { userId } = identity
    const refused = (code: CodeName, waitMs?: Millis) => refusal(code, 'typing is not told', waitMs)
    const now = clock.monotonic()
    if (!this.isIn(userId, sessionId))
      return refused(sessionId.startsWith('g:') ? 'GROUP_USER_NOT_EXIST' : 'MSG_FORBIDDEN')
    if (!this.buckets.take(userId, now)) return refused('RATE_LIMITED', this.buckets.waitMs(userId, now))
    signals.publish([{ kind: 'typing', sessionId, from: userId, on }])
    return undefined
  }

  private isIn(userId: UserId, sessionId: SessionId): boolean {
    if (sessionId.startsWith('g:')) return this.options.index.joinSeq(userId, sessionId) !== undefined
    return sessionId.startsWith('s:') && usersOf(sessionId).includes(userId)
  }

  /** Tells those who are connected here; in a single chat unless they block whoever types. */
  heard({ sessionId, from, on }: Typing): void {
    const { audience, index, people, logger } = this.options
    const frame = { type: 'typing', sessionId, from, on } as const
    if (!audience.has(sessionId)) return
    if (sessionId.startsWith('g:')) {
      const members = index.members(sessionId) ?? new Map()
      if (members.size > TYPING_MEMBERS_MAX) return
      for (const userId of members.keys()) if (userId !== from) this.tell(userId, frame)
      return
    }
    const peer = usersOf(sessionId).find(userId => userId !== from)
    if (peer === undefined || audience.ofUser(peer).length === 0) return
    people
      .blocks([{ userId: peer, peerId: from }])
      .then(([isBlocked]) => {
        if (!isBlocked) this.tell(peer, frame)
      })
      .catch(error => logger.warn({ err: error }, 'typing was not told'))
  }

  private tell(userId: UserId, frame: Parameters<ClientConnection['send']>[0]): void {
    for (const connection of [...this.options.audience.ofUser(userId)]) connection.send(frame)
  }
}
