import { hash } from 'node:crypto'
import type avro from 'avsc'
import type { FieldSchema, Fields, Schema } from './avro-shape.ts'
import { avroType, packSchema, recordShape } from './codec.ts'
import { Flag, type Pack } from './pack.ts'

/** What a client itself says in a pack; everything else is added by the gateway. */
export type ClientWords = Pick<Pack, 'sessionId' | 'from' | 'flags' | 'pushInfo' | 'body'>

const CLIENT_FIELDS = new Set(['sessionId', 'from', 'flags', 'pushInfo', 'body'])
const NOT_DIGESTED = Flag.ACK | Flag.DUP

const fields = (packSchema as unknown as { fields: FieldSchema[] }).fields.filter(({ name }) => CLIENT_FIELDS.has(name))
const shape = recordShape({ fields })
const wholeType = wordsType(fields)
const plainType = wordsType(
  fields.map(field => (field.name === 'body' ? { ...field, type: withoutOptional(field.type) } : field)),
)
const saysOptional = optionalFinder(fields.find(({ name }) => name === 'body')!.type)

/**
 * 16 bytes of SHA-256 over the canonical Avro of what the client said, without ACK and DUP, so that JSON and Avro,
 * first send and resend agree (DESIGN 2). The device is not part of it: another device may resend.
 *
 * Optional fields of a body (null by default) count only where a pack says one. So a gateway of a release that knows
 * more of them gives every other pack the digest that it had before, and a resend over an upgrade is no conflict.
 */
export function packDigest({ sessionId, from, flags, pushInfo, body }: ClientWords): Buffer {
  const raw = shape.toAvro({ sessionId, from, flags: flags & ~NOT_DIGESTED, pushInfo, body })
  let end = write(plainType, raw, 0)
  if (saysOptional(body)) end = write(wholeType, raw, end)
  // One call over one piece of memory: a hash object and a buffer for each pack cost several times as much.
  return hash('sha256', scratch.subarray(0, end), 'buffer').subarray(0, DIGEST_BYTES)
}

const DIGEST_BYTES = 16
let scratch = Buffer.allocUnsafe(64 * 1024)

/** Writes a value at `start` of the scratch buffer and gives where it ends. */
function write(type: avro.Type, raw: unknown, start: number): number {
  // avsc gives the end position, negative by what is missing when the buffer is too small.
  const end = type.encode(raw, scratch, start)
  if (end >= 0) return end
  const larger = Buffer.allocUnsafe(2 * (scratch.length - end))
  scratch.copy(larger, 0, 0, start)
  scratch = larger
  return write(type, raw, start)
}

function wordsType(fields: readonly FieldSchema[]): avro.Type {
  return avroType({ type: 'record', name: 'ClientWords', namespace: 'packlog', fields })
}

type Named = Exclude<Schema, string | Schema[]>

function isNamed(schema: Schema): schema is Named & { name: string } {
  return typeof schema === 'object' && !Array.isArray(schema) && schema.name !== undefined
}

/** Every named schema within this one. */
function definitionsIn(schema: Schema, found = new Map<string, Named>()): ReadonlyMap<string, Named> {
  if (typeof schema === 'string') return found
  if (Array.isArray(schema)) {
    for (const branch of schema) definitionsIn(branch, found)
    return found
  }
  if (isNamed(schema)) found.set(schema.name, schema)
  for (const field of schema.fields ?? []) definitionsIn(field.type, found)
  if (schema.items !== undefined) definitionsIn(schema.items, found)
  return found
}

function isOptional(field: FieldSchema): boolean {
  return field.default === null
}

/** The same schema without optional fields. */
function withoutOptional(schema: Schema): Schema {
  const definitions = definitionsIn(schema)
  const written = new Set<string>()
  const copy = (part: Schema): Schema => {
    if (Array.isArray(part)) return part.map(copy)
    const name = typeof part === 'string' ? part : part.name
    const definition = name === undefined ? undefined : definitions.get(name)
    if (name !== undefined && definition !== undefined) {
      // What first stood in a field that is left out is written where it is met next.
      if (written.has(name)) return name
      written.add(name)
    }
    const whole = definition ?? part
    if (typeof whole === 'string') return whole
    if (whole.items !== undefined) return { ...whole, items: copy(whole.items) }
    if (whole.fields === undefined) return whole
    const kept = whole.fields.filter(field => !isOptional(field))
    return { ...whole, fields: kept.map(field => ({ ...field, type: copy(field.type) })) }
  }
  return copy(schema)
}

type Finder = (value: unknown) => boolean

/** Tells whether a value, as it is in TypeScript, has any of the optional fields. */
function optionalFinder(schema: Schema): Finder {
  const definitions = definitionsIn(schema)
  const finders = new Map<string, Finder>()
  const finderOf = (part: Schema): Finder => {
    if (Array.isArray(part)) return unionFinder(part)
    const name = typeof part === 'string' ? part : part.name
    const known = name === undefined ? undefined : finders.get(name)
    if (known !== undefined) return known
    const whole = name === undefined ? part : (definitions.get(name) ?? part)
    if (typeof whole === 'string') return () => false
    const finder = whole.items === undefined ? recordFinder(whole.fields ?? []) : arrayFinder(finderOf(whole.items))
    if (name !== undefined) finders.set(name, finder)
    return finder
  }
  const recordFinder = (fields: readonly FieldSchema[]): Finder => {
    const optional = fields.filter(isOptional).map(({ name }) => name)
    const others = fields.filter(field => !isOptional(field)).map(({ name, type }) => ({ name, find: finderOf(type) }))
    return value => {
      const record = value as Fields
      return optional.some(name => record[name] != null) || others.some(({ name, find }) => find(record[name]))
    }
  }
  const unionFinder = (branches: readonly Schema[]): Finder => {
    const byKind = new Map(branches.map(branch => [nameOf(branch), finderOf(branch)]))
    return value => byKind.get((value as { kind: string }).kind)?.(value) ?? false
  }
  return finderOf(schema)
}

function nameOf(schema: Schema): string {
  return typeof schema === 'string' ? schema : ((schema as Named).name ?? '')
}

function arrayFinder(find: Finder): Finder {
  return value => (value as unknown[]).some(find)
}
