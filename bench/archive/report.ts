import { type Conditions, conditionLines } from '../conditions.ts'
import type { QueryTime, SearchResult, SearchTimes, TableSize } from './ask.ts'
import type { LoadResult } from './load.ts'
import type { ArchiveBenchParameters } from './options.ts'

/** The figures of the archive as a person reads them; pure. */

export interface ArchiveReport {
  command: 'archive'
  server: string
  load: LoadResult
  tables: TableSize[]
  queries: QueryTime[]
  search: SearchResult
  parameters: ArchiveBenchParameters
  conditions: Conditions
}

export function archiveText({ server, load, tables, queries, search, parameters, conditions }: ArchiveReport): string {
  const { events, eventsPerSecond, eventsPerSecondLeast, storedMs, madeMs, mergedMs } = load
  const messages = tables.find(({ table }) => table === 'messages')?.rows ?? 0
  const whole = tables.reduce((sum, { bytes }) => sum + bytes, 0)
  const { textBytes, users, sessions, partitions } = parameters
  return [
    ...conditionLines(conditions),
    `server       ClickHouse ${server}`,
    `traffic      ${events} events, ${messages} messages of about ${textBytes} bytes, ${users} users, ${sessions} sessions, ${partitions} partitions`,
    `stored       ${eventsPerSecond} events/s (slowest part ${eventsPerSecondLeast}), in ${seconds(storedMs)}; making them took ${seconds(madeMs)}, merging after it ${seconds(mergedMs)}`,
    `on disk      ${megabytes(whole)}, ${perRow(whole, messages)} bytes a message`,
    ...tables.map(
      ({ table, rows, bytes, indexBytes }) =>
        `  ${table.padEnd(22)} ${String(rows).padStart(10)} rows, ${megabytes(bytes).padStart(9)}, ${perRow(bytes, rows)} bytes a row, of which indexes ${perRow(indexBytes, rows)}`,
    ),
    'searches     of one user in 500 sessions, newest 20',
    `  one at a time          ${searchText(search.oneAtATime)}`,
    `  four at a time         ${searchText(search.fourAtATime)}`,
    ...Object.entries(search.byKind).map(([kind, times]) => `    ${kind.padEnd(20)} ${searchText(times)}`),
    'queries      of docs/analytics.md, each once',
    ...queries.map(({ title, ms }) => `  ${(ms === undefined ? 'given up' : `${ms} ms`).padStart(9)}  ${title}`),
  ].join('\n')
}

function searchText({ searches, failed, hits, p50, p99, max }: SearchTimes): string {
  return `p50 ${p50} ms, p99 ${p99} ms, at most ${max} ms (${searches} searches, ${failed} given up, ${hits} hits)`
}

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`
const megabytes = (bytes: number) => `${(bytes / 1_000_000).toFixed(1)} MB`
const perRow = (bytes: number, rows: number) => (rows === 0 ? '0' : (bytes / rows).toFixed(1))
