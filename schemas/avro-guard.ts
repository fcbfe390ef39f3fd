import { Undecodable } from './codec.ts'

/**
 * Walks over Avro bytes before they are decoded.
 *
 * A decoder believes what the bytes say: five bytes that announce an array of a billion items make it allocate
 * (121 MB were measured). The guard goes over the same bytes without allocating: every length and every block count
 * is checked against the bytes that remain and against a named maximum, every union branch exists, and the record
 * ends where the bytes end. It takes the schemas that frames.avsc uses: no recursion, no maps.
 */

export interface GuardLimits {
  /** Items that one array may hold, over all its blocks. */
  itemsMax: number
}

/** Throws Undecodable when the bytes are not one whole record within the limits. */
export type Guard = (bytes: Uint8Array) => void

type Schema = string | Schema[] | { type: Schema; name?: string; fields?: { type: Schema }[]; items?: Schema }

interface Cursor {
  bytes: Uint8Array
  at: number
}
type Walk = (cursor: Cursor) => void

/** Makes the guard of the record `root` among the named schemas. Throws when it meets a schema that it does not know. */
export function compileGuard(schemas: readonly object[], root: string, limits: GuardLimits): Guard {
  const named = new Map<string, Walk>()
  for (const schema of schemas) compile(schema as Schema, named, limits)
  const walk = named.get(root)
  if (walk === undefined) throw new Error(`no schema is called ${root}`)
  return bytes => {
    const cursor = { bytes, at: 0 }
    walk(cursor)
    if (cursor.at !== bytes.length) throw new Undecodable('bytes follow the record')
  }
}

function compile(schema: Schema, named: Map<string, Walk>, limits: GuardLimits): Walk {
  if (Array.isArray(schema)) return walkUnion(schema.map(branch => compile(branch, named, limits)))
  if (typeof schema === 'string') return primitives[schema] ?? lookUp(schema, named)
  if (schema.fields !== undefined) {
    const walk = walkRecord(schema.fields.map(field => compile(field.type, named, limits)))
    named.set(schema.name!, walk)
    return walk
  }
  if (schema.type === 'enum') {
    named.set(schema.name!, walkLong)
    return walkLong
  }
  if (schema.items !== undefined) return walkArray(compile(schema.items, named, limits), limits)
  return compile(schema.type, named, limits)
}

function lookUp(name: string, named: Map<string, Walk>): Walk {
  const walk = named.get(name)
  if (walk === undefined) throw new Error(`the guard does not know the type ${name}`)
  return walk
}

const primitives: Record<string, Walk> = {
  null: () => {},
  boolean: cursor => skip(cursor, 1),
  int: walkLong,
  long: walkLong,
  double: cursor => skip(cursor, 8),
  string: cursor => skip(cursor, readLong(cursor)),
}

function walkRecord(fields: readonly Walk[]): Walk {
  return cursor => {
    for (const field of fields) field(cursor)
  }
}

function walkUnion(branches: readonly Walk[]): Walk {
  return cursor => {
    const branch = branches[readLong(cursor)]
    if (branch === undefined) throw new Undecodable('a union without such a branch')
    branch(cursor)
  }
}

function walkArray(item: Walk, { itemsMax }: GuardLimits): Walk {
  return cursor => {
    let items = 0
    for (;;) {
      let count = readLong(cursor)
      if (count === 0) return
      if (count < 0) {
        // A negative count is followed by the block's size in bytes, which readers may use to skip it.
        count = -count
        if (readLong(cursor) > remaining(cursor)) throw new Undecodable('a block longer than the bytes')
      }
      items += count
      // An item of these schemas takes at least one byte.
      if (count > remaining(cursor) || items > itemsMax) throw new Undecodable('too many items')
      for (let index = 0; index < count; index++) item(cursor)
    }
  }
}

function walkLong(cursor: Cursor): void {
  readLong(cursor)
}

function remaining(cursor: Cursor): number {
  return cursor.bytes.length - cursor.at
}

function skip(cursor: Cursor, length: number): void {
  if (length < 0 || length > remaining(cursor)) throw new Undecodable('a length beyond the bytes')
  cursor.at += length
}

const LONG_BYTES_MAX = 10

/** Avro's zigzag varint; beyond 2^53 it is inexact, which every check here then refuses as too large. */
function readLong(cursor: Cursor): number {
  let raw = 0
  let scale = 1
  for (let index = 0; index < LONG_BYTES_MAX; index++) {
    const byte = cursor.bytes[cursor.at++]
    if (byte === undefined) throw new Undecodable('the bytes end within a number')
    raw += (byte & 0x7f) * scale
    if (byte < 0x80) return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2
    scale *= 128
  }
  throw new Undecodable('a number of too many bytes')
}
