import type { ClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import type { Clock, Millis } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Service } from '../../infra/service.ts'
import { heldSessions } from './archive-stripper.ts'
import { ArchiveWorker } from './archive-worker.ts'
import { ClickHouseArchiveStore } from './clickhouse-archive-store.ts'
import { CONTENT_TABLES, expiryOf } from './strip.ts'

/** Days after which what people wrote is emptied, by kind of session; kinds that are not named keep it. */
export type ArchiveDays = Readonly<Partial<Record<'Single' | 'Group' | 'Notify', number>>>

/**
 * Empties messages whose time is over (ADR 22): rows stay, with their facts. A legal hold, on the session or on the sender,
 * goes before, and what it kept is emptied with the first step after its end. The limit moves once a day, so that a table is
 * written anew once a day at most, and only the parts in which something has to go.
 */
export function archiveRetention(options: RetentionOptions): Service {
  const { clickhouse, days, clock } = options
  return new ArchiveWorker({
    ...options,
    name: 'archive-retention',
    pauseMs: RETENTION_MS,
    failure: 'messages whose time is over could not be emptied: tried again',
    step: () => emptyExpired(clickhouse, days, clock.now()),
  })
}

export interface RetentionOptions {
  clickhouse: ClickHouse
  days: ArchiveDays
  clock: Clock
  logger: Logger
}

/** How often it is looked for messages whose time is over. */
export const RETENTION_MS: Millis = 3_600_000
const DAY_MS: Millis = 86_400_000

/** One step over all kinds and tables. `now` is a time of the log, ms since the epoch. */
export async function emptyExpired(clickhouse: ClickHouse, days: ArchiveDays, now: Millis): Promise<void> {
  const { switching } = await new ClickHouseArchiveStore(clickhouse, async () => {}).progress()
  if (switching) return
  const held = [...(await heldSessions(clickhouse, ''))]
  for (const [sessionKind, kept] of Object.entries(days)) {
    const before = (Math.floor(now / DAY_MS) - kept) * DAY_MS
    for (const table of CONTENT_TABLES) {
      const { look, update } = expiryOf(table, { sessionKind, before, held })
      if ((await clickhouse.rows(look)).length > 0) await clickhouse.command(update)
    }
  }
}
