import type { CodeName } from '../../schemas/codes.ts'
import {
  type ClientFrame,
  HISTORY_PAGE_MAX,
  MEMBERS_PAGE_MAX,
  RESUME_SESSIONS_MAX,
  SESSIONS_PAGE_MAX,
} from '../../schemas/frames.ts'
import { decodeClientFrame } from '../../schemas/frames-avro.ts'
import {
  groupSessionId,
  isGroupId,
  isPackId,
  isSessionId,
  isUserId,
  type PackId,
  type SessionId,
} from '../../schemas/ids.ts'
import { type Content, Flag, type GroupInfo, type PushInfo } from '../../schemas/pack.ts'
import { JSON_DEPTH_MAX } from '../limits.ts'
import type { Subprotocol } from './frames.ts'

/**
 * Reads what clients send. By hand and not by a schema library: this is the hot path, and a frame that is wrong must
 * be answered with the field that is wrong and with the packId or requestId that it carried. Fields that are not
 * known are ignored, so that newer clients can talk to older gateways.
 */

/** User ids that one frame may name; the sequencer's rules may allow fewer. */
export const FRAME_USERS_MAX = 5_000
/** Length of a page cursor, which is opaque. */
export const CURSOR_CHARS_MAX = 512

export interface BrokenFrame {
  code: CodeName
  reason: string
  /** What the frame said about itself, as far as it could be read: decides who is answered, and how. */
  packId?: PackId
  sessionId?: SessionId
  requestId?: number
}

export type ParsedFrame = { ok: true; frame: ClientFrame } | { ok: false; broken: BrokenFrame }

type Fields = Record<string, unknown>

/** A field is missing or malformed; caught in `parseFrame` only. */
class BadField extends Error {
  override readonly name = 'BadField'
}

/** Parses and validates one message. Never throws. */
export function parseFrame(subprotocol: Subprotocol, data: Buffer, isBinary: boolean): ParsedFrame {
  if (isBinary !== (subprotocol === 'avro')) {
    return broken('PROTOCOL', `packlog.v1.${subprotocol} has ${isBinary ? 'text' : 'binary'} messages`)
  }
  const raw = subprotocol === 'json' ? readJson(data) : readAvro(data)
  if (typeof raw === 'string') return broken('PROTOCOL', raw)
  try {
    const frame = validate(raw)
    if (frame !== undefined) return { ok: true, frame }
    return broken('PROTOCOL', `there is no frame of type ${JSON.stringify(raw.type)?.slice(0, 60)}`, raw)
  } catch (error) {
    if (error instanceof BadField) return broken('PARAM', error.message, raw)
    throw error
  }
}

/** The fields of the frame, or what is wrong with the bytes. */
function readJson(data: Buffer): Fields | string {
  if (!isShallow(data)) return `nested more than ${JSON_DEPTH_MAX} deep`
  try {
    const raw: unknown = JSON.parse(data.toString('utf8'))
    return isFields(raw) ? raw : 'a frame is a JSON object'
  } catch {
    return 'not a JSON text'
  }
}

