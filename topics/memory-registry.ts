import { avroType, IncompatibleSchema, type SchemaRegistry } from '../schemas/codec.ts'

/** A schema registry in memory with the same rule as the real one: BACKWARD_TRANSITIVE. */
export class MemoryRegistry implements SchemaRegistry {
  private readonly schemas: object[] = []
  private readonly subjects = new Map<string, number[]>()

  async register(subject: string, schema: object): Promise<number> {
    const versions = this.subjects.get(subject) ?? []
    const id = this.idOf(schema)
    if (versions.includes(id)) return id
    const type = avroType(schema)
    for (const version of versions) {
      try {
        type.createResolver(avroType(this.schemas[version - 1]!))
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        throw new IncompatibleSchema(`${subject}: cannot read what was written with schema ${version}: ${why}`)
      }
    }
    this.subjects.set(subject, [...versions, id])
    return id
  }

  async schemaById(schemaId: number): Promise<object | undefined> {
    const schema = this.schemas[schemaId - 1]
    return schema === undefined ? undefined : structuredClone(schema)
  }

  /** The same schema has the same id under every subject. */
  private idOf(schema: object): number {
    const text = JSON.stringify(schema)
    const known = this.schemas.findIndex(other => JSON.stringify(other) === text)
    if (known >= 0) return known + 1
    return this.schemas.push(structuredClone(schema))
  }
}
