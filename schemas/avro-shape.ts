/**
 * Values in TypeScript and what avsc wants for them, by schema:
 *
 * | Avro | avsc | TypeScript |
 * |---|---|---|
 * | union of records | `{ 'packlog.Text': { text } }` | `{ kind: 'Text', text }` |
 * | field whose default is null | null | absent |
 * | everything else | as it is | as it is |
 *
 * A shape is compiled once per schema. Where nothing in a schema has to be converted there is no function at all, so
 * that the hot path does no more than it must.
 */

export const NAMESPACE = 'packlog.'

export type Schema = string | Schema[] | { type: Schema; name?: string; fields?: FieldSchema[]; items?: Schema }

export interface FieldSchema {
  name: string
  type: Schema
  default?: unknown
}

export type Fields = Record<string, unknown>
type Convert = (value: unknown) => unknown

/** undefined: as it is. */
export interface Shape {
  toAvro: Convert | undefined
  fromAvro: Convert | undefined
}

interface RecordShape extends Shape {
  /** Copies the fields of a record behind those of `head`. */
  read(head: Fields, raw: Fields): Fields
}

export interface ShapeOptions {
  /** Fields that a record of this name has in TypeScript only; they come first. */
  constants?: Readonly<Record<string, Fields>>
}

const AS_IS: Shape = { toAvro: undefined, fromAvro: undefined }

/** Compiles schemas one after the other; later ones may name what earlier ones have defined. */
export class Shapes {
  private readonly records = new Map<string, RecordShape>()
  private readonly options: ShapeOptions

  constructor(options: ShapeOptions = {}) {
    this.options = options
  }

  compile(schema: Schema): Shape {
    if (typeof schema === 'string') return this.records.get(schema) ?? AS_IS
    if (Array.isArray(schema)) return this.union(schema)
    if (schema.fields !== undefined) return this.record(schema.name!, schema.fields)
    if (schema.items !== undefined) return arrayShape(this.compile(schema.items))
    return AS_IS
  }

  /** The record of this name, which was compiled before, for what avsc wants. */
  toAvro(name: string, value: object): object {
    const { toAvro } = this.records.get(name)!
    return toAvro === undefined ? value : (toAvro(value) as object)
  }

  /** The fields of a record of this name, behind those of `head`. */
  fromAvro(name: string, head: Fields, raw: object): Fields {
    return this.records.get(name)!.read(head, raw as Fields)
  }

  private record(name: string, schemas: readonly FieldSchema[]): RecordShape {
    const fields = schemas.map(field => ({
      name: field.name,
      isOptional: field.default === null,
      ...this.compile(field.type),
    }))
    const toAvro = fields.filter(field => field.toAvro !== undefined)
    const constants = this.options.constants?.[name]
    const isPlain = constants === undefined && !fields.some(field => field.isOptional || field.fromAvro !== undefined)
    const read = (head: Fields, raw: Fields): Fields => {
      for (let at = 0; at < fields.length; at++) {
        const { name, isOptional, fromAvro } = fields[at]!
        const value = raw[name]
        if (value === null && isOptional) continue
        head[name] = fromAvro === undefined ? value : fromAvro(value)
      }
      return head
    }
    const shape: RecordShape = {
      read,
      toAvro: toAvro.length === 0 ? undefined : value => convertFields(value as Fields, toAvro),
      fromAvro: isPlain ? undefined : raw => read({ ...constants }, raw as Fields),
    }
    this.records.set(name, shape)
    return shape
  }

  private union(branches: readonly Schema[]): Shape {
    const others = branches.filter(branch => branch !== 'null')
    const compiled = others.map(branch => this.compile(branch))
    if (others.length === 1) return nullableShape(compiled[0]!)
    const records = new Map<string, RecordShape>()
    for (const branch of others) {
      const name = nameOf(branch)
      const record = name === undefined ? undefined : this.records.get(name)
      if (name !== undefined && record !== undefined) records.set(name, record)
    }
    if (records.size !== others.length) throw new Error('a union of other things than records has no shape')
    return kindsShape(records)
  }
}

function nameOf(schema: Schema): string | undefined {
  if (typeof schema === 'string') return schema
  return Array.isArray(schema) ? undefined : schema.name
}

function convertFields(value: Fields, fields: readonly { name: string; toAvro: Convert | undefined }[]): Fields {
  const copy = { ...value }
  for (const { name, toAvro } of fields) {
    const field = value[name]
    if (field !== undefined) copy[name] = toAvro!(field)
  }
  return copy
}

function nullableShape({ toAvro, fromAvro }: Shape): Shape {
  return {
    toAvro: toAvro && (value => (value === null ? null : toAvro(value))),
    fromAvro: fromAvro && (raw => (raw === null ? null : fromAvro(raw))),
  }
}

function arrayShape({ toAvro, fromAvro }: Shape): Shape {
  return {
    toAvro: toAvro && (value => (value as unknown[]).map(toAvro)),
    fromAvro: fromAvro && (raw => (raw as unknown[]).map(fromAvro)),
  }
}

/** A union of records: `kind` says which. */
function kindsShape(records: ReadonlyMap<string, RecordShape>): Shape {
  const byBranch = new Map([...records].map(([kind, record]) => [NAMESPACE + kind, { kind, record }]))
  return {
    // avsc takes no notice of fields that a record does not have, so that `kind` need not be taken out.
    toAvro: value => {
      const { kind } = value as { kind: string }
      const toAvro = records.get(kind)?.toAvro
      return { [NAMESPACE + kind]: toAvro === undefined ? value : toAvro(value) }
    },
    fromAvro: raw => {
      for (const branch in raw as Fields) {
        const { kind, record } = byBranch.get(branch)!
        return record.read({ kind }, (raw as Record<string, Fields>)[branch]!)
      }
      throw new TypeError('a union without a branch')
    },
  }
}
