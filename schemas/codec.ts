import { readFileSync } from 'node:fs'
import avro from 'avsc'
import { type FieldSchema, Shapes } from './avro-shape.ts'
import type { Event } from './event.ts'
import type { Pack } from './pack.ts'

/**
 * The only Avro code of the product (frames apart, which have schemas of their own).
 *
 * A record on Kafka is in the Confluent wire format: a zero byte, the schema id (4 bytes, big endian), the Avro
 * body. avro-shape.ts says how the two sides differ. Types and resolvers are made
 * once per schema id: decoding through the registry's own client is a hundred times slower.
 */

const WIRE_HEADER_BYTES = 5

/** The largest whole number that can be written as Avro's long: avsc leaves out what might not be exact. */
export const LONG_MAX = 2 ** 53 - 2

/** The record is not what its schema says; no retry will help. */
export class Undecodable extends Error {
  override readonly name = 'Undecodable'
}

/** The record was written with a schema that this process has not fetched yet: `learn` its id, then decode again. */
export class UnknownSchema extends Error {
  override readonly name = 'UnknownSchema'
  readonly schemaId: number
  constructor(schemaId: number) {
    super(`schema ${schemaId} is not known here yet`)
    this.schemaId = schemaId
  }
}

/** Where schemas come from; the registry adapter and the tests' memory registry implement it. */
export interface SchemaRegistry {
  /**
   * Registers the schema under the subject and gives its id; the same schema again gives the same id. Throws
   * `IncompatibleSchema` when it breaks BACKWARD_TRANSITIVE.
   */
  register(subject: string, schema: object): Promise<number>
  /** The schema with this id; undefined when the registry has none. Throws when the registry cannot be reached. */
  schemaById(schemaId: number): Promise<object | undefined>
}

/** A schema cannot read what was written with an earlier version of its subject. */
export class IncompatibleSchema extends Error {
  override readonly name = 'IncompatibleSchema'
}

export interface RecordCodec<T> {
  /** The value in wire format. Throws when it does not fit the schema: a bug of the caller. */
  encode(value: T): Buffer
  /** Throws Undecodable, or UnknownSchema. */
  decode(bytes: Buffer): T
  /** Fetches a writer's schema; false when the registry has no such id or it cannot be read by ours. */
  learn(schemaId: number): Promise<boolean>
}

/** The value, after its schema was fetched where that is a new one. Throws Undecodable, UnknownSchema. */
export async function decodeLearning<T>(codec: RecordCodec<T>, bytes: Buffer): Promise<T> {
  try {
    return codec.decode(bytes)
  } catch (error) {
    if (!(error instanceof UnknownSchema) || !(await codec.learn(error.schemaId))) throw error
    return codec.decode(bytes)
  }
}

function loadSchema(file: string): avro.Schema & object {
  return JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'))
}

export const packSchema = loadSchema('./pack.avsc')
export const eventSchema = loadSchema('./event.avsc')
/** Every kind of event, by the schema. */
export const eventKinds: readonly string[] = kindsOf(eventSchema)

/** The names of the records of the union that is the body. */
function kindsOf(schema: object): string[] {
  const { fields } = schema as { fields: { name: string; type: unknown }[] }
  return (fields.find(({ name }) => name === 'body')!.type as { name: string }[]).map(({ name }) => name)
}

/** Makes the avsc type of a schema as the codec uses it. */
export function avroType(schema: object): avro.Type {
  return avro.Type.forSchema(structuredClone(schema) as avro.Schema, { wrapUnions: 'auto' })
}

interface WithBody {
  body: { kind: string }
}

/** How records of this schema are converted: their body is, the fields around it are the same on both sides. */
export function recordShape(schema: object): ReturnType<Shapes['envelope']> {
  return new Shapes().envelope((schema as { fields: FieldSchema[] }).fields)
}

class AvroCodec<T extends WithBody> implements RecordCodec<T> {
  private readonly type: avro.Type
  private readonly shape: ReturnType<typeof recordShape>
  private readonly writerId: number
  private readonly registry: SchemaRegistry
  private readonly resolvers = new Map<number, { type: avro.Type; resolver: avro.Resolver | undefined }>()
  private scratch = Buffer.allocUnsafe(64 * 1024)

