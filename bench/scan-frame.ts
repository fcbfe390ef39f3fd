import type { PackId } from '../schemas/ids.ts'

/**
 * Reads just what the bench counts out of a server frame, without parsing it: the load client shares its machine
 * with what it measures. It leans on how the gateway writes frames: `type` first, then flat fields, the body last.
 */

/** What a frame says about a message of ours; `other` is anything else (welcome, pong, ...). */
export type Scanned =
  | { kind: 'ack'; index: number; seq: number }
  | { kind: 'event'; index: number; seq: number }
  | { kind: 'refused'; index: number; code: string }
  | { kind: 'other' }

const OTHER: Scanned = { kind: 'other' }
const PACK_ID = '"packId":"'
const SEQ = '"seq":'
const NAME = '"name":"'
/** The index of a message stands in the last 12 hex digits of its packId. */
const INDEX_AT = 24
const PACK_ID_CHARS = 36

/** Scans the JSON text of a server frame. */
export function scanFrame(text: string): Scanned {
  if (text.startsWith('{"type":"ack"')) return { kind: 'ack', index: indexIn(text), seq: seqIn(text) }
  if (text.startsWith('{"type":"event"')) return { kind: 'event', index: indexIn(text), seq: seqIn(text) }
  if (text.startsWith('{"type":"refused"')) return { kind: 'refused', index: indexIn(text), code: nameIn(text) }
  return OTHER
}

function indexIn(text: string): number {
  const at = text.indexOf(PACK_ID) + PACK_ID.length
  return Number.parseInt(text.slice(at + INDEX_AT, at + PACK_ID_CHARS), 16)
}

function seqIn(text: string): number {
  // Number.parseInt stops at the first character that is no digit.
  const at = text.indexOf(SEQ) + SEQ.length
  return Number.parseInt(text.slice(at, at + 16), 10)
}

function nameIn(text: string): string {
  const at = text.indexOf(NAME) + NAME.length
  return text.slice(at, text.indexOf('"', at))
}

/** A packId (UUIDv7) that carries the message's index; `run` is six hex digits that tell runs apart. */
export function indexedPackId(now: number, run: string, index: number): PackId {
  const time = now.toString(16).padStart(12, '0')
  const number = index.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${run.slice(0, 3)}-8${run.slice(3, 6)}-${number}` as PackId
}
