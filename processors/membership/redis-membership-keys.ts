import type { SessionId, UserId } from '../../schemas/ids.ts'

/**
 * The keys of the membership view in Redis; every key of a group or user is in that one's slot. All begin with
 * `<prefix>membership:<generation>:` (infra/redis/generations.ts). None has a time to live. Written by the membership
 * view only. A versioned text is `<version> <value>` (versioned.ts), its version the seq of the event that says it.
 *
 *   {g:<groupId>}:head     hash  owner, info, settings: versioned texts (JSON); createdSeq; dismissedSeq once dismissed;
 *                                changed: offset of the last event after which a list shows the group otherwise;
 *                                invitedAt: log time of the newest invite
 *   {g:<groupId>}:stays    hash  userId -> stays as text (stays.ts), of everyone who ever was in
 *   {g:<groupId>}:present  zset  userId, all scores 0: who is in, in byte order; a dismissal leaves it as it is
 *   {g:<groupId>}:changes  zset  userId, score: seq of the last change to that user in the group
 *   {g:<groupId>}:roles    hash  userId -> versioned role, of everyone who was ever given or taken one
 *   {g:<groupId>}:aliases  hash  userId -> versioned alias
 *   {g:<groupId>}:mutes    hash  userId -> versioned time until which the user may not speak, 0: may
 *   {g:<groupId>}:requests hash  userId -> `<offset> <at> <message>`, of those who wait for an answer
 *   {g:<groupId>}:invites  hash  inviteId -> text (versioned.ts), of those that have not ended
 *   {g:<groupId>}:uses:<inviteId>  set  offset of each use, of those invites
 *   {g:<groupId>}:endedRequests  hash  userId -> offset of the last request that was ended, so that no late write brings it back
 *   {g:<groupId>}:endedInvites   zset  inviteId, score: time until which it would have held; for the same, gone soon after that time
 *   {u:<userId>}:groups    hash  sessionId -> seq/joinSeq; joinSeq 0 for groups left, so that no replay brings them back
 *   {u:<userId>}:roles     hash  sessionId -> versioned role
 *   {u:<userId>}:touched   hash  sessionId -> partition/offset of the last event that changed what the user is there
 */

/** Raised when what is stored changes: a generation of another format counts as none and is built anew. */
export const MEMBERSHIP_FORMAT = '7'

export interface GroupKeys {
  head: string
  stays: string
  present: string
  changes: string
  roles: string
  aliases: string
  mutes: string
  requests: string
  invites: string
  /** With an inviteId behind it. */
  uses: string
  endedRequests: string
  endedInvites: string
}

export function groupKeys(keyPrefix: string, sessionId: SessionId): GroupKeys {
  const base = `${keyPrefix}{${sessionId}}:`
  return {
    head: `${base}head`,
    stays: `${base}stays`,
    present: `${base}present`,
    changes: `${base}changes`,
    roles: `${base}roles`,
    aliases: `${base}aliases`,
    mutes: `${base}mutes`,
    requests: `${base}requests`,
    invites: `${base}invites`,
    uses: `${base}uses:`,
    endedRequests: `${base}endedRequests`,
    endedInvites: `${base}endedInvites`,
  }
}

export interface UserKeys {
  groups: string
  roles: string
  touched: string
}

export function userKeys(keyPrefix: string, userId: UserId): UserKeys {
  const base = `${keyPrefix}{u:${userId}}:`
  return { groups: `${base}groups`, roles: `${base}roles`, touched: `${base}touched` }
}
