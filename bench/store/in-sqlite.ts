import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStore, type SqlDatabase } from '../../client/storage/sqlite-store.ts'
import { type Clock, systemRandom } from '../../infra/clock.ts'
import { measureStore, type StoreBenchOptions, type StoreBenchResult } from './measure.ts'

/** Measures a SQLite store in a directory of its own. Needs npm `node-sqlite3-wasm`. */
export async function measureSqlite(options: StoreBenchOptions, clock: Clock): Promise<StoreBenchResult> {
  const { Database } = createRequire(import.meta.url)('node-sqlite3-wasm') as {
    Database: new (name: string) => SqlDatabase
  }
  const dir = await mkdtemp(join(tmpdir(), 'packlog-store-'))
  try {
    return await measureStore(options, {
      open: async () => openSqliteStore(new Database(join(dir, 'me.db'))),
      memoryBytes: () => process.memoryUsage.rss(),
      clock,
      random: systemRandom,
    })
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
