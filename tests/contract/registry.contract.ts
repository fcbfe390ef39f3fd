import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  avroType,
  IncompatibleSchema,
  packCodec,
  packSchema,
  recordShape,
  type SchemaRegistry,
  UnknownSchema,
} from '../../schemas/codec.ts'
import type { PackId, SessionId, UserId } from '../../schemas/ids.ts'
import type { Pack } from '../../schemas/pack.ts'

export interface RegistryHarness {
  registry: SchemaRegistry
  /** Another client of the same registry, as another process would have. */
  another(): SchemaRegistry
  /** A subject that no other test uses. */
  subject(): string
}

/** What every schema registry does; run over the one in memory and a real one. */
export function registryContract(makeHarness: () => RegistryHarness): void {
  const record = (...fields: object[]) => ({ type: 'record', name: 'Thing', namespace: 'test', fields })
  const x = { name: 'x', type: 'int' }
  const y = { name: 'y', type: 'int' }

  test('[SC4] the same schema again has the same id, and another process finds it by its id', async () => {
    const { registry, another, subject } = makeHarness()
    const name = subject()
    const id = await registry.register(name, record(x))
    expect(await registry.register(name, record(x))).toBe(id)
    expect(await another().register(name, record(x))).toBe(id)
    expect(await another().schemaById(id)).toEqual(record(x))
  })

  test('[SC4] an id that the registry does not know is no schema', async () => {
    expect(await makeHarness().registry.schemaById(2_000_000_000)).toBeUndefined()
  })

  test('[SC5] a field without a default is refused, with one it is a new version', async () => {
    const { registry, subject } = makeHarness()
    const name = subject()
    const first = await registry.register(name, record(x))
    await expect(registry.register(name, record(x, y))).rejects.toThrow(IncompatibleSchema)
    const second = await registry.register(name, record(x, { ...y, default: 0 }))
    expect(second).not.toBe(first)
  })

  test('[SC5] a schema must read every earlier version, not only the last', async () => {
    const { registry, subject } = makeHarness()
    const name = subject()
    await registry.register(name, record(x))
    await registry.register(name, record(x, { ...y, default: 0 }))
    await expect(registry.register(name, record(x, y))).rejects.toThrow(IncompatibleSchema)
  })

  test('[SC5] a union may grow by a kind and never shrink', async () => {
    const { registry, subject } = makeHarness()
    const name = subject()
    const branch = (kind: string) => ({ type: 'record', name: kind, fields: [] })
    const union = (...kinds: string[]) => record({ name: 'body', type: kinds.map(branch) })
    await registry.register(name, union('A', 'B'))
    await registry.register(name, union('A', 'B', 'C'))
    await expect(registry.register(name, union('A', 'C'))).rejects.toThrow(IncompatibleSchema)
  })

  test.each(['pack', 'event', 'session'])('[SC5] the versions of the %s schema follow each other', async kind => {
    const { registry, subject } = makeHarness()
    const name = subject()
    const folder = new URL('../../schemas/history/', import.meta.url)
    const files = readdirSync(folder).filter(file => file.startsWith(`${kind}.v`))
    expect(files.length).toBeGreaterThan(1)
    const ids = new Set<number>()
    for (let version = 1; version <= files.length; version++) {
      const schema = JSON.parse(readFileSync(new URL(`${kind}.v${version}.avsc`, folder), 'utf8')) as object
      ids.add(await registry.register(name, schema))
    }
    expect(ids.size).toBe(files.length)
  })

  test('[SC6] a record of a newer writer is read once its schema was learnt', async () => {
    const { registry, another, subject } = makeHarness()
    const name = subject()
    const codec = await packCodec(registry, name)
    const { fields } = packSchema as unknown as { fields: object[] }
    const newer = { ...packSchema, fields: [...fields, { name: 'later', type: 'int', default: 0 }] }
    const id = await another().register(name, newer)
    const body = avroType(newer).toBuffer({ ...(recordShape(packSchema).toAvro(pack) as object), later: 7 })
    const bytes = Buffer.concat([Buffer.from([0, 0, 0, 0, 0]), body])
    bytes.writeUInt32BE(id, 1)
    expect(() => codec.decode(bytes)).toThrow(UnknownSchema)
    expect(await codec.learn(id)).toBe(true)
    expect(codec.decode(bytes)).toEqual(pack)
    expect(await codec.learn(2_000_000_000)).toBe(false)
  })
}

const pack: Pack = {
  packId: '0193a5c0-0000-7000-8000-000000000001' as PackId,
  sessionId: 's:alice:bob' as SessionId,
  from: 'alice' as UserId,
  actor: { kind: 'USER', id: 'alice' },
  device: { type: 6, id: 'laptop' },
  gateway: 'gw-1',
  flags: 0,
  digest: Buffer.alloc(16, 3),
  pushInfo: null,
  stamp: null,
  body: { kind: 'SendMessage', content: { kind: 'Text', text: 'hello' } },
}

export function randomSubject(): string {
  return `test-${randomUUID()}-value`
}
