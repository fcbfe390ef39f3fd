import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { type ClickHouse, quoteName } from '../../infra/clickhouse/clickhouse.ts'

/**
 * Brings the tables of a database to the state that the numbered files in migrations/ describe.
 *
 * Each file runs once, in order; a record of it stays in `archive_migrations`. Its statements can be repeated (IF NOT
 * EXISTS), so that a crash in the middle, or two processes at once, do no harm. A file that was applied is never
 * changed: another checksum is refused, and so is a gap or a record of a file that this build does not have.
 */
export interface Migration {
  number: number
  name: string
  sql: string
  /** SHA-256 of the file, hex. */
  checksum: string
}

/** What is recorded is not what is in the files; an operator must look. */
export class MigrationRefused extends Error {
  override readonly name = 'MigrationRefused'
}

const FILE_NAME = /^(\d{4})-([a-z0-9-]+)\.sql$/

export function makeMigration(fileName: string, sql: string): Migration {
  const [, number, name] = FILE_NAME.exec(fileName) ?? []
  if (number === undefined || name === undefined) {
    throw new MigrationRefused(`${fileName} is no name of a migration: 0001-name.sql`)
  }
  return { number: Number(number), name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
}

/** The migrations of this build, in order. */
export function loadMigrations(): Migration[] {
  const folder = new URL('./migrations/', import.meta.url)
  const files = readdirSync(folder).filter(file => file.endsWith('.sql'))
  return files.sort().map(file => makeMigration(file, readFileSync(new URL(file, folder), 'utf8')))
}

/** Statements of a file: comments on lines of their own are left out, a semicolon at a line's end ends one. */
export function statementsOf(sql: string): string[] {
  const code = sql.replace(/^--.*$/gm, '')
  return code
    .split(/;\s*$/m)
    .map(statement => statement.trim())
    .filter(statement => statement !== '')
}

export interface AppliedMigration {
  number: number
  name: string
  checksum: string
}

/** The migrations still to be applied. Throws MigrationRefused when the two do not fit together. */
export function pendingMigrations(
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
): readonly Migration[] {
  migrations.forEach((migration, index) => {
    if (migration.number === index + 1) return
    throw new MigrationRefused(`migration ${migration.number}-${migration.name} is not number ${index + 1}`)
  })
  for (const { number, name, checksum } of applied) {
    const migration = migrations[number - 1]
    if (migration === undefined) {
      throw new MigrationRefused(`migration ${number}-${name} was applied by a newer build than this`)
    }
    if (migration.checksum !== checksum) {
      throw new MigrationRefused(`migration ${number}-${name} has changed since it was applied: add a new one instead`)
    }
  }
  const done = new Set(applied.map(({ number }) => number))
  return migrations.filter(({ number }) => !done.has(number))
}

const BOOKKEEPING = `CREATE TABLE IF NOT EXISTS archive_migrations
(
    number UInt32 COMMENT 'Number of the migration file',
    name String COMMENT 'Name of the migration file',
    checksum String COMMENT 'SHA-256 of the migration file, hex',
    appliedAt DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'Time of the server when it was applied, UTC'
)
ENGINE = ReplacingMergeTree
ORDER BY number
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Migrations that were applied to this database'`

/** A statement of a migration failed; what came before it stays, and the whole file is run again next time. */
export class MigrationFailed extends Error {
  override readonly name = 'MigrationFailed'
}

/** Applies what is missing; can be run again. Gives the names of what it applied. */
export async function migrate(
  clickhouse: ClickHouse,
  migrations: readonly Migration[] = loadMigrations(),
): Promise<string[]> {
  await clickhouse.command(BOOKKEEPING)
  const applied = await clickhouse.rows<AppliedMigration>(
    'SELECT number, name, checksum FROM archive_migrations FINAL ORDER BY number',
  )
  const pending = pendingMigrations(migrations, applied)
  for (const { number, name, checksum, sql } of pending) {
    for (const statement of statementsOf(sql)) {
      await clickhouse.command(statement).catch(cause => {
        throw new MigrationFailed(`migration ${number}-${name}: ${cause.message}`, { cause })
      })
    }
    await clickhouse.command(
      `INSERT INTO ${quoteName('archive_migrations')} (number, name, checksum)
      VALUES ({number: UInt32}, {name: String}, {checksum: String})`,
      { number, name, checksum },
    )
  }
  return pending.map(({ number, name }) => `${String(number).padStart(4, '0')}-${name}`)
}