  constructor(schema: object, writerId: number, registry: SchemaRegistry) {
    this.type = avroType(schema)
    this.shape = recordShape(schema)
    this.writerId = writerId
    this.registry = registry
    this.resolvers.set(writerId, { type: this.type, resolver: undefined })
  }

  encode(value: T): Buffer {
    const raw = this.shape.toAvro(value)
    // avsc gives the end position, negative by what is missing when the buffer is too small.
    let end = this.type.encode(raw, this.scratch, WIRE_HEADER_BYTES)
    if (end < 0) {
      this.scratch = Buffer.allocUnsafe(2 * (this.scratch.length - end))
      end = this.type.encode(raw, this.scratch, WIRE_HEADER_BYTES)
    }
    this.scratch[0] = 0
    this.scratch.writeUInt32BE(this.writerId, 1)
    return Buffer.from(this.scratch.subarray(0, end))
  }

  decode(bytes: Buffer): T {
    if (bytes.length < WIRE_HEADER_BYTES || bytes[0] !== 0) throw new Undecodable('not in the Confluent wire format')
    const schemaId = bytes.readUInt32BE(1)
    const writer = this.resolvers.get(schemaId)
    if (writer === undefined) throw new UnknownSchema(schemaId)
    try {
      const body = bytes.subarray(WIRE_HEADER_BYTES)
      // Schemas other than our own are read through a resolver, which also rejects trailing bytes.
      return this.shape.fromAvro(writer.type.fromBuffer(body, writer.resolver)) as T
    } catch (error) {
      throw new Undecodable(`the record does not fit schema ${schemaId}`, { cause: error })
    }
  }

  async learn(schemaId: number): Promise<boolean> {
    if (this.resolvers.has(schemaId)) return true
    const schema = await this.registry.schemaById(schemaId)
    if (schema === undefined) return false
    try {
      const writer = avroType(schema)
      this.resolvers.set(schemaId, { type: this.type, resolver: this.type.createResolver(writer) })
      return true
    } catch {
      return false
    }
  }
}

/** Registers the schema of a record under its subject and gives the codec that writes and reads it. */
export async function registeredCodec<T extends WithBody>(
  registry: SchemaRegistry,
  subject: string,
  schema: object,
): Promise<RecordCodec<T>> {
  return new AvroCodec<T>(schema, await registry.register(subject, schema), registry)
}

/** The codec of im.packs. `subject` is the topic's name followed by `-value`. */
export function packCodec(registry: SchemaRegistry, subject: string): Promise<RecordCodec<Pack>> {
  return registeredCodec<Pack>(registry, subject, packSchema)
}

/** The codec of im.events. `subject` is the topic's name followed by `-value`. */
export function eventCodec(registry: SchemaRegistry, subject: string): Promise<RecordCodec<Event>> {
  return registeredCodec<Event>(registry, subject, eventSchema)
}

/** Reads `cause` of an event in wire format without decoding the rest; undefined when it is not there. */
export function readCause(bytes: Buffer): { era: number; offset: number } | undefined {
  if (bytes.length < WIRE_HEADER_BYTES + 2 || bytes[0] !== 0) return undefined
  const era = readZigzag(bytes, WIRE_HEADER_BYTES)
  if (era === undefined) return undefined
  const offset = readZigzag(bytes, era.end)
  return offset === undefined ? undefined : { era: era.value, offset: offset.value }
}

/** Avro's long, as far as a JavaScript number is exact (2^53). */
function readZigzag(bytes: Buffer, start: number): { value: number; end: number } | undefined {
  let raw = 0
  let scale = 1
  for (let at = start; at < bytes.length && at < start + 8; at++) {
    const byte = bytes[at]!
    raw += (byte & 0x7f) * scale
    if (byte < 0x80) return { value: raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2, end: at + 1 }
    scale *= 128
  }
  return undefined
}
