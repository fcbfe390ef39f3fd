import { NoServer, readLocalStack, START_HINT } from '../../client/terminal/find-server.ts'
import { connectClickHouse, quoteName } from '../../infra/clickhouse/clickhouse.ts'
import type { Clock, Random } from '../../infra/clock.ts'
import { readConditions } from '../conditions.ts'
import { projectRoot } from '../target.ts'
import { guideQueries, searchTimes, tableSizes } from './ask.ts'
import { loadArchive } from './load.ts'
import { parseArchiveOptions } from './options.ts'
import { type ArchiveReport, archiveText } from './report.ts'

/** `npm run bench -- archive`: what the archive takes in, what it needs, and how long its answers take. */

interface Shell {
  env: NodeJS.ProcessEnv
  clock: Clock
  random: Random
  log(line: string): void
}

export function isArchiveBench([command]: readonly string[]): boolean {
  return command === 'archive'
}

/** Runs the command line and prints the figures with their conditions; gives the exit code. */
export async function runArchiveBench(args: readonly string[], shell: Shell): Promise<number> {
  const options = parseArchiveOptions(args)
  if (typeof options === 'string') {
    process.stdout.write(options)
    return 0
  }
  const { json, keep, parameters } = options
  const url = shell.env.CLICKHOUSE_URL ?? readLocalStack(shell.env)?.env.CLICKHOUSE_URL
  if (url === undefined) throw new NoServer(`no ClickHouse is known: ${START_HINT}, or set CLICKHOUSE_URL`)
  const clickhouse = { url, database: `bench_${shell.random.bytes(4).toString('hex')}` }
  const conditions = readConditions(projectRoot())
  try {
    const load = await loadArchive(clickhouse, parameters, shell)
    const tables = await tableSizes(clickhouse)
    const search = await searchTimes(clickhouse, parameters, shell)
    const queries = await guideQueries(clickhouse, shell)
    const server = await version(clickhouse)
    const report: ArchiveReport = { command: 'archive', server, load, tables, queries, search, parameters, conditions }
    process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${archiveText(report)}\n`)
    return search.oneAtATime.failed + search.fourAtATime.failed === 0 ? 0 : 1
  } finally {
    if (!keep) await drop(clickhouse)
    else shell.log(`the database ${clickhouse.database} is kept`)
  }
}

async function version(options: { url: string; database: string }): Promise<string> {
  const clickhouse = connectClickHouse(options)
  const [row] = await clickhouse.rows<{ version: string }>('SELECT version() AS version')
  await clickhouse.close()
  return row!.version
}

async function drop({ url, database }: { url: string; database: string }): Promise<void> {
  const clickhouse = connectClickHouse({ url, database: 'default' })
  await clickhouse.command(`DROP DATABASE IF EXISTS ${quoteName(database)} SYNC`)
  await clickhouse.close()
}
