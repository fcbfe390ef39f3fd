import type { Clock } from '../../infra/clock.ts'
import type { MembershipReader } from '../../processors/membership/membership-store.ts'
import type { PeopleReader } from '../../processors/membership/people-store.ts'
import { contentFault } from '../../processors/sequencer/decide-content.ts'
import { type CodeName, codeName } from '../../schemas/codes.ts'
import type { Content } from '../../schemas/content.ts'
import type { OnlineMessage, PackFrame } from '../../schemas/frames.ts'
import { isUserId, type Partition, type SessionId, type UserId } from '../../schemas/ids.ts'
import { Flag, RULES_DEFAULT } from '../../schemas/pack.ts'
import { GROUP_SETTINGS_DEFAULT } from '../../schemas/settings.ts'
import { ONLINE, ONLINE_BYTES_MAX, ONLINE_MEMBERS_MAX } from '../limits.ts'
import type { WordList } from '../words/word-list.ts'
import { type Audience, usersOf } from '../ws/audience.ts'
import type { ClientConnection } from '../ws/client-connection.ts'
import { encodeFrame, refusal, type Subprotocol } from '../ws/frames.ts'
import type { FriendsOnly } from '../ws/friends-only.ts'
import type { MembershipIndex } from '../ws/membership-index.ts'
import { Buckets } from '../ws/rate-limits.ts'
import { QuestionFailed, type Views } from '../ws/views.ts'
import type { Signal, Signals } from './presence-store.ts'

/**
 * Messages that nobody keeps (flag ONLINE_ONLY): they never enter the log, and go from gateway to gateway like "is
 * typing", to the devices that are connected at that moment. Nothing is promised but that: no order between gateways,
 * no repeat, no history, no push.
 *
 * Who may write is what the membership view says, as old as it is: members who are not muted, users who are not
 * blocked, and friends where the receiver takes messages of friends only. The sender is answered when the message was
 * passed on: `ack` with seq 0, or `refused`.
 */

export type OnlineFrame = Extract<PackFrame, { type: 'send' }>
type Online = Extract<Signal, { kind: 'online' }>
type Refused = [code: CodeName, reason?: string, retryAfterMs?: number]

/** Flags that go together with ONLINE_ONLY: what is not kept counts nowhere and waits for nobody. */
const FLAGS = Flag.ONLINE_ONLY | Flag.ACK | Flag.DUP | Flag.NO_PUSH
const MENTIONS_MAX = 200
const RULES = { ...RULES_DEFAULT, contentBytesMax: ONLINE_BYTES_MAX }

export function isOnlineFrame(frame: PackFrame): frame is OnlineFrame {
  return frame.type === 'send' && ((frame.flags ?? 0) & Flag.ONLINE_ONLY) !== 0
}

export interface OnlineMessagesOptions {
  signals: Pick<Signals, 'publish'>
  people: Pick<PeopleReader, 'relation'>
  membership: Pick<MembershipReader, 'groupFor'>
  friendsOnly: Pick<FriendsOnly, 'of'>
  views: Pick<Views, 'askCaughtUp'>
  partitionOf(sessionId: SessionId): Partition
  audience: Audience
  index: MembershipIndex
  clock: Clock
  words(): WordList | undefined
}

export class OnlineMessages {
  private readonly options: OnlineMessagesOptions
  private readonly buckets = new Buckets<UserId>(ONLINE)
  /** What a connection has sent goes out in its order. */
  private readonly lanes = new WeakMap<ClientConnection, Promise<void>>()

  constructor(options: OnlineMessagesOptions) {
    this.options = options
  }

  /** Passes the message on and answers its sender. Never rejects. */
  say(connection: ClientConnection, frame: OnlineFrame): Promise<void> {
    const said = this.judge(connection.identity.userId, frame)
    const before = this.lanes.get(connection)
    const turn = Promise.all([said, before]).then(([judged]) => this.pass(connection, frame, judged))
    this.lanes.set(connection, turn)
    return turn
  }

  private pass(connection: ClientConnection, { packId, sessionId, extra }: OnlineFrame, judged: Judged): void {
    if (Array.isArray(judged)) {
      connection.send({ type: 'refused', packId, sessionId, ...refusal(...judged) })
      return
    }
    const { signals, clock } = this.options
    const { content, isRewritten } = judged
    const message: OnlineMessage = { sessionId, packId, from: connection.identity.userId, at: clock.now(), content }
    if (extra?.mentions !== undefined) message.mentions = [...new Set(extra.mentions)]
    signals.publish([{ kind: 'online', connectionId: connection.id, message }])
    const ack = { type: 'ack', packId, sessionId, seq: 0, count: 0, at: message.at } as const
    connection.send(isRewritten ? { ...ack, rewritten: true } : ack)
  }

