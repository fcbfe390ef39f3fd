/**
 * Every outcome code that a client can see, in one table. Numbers below 100 are those of the Tars IM (FEATURES.md),
 * spelled right; ours start at 100.
 *
 * `retry` says what the client does next:
 * - `never`: the refusal is final; the same packId always gets the same answer.
 * - `same`: temporary; send again later with the same packId (nothing was recorded).
 * - `new`: this packId is spent; look it up and, if it was never accepted, send under a new one.
 */
export const Code = {
  SUCCESS: { number: 0, retry: 'never', text: 'done' },
  PROTOCOL: { number: 1, retry: 'never', text: 'the frame or pack type is not known' },
  PARAM: { number: 2, retry: 'never', text: 'a field is missing or malformed' },
  UNKNOWN: { number: 3, retry: 'same', text: 'unexpected failure' },
  DB_ERROR: { number: 5, retry: 'same', text: 'a store that is needed is down' },
  SERVICE_UNAVAILABLE: { number: 6, retry: 'same', text: 'the service is not ready' },
  SERVER_REFUSED: { number: 7, retry: 'never', text: 'refused by the server' },
  SERVER_EXCEPTION: { number: 8, retry: 'same', text: 'unexpected failure in the server' },
  MEMORY: { number: 9, retry: 'same', text: 'reserved' },
  SENSITIVE_MATCH: { number: 10, retry: 'never', text: 'the content matches a forbidden word' },
  REDIS_ERROR: { number: 11, retry: 'same', text: 'Redis is down' },
  BAD_CLIENT_IDENTITY: { number: 20, retry: 'never', text: 'user id, device type or device id is wrong' },
  BAD_CREDENTIALS: { number: 21, retry: 'never', text: 'the token is wrong or expired' },
  KICKED_OUT: { number: 22, retry: 'never', text: 'logged out by another login or an operator' },
  ACCESS_DENIED: { number: 23, retry: 'never', text: 'the token does not allow this' },
  THIRD_PARTY_REJECT: { number: 24, retry: 'never', text: 'refused by the third party' },
  HOTSESSION_MORE: { number: 25, retry: 'never', text: 'there are more sessions' },
  HOTSESSION_FAILED: { number: 26, retry: 'same', text: 'the session list could not be read' },
  HISTORY_ERROR: { number: 27, retry: 'same', text: 'history could not be read' },
  HISTORY_DENIED: { number: 28, retry: 'never', text: 'the asker may not read this session' },
  GROUP_USER_NOT_EXIST: { number: 30, retry: 'never', text: 'not a member of the group' },
  GROUP_ID_EMPTY: { number: 31, retry: 'never', text: 'the group id is missing' },
  GROUP_EMPTY: { number: 32, retry: 'never', text: 'the list of members is empty' },
  GROUP_NO_PRIVILEGE: { number: 33, retry: 'never', text: 'the role does not allow this' },
  MEMBER_LIMIT: { number: 34, retry: 'never', text: 'the group is full' },
  GROUP_NOT_EXIST: { number: 35, retry: 'never', text: 'the group does not exist or is dismissed' },
  CREATOR_ERROR: { number: 36, retry: 'never', text: 'the owner cannot do this' },
  MSG_TOO_SHORT: { number: 40, retry: 'never', text: 'the content is empty' },
  MSG_TOO_LONG: { number: 41, retry: 'never', text: 'the content is too long' },
  MSG_INVALID_FORMAT: { number: 42, retry: 'never', text: 'the content is not valid for its kind' },
  MSG_FORBIDDEN: { number: 43, retry: 'never', text: 'the sender may not write to this session' },
  MSG_NOT_EXIST: { number: 44, retry: 'never', text: 'there is no such message' },
  MSG_TIMEOUT: { number: 45, retry: 'same', text: 'no outcome in time; it may still arrive' },
  MSG_REPEATED: { number: 46, retry: 'never', text: 'already done' },
  MSG_OP_CMD: { number: 47, retry: 'never', text: 'the operation is not known' },
  USER_RELATION_INVALID: { number: 50, retry: 'never', text: 'the relation of the users does not allow this' },
  BLACKLIST: { number: 51, retry: 'never', text: 'blocked by the receiver' },
  VERSION: { number: 52, retry: 'never', text: 'the protocol version is not supported' },
  USER_ATTRIBUTE: { number: 60, retry: 'never', text: 'an attribute of a user is not valid, or too many' },
  SESSION_ATTRIBUTE: { number: 61, retry: 'never', text: 'an attribute of a session is not valid, or too many' },
  NOT_CONNECTED: { number: 100, retry: 'same', text: 'there is no connection' },
  TOO_LATE: { number: 101, retry: 'never', text: 'the time for this is over' },
  PACK_CONFLICT: { number: 102, retry: 'never', text: 'this packId was used for other content' },
  EXPIRED: { number: 103, retry: 'new', text: 'the packId is older than the dedupe window' },
  NO_PRIVILEGE: { number: 104, retry: 'never', text: 'not the sender, or not an admin' },
  RATE_LIMITED: { number: 105, retry: 'same', text: 'too many requests' },
  SLOW_MODE: { number: 106, retry: 'same', text: 'slow mode: wait before the next message' },
  MUTED: { number: 107, retry: 'never', text: 'muted in this group' },
  OVERLOADED: { number: 108, retry: 'same', text: 'the server is overloaded' },
  MISROUTED: { number: 109, retry: 'never', text: 'the record was in a wrong partition or under a wrong key' },
  UNREADABLE: { number: 110, retry: 'never', text: 'the record could not be decoded' },
  PACK_FROM_FUTURE: { number: 111, retry: 'same', text: 'the packId lies too far in the future: mind the clock' },
  GROUP_EXISTS: { number: 112, retry: 'never', text: 'the group id is taken' },
  ALREADY_MEMBER: { number: 113, retry: 'never', text: 'already a member' },
  VIEW_BEHIND: { number: 114, retry: 'same', text: 'a view has not caught up yet' },
  FRAME_TOO_LARGE: { number: 115, retry: 'never', text: 'the frame is too large' },
  INVITE_INVALID: { number: 116, retry: 'never', text: 'the invite does not exist, has ended or is used up' },
  REQUEST_NOT_EXIST: { number: 117, retry: 'never', text: 'there is no such request' },
  LIMIT_REACHED: { number: 118, retry: 'never', text: 'there are as many of these as there may be' },
  LEGAL_HOLD: { number: 119, retry: 'never', text: 'a legal hold forbids to erase this' },
  NOT_EXIST: { number: 120, retry: 'never', text: 'there is no such thing' },
} as const satisfies Record<string, { number: number; retry: 'never' | 'same' | 'new'; text: string }>

