import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ClickHouse, type ClickHouseOptions, connectClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import type { Clock, Millis } from '../../infra/clock.ts'
import { ClickHouseArchiveReader } from '../../processors/archive/archive-reader.ts'
import { parseSearchWords } from '../../processors/archive/search-words.ts'
import { projectRoot } from '../target.ts'
import { ASKER } from './traffic.ts'
import { pairOf, WORDS, wordOf } from './vocabulary.ts'

/** What the filled archive is asked, and how long that takes. */

export interface TableSize {
  table: string
  rows: number
  bytes: number
  /** Of which text and skip indexes. */
  indexBytes: number
}

export async function tableSizes(options: ClickHouseOptions): Promise<TableSize[]> {
  return withClient(options, clickhouse =>
    clickhouse.rows<TableSize>(
      `SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes, sum(secondary_indices_compressed_bytes) AS indexBytes
      FROM system.parts WHERE database = currentDatabase() AND active GROUP BY table ORDER BY bytes DESC`,
    ),
  )
}

export interface QueryTime {
  title: string
  /** Undefined: it took longer than QUERY_MS_MAX, or failed. */
  ms: number | undefined
}

const QUERY_SECONDS_MAX = 20

/** The worked queries of the analysts' guide, each once. */
export async function guideQueries(
  options: ClickHouseOptions,
  { clock, log }: { clock: Clock; log: (line: string) => void },
): Promise<QueryTime[]> {
  const guide = readFileSync(join(projectRoot(), 'docs/analytics.md'), 'utf8')
  const examples = [...guide.matchAll(/^### (.+)\n(?:(?!^### )[\s\S])*?```sql\n([\s\S]*?)```/gm)]
  return withClient(options, async clickhouse => {
    const times: QueryTime[] = []
    for (const [, title, sql] of examples) {
      const from = clock.monotonic()
      const isDone = await clickhouse.rows(`${sql}\nSETTINGS max_execution_time = ${QUERY_SECONDS_MAX}`).then(
        () => true,
        () => false,
      )
      const ms = Math.round(clock.monotonic() - from)
      log(`${title}: ${isDone ? `${ms} ms` : 'given up'}`)
      times.push({ title: title!, ms: isDone ? ms : undefined })
    }
    return times
  })
}

export interface SearchTimes {
  searches: number
  /** Searches that took longer than the product lets them. */
  failed: number
  hits: number
  p50: Millis
  p99: Millis
  max: Millis
}

export interface SearchResult {
  oneAtATime: SearchTimes
  fourAtATime: SearchTimes
  /** One at a time, by kind of query. */
  byKind: Record<string, SearchTimes>
}

const KINDS = ['rare word', 'common word', 'two characters', 'no hit'] as const
const FOUR = 4

/** Fixed queries of four kinds, as the gateway asks them: the sessions of the asker, the places, the messages. */
export async function searchTimes(
  options: ClickHouseOptions,
  { searches, seed }: { searches: number; seed: number },
  { clock, log }: { clock: Clock; log: (line: string) => void },
): Promise<SearchResult> {
  const queries = Array.from({ length: searches }, (_, i) => ({ kind: KINDS[i % 4]!, words: wordsOf(i, seed) }))
  return withClient(options, async clickhouse => {
    const reader = new ClickHouseArchiveReader(clickhouse)
    const run = async ({ kind, words }: (typeof queries)[number]) => {
      const from = clock.monotonic()
      await reader.positions()
      await reader.sessionsOf({ userId: ASKER, limit: 5_000 })
      const search = { userId: ASKER, parts: [], terms: parseSearchWords(words), limit: 21 }
      const places = await reader.search(search).catch(() => undefined)
      await reader.messagesAt(places?.slice(0, 20) ?? [])
      return { kind, ms: clock.monotonic() - from, hits: places?.length ?? 0, failed: places === undefined }
    }
    log(`${searches} searches, one at a time`)
    const one: Awaited<ReturnType<typeof run>>[] = []
    for (const query of queries) one.push(await run(query))
    log(`${searches} searches, ${FOUR} at a time`)
    const four: typeof one = []
    let next = 0
    const work = async () => {
      while (next < queries.length) four.push(await run(queries[next++]!))
    }
    await Promise.all(Array.from({ length: FOUR }, work))
    const byKind = Object.fromEntries(KINDS.map(kind => [kind, timesOf(one.filter(search => search.kind === kind))]))
    return { oneAtATime: timesOf(one), fourAtATime: timesOf(four), byKind }
  })
}

function wordsOf(index: number, seed: number): string {
  const number = (index >> 2) + seed
  switch (KINDS[index % 4]!) {
    case 'rare word':
      return wordOf(WORDS - 1 - ((number * 37) % 10_000))
    case 'common word':
      return wordOf(number % 20)
    case 'two characters':
      return pairOf((number * 3) % 400)
    case 'no hit':
      return `nobody${number}said`
  }
}

function timesOf(searches: readonly { ms: Millis; hits: number; failed: boolean }[]): SearchTimes {
  const sorted = searches.map(({ ms }) => ms).sort((a, b) => a - b)
  const at = (share: number) =>
    Math.round(10 * (sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0)) / 10
  const hits = searches.reduce((sum, search) => sum + search.hits, 0)
  const failed = searches.filter(search => search.failed).length
  return { searches: searches.length, failed, hits, p50: at(0.5), p99: at(0.99), max: at(1) }
}

async function withClient<T>(options: ClickHouseOptions, ask: (clickhouse: ClickHouse) => Promise<T>): Promise<T> {
  const clickhouse = connectClickHouse(options)
  try {
    return await ask(clickhouse)
  } finally {
    await clickhouse.close()
  }
}
