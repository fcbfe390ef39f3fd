import { expect, test } from 'vitest'
import { loadMigrations, statementsOf } from '../../processors/archive/migrate.ts'
import { onCluster } from './cluster.ts'

test('[AR16] what makes or changes tables is done on the cluster, and tables are replicated', () => {
  expect(onCluster('CREATE DATABASE IF NOT EXISTS `packlog`', "it's")).toBe(
    "CREATE DATABASE IF NOT EXISTS `packlog` ON CLUSTER 'it\\'s'",
  )
  expect(
    onCluster(
      'CREATE TABLE IF NOT EXISTS t\n(\n  a UInt8\n)\nENGINE = ReplacingMergeTree(a)\nORDER BY a\nSETTINGS non_replicated_deduplication_window = 1000',
      'main',
    ),
  ).toBe(
    "CREATE TABLE IF NOT EXISTS t ON CLUSTER 'main'\n(\n  a UInt8\n)\nENGINE = ReplicatedReplacingMergeTree(a)\nORDER BY a\nSETTINGS replicated_deduplication_window = 1000",
  )
  expect(onCluster('ALTER TABLE t ADD COLUMN b UInt8', 'main')).toBe(
    "ALTER TABLE t ON CLUSTER 'main' ADD COLUMN b UInt8",
  )
  expect(onCluster('CREATE MATERIALIZED VIEW IF NOT EXISTS v TO t AS\nSELECT 1', 'main')).toBe(
    "CREATE MATERIALIZED VIEW IF NOT EXISTS v ON CLUSTER 'main' TO t AS\nSELECT 1",
  )
  expect(onCluster('CREATE TABLE t_rebuild AS t', 'main')).toBe("CREATE TABLE t_rebuild ON CLUSTER 'main' AS t")
  expect(onCluster('DROP TABLE IF EXISTS t_rebuild SYNC', 'main')).toBe(
    "DROP TABLE IF EXISTS t_rebuild ON CLUSTER 'main' SYNC",
  )
  expect(onCluster('EXCHANGE TABLES a AND a_rebuild, b AND b_rebuild', 'main')).toBe(
    "EXCHANGE TABLES a AND a_rebuild, b AND b_rebuild ON CLUSTER 'main'",
  )
})

test('[AR16] what reads or writes rows stays as it is', () => {
  for (const sql of ['SELECT 1', "INSERT INTO t SELECT 'CREATE TABLE x'", 'SYSTEM FLUSH LOGS']) {
    expect(onCluster(sql, 'main')).toBe(sql)
  }
})

test('[AR16] every table of the migrations is a replicated one there', () => {
  const statements = loadMigrations().flatMap(({ sql }) => statementsOf(sql))
  const changed = statements.map(sql => onCluster(sql, 'main'))
  for (const [i, sql] of changed.entries()) {
    if (/^\s*INSERT/.test(statements[i]!)) expect(sql).toBe(statements[i])
    else expect(sql.split('\n')[0], sql).toContain("ON CLUSTER 'main'")
    if (/ENGINE = /.test(sql)) expect(sql).toMatch(/ENGINE = Replicated\w*MergeTree/)
    expect(sql).not.toContain('non_replicated')
  }
})