  /** What is told, or why nothing is. */
  private async judge(userId: UserId, frame: OnlineFrame): Promise<Judged> {
    const fault = this.fault(userId, frame)
    if (fault !== undefined) return fault
    const judged = this.options.words()?.judge({ content: frame.content, pushInfo: null })
    if (judged?.kind === 'Refused') return ['SENSITIVE_MATCH']
    const isRewritten = judged?.kind === 'Masked'
    const refused = await this.standingFault(userId, frame.sessionId)
    return refused ?? { content: isRewritten ? judged.value.content : frame.content, isRewritten }
  }

  /** What can be said without asking anybody. */
  private fault(userId: UserId, { sessionId, flags = 0, content, pushInfo, extra }: OnlineFrame): Refused | undefined {
    const { clock } = this.options
    if ((flags & FLAGS) !== flags) return ['PARAM', 'flags: what is not kept neither counts nor waits for anybody']
    if (pushInfo !== undefined) return ['PARAM', 'pushInfo: what is not kept is not pushed']
    const { mentions, ...rest } = extra ?? {}
    if (Object.keys(rest).length > 0) return ['PARAM', 'extra: what is not kept has nothing but mentions']
    if ((mentions?.length ?? 0) > MENTIONS_MAX || !(mentions ?? []).every(isUserId)) return ['PARAM', 'extra.mentions']
    if (!this.isIn(userId, sessionId)) return [sessionId.startsWith('g:') ? 'GROUP_USER_NOT_EXIST' : 'MSG_FORBIDDEN']
    const wrong = contentFault(RULES, content)
    if (wrong !== undefined) return [codeName(wrong.code) ?? 'PARAM', wrong.reason]
    const now = clock.monotonic()
    if (!this.buckets.take(userId, now)) return ['RATE_LIMITED', undefined, this.buckets.waitMs(userId, now)]
    return undefined
  }

  private isIn(userId: UserId, sessionId: SessionId): boolean {
    if (sessionId.startsWith('g:')) return this.options.index.joinSeq(userId, sessionId) !== undefined
    return sessionId.startsWith('s:') && usersOf(sessionId).includes(userId)
  }

  /** Why the receivers are not to hear the sender, as far as the membership view knows. */
  private async standingFault(userId: UserId, sessionId: SessionId): Promise<Refused | undefined> {
    const { views, partitionOf } = this.options
    const ask = () =>
      sessionId.startsWith('g:') ? this.groupFault(userId, sessionId) : this.peerFault(userId, sessionId)
    try {
      return await views.askCaughtUp([partitionOf(sessionId)], ask)
    } catch (error) {
      if (!(error instanceof QuestionFailed)) throw error
      return [error.code, error.message]
    }
  }

  private async peerFault(userId: UserId, sessionId: SessionId): Promise<Refused | undefined> {
    const { people, friendsOnly } = this.options
    const peer = usersOf(sessionId).find(user => user !== userId)!
    const [{ relation, blocked }, isFriendsOnly] = await Promise.all([
      people.relation({ userId: peer, peerId: userId }),
      friendsOnly.of(peer),
    ])
    if (blocked) return ['BLACKLIST']
    return isFriendsOnly && relation !== 'friend' ? ['USER_RELATION_INVALID'] : undefined
  }

  private async groupFault(userId: UserId, sessionId: SessionId): Promise<Refused | undefined> {
    const { membership, clock } = this.options
    const group = await membership.groupFor({ sessionId, userId })
    if (group === undefined || group.dismissedSeq > 0) return ['GROUP_NOT_EXIST']
    const { settings = GROUP_SETTINGS_DEFAULT, memberCount, me } = group
    if (memberCount > ONLINE_MEMBERS_MAX) return ['LIMIT_REACHED', 'a group of this size takes no such messages']
    if (settings.mutedAll && me?.role === 'member') return ['MUTED', 'only owner and admins speak in this group']
    const mutedMs = (me?.mutedUntil ?? 0) - clock.now()
    return mutedMs > 0 && me?.role !== 'owner' ? ['MUTED', `muted until ${me?.mutedUntil}`, mutedMs] : undefined
  }

  /** Tells those who are connected here; encoded once per subprotocol. */
  heard({ connectionId, message }: Online): void {
    const { audience, index } = this.options
    const { sessionId } = message
    if (!audience.has(sessionId)) return
    const users = sessionId.startsWith('g:') ? [...(index.members(sessionId)?.keys() ?? [])] : usersOf(sessionId)
    const bytes = new Map<Subprotocol, Buffer>()
    const encoded = (subprotocol: Subprotocol): Buffer => {
      const known = bytes.get(subprotocol) ?? encodeFrame(subprotocol, { type: 'online', ...message })
      bytes.set(subprotocol, known)
      return known
    }
    audience.forUsers(users, connection => {
      if (connection.id !== connectionId) connection.sendBytes(encoded(connection.subprotocol))
    })
  }
}

type Judged = Refused | { content: Content; isRewritten: boolean }
