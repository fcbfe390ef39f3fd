/**
 * The identifiers of the product and their only parsers (DESIGN 2, SPEC ID1-ID4).
 *
 * A user, group or app id matches `[A-Za-z0-9._@-]{1,64}`: no colon, no brace. A session id has exactly one
 * spelling; everything that is not that spelling is refused, so that two spellings never become two sessions.
 */

type Brand<T, Name extends string> = T & { readonly __brand: Name }

/** Id of a user, or of an app where an app acts. */
export type UserId = Brand<string, 'UserId'>
export type GroupId = Brand<string, 'GroupId'>
/** `s:<a>:<b>`, `g:<id>`, `b:<app>:<user>`, `u:<user>` or `a:<app>`. */
export type SessionId = Brand<string, 'SessionId'>
/** A UUIDv7 in lower case, made by the client; the idempotency key together with `from`. */
export type PackId = Brand<string, 'PackId'>

/** Position in a session's timeline: 1, 2, 3, ...; 0 where an event takes none. */
export type Seq = number
/** Running number of the messages of a session that count as unread. */
export type Count = number
export type Partition = number
export type Offset = number

export type Session =
  | { kind: 'Single'; a: UserId; b: UserId }
  | { kind: 'Group'; groupId: GroupId }
  | { kind: 'Notify'; app: UserId; user: UserId }
  | { kind: 'User'; user: UserId }
  | { kind: 'App'; app: UserId }

const ID = /^[A-Za-z0-9._@-]{1,64}$/
const PACK_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** Key and session id of the records that carry rules; no user's session can be called this (the `#`). */
export const RULES_SESSION = '#rules' as SessionId

export function isUserId(text: string): text is UserId {
  return ID.test(text)
}

export function isGroupId(text: string): text is GroupId {
  return ID.test(text)
}

/** True for a UUIDv7 in its canonical lower-case form. */
export function isPackId(text: string): text is PackId {
  return PACK_ID.test(text)
}

/** The 48 time bits of a packId: milliseconds since the epoch, by the client's clock. */
export function packIdTime(packId: PackId): number {
  let time = 0
  for (let at = 0; at < 13; at++) if (at !== 8) time = time * 16 + hexDigit(packId.charCodeAt(at))
  return time
}

/** Of a lower-case hex digit. */
function hexDigit(charCode: number): number {
  return charCode < 58 ? charCode - 48 : charCode - 87
}

/** Makes a packId from a time (milliseconds since the epoch) and ten random bytes. */
export function makePackId(timeMs: number, random: Uint8Array): PackId {
  const time = Math.floor(timeMs).toString(16).padStart(12, '0')
  const rest = random.slice(0, 10)
  rest[0] = (rest[0]! & 0x0f) | 0x70
  rest[2] = (rest[2]! & 0x3f) | 0x80
  // Browsers make packIds as well, and have no Buffer.
  const hex = Array.from(rest, byte => byte.toString(16).padStart(2, '0')).join('')
  return `${time.slice(0, 8)}-${time.slice(8)}-${hex.slice(0, 4)}-${hex.slice(4, 8)}-${hex.slice(8)}` as PackId
}

/** Parses a session id; undefined when it is not the one canonical spelling. */
export function parseSessionId(text: string): Session | undefined {
  const parts = text.split(':')
  const [prefix, first, second] = parts
  if (first === undefined || !ID.test(first)) return undefined
  if (parts.length === 2) {
    if (prefix === 'g') return { kind: 'Group', groupId: first as GroupId }
    if (prefix === 'u') return { kind: 'User', user: first as UserId }
    if (prefix === 'a') return { kind: 'App', app: first as UserId }
    return undefined
  }
  if (parts.length !== 3 || second === undefined || !ID.test(second)) return undefined
  if (prefix === 's') return first < second ? { kind: 'Single', a: first as UserId, b: second as UserId } : undefined
  if (prefix === 'b') return { kind: 'Notify', app: first as UserId, user: second as UserId }
  return undefined
}

/** The single chat of two different users; ids are ASCII, so string order is byte order. */
export function singleSessionId(one: UserId, other: UserId): SessionId {
  return (one < other ? `s:${one}:${other}` : `s:${other}:${one}`) as SessionId
}

export function groupSessionId(groupId: GroupId): SessionId {
  return `g:${groupId}` as SessionId
}

/** A user's own session. */
export function userSessionId(userId: UserId): SessionId {
  return `u:${userId}` as SessionId
}

/** The group id of a createGroup that names none: the packId without its dashes. */
export function defaultGroupId(packId: PackId): GroupId {
  return packId.replaceAll('-', '') as GroupId
}

export function isSessionId(text: string): text is SessionId {
  return parseSessionId(text) !== undefined
}

/** True for what an app may read that names no user: chats and groups, and its own; never a user's own session. */
export function isOpenToApp(sessionId: SessionId, app: UserId): boolean {
  return /^[sg]:/.test(sessionId) || sessionId === `a:${app}` || sessionId.startsWith(`b:${app}:`)
}