/** Name of an outcome code, as it stands in the schema, in frames and in tables. */
export type CodeName = keyof typeof Code

const nameByNumber = new Map<number, CodeName>(
  Object.entries(Code).map(([name, entry]) => [entry.number, name as CodeName]),
)

/** The name for a number; undefined when this build does not know it. */
export function codeName(number: number): CodeName | undefined {
  return nameByNumber.get(number)
}

/** True when the refusal is temporary: nothing is remembered of it and the same packId may be sent again. */
export function isTemporary(name: CodeName): boolean {
  return Code[name].retry === 'same'
}

/** Final refusals that are not a pack's own first outcome: of who is no client of ours, and of the dedupe itself. */
const NOT_REMEMBERED: ReadonlySet<CodeName> = new Set([
  'UNREADABLE',
  'MISROUTED',
  'BAD_CLIENT_IDENTITY',
  'PACK_CONFLICT',
])

/** True for the refusals that the sequencer remembers: a resend of the pack gets the same again (SQ7). */
export function isRemembered(name: CodeName): boolean {
  return Code[name].retry === 'never' && !NOT_REMEMBERED.has(name)
}

/** The codes of outcomes that a pack has for good; 0 where it was accepted. */
export const REMEMBERED_CODES: readonly number[] = Object.entries(Code)
  .filter(([name]) => isRemembered(name as CodeName))
  .map(([, { number }]) => number)
