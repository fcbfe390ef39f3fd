import { z } from 'zod'
import { LONG_MAX } from '../../schemas/codec.ts'
import { framesSchema } from '../../schemas/frames-avro.ts'

/**
 * The records of frames.avsc as zod schemas, in the form that they have in JSON: a field that is null there is absent
 * here, a union of records says by `kind` which it is. So a route that takes what a frame takes, or answers what a
 * frame answers, has the same fields by construction, and its description is that of the protocol.
 *
 * The schemas are closed: a field that is not known is refused in requests, and never sent in answers.
 */

type AvroSchema = string | AvroSchema[] | AvroType
interface AvroType {
  type: AvroSchema
  name?: string
  doc?: string
  fields?: AvroField[]
  items?: AvroSchema
  symbols?: string[]
}
interface AvroField {
  name: string
  type: AvroSchema
  doc?: string
  default?: unknown
}

export const ID_PATTERN = /^[A-Za-z0-9._@-]{1,64}$/
export const PACK_ID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
export const SESSION_ID_PATTERN = /^(s|b):[A-Za-z0-9._@-]{1,64}:[A-Za-z0-9._@-]{1,64}$|^[gua]:[A-Za-z0-9._@-]{1,64}$/

const definitions = new Map<string, AvroType>()
const plain = new Map<string, z.ZodType>()
const branches = new Map<string, z.ZodObject>()
for (const schema of framesSchema) collect(schema as unknown as AvroSchema)

function collect(schema: AvroSchema): void {
  if (typeof schema === 'string') return
  if (Array.isArray(schema)) {
    for (const branch of schema) collect(branch)
    return
  }
  if (schema.name !== undefined) definitions.set(schema.name, schema)
  for (const field of schema.fields ?? []) collect(field.type)
  if (schema.items !== undefined) collect(schema.items)
  if (typeof schema.type === 'object') collect(schema.type)
}

/** The fields of a record, without those that are left out. */
export function recordFields(name: string, without: readonly string[] = []): Record<string, z.ZodType> {
  const definition = definitions.get(name)
  if (definition?.fields === undefined) throw new TypeError(`frames.avsc has no record ${name}`)
  const fields = definition.fields.filter(field => !without.includes(field.name))
  return Object.fromEntries(fields.map(field => [field.name, fieldSchema(field)]))
}

/** A record as a closed object; with a type of this project, whose fields it has. */
export function recordSchema<T>(name: string, without: readonly string[] = []): z.ZodType<T> {
  return z.strictObject(recordFields(name, without)).describe(docOf(name)) as unknown as z.ZodType<T>
}

/** A record, enum or union of records that frames.avsc names, as it stands in fields of that type. */
export function namedSchema<T>(name: string): z.ZodType<T> {
  return named(name) as z.ZodType<T>
}

/** The schema of one field of a record, such as the content of Send. */
export function fieldOf<T>(record: string, name: string): z.ZodType<T> {
  return recordFields(record)[name] as z.ZodType<T>
}

/** What frames.avsc says of a record. */
export function docOf(name: string): string {
  return definitions.get(name)?.doc ?? ''
}

function fieldSchema({ name, type, doc, default: otherwise }: AvroField): z.ZodType {
  const schema = constrained(name, otherwise === null ? withoutNull(type) : type)
  const said = doc === undefined ? schema : schema.describe(doc)
  return otherwise === null ? said.optional() : said
}

function withoutNull(type: AvroSchema): AvroSchema {
  if (!Array.isArray(type)) return type
  const others = type.filter(branch => branch !== 'null')
  return others.length === 1 ? others[0]! : others
}

/** Ids have a form, wherever they stand. */
const FORMS: Readonly<Record<string, RegExp>> = {
  userId: ID_PATTERN,
  groupId: ID_PATTERN,
  packId: PACK_ID_PATTERN,
  sessionId: SESSION_ID_PATTERN,
}

function constrained(name: string, type: AvroSchema): z.ZodType {
  const form = FORMS[name]
  return form !== undefined && type === 'string' ? z.string().regex(form) : schemaOf(type)
}

function schemaOf(type: AvroSchema): z.ZodType {
  if (Array.isArray(type)) return unionOf(type)
  if (typeof type === 'string') return primitive(type) ?? named(type)
  if (type.name !== undefined) return named(type.name)
  if (type.items !== undefined) return z.array(schemaOf(type.items))
  return schemaOf(type.type)
}

const INT_MAX = 2 ** 31 - 1

function primitive(type: string): z.ZodType | undefined {
  switch (type) {
    case 'string':
      return z.string()
    case 'boolean':
      return z.boolean()
    case 'int':
      return z
        .int()
        .min(-INT_MAX - 1)
        .max(INT_MAX)
    case 'long':
      return z.int().min(-LONG_MAX).max(LONG_MAX)
    case 'double':
    case 'float':
      return z.number()
    default:
      return undefined
  }
}

function named(name: string): z.ZodType {
  const known = plain.get(name)
  if (known !== undefined) return known
  const definition = definitions.get(name)
  if (definition === undefined) throw new TypeError(`frames.avsc has no type ${name}`)
  const schema =
    definition.symbols === undefined
      ? z.strictObject(recordFields(name))
      : (z.enum(definition.symbols as [string, ...string[]]) as z.ZodType)
  const whole = schema.meta({ id: name, ...(definition.doc === undefined ? {} : { description: definition.doc }) })
  plain.set(name, whole)
  return whole
}

function unionOf(types: readonly AvroSchema[]): z.ZodType {
  const others = types.filter(type => type !== 'null')
  if (others.length < types.length) return z.union([unionOf(others), z.null()])
  if (others.length === 1) return schemaOf(others[0]!)
  const kinds = others.map(type => branch(typeof type === 'string' ? type : (type as AvroType).name!))
  return z.discriminatedUnion('kind', kinds as [z.ZodObject, ...z.ZodObject[]])
}

/** A record as a branch of a union. */
function branch(name: string): z.ZodObject {
  const known = branches.get(name)
  if (known !== undefined) return known
  const fields = { kind: z.literal(name), ...(name === 'Event' ? {} : recordFields(name)) }
  const schema = z.strictObject(fields).meta({ id: `${name}Kind`, description: docOf(name) })
  branches.set(name, schema)
  return schema
}

/** An event as it stands in pages: with its `type`. */
export const eventSchema = z
  .strictObject({ type: z.literal('event'), ...recordFields('Event') })
  .meta({ id: 'EventFrame', description: docOf('Event') })
plain.set('Event', eventSchema)
