import type { CodeName } from '../../schemas/codes.ts'
import type { ClientFrame, OwnPackFrame } from '../../schemas/frames.ts'
import { decodeClientFrame } from '../../schemas/frames-avro.ts'
import {
  defaultGroupId,
  groupSessionId,
  isGroupId,
  isPackId,
  isSessionId,
  isUserId,
  type PackId,
  type SessionId,
  type UserId,
} from '../../schemas/ids.ts'
import { JSON_DEPTH_MAX } from '../limits.ts'
import { BadField, booleanOf, type Fields, isCount, isFields, sessionOf } from './frame-fields.ts'
import type { Subprotocol } from './frames.ts'
import { isPackType, readPackFrame } from './pack-frames.ts'
import { isQuestionType, readQuestionFrame } from './question-frames.ts'

/**
 * Reads what clients send. A frame that is wrong is answered with the field that is wrong and with the packId or
 * requestId that it carried. Fields that are not known are ignored, so that newer clients can talk to older gateways.
 */

export interface BrokenFrame {
  code: CodeName
  reason: string
  /** What the frame said about itself, as far as it could be read: decides who is answered, and how. */
  packId?: PackId
  sessionId?: SessionId
  /** The other user, of a pack that names no session. */
  userId?: UserId
  /** The pack goes to the sender's own session. */
  isOwn?: boolean
  requestId?: number
}

export type ParsedFrame = { ok: true; frame: ClientFrame } | { ok: false; broken: BrokenFrame }

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
export function isShallow(data: Buffer): boolean {
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
  const { packId, sessionId, userId, requestId } = raw
  const result: BrokenFrame = { code, reason }
  if (typeof packId === 'string' && isPackId(packId)) {
    result.packId = packId
    if (typeof raw.type === 'string' && OWN_TYPES.has(raw.type)) result.isOwn = true
    else if (typeof sessionId === 'string' && isSessionId(sessionId)) result.sessionId = sessionId
    else if (raw.type === 'createGroup') result.sessionId = groupSessionId(groupIdOr(raw.groupId, packId))
    else if (typeof userId === 'string' && isUserId(userId)) result.userId = userId
  }
  if (isCount(requestId)) result.requestId = requestId
  return { ok: false, broken: result }
}

const OWN_TYPES: ReadonlySet<string> = new Set<OwnPackFrame['type']>([
  'clearSession',
  'deleteForMe',
  'setSessionAttributes',
  'updateProfile',
  'updateSettings',
  'setUserAttributes',
  'logout',
  'registerDevice',
  'unregisterDevice',
  'reportPushOpened',
])

function groupIdOr(groupId: unknown, packId: PackId) {
  return typeof groupId === 'string' && isGroupId(groupId) ? groupId : defaultGroupId(packId)
}

/** The frame with exactly its known fields; undefined when its type is not known. Throws BadField. */
function validate(raw: Fields): ClientFrame | undefined {
  const { type } = raw
  if (isPackType(type)) return readPackFrame(type, raw)
  if (isQuestionType(type)) return readQuestionFrame(type, raw)
  if (type === 'typing') return { type, sessionId: sessionOf(raw), on: booleanOf(raw, 'on') }
  return undefined
}
