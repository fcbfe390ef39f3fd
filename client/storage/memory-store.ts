import type { KeyRange, Row, Store, Table, Write } from './store.ts'

/** Keeps rows as long as the process lives. Values are kept as text, so that nobody changes them from outside. */
export class MemoryStore implements Store {
  private readonly tables = new Map<Table, Map<string, string>>()
  /** Sorted keys of a table; absent where rows have come or gone since. */
  private readonly sorted = new Map<Table, string[]>()

  async get(table: Table, key: string): Promise<unknown> {
    const text = this.rows(table).get(key)
    return text === undefined ? undefined : JSON.parse(text)
  }

  async range(table: Table, { from, to, limit, descending }: KeyRange): Promise<Row[]> {
    const keys = this.keys(table)
    const first = from === undefined ? 0 : lowerBound(keys, from)
    const end = to === undefined ? keys.length : lowerBound(keys, `${to}\0`)
    const wanted = Math.min(limit ?? Number.POSITIVE_INFINITY, Math.max(0, end - first))
    const chosen = descending ? keys.slice(end - wanted, end).reverse() : keys.slice(first, first + wanted)
    const rows = this.rows(table)
    return chosen.map(key => ({ key, value: JSON.parse(rows.get(key)!) }))
  }

  async write(writes: readonly Write[]): Promise<void> {
    for (const { table, key, value } of writes) {
      const rows = this.rows(table)
      if (rows.has(key) !== (value !== undefined)) this.sorted.delete(table)
      if (value === undefined) rows.delete(key)
      else rows.set(key, JSON.stringify(value))
    }
  }

  async clear(): Promise<void> {
    this.tables.clear()
    this.sorted.clear()
  }

  async close(): Promise<void> {}

  private rows(table: Table): Map<string, string> {
    let rows = this.tables.get(table)
    if (rows === undefined) {
      rows = new Map()
      this.tables.set(table, rows)
    }
    return rows
  }

  private keys(table: Table): string[] {
    let keys = this.sorted.get(table)
    if (keys === undefined) {
      keys = [...this.rows(table).keys()].sort()
      this.sorted.set(table, keys)
    }
    return keys
  }
}

/** Index of the first key that is not below `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (keys[middle]! < key) low = middle + 1
    else high = middle
  }
  return low
}
