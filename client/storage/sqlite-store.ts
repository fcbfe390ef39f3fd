import type { KeyRange, Row, Store, Table, Write } from './store.ts'

/**
 * What this needs of a SQLite library; npm `node-sqlite3-wasm`, `better-sqlite3`, Node's own `node:sqlite` and the
 * libraries of phones are each a few lines away from it.
 */
export interface SqlDatabase {
  run(sql: string, parameters?: readonly SqlValue[]): void
  all(sql: string, parameters: readonly SqlValue[]): Record<string, SqlValue>[]
  close(): void
}

/** What a column holds. */
export type SqlValue = string | number | null

/** Keeps rows in one SQLite table, values as JSON text. Makes the table where it is not there. */
export function openSqliteStore(database: SqlDatabase): Store {
  database.run(
    'CREATE TABLE IF NOT EXISTS rows (tableName TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (tableName, key)) WITHOUT ROWID',
  )
  return new SqliteStore(database)
}

class SqliteStore implements Store {
  private readonly database: SqlDatabase

  constructor(database: SqlDatabase) {
    this.database = database
  }

  async get(table: Table, key: string): Promise<unknown> {
    const [row] = this.database.all('SELECT value FROM rows WHERE tableName = ? AND key = ?', [table, key])
    return row === undefined ? undefined : JSON.parse(row.value as string)
  }

  async range(table: Table, { from, to, limit, descending }: KeyRange): Promise<Row[]> {
    const conditions = ['tableName = ?']
    const parameters: SqlValue[] = [table]
    if (from !== undefined) conditions.push('key >= ?') && parameters.push(from)
    if (to !== undefined) conditions.push('key <= ?') && parameters.push(to)
    const order = descending ? 'DESC' : 'ASC'
    // A negative limit is SQLite's way to say none.
    const sql = `SELECT key, value FROM rows WHERE ${conditions.join(' AND ')} ORDER BY key ${order} LIMIT ?`
    const rows = this.database.all(sql, [...parameters, limit ?? -1])
    return rows.map(({ key, value }) => ({ key: key as string, value: JSON.parse(value as string) }))
  }

  async write(writes: readonly Write[]): Promise<void> {
    this.database.run('BEGIN')
    try {
      for (const { table, key, value } of writes) this.writeOne(table, key, value)
    } catch (error) {
      this.database.run('ROLLBACK')
      throw error
    }
    this.database.run('COMMIT')
  }

  private writeOne(table: Table, key: string, value: unknown): void {
    if (value === undefined) this.database.run('DELETE FROM rows WHERE tableName = ? AND key = ?', [table, key])
    else this.database.run('INSERT OR REPLACE INTO rows VALUES (?, ?, ?)', [table, key, JSON.stringify(value)])
  }

  async clear(): Promise<void> {
    this.database.run('DELETE FROM rows')
  }

  async close(): Promise<void> {
    this.database.close()
  }
}
