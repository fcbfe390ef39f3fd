import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { avroType } from './codec.ts'

/**
 * Every schema that was ever registered lies in history/ and is never changed there: `<name>.v<number>.avsc`. What was
 * written with any of them must be readable for ever, because logs and archives outlive releases.
 */

interface Field {
  name: string
  type: unknown
  default?: unknown
}
type RecordSchema = { type: 'record'; name: string; fields: Field[] }

const NAMES = ['pack', 'event', 'session', 'push'] as const
type Name = (typeof NAMES)[number]

function load(file: string): RecordSchema {
  return JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'))
}

/** All versions of a schema, the oldest first. */
function history(name: Name): { file: string; schema: RecordSchema }[] {
  const versionOf = (file: string) => Number(/\.v(\d+)\.avsc$/.exec(file)?.[1])
  return readdirSync(new URL('./history/', import.meta.url))
    .filter(file => file.startsWith(`${name}.v`))
    .sort((a, b) => versionOf(a) - versionOf(b))
    .map(file => ({ file, schema: load(`./history/${file}`) }))
}

/** Throws when `reader` cannot read what was written with `writer`. */
function checkReads(reader: object, writer: object): void {
  avroType(reader).createResolver(avroType(writer))
}

/** A copy of a schema with one change. */
function changed(schema: RecordSchema, change: (copy: RecordSchema) => void): RecordSchema {
  const copy = structuredClone(schema)
  change(copy)
  return copy
}

for (const name of NAMES) {
  const present = load(`./${name}.avsc`)

  test(`[SC8] the present ${name} schema reads what every earlier version wrote`, () => {
    const versions = history(name)
    expect(versions.length).toBeGreaterThan(0)
    for (const { file, schema } of versions) expect(() => checkReads(present, schema), file).not.toThrow()
  })

  test(`[SC8] the present ${name} schema is the newest one of its history`, () => {
    const newest = history(name).at(-1)!
    const next = `history/${name}.v${history(name).length + 1}.avsc`
    expect(present, `${name}.avsc has changed since ${newest.file}: once it is registered, copy it to ${next}`).toEqual(
      newest.schema,
    )
  })

  test(`[SC8] a field of ${name} that is added without a default, renamed or retyped is an incompatible change`, () => {
    const added = changed(present, copy => copy.fields.push({ name: 'added', type: 'string' }))
    expect(() => checkReads(added, present)).toThrow()
    const text = present.fields.findIndex(field => field.type === 'string')
    const renamed = changed(present, copy => {
      copy.fields[text]!.name = 'renamed'
    })
    expect(() => checkReads(renamed, present)).toThrow()
    const retyped = changed(present, copy => {
      copy.fields[text]!.type = 'int'
    })
    expect(() => checkReads(retyped, present)).toThrow()
  })

  test(`[SC8] ${name} may get a field with a default and a new kind, and may not lose a kind`, () => {
    const grown = changed(present, copy => {
      copy.fields.push({ name: 'added', type: 'string', default: '' })
      kindsOf(copy).push({ type: 'record', name: 'BrandNew', fields: [] })
    })
    expect(() => checkReads(grown, present)).not.toThrow()
    const shrunk = changed(present, copy => {
      kindsOf(copy).pop()
    })
    expect(() => checkReads(shrunk, present)).toThrow()
  })
}

/** The union of kinds of a schema's body. */
function kindsOf(schema: RecordSchema): object[] {
  return schema.fields.find(field => field.name === 'body')!.type as object[]
}

/** Records and enums by name, without what is said about them. */
function definitionsOf(schema: unknown, found = new Map<string, string>()): Map<string, string> {
  if (Array.isArray(schema)) for (const part of schema) definitionsOf(part, found)
  if (typeof schema !== 'object' || schema === null) return found
  const { name, type, fields, symbols } = schema as {
    name?: string
    type?: unknown
    fields?: Field[]
    symbols?: unknown
  }
  if (fields !== undefined) {
    const shape = fields.map(field => [field.name, namesOf(field.type), field.default])
    found.set(name!, JSON.stringify(shape))
    for (const field of fields) definitionsOf(field.type, found)
  } else if (symbols !== undefined) {
    found.set(name!, JSON.stringify(symbols))
  } else {
    definitionsOf(type, found)
    definitionsOf((schema as { items?: unknown }).items, found)
  }
  return found
}

/** A type with every definition replaced by its name; logical types left out, frames have none. */
function namesOf(type: unknown): unknown {
  if (Array.isArray(type)) return type.map(namesOf)
  if (typeof type !== 'object' || type === null) return type
  const { name, items, type: inner } = type as { name?: string; items?: unknown; type?: unknown }
  if (name !== undefined) return name
  return items === undefined ? inner : [namesOf(items)]
}

test('[SC9] a record or enum that several schemas have is the same in all of them', () => {
  const files = ['pack', 'event', 'session'].map(name => load(`./${name}.avsc`) as unknown)
  files.push(JSON.parse(readFileSync(new URL('./frames.avsc', import.meta.url), 'utf8')))
  const seen = new Map<string, string>()
  // Frames name packs and events as they are asked for and shown, which is not how they are recorded.
  const packs = kindsOf(load('./pack.avsc')) as { name: string }[]
  const own = new Set(['Event', ...packs.map(({ name }) => name)])
  for (const file of files) {
    for (const [name, shape] of definitionsOf(file)) {
      if (own.has(name)) continue
      expect(shape, name).toBe(seen.get(name) ?? shape)
      seen.set(name, shape)
    }
  }
  expect(seen.size).toBeGreaterThan(100)
})
