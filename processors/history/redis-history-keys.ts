import type { Millis } from '../../infra/clock.ts'
import type { Count, PackId, Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'

/**
 * The keys of the history view in Redis; every key of a session or user is in that one's slot. All begin with
 * `<prefix>history:<generation>:` (infra/redis/generations.ts). None has a time to live: times are log time. Written
 * by the history view only.
 *
 *   {<sessionId>}:session  hash    h -> lastSeq/count/at/firstSeq/firstAt/largeSince: at is the time of the last event,
 *                                  firstSeq the first kept, firstAt its time, largeSince 0 for all but large groups
 *                                  e<seq> -> JSON text of the event's frame, as it is sent; firstSeq..lastSeq, no holes
 *                                  p<packId>/<from> -> seq/count/at; for the events kept
 *                                  m<userId> -> seq/count, d<userId> -> seq; max-registers: read, delivered up to here
 *                                  r<seq> -> reactions to it, JSON: pairs of an emoji and its users; for the events kept
 *                                  q<seq> -> JSON text of what must not be missed; for the members of `urgent`
 *                                  o<seq> -> seq/JSON text of the event that changed its content last, without the content
 *                                  x -> the last seq whose amendments were applied
 *   {<sessionId>}:stopped  zset    seq of counted messages that stopped counting, by itself
 *   {<sessionId>}:mentions zset    seq/userId or seq/* by seq: whom counted messages mention
 *   {<sessionId>}:urgent   zset    seq/at by the offset of the event
 *   {<sessionId>}:members  set     userId; groups: who is in
 *   {<sessionId>}:left     hash    userId -> seq/count/at of the event that ended the stay; groups: who is out
 *   {u:<userId>}:hot       zset    sessionId by the minute (hotTime) of the last event that the user may see
 *   {u:<userId>}:large     set     sessionId of large groups, left ones included; these are not in `hot`
 *   {u:<userId>}:own       hash    what the user keeps of sessions: a<sessionId> -> seq/JSON of the attributes,
 *                                  m<sessionId>, c<sessionId> -> seq/count: read, cleared up to here,
 *                                  x<sessionId> -> seq,seq,...: hidden messages
 *   {u:<userId>}:changed   zset    s<sessionId>, u<sessionId> by the minute of the last event, in that session or in the
 *                                  user's own, by which the session looks otherwise to the user
 *   {u:<userId>}:refusals  zset    packId/sessionId/code/at, all with score 0; oldest packIds dropped first
 *   {u:<userId>}:told      zset    partition/offset/JSON text of what must not be missed and no timeline holds, by its time
 *   {p:<partition>}:ages   zset    sessionId by a time at or before that of its oldest event
 *   {p:<partition>}:at     string  minute of an event; everything up to it is stored
 *
 * One hash holds what changes with every message: a message costs one HSET. The seqs of a timeline have no holes, so a
 * hash serves pages as well as a sorted set would, with less memory, and an event can be changed in its place. What is
 * to be kept of a session besides gets a letter of its own.
 */

/** Raised when what is stored changes: a generation of another format counts as none and is built anew. */
export const HISTORY_FORMAT = '5'

/** Each key is made when it is asked for: most writes need one or two of them. */
export class SessionKeys {
  private readonly base: string

  constructor(keyPrefix: string, sessionId: SessionId) {
    this.base = `${keyPrefix}{${sessionId}}:`
  }

  get session(): string {
    return `${this.base}session`
  }

  get members(): string {
    return `${this.base}members`
  }

  get left(): string {
    return `${this.base}left`
  }

  get stopped(): string {
    return `${this.base}stopped`
  }

  get mentions(): string {
    return `${this.base}mentions`
  }

  get urgent(): string {
    return `${this.base}urgent`
  }
}

export function sessionKeys(keyPrefix: string, sessionId: SessionId): SessionKeys {
  return new SessionKeys(keyPrefix, sessionId)
}

/** Fields of a session's hash. */
export const HEAD_FIELD = 'h'
export const EVENT_LETTER = 'e'
export const PACK_LETTER = 'p'
export const MARK_LETTER = 'm'
export const DELIVERED_LETTER = 'd'
export const REACTIONS_LETTER = 'r'
export const URGENT_LETTER = 'q'
export const OVERRIDE_LETTER = 'o'

/** Fields of what a user keeps of sessions. */
export const ATTRIBUTES_LETTER = 'a'
export const CLEARED_LETTER = 'c'
export const HIDDEN_LETTER = 'x'

export function eventField(seq: Seq): string {
  return EVENT_LETTER + seq
}

export function packField(packId: PackId, from: UserId): string {
  return `${PACK_LETTER}${packId}/${from}`
}

export function markField(userId: UserId): string {
  return MARK_LETTER + userId
}

export interface StoredHead {
  lastSeq: Seq
  count: Count
  at: Millis
  firstSeq: Seq
  firstAt: Millis
  largeSince: Seq
}

export function parseHead(text: string): StoredHead {
  const [lastSeq = 0, count = 0, at = 0, firstSeq = 0, firstAt = 0, largeSince = 0] = text.split('/').map(Number)
  return { lastSeq, count, at, firstSeq, firstAt, largeSince }
}

/** As SessionKeys. */
export class UserKeys {
  private readonly base: string

  constructor(keyPrefix: string, userId: UserId) {
    this.base = `${keyPrefix}{u:${userId}}:`
  }

  get hot(): string {
    return `${this.base}hot`
  }

  get large(): string {
    return `${this.base}large`
  }

  get refusals(): string {
    return `${this.base}refusals`
  }

  get own(): string {
    return `${this.base}own`
  }

  get changed(): string {
    return `${this.base}changed`
  }

  get told(): string {
    return `${this.base}told`
  }
}

export function userKeys(keyPrefix: string, userId: UserId): UserKeys {
  return new UserKeys(keyPrefix, userId)
}

export function agesKey(keyPrefix: string, partition: Partition): string {
  return `${keyPrefix}{p:${partition}}:ages`
}

export function timeKey(keyPrefix: string, partition: Partition): string {
  return `${keyPrefix}{p:${partition}}:at`
}
