import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { afterAll, expect, test, vi } from 'vitest'
import { openIndexedDbStore } from './indexed-db-store.ts'
import { MemoryStore } from './memory-store.ts'
import { openSqliteStore, type SqlValue } from './sqlite-store.ts'
import type { Store } from './store.ts'

/** One suite for every store; IndexedDB is npm `fake-indexeddb`, SQLite is npm `node-sqlite3-wasm` on a file. */

interface WasmDatabase {
  run(sql: string, parameters?: readonly SqlValue[]): unknown
  all(sql: string, parameters: readonly SqlValue[]): Record<string, SqlValue>[]
  close(): void
}

const { Database } = createRequire(import.meta.url)('node-sqlite3-wasm') as {
  Database: new (file: string) => WasmDatabase
}
vi.stubGlobal('IDBKeyRange', IDBKeyRange)

const dirs: string[] = []
afterAll(() => {
  vi.unstubAllGlobals()
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true })
})

/** Opens the same store again at each call. */
const stores: Record<string, () => () => Promise<Store>> = {
  memory: () => {
    const store = new MemoryStore()
    return async () => store
  },
  IndexedDB: () => {
    const factory = new IDBFactory()
    return () => openIndexedDbStore('packlog-alice', factory)
  },
  SQLite: () => {
    const dir = mkdtempSync(join(tmpdir(), 'packlog-store-'))
    dirs.push(dir)
    return async () => openSqliteStore(new Database(join(dir, 'alice.db')))
  },
}

test.each(Object.keys(stores))(
  '[SDK1] a %s store gives back what was written, in the order of its keys',
  async name => {
    const open = stores[name]!()
    const store = await open()
    await store.write(['b', 'a', 'd', 'c'].map(key => ({ table: 'messages', key, value: { key, deep: [1, null] } })))
    await store.write([
      { table: 'messages', key: 'b', value: undefined },
      { table: 'messages', key: 'c', value: 'new' },
      { table: 'meta', key: 'a', value: 7 },
      { table: 'messages', key: 'never', value: undefined },
    ])
    expect(await store.get('messages', 'a')).toEqual({ key: 'a', deep: [1, null] })
    expect(await store.get('messages', 'b')).toBeUndefined()
    const keys = async (range: Parameters<Store['range']>[1]) =>
      (await store.range('messages', range)).map(row => row.key)
    expect(await keys({})).toEqual(['a', 'c', 'd'])
    expect(await keys({ from: 'b', to: 'c' })).toEqual(['c'])
    expect(await keys({ limit: 2 })).toEqual(['a', 'c'])
    expect(await keys({ descending: true, limit: 2 })).toEqual(['d', 'c'])
    expect(await keys({ to: 'c', descending: true })).toEqual(['c', 'a'])
    expect(await keys({ from: 'e' })).toEqual([])
    expect(await store.range('meta', {})).toEqual([{ key: 'a', value: 7 }])
    await store.close()
    const again = await open()
    expect(await again.get('messages', 'c')).toBe('new')
    await again.clear()
    expect(await again.range('messages', {})).toEqual([])
    await again.close()
  },
)

test('[SDK1] a SQLite batch that fails in the middle leaves nothing', async () => {
  const store = await stores.SQLite!()()
  const circle: Record<string, unknown> = {}
  circle.self = circle
  await expect(
    store.write([
      { table: 'meta', key: 'a', value: 1 },
      { table: 'meta', key: 'b', value: circle },
    ]),
  ).rejects.toThrow()
  expect(await store.range('meta', {})).toEqual([])
  await store.close()
})
