import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testStack } from '../../tests/stack.ts'
import { DERIVED_TABLES } from './clickhouse-archive-rebuild.ts'
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
    expect(examples.length).toBe(guide.match(/```sql/g)!.length)
    expect(examples.length).toBeGreaterThanOrEqual(10)
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

describe('[AR12] the guide lists every column with its comment', () => {
  for (const table of ['events', 'messages_now', ...DERIVED_TABLES]) {
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
