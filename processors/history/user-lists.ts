import type { Millis } from '../../infra/clock.ts'
import type { Seq, SessionId, UserId } from '../../schemas/ids.ts'
import { hotTime } from './history-store.ts'
import { fixedUsersOf, type SessionWrites } from './project.ts'

/** What a batch changes in the session lists of one user; no session is in both. */
export interface UserWrites {
  hot: Map<SessionId, Millis>
  large: Set<SessionId>
}

/** A group after a batch was applied to it, as the store says; of no meaning for other sessions. */
export interface GroupState {
  /** Seq of the event with which the group became large, 0 while it is not. */
  largeSince: Seq
  /** Time of its last event. */
  at: Millis
  /** Who is in; only where the group is not large, or became so with these events or later. */
  members: readonly UserId[]
}

/**
 * The lists of users that follow from a batch. A hot entry is the time (hotTime) of the last event that the user may
 * see: that of the session, or of the event that put them out. A large group stands in `large` instead, for everyone who was in
 * when it became large or later. Both only grow, so a batch may be repeated; for a repeated batch the store gives a
 * later state, which is as true. Pure.
 */
export function userWritesOf(
  sessions: readonly SessionWrites[],
  states: readonly GroupState[],
): Map<UserId, UserWrites> {
  const users = new Map<UserId, UserWrites>()
  for (const [index, writes] of sessions.entries()) {
    if (writes.isGroup) addGroup(users, writes, states[index]!)
    else for (const userId of fixedUsersOf(writes.sessionId)) touch(users, userId, writes, writes.lines.at(-1)!.at)
  }
  for (const { hot, large } of users.values()) for (const sessionId of large) hot.delete(sessionId)
  return users
}

function addGroup(
  users: Map<UserId, UserWrites>,
  writes: SessionWrites,
  { largeSince, at, members }: GroupState,
): void {
  for (const userId of members) {
    if (largeSince > 0) writesOf(users, userId).large.add(writes.sessionId)
    else touch(users, userId, writes, at)
  }
  for (const change of writes.changes) {
    const joins = change.kind === 'join'
    const whenLarge = largeSince > 0 && (joins ? change.seq >= largeSince : change.seq > largeSince)
    for (const userId of change.userIds) {
      if (whenLarge) writesOf(users, userId).large.add(writes.sessionId)
      else if (!joins) touch(users, userId, writes, change.at)
    }
  }
}

function touch(users: Map<UserId, UserWrites>, userId: UserId, { sessionId }: SessionWrites, at: Millis): void {
  const { hot } = writesOf(users, userId)
  const time = hotTime(at)
  if ((hot.get(sessionId) ?? 0) < time) hot.set(sessionId, time)
}

function writesOf(users: Map<UserId, UserWrites>, userId: UserId): UserWrites {
  let writes = users.get(userId)
  if (writes === undefined) {
    writes = { hot: new Map(), large: new Set() }
    users.set(userId, writes)
  }
  return writes
}
