import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testStack } from '../../tests/stack.ts'
import { DERIVED_TABLES } from './derived-tables.ts'
import { statementsOf } from './migrate.ts'
import { projectEvent } from './project.ts'
import { guideEvents } from './testing/guide-data.ts'
import { makeTestDatabase, type TestDatabase } from './testing/test-database.ts'

/** docs/analytics.md says what is there, and its queries have the answers that stand below them. */

const guide = readFileSync(new URL('../../docs/analytics.md', import.meta.url), 'utf8')
const EXAMPLE = /^### (.+)\n[\s\S]*?```sql\n([\s\S]*?)```\n\n((?:\|.*\n)+)/gm
const examples = [...guide.slice(guide.indexOf('## Queries')).matchAll(EXAMPLE)].map(([, title, sql, answer]) => ({
  title: title!,
  sql: sql!,
  answer: answer!,
}))

let database: TestDatabase

beforeAll(async () => {
  database = await makeTestDatabase(testStack().clickhouseUrl)
  const store = database.store()
  await store.prepare()
  const rows = guideEvents().map(event => projectEvent(0, event))
  await store.insert({ token: 'guide', ranges: [] }, rows)
})

afterAll(() => database.remove())

/** Runs a command of the guide in a shell, with only its own variables to know the server by. */
async function shell(command: string): Promise<string> {
  const env = {
    ...process.env,
    CLICKHOUSE_URL: database.options.url,
    PACKLOG_CLICKHOUSE_DATABASE: database.options.database,
  }
  const { stdout } = await promisify(execFile)('sh', ['-c', command], { env })
  return stdout
}

describe('[AR12] the queries of the guide have the answers that it shows', () => {
  test('there are as many as the guide shows', () => {
    expect(examples.length).toBe(guide.match(/```sql\n/g)!.length)
    expect(examples.length).toBeGreaterThanOrEqual(20)
  })

  for (const { title, sql, answer } of examples) {
    test(title, async () => {
      // As an analyst would ask: over HTTP, with nothing of ours in between.
      const url = `${database.options.url}/?database=${database.options.database}`
      const response = await fetch(url, { method: 'POST', body: `${sql}\nFORMAT Markdown` })
      expect(await response.text()).toBe(answer)
    })
  }

  test('the way to connect', async () => {
    const commands = [...guide.matchAll(/```sh\n([\s\S]*?)```/g)].map(match => match[1]!)
    const curl = commands.filter(command => command.startsWith('curl'))
    expect(curl).toHaveLength(1)
    expect(await shell(curl[0]!)).toBe('8\n')
  })
})

const STATISTICS = [
  'users_registered',
  'active_users',
  'messages_by_hour',
  'groups_by_day',
  'retention_by_week',
  'marks',
  'message_reach',
  'latency_by_day',
]

/** Runs a statement with settings in the URL; gives the answer, or what was wrong. */
async function ask(sql: string, settings: Record<string, string> = {}): Promise<string> {
  const parameters = new URLSearchParams({ database: database.options.database, ...settings })
  const response = await fetch(`${database.options.url}/?${parameters}`, { method: 'POST', body: sql })
  return response.text()
}

describe('[AR22] a user for analysts', () => {
  const statements = [...guide.matchAll(/```sql-admin\n([\s\S]*?)```/g)].flatMap(([, sql]) => statementsOf(sql!))

  test.each(statements)('the server understands: %s', async statement => {
    expect(await ask(`EXPLAIN AST ${statement}`)).not.toContain('Exception')
  })

  test('a query that is bound by its settings reads, and changes nothing', async () => {
    expect(await ask('SELECT count() FROM messages FINAL', { readonly: '1' })).toBe('8\n')
    for (const change of ["INSERT INTO user_days VALUES (today(), 'x')", 'ALTER TABLE messages DELETE WHERE 1']) {
      expect(await ask(change, { readonly: '1' })).toContain('READONLY')
    }
    const filters = "{'messages': 'sessionKind = \\'Group\\''}"
    expect(await ask('SELECT count() FROM messages FINAL', { additional_table_filters: filters })).toBe('4\n')
  })
})

describe('[AR22] the dashboard', () => {
  const file = new URL('../../infra/dashboards/archive-grafana.json', import.meta.url)
  const { panels } = JSON.parse(readFileSync(file, 'utf8')) as {
    panels: { title: string; targets: { rawSql: string }[] }[]
  }
  test.each(panels.map(panel => [panel.title, panel] as const))('%s', async (_, { targets }) => {
    for (const { rawSql } of targets) {
      const sql = rawSql.replace(
        /\$__timeFilter\(((?:[^()]|\([^()]*\))*)\)/g,
        "$1 BETWEEN '2026-03-01' AND '2026-03-05'",
      )
      const answer = await ask(`${sql} FORMAT JSONCompact`)
      expect(answer).toContain('"rows"')
      const { rows } = JSON.parse(answer) as { rows: number }
      if (!sql.includes('archive_progress')) expect(rows).toBeGreaterThan(0)
    }
  })
})

describe('[AR12] the guide lists every column with its comment', () => {
  for (const table of ['events', 'messages_now', ...DERIVED_TABLES, ...STATISTICS]) {
    test(table, async () => {
      const columns = await database.clickhouse.rows<{ line: string }>(
        `SELECT concat('| \`', name, '\` | \`', type, '\` | ', comment, ' |') AS line
        FROM system.columns WHERE database = currentDatabase() AND table = {table: String} ORDER BY position`,
        { table },
      )
      const [section] = guide.split(`### \`${table}\`\n`)[1]!.split('\n### ')
      const lines = section!.split('\n').filter(line => line.startsWith('| `'))
      expect(lines).toEqual(columns.map(({ line }) => line))
    })
  }
})
