/**
 * Values in TypeScript and what avsc wants for them, by schema:
 *
 * | Avro | avsc | TypeScript |
 * |---|---|---|
 * | union of records | `{ 'packlog.Text': { text } }` | `{ kind: 'Text', text }` |
 * | field whose default is null | null | absent |
 * | everything else | as it is | as it is |
 *
 * A shape is compiled once per schema, to source text as avsc's own types are: on the hot path a loop over field names
 * costs a third more than a literal. Where nothing has to be converted there is no function at all.
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
  /** The record as a branch of a union, with its `kind`. */
  fromBranch: Convert
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

  /** A whole record of the log: what is null in its own fields is null in TypeScript as well, its body is converted. */
  envelope(schemas: readonly FieldSchema[]): { toAvro: Convert; fromAvro: Convert } {
    const fields = schemas.map(({ name, type }) => {
      const shape = this.compile(type)
      return { name, isOptional: false, ...(name === 'body' ? shape : AS_IS) }
    })
    return { toAvro: compileToAvro(fields), fromAvro: compileFromAvro(fields, {}) }
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
    const constants = this.options.constants?.[name]
    const isSame = !fields.some(field => field.isOptional || field.toAvro !== undefined)
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
      toAvro: isSame ? undefined : compileToAvro(fields),
      fromAvro: isPlain ? undefined : compileFromAvro(fields, constants ?? {}),
      fromBranch: compileFromAvro(fields, { kind: name }),
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

interface FieldShape extends Shape {
  name: string
  isOptional: boolean
}

/** The name of a field as it stands in source text; Avro names are letters, digits and underscores. */
function sourceName(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new Error(`${name} is not an Avro name`)
  return name
}

/** `v => ({ a: v.a, b: v.b === undefined ? null : c[1](v.b) })`; avsc writes null faster than what is absent. */
function compileToAvro(fields: readonly FieldShape[]): Convert {
  const parts = fields.map(({ name, isOptional, toAvro }, index) => {
    const value = `v.${sourceName(name)}`
    const converted = toAvro === undefined ? value : `c[${index}](${value})`
    return isOptional ? `${name}: ${value} === undefined ? null : ${converted}` : `${name}: ${converted}`
  })
  const source = `return v => ({ ${parts.join(', ')} })`
  return new Function('c', source)(fields.map(field => field.toAvro)) as Convert
}

/** `v => { const r = { kind: 'X', a: v.a }; if (v.b !== null) r.b = c[1](v.b); return r }`, after the fields of `head`. */
function compileFromAvro(fields: readonly FieldShape[], head: Fields): Convert {
  const literal = Object.entries(head).map(([name, value]) => `${sourceName(name)}: ${JSON.stringify(value)}`)
  const statements: string[] = []
  for (const [index, { name, isOptional, fromAvro }] of fields.entries()) {
    const value = `v.${sourceName(name)}`
    const converted = fromAvro === undefined ? value : `c[${index}](${value})`
    if (isOptional) statements.push(`if (${value} !== null) r.${name} = ${converted}`)
    else if (statements.length === 0) literal.push(`${name}: ${converted}`)
    else statements.push(`r.${name} = ${converted}`)
  }
  const source = `return v => { const r = { ${literal.join(', ')} }; ${statements.join('; ')}; return r }`
  return new Function('c', source)(fields.map(field => field.fromAvro)) as Convert
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
  const byBranch = new Map([...records].map(([kind, record]) => [NAMESPACE + kind, record.fromBranch]))
  return {
    // avsc takes no notice of fields that a record does not have, so that `kind` need not be taken out.
    toAvro: value => {
      const { kind } = value as { kind: string }
      const toAvro = records.get(kind)?.toAvro
      return { [NAMESPACE + kind]: toAvro === undefined ? value : toAvro(value) }
    },
    fromAvro: raw => {
      for (const branch in raw as Fields) return byBranch.get(branch)!((raw as Fields)[branch])
      throw new TypeError('a union without a branch')
    },
  }
}
