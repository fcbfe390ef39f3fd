import { expect, test } from 'vitest'
import { loadMigrations, makeMigration, pendingMigrations, statementsOf } from './migrate.ts'

const one = makeMigration('0001-one.sql', 'CREATE 1')
const two = makeMigration('0002-two.sql', 'CREATE 2')

test('[AR11] the files of this build are numbered without a gap', () => {
  const migrations = loadMigrations()
  expect(pendingMigrations(migrations, [])).toEqual(migrations)
  expect(migrations.length).toBeGreaterThanOrEqual(4)
})

test('[AR11] only what is missing is pending, in order', () => {
  expect(pendingMigrations([one, two], [])).toEqual([one, two])
  expect(pendingMigrations([one, two], [one])).toEqual([two])
  expect(pendingMigrations([one, two], [two, one])).toEqual([])
})

test('[AR11] a changed migration, a newer one and a gap are refused', () => {
  const changed = makeMigration('0001-one.sql', 'CREATE 1 ')
  expect(() => pendingMigrations([changed, two], [one])).toThrow('0001-one'.slice(3))
  expect(() => pendingMigrations([one], [one, two])).toThrow('newer build')
  expect(() => pendingMigrations([two], [])).toThrow('not number 1')
  expect(() => makeMigration('1-one.sql', '')).toThrow('no name of a migration')
})

test('[AR11] statements end with a semicolon at the end of a line', () => {
  expect(statementsOf("-- a;\nCREATE a COMMENT 'x; y'\n  AND b;\n\n-- c\nALTER d;\n")).toEqual([
    "CREATE a COMMENT 'x; y'\n  AND b",
    'ALTER d',
  ])
})
