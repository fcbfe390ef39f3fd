import type { SessionId, UserId } from '../../schemas/ids.ts'

/**
 * The keys of the membership view in Redis; every key of a group or user is in that one's slot. All begin with
 * `<prefix>membership:<generation>:` (infra/redis/generations.ts). None has a time to live. Written by the membership
 * view only.
 *
 *   {g:<groupId>}:head     hash  owner, name, avatar, notice, createdSeq; dismissedSeq once it is dismissed
 *   {g:<groupId>}:stays    hash  userId -> stays as text (stays.ts), of everyone who ever was in
 *   {g:<groupId>}:present  zset  userId, all scores 0: who is in, in byte order; a dismissal leaves it as it is
 *   {u:<userId>}:groups    hash  sessionId -> seq/joinSeq; joinSeq 0 for groups left, so that no replay brings them back
 */

export interface GroupKeys {
  head: string
  stays: string
  present: string
}

export function groupKeys(keyPrefix: string, sessionId: SessionId): GroupKeys {
  const base = `${keyPrefix}{${sessionId}}:`
  return { head: `${base}head`, stays: `${base}stays`, present: `${base}present` }
}

export function userGroupsKey(keyPrefix: string, userId: UserId): string {
  return `${keyPrefix}{u:${userId}}:groups`
}