function readAvro(data: Buffer): Fields | string {
  try {
    return decodeClientFrame(data)
  } catch {
    return 'not an Avro ClientFrame'
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

/** True when brackets outside of strings never nest deeper than JSON_DEPTH_MAX. Looks at bytes, before any parsing. */
function isShallow(data: Buffer): boolean {
  let depth = 0
  for (let at = 0; at < data.length; at++) {
    const byte = data[at]!
    if (byte === QUOTE) {
      at = endOfString(data, at)
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++depth > JSON_DEPTH_MAX) return false
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth--
    }
  }
  return true
}

/** Where the string that begins at `start` ends. */
function endOfString(data: Buffer, start: number): number {
  for (let at = data.indexOf(QUOTE, start + 1); at !== -1; at = data.indexOf(QUOTE, at + 1)) {
    let backslashes = 0
    while (data[at - 1 - backslashes] === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return at
  }
  return data.length
}

function broken(code: CodeName, reason: string, raw: Fields = {}): ParsedFrame {
  const { packId, sessionId, requestId } = raw
  const result: BrokenFrame = { code, reason }
  if (typeof packId === 'string' && isPackId(packId)) {
    result.packId = packId
    if (typeof sessionId === 'string' && isSessionId(sessionId)) result.sessionId = sessionId
    else if (raw.type === 'createGroup') result.sessionId = groupSessionId(groupIdOf(raw, packId))
  }
  if (isCount(requestId)) result.requestId = requestId
  return { ok: false, broken: result }
}

function groupIdOf(raw: Fields, packId: PackId) {
  return typeof raw.groupId === 'string' && isGroupId(raw.groupId) ? raw.groupId : defaultGroupId(packId)
}

/** The group id of a createGroup that names none: the packId without its dashes. */
export function defaultGroupId(packId: PackId) {
  const id = packId.replaceAll('-', '')
  if (!isGroupId(id)) throw new TypeError(`${id} is not a group id`)
  return id
}

/** The frame with exactly its known fields; undefined when its type is not known. Throws BadField. */
function validate(raw: Fields): ClientFrame | undefined {
  switch (raw.type) {
    case 'send':
      return validateSend(raw)
    case 'createGroup':
      return validateCreateGroup(raw)
    case 'joinGroup':
    case 'quitGroup':
    case 'dismissGroup':
      return { type: raw.type, packId: packIdOf(raw), sessionId: groupOf(raw) }
    case 'addMembers':
    case 'removeMembers':
      return { type: raw.type, packId: packIdOf(raw), sessionId: groupOf(raw), userIds: usersOf(raw, 'userIds') }
    case 'history':
      return validateHistory(raw)
    case 'sessions':
      return { type: 'sessions', requestId: requestIdOf(raw), ...pageOf(raw, SESSIONS_PAGE_MAX) }
    case 'members':
      return {
        type: 'members',
        requestId: requestIdOf(raw),
        sessionId: groupOf(raw),
        ...pageOf(raw, MEMBERS_PAGE_MAX),
      }
    case 'outcome':
      return { type: 'outcome', requestId: requestIdOf(raw), sessionId: sessionOf(raw), packId: packIdOf(raw) }
    case 'resume':
      return { type: 'resume', requestId: requestIdOf(raw), sessions: resumedOf(raw) }
    case 'ping':
      return { type: 'ping', requestId: requestIdOf(raw) }
    default:
      return undefined
  }
}

/** Flags that a client may set; the others belong to packs that are not there yet, or never enter the log. */
const CLIENT_FLAGS = Flag.ACK | Flag.DUP | Flag.COUNTER | Flag.HIGH_PRIORITY | Flag.NO_PUSH

function validateSend(raw: Fields): ClientFrame {
  const packId = packIdOf(raw)
  const sessionId = sessionOf(raw)
  const content = contentOf(raw)
  const flags = raw.flags ?? 0
  if (typeof flags !== 'number' || (flags & CLIENT_FLAGS) !== flags) throw bad('flags', 'unknown or not allowed here')
  if (raw.pushInfo === undefined || raw.pushInfo === null) return { type: 'send', packId, sessionId, flags, content }
  return { type: 'send', packId, sessionId, flags, pushInfo: pushInfoOf(raw.pushInfo), content }
}

function contentOf(raw: Fields): Content {
  const { content } = raw
  if (!isFields(content)) throw bad('content', 'must be an object')
  switch (content.kind) {
    case 'Text':
      return { kind: 'Text', text: textOf(content, 'text', 'content.text') }
    case 'Custom':
      return {
        kind: 'Custom',
        type: textOf(content, 'type', 'content.type'),
        data: textOf(content, 'data', 'content.data'),
      }
    default:
      throw bad('content.kind', 'must be Text or Custom')
  }
}

function pushInfoOf(raw: unknown): PushInfo {
  if (!isFields(raw)) throw bad('pushInfo', 'must be an object')
  return {
    title: textOf(raw, 'title', 'pushInfo.title'),
    summary: textOf(raw, 'summary', 'pushInfo.summary'),
    url: raw.url === undefined ? '' : textOf(raw, 'url', 'pushInfo.url'),
  }
}

function validateCreateGroup(raw: Fields): ClientFrame {
  const packId = packIdOf(raw)
  const { groupId } = raw
  const info = groupInfoOf(raw.info)
  const members = usersOf(raw, 'members')
  if (groupId === undefined || groupId === null) return { type: 'createGroup', packId, info, members }
  if (typeof groupId !== 'string' || !isGroupId(groupId)) throw bad('groupId', ID_RULE)
  return { type: 'createGroup', packId, groupId, info, members }
}

function groupInfoOf(raw: unknown): GroupInfo {
  if (!isFields(raw)) throw bad('info', 'must be an object')
  return {
    name: textOf(raw, 'name', 'info.name'),
    avatar: raw.avatar === undefined ? '' : textOf(raw, 'avatar', 'info.avatar'),
    notice: raw.notice === undefined ? '' : textOf(raw, 'notice', 'info.notice'),
  }
}

function validateHistory(raw: Fields): ClientFrame {
  const requestId = requestIdOf(raw)
  const sessionId = sessionOf(raw)
  const { limit } = pageOf(raw, HISTORY_PAGE_MAX)
  const { afterSeq, beforeSeq } = raw
  if ((afterSeq === undefined) === (beforeSeq === undefined)) {
    throw bad('afterSeq', 'exactly one of afterSeq and beforeSeq')
  }
  if (afterSeq !== undefined) {
    if (!isCount(afterSeq)) throw bad('afterSeq', SEQ_RULE)
    return { type: 'history', requestId, sessionId, afterSeq, limit }
  }
  if (!isCount(beforeSeq) || beforeSeq === 0) throw bad('beforeSeq', 'must be a whole number from 1')
  return { type: 'history', requestId, sessionId, beforeSeq, limit }
}

function resumedOf(raw: Fields) {
  const { sessions } = raw
  if (!Array.isArray(sessions)) throw bad('sessions', 'must be a list')
  if (sessions.length > RESUME_SESSIONS_MAX) throw bad('sessions', `at most ${RESUME_SESSIONS_MAX}`)
  const seen = new Set<string>()
  return sessions.map((item: unknown, index) => {
    if (!isFields(item)) throw bad(`sessions[${index}]`, 'must be an object')
    const { sessionId, seq } = item
    if (typeof sessionId !== 'string' || !isSessionId(sessionId))
      throw bad(`sessions[${index}].sessionId`, SESSION_RULE)
    if (!isCount(seq)) throw bad(`sessions[${index}].seq`, SEQ_RULE)
    if (seen.has(sessionId)) throw bad(`sessions[${index}].sessionId`, 'named twice')
    seen.add(sessionId)
    return { sessionId, seq }
  })
}

const ID_RULE = 'must be 1 to 64 of A-Z a-z 0-9 . _ @ -'
const SESSION_RULE = 'must be a canonical session id'
const SEQ_RULE = 'must be a whole number from 0'

function bad(field: string, rule: string): BadField {
  return new BadField(`${field}: ${rule}`)
}

function packIdOf({ packId }: Fields): PackId {
  if (typeof packId !== 'string' || !isPackId(packId)) throw bad('packId', 'must be a UUIDv7 in lower case')
  return packId
}

function sessionOf({ sessionId }: Fields): SessionId {
  if (typeof sessionId !== 'string' || !isSessionId(sessionId)) throw bad('sessionId', SESSION_RULE)
  return sessionId
}

function groupOf(raw: Fields): SessionId {
  const sessionId = sessionOf(raw)
  if (!sessionId.startsWith('g:')) throw bad('sessionId', 'must be a group, g:<id>')
  return sessionId
}

function requestIdOf({ requestId }: Fields): number {
  if (!isCount(requestId)) throw bad('requestId', 'must be a whole number from 0')
  return requestId
}

function textOf(fields: Fields, name: string, path: string): string {
  const value = fields[name]
  if (typeof value !== 'string') throw bad(path, 'must be a text')
  return value
}

function usersOf(raw: Fields, name: 'userIds' | 'members') {
  const value = raw[name]
  if (!Array.isArray(value)) throw bad(name, 'must be a list')
  if (value.length > FRAME_USERS_MAX) throw bad(name, `at most ${FRAME_USERS_MAX}`)
  return value.map((userId: unknown, index) => {
    if (typeof userId !== 'string' || !isUserId(userId)) throw bad(`${name}[${index}]`, ID_RULE)
    return userId
  })
}

function pageOf({ cursor, limit }: Fields, limitMax: number): { cursor?: string; limit: number } {
  const size = limit ?? limitMax
  if (!isCount(size) || size < 1 || size > limitMax) throw bad('limit', `must be 1 to ${limitMax}`)
  if (cursor === undefined || cursor === null) return { limit: size }
  if (typeof cursor !== 'string' || cursor.length > CURSOR_CHARS_MAX) throw bad('cursor', 'must be one of ours')
  return { cursor, limit: size }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
