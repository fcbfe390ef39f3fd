import { type ClickHouseOptions, connectClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import type { Clock, Millis } from '../../infra/clock.ts'
import { makeArchiveView, setupArchive } from '../../processors/archive/main.ts'
import type { PlacedEvent, View } from '../../processors/view.ts'
import { makeTopics, sessionPartition } from '../../topics/topics.ts'
import type { ArchiveBenchParameters } from './options.ts'
import { Traffic } from './traffic.ts'

/** Events made before the clock runs, and events that a partition brings at once, as a fetch does. */
const CHUNK = 120_000
const BATCH = 4_000
/** About so much of the traffic is messages; the number that was made is what is reported. */
const MESSAGES_SHARE = 0.79
const DAY_MS = 86_400_000
const START_AT = Date.UTC(2026, 0, 5)
const SPAN_DAYS = 60
/** How long the database may take to merge what was loaded before it is asked. */
const MERGE_MS_MAX: Millis = 90_000
const MERGE_POLL_MS: Millis = 1_000

export interface LoadResult {
  events: number
  /** Time in which events were stored, and in which they were made, ms. */
  storedMs: number
  madeMs: number
  eventsPerSecond: number
  /** The slowest of the chunks. */
  eventsPerSecondLeast: number
  mergedMs: number
}

/** Fills a database through the archive's own view, and waits for its merges. */
export async function loadArchive(
  clickhouse: ClickHouseOptions,
  { messages, textBytes, users, sessions, partitions, seed }: ArchiveBenchParameters,
  { clock, log }: { clock: Clock; log: (line: string) => void },
): Promise<LoadResult> {
  await setupArchive(clickhouse)
  const { events: topic } = makeTopics({ prefix: 'bench.', partitions, eventRetentionDays: 1 })
  const numbers = Array.from({ length: partitions }, (_, partition) => partition)
  const view = makeArchiveView({ clickhouse, topic: topic.name, partitions: numbers, clock })
  const total = Math.ceil(messages / MESSAGES_SHARE)
  const span = { startAt: START_AT, spanMs: SPAN_DAYS * DAY_MS }
  const partitionOf = (sessionId: Parameters<typeof sessionPartition>[1]) => sessionPartition(topic, sessionId)
  const traffic = new Traffic({ seed, events: total, users, sessions, textBytes, ...span, partitionOf })
  for (const partition of numbers) await view.position(partition)
  const result = { events: 0, storedMs: 0, madeMs: 0, least: Number.POSITIVE_INFINITY }
  for (let from = clock.monotonic(); result.events < total; from = clock.monotonic()) {
    const chunk = traffic.next(CHUNK)
    const made = clock.monotonic()
    await Promise.all([...chunk].map(([partition, events]) => store(view, partition, events)))
    const stored = clock.monotonic()
    const count = [...chunk.values()].reduce((sum, events) => sum + events.length, 0)
    result.events += count
    result.madeMs += made - from
    result.storedMs += stored - made
    if (count === CHUNK) result.least = Math.min(result.least, (1_000 * count) / (stored - made))
    log(`${result.events} of ${total} events, ${perSecond(count, stored - made)} events/s`)
  }
  await view.close()
  const mergedMs = await untilMerged(clickhouse, { clock, log })
  const { events, storedMs, madeMs, least } = result
  const eventsPerSecond = perSecond(events, storedMs)
  const eventsPerSecondLeast = Number.isFinite(least) ? Math.round(least) : eventsPerSecond
  return {
    events,
    storedMs: Math.round(storedMs),
    madeMs: Math.round(madeMs),
    eventsPerSecond,
    eventsPerSecondLeast,
    mergedMs,
  }
}

function perSecond(count: number, ms: Millis): number {
  return Math.round((1_000 * count) / ms)
}

async function store(view: View, partition: number, events: readonly PlacedEvent[]): Promise<void> {
  for (let at = 0; at < events.length; at += BATCH) {
    const batch = events.slice(at, at + BATCH)
    await view.apply({ partition, events: batch, position: batch.at(-1)!.position })
  }
}

/** Indexes of texts are made by merges: what is asked before them is scanned. */
async function untilMerged(
  options: ClickHouseOptions,
  { clock, log }: { clock: Clock; log: (line: string) => void },
): Promise<number> {
  const clickhouse = connectClickHouse(options)
  const begun = clock.monotonic()
  try {
    for (;;) {
      const rows = await clickhouse.rows<{ merges: number }>(
        'SELECT count() AS merges FROM system.merges WHERE database = currentDatabase()',
      )
      const waited = clock.monotonic() - begun
      if (rows[0]!.merges === 0 || waited > MERGE_MS_MAX) return Math.round(waited)
      log(`${rows[0]!.merges} merges are running`)
      await clock.sleep(MERGE_POLL_MS)
    }
  } finally {
    await clickhouse.close()
  }
}
