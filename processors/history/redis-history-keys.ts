import type { Partition, SessionId, UserId } from '../../schemas/ids.ts'

/**
 * The keys of the history view in Redis; every key of a session or user is in that one's slot. All begin with
 * `<prefix>history:<generation>:` (infra/redis/generations.ts). None has a time to live: times are log time. Written
 * by the history view only.
 *
 *   {<sessionId>}:head     hash    lastSeq, firstSeq (first kept), firstAt (its time), count, at, largeSince (groups)
 *   {<sessionId>}:events   hash    seq -> JSON text of the event's frame, as it is sent; firstSeq..lastSeq, no holes
 *   {<sessionId>}:packs    hash    packId/from -> seq/count/at; for the events kept
 *   {<sessionId>}:marks    hash    userId -> seq/count; a max-register
 *   {<sessionId>}:members  set     userId; groups: who is in
 *   {<sessionId>}:left     hash    userId -> seq/count/at of the event that ended the stay; groups: who is out
 *   {u:<userId>}:hot       zset    sessionId by time of the last event that the user may see
 *   {u:<userId>}:large     set     sessionId of large groups, left ones included; these are not in `hot`
 *   {u:<userId>}:refusals  zset    packId/sessionId/code/at, all with score 0; oldest packIds dropped first
 *   {p:<partition>}:ages   zset    sessionId by a time at or before that of its oldest event
 *
 * The seqs of a timeline have no holes, so a hash serves pages as well as a sorted set would, with less memory, and
 * an event can be changed in its place.
 */

export interface SessionKeys {
  head: string
  events: string
  packs: string
  marks: string
  members: string
  left: string
}

export function sessionKeys(keyPrefix: string, sessionId: SessionId): SessionKeys {
  const base = `${keyPrefix}{${sessionId}}:`
  return {
    head: `${base}head`,
    events: `${base}events`,
    packs: `${base}packs`,
    marks: `${base}marks`,
    members: `${base}members`,
    left: `${base}left`,
  }
}

export interface UserKeys {
  hot: string
  large: string
  refusals: string
}

export function userKeys(keyPrefix: string, userId: UserId): UserKeys {
  const base = `${keyPrefix}{u:${userId}}:`
  return { hot: `${base}hot`, large: `${base}large`, refusals: `${base}refusals` }
}

export function agesKey(keyPrefix: string, partition: Partition): string {
  return `${keyPrefix}{p:${partition}}:ages`
}
