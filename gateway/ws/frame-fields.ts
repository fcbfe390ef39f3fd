import { LONG_MAX } from '../../schemas/codec.ts'
import {
  isGroupId,
  isPackId,
  isSessionId,
  isUserId,
  type PackId,
  type SessionId,
  type UserId,
} from '../../schemas/ids.ts'
import type { Attribute } from '../../schemas/settings.ts'

/**
 * Reads single fields of what clients send. By hand and not by a schema library: this is the hot path, and a frame
 * that is wrong must be answered with the field that is wrong.
 */

/** User ids that one frame may name; the sequencer's rules may allow fewer. */
export const FRAME_USERS_MAX = 5_000
/** Length of a page cursor, which is opaque. */
export const CURSOR_CHARS_MAX = 4_096
/** Attributes, targets, connections and the like that one frame may name. */
export const FRAME_ITEMS_MAX = 200

export type Fields = Record<string, unknown>

/** A field is missing or malformed; caught in `parseFrame` only. */
export class BadField extends Error {
  override readonly name = 'BadField'
}

export const ID_RULE = 'must be 1 to 64 of A-Z a-z 0-9 . _ @ -'
export const SESSION_RULE = 'must be a canonical session id'
export const SEQ_RULE = 'must be a whole number from 0'

export function bad(field: string, rule: string): BadField {
  return new BadField(`${field}: ${rule}`)
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** Left out, or null as in Avro. */
export function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null
}

export function packIdOf({ packId }: Fields, path = 'packId'): PackId {
  if (typeof packId !== 'string' || !isPackId(packId)) throw bad(path, 'must be a UUIDv7 in lower case')
  return packId
}

export function sessionOf({ sessionId }: Fields, path = 'sessionId'): SessionId {
  if (typeof sessionId !== 'string' || !isSessionId(sessionId)) throw bad(path, SESSION_RULE)
  return sessionId
}

export function groupOf(raw: Fields): SessionId {
  const sessionId = sessionOf(raw)
  if (!sessionId.startsWith('g:')) throw bad('sessionId', 'must be a group, g:<id>')
  return sessionId
}

export function groupIdOf(value: unknown) {
  if (typeof value !== 'string' || !isGroupId(value)) throw bad('groupId', ID_RULE)
  return value
}

export function requestIdOf({ requestId }: Fields): number {
  if (!isCount(requestId)) throw bad('requestId', 'must be a whole number from 0')
  return requestId
}

export function userOf(value: unknown, path: string): UserId {
  if (typeof value !== 'string' || !isUserId(value)) throw bad(path, ID_RULE)
  return value
}

export function textOf(fields: Fields, name: string, path = name): string {
  const value = fields[name]
  if (typeof value !== 'string') throw bad(path, 'must be a text')
  return value
}

export function countOf(fields: Fields, name: string, path = name): number {
  const value = fields[name]
  if (!isCount(value)) throw bad(path, SEQ_RULE)
  if (value > LONG_MAX) throw bad(path, 'is too large')
  return value
}

/** A 32-bit whole number from 0, as Avro's int. */
export function intOf(fields: Fields, name: string, path = name): number {
  const value = countOf(fields, name, path)
  if (value > 2 ** 31 - 1) throw bad(path, 'is too large')
  return value
}

export function booleanOf(fields: Fields, name: string, path = name): boolean {
  const value = fields[name]
  if (typeof value !== 'boolean') throw bad(path, 'must be true or false')
  return value
}

export function numberOf(fields: Fields, name: string, path: string): number {
  const value = fields[name]
  if (typeof value !== 'number' || !Number.isFinite(value)) throw bad(path, 'must be a number')
  return value
}

export function oneOf<T extends string>(fields: Fields, name: string, path: string, values: readonly T[]): T {
  const found = values.find(value => value === fields[name])
  if (found === undefined) throw bad(path, `must be one of ${values.join(', ')}`)
  return found
}

export function fieldsOf(fields: Fields, name: string, path = name): Fields {
  const value = fields[name]
  if (!isFields(value)) throw bad(path, 'must be an object')
  return value
}

/** A list of at most `max`, each item read by `read`. */
export function listOf<T>(
  fields: Fields,
  name: string,
  read: (item: unknown, path: string) => T,
  { max = FRAME_ITEMS_MAX, path = name }: { max?: number; path?: string } = {},
): T[] {
  const value = fields[name]
  if (!Array.isArray(value)) throw bad(path, 'must be a list')
  if (value.length > max) throw bad(path, `at most ${max}`)
  return value.map((item: unknown, index) => read(item, `${path}[${index}]`))
}

export function usersOf(fields: Fields, name: string, path = name): UserId[] {
  return listOf(fields, name, userOf, { max: FRAME_USERS_MAX, path })
}

export function attributesOf(fields: Fields, name: string, path = name): Attribute[] {
  return listOf(
    fields,
    name,
    (item, at) => {
      if (!isFields(item)) throw bad(at, 'must be an object')
      return { name: textOf(item, 'name', `${at}.name`), value: textOf(item, 'value', `${at}.value`) }
    },
    { path },
  )
}

/** Reads a field that may be absent. */
type Reader<T> = (fields: Fields, name: string, path: string) => T
type Readers<T> = { [K in keyof T]-?: Reader<NonNullable<T[K]>> }

/** Those fields that are there, each read by its own reader. */
export function presentOf<T extends object>(fields: Fields, path: string, readers: Readers<T>): Partial<T> {
  const present: Partial<T> = {}
  for (const name in readers) {
    if (!isAbsent(fields[name])) present[name] = readers[name](fields, name, path === '' ? name : `${path}.${name}`)
  }
  return present
}

export function pageOf({ cursor, limit }: Fields, limitMax: number): { cursor?: string; limit: number } {
  const size = limit ?? limitMax
  if (!isCount(size) || size < 1 || size > limitMax) throw bad('limit', `must be 1 to ${limitMax}`)
  if (isAbsent(cursor)) return { limit: size }
  if (typeof cursor !== 'string' || cursor.length > CURSOR_CHARS_MAX) throw bad('cursor', 'must be one of ours')
  return { cursor, limit: size }
}

/** As pageOf, of a list that can be asked for what has changed since an earlier answer. */
export function sincePageOf(raw: Fields, limitMax: number): { cursor?: string; limit: number; since?: string } {
  const page = pageOf(raw, limitMax)
  const { since } = raw
  if (isAbsent(since)) return page
  if (typeof since !== 'string' || since.length > CURSOR_CHARS_MAX) throw bad('since', 'must be one of ours')
  return { ...page, since }
}
