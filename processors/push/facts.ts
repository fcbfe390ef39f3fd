import type { Offset, Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { PushDevice } from '../../schemas/push-devices.ts'
import type { UserFacts } from './plan.ts'
import type { Names } from './templates.ts'

/**
 * What push asks of the views and of presence. A processor does not know another one: the readers are put behind this
 * port where the process is put together (commands/push-facts.ts). Every call rejects when a store cannot be reached.
 */
export interface PushFacts {
  /** How far the views are in a partition of im.events. */
  seen(partition: Partition): Promise<Seen>
  /** True where a message was revoked or deleted since. */
  isGone(sessionId: SessionId, seq: Seq): Promise<boolean>
  /** For whom a message of the session is meant, the sender left out; of a group a page. */
  audience(request: {
    sessionId: SessionId
    from: UserId
    cursor?: string
    limit: number
  }): Promise<{ users: Member[]; cursor?: string }>
  /** The devices of each user that have a token, in the order asked. */
  devices(userIds: readonly UserId[]): Promise<(readonly PushDevice[])[]>
  /** In the order asked. */
  users(request: { members: readonly Member[]; sessionId: SessionId; seq: Seq }): Promise<UserFacts[]>
  names(request: { sessionId: SessionId; from: UserId }): Promise<Names>
  /** The exact unread of sessions that are not muted, in the order asked. */
  badges(users: readonly Pick<UserFacts, 'userId' | 'settings'>[]): Promise<number[]>
  /** Users who have registered a token and not lost it, and since when. */
  tokenUsers(token: { serviceType: number; token: string }): Promise<{ userId: UserId; at: number }[]>
}

/** What every view has taken in of a partition. */
export interface Seen {
  /** Of the last event; -1: none. */
  offset: Offset
  /** Of each view's store which filling it is: another one where it has lost what it had, though it may be as far again. */
  fillings: string
}

export const NOTHING_SEEN: Seen = { offset: -1, fillings: '' }

/** True where everything that was read of the views since they had seen `offset` counts; `now` was asked for after it. */
export function isStill(before: Seen, offset: Offset, now: Seen): boolean {
  return now.offset >= offset && now.fillings === before.fillings
}

export interface Member {
  userId: UserId
  /** Of the event that let the user into the group; 0 elsewhere. */
  joinSeq: Seq
}
