import { type KeyRange, type Row, type Store, TABLES, type Table, type Write } from './store.ts'

const VERSION = 1

/**
 * Keeps rows in a browser's IndexedDB: one object store a table, keys outside of the values. Several tabs may open
 * the same database. Rejects with the browser's own error, for example when the disk is full.
 */
export async function openIndexedDbStore(name: string, factory: IDBFactory = globalThis.indexedDB): Promise<Store> {
  const opening = factory.open(name, VERSION)
  opening.onupgradeneeded = () => {
    for (const table of TABLES) opening.result.createObjectStore(table)
  }
  const database = await settled(opening)
  // A newer version of the page wants to change the tables: it must not wait for us.
  database.onversionchange = () => database.close()
  return new IndexedDbStore(database)
}

class IndexedDbStore implements Store {
  private readonly database: IDBDatabase

  constructor(database: IDBDatabase) {
    this.database = database
  }

  async get(table: Table, key: string): Promise<unknown> {
    return settled(this.database.transaction(table).objectStore(table).get(key))
  }

  async range(table: Table, { from, to, limit, descending }: KeyRange): Promise<Row[]> {
    const store = this.database.transaction(table).objectStore(table)
    const range = keyRange(from, to)
    if (!descending) {
      const [keys, values] = await Promise.all([
        settled(store.getAllKeys(range, limit)),
        settled<unknown[]>(store.getAll(range, limit)),
      ])
      return keys.map((key, index) => ({ key: key as string, value: values[index] }))
    }
    return readBackwards(store, range, limit ?? Number.POSITIVE_INFINITY)
  }

  async write(writes: readonly Write[]): Promise<void> {
    if (writes.length === 0) return
    const tables = [...new Set(writes.map(({ table }) => table))]
    const transaction = this.database.transaction(tables, 'readwrite', { durability: 'relaxed' })
    for (const { table, key, value } of writes) {
      const store = transaction.objectStore(table)
      if (value === undefined) store.delete(key)
      else store.put(value, key)
    }
    await committed(transaction)
  }

  async clear(): Promise<void> {
    const transaction = this.database.transaction([...TABLES], 'readwrite')
    for (const table of TABLES) transaction.objectStore(table).clear()
    await committed(transaction)
  }

  async close(): Promise<void> {
    this.database.close()
  }
}

function keyRange(from: string | undefined, to: string | undefined): IDBKeyRange | undefined {
  if (from !== undefined && to !== undefined) return IDBKeyRange.bound(from, to)
  if (from !== undefined) return IDBKeyRange.lowerBound(from)
  return to === undefined ? undefined : IDBKeyRange.upperBound(to)
}

function readBackwards(store: IDBObjectStore, range: IDBKeyRange | undefined, limit: number): Promise<Row[]> {
  const rows: Row[] = []
  return new Promise((resolve, reject) => {
    const request = store.openCursor(range, 'prev')
    request.onerror = () => reject(request.error)
    request.onsuccess = () => {
      const cursor = request.result
      if (cursor === null || rows.length >= limit) return resolve(rows)
      rows.push({ key: cursor.key as string, value: cursor.value })
      cursor.continue()
    }
  })
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onerror = () => reject(transaction.error)
    transaction.onabort = () => reject(transaction.error)
  })
}
