import { randomUUID } from 'node:crypto'
import { type ClickHouse, connectClickHouse, createDatabase, quoteName } from '../../../infra/clickhouse/clickhouse.ts'
import { ClickHouseArchiveStore } from '../clickhouse-archive-store.ts'

export interface TestDatabase {
  options: { url: string; database: string }
  clickhouse: ClickHouse
  /** A store with a client of its own. */
  store(): ClickHouseArchiveStore
  rawRows(): Promise<{ events: number; messages: number }>
  /** Takes every row away, and what is remembered of inserts; the tables stay. */
  empty(): Promise<void>
  /** Drops the database and closes every client. */
  remove(): Promise<void>
}

/** An empty database with a random name on a real server. */
export async function makeTestDatabase(url: string): Promise<TestDatabase> {
  const options = { url, database: `test_${randomUUID().replaceAll('-', '').slice(0, 12)}` }
  await createDatabase(options)
  const clickhouse = connectClickHouse(options)
  const stores: ClickHouseArchiveStore[] = []
  const count = async (table: string) =>
    (await clickhouse.rows<{ rows: number }>(`SELECT count() AS rows FROM ${quoteName(table)}`))[0]!.rows
  return {
    options,
    clickhouse,
    store: () => {
      const store = new ClickHouseArchiveStore(connectClickHouse(options), () => createDatabase(options))
      stores.push(store)
      return store
    },
    rawRows: async () => ({ events: await count('events'), messages: await count('messages') }),
    empty: () =>
      clickhouse.command(`TRUNCATE TABLES FROM ${quoteName(options.database)} NOT LIKE 'archive_migrations'`),
    remove: async () => {
      await clickhouse.command(`DROP DATABASE IF EXISTS ${quoteName(options.database)} SYNC`)
      for (const store of stores) await store.close()
      await clickhouse.close()
    },
  }
}
