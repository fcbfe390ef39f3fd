import { assert } from '../../infra/assert.ts'
import { type ClickHouse, quoteName } from '../../infra/clickhouse/clickhouse.ts'

/** Tables that the insert into `events` fills: each by a view of its own, `<table>_from_events`. */
export const DERIVED_TABLES = [
  'messages',
  'timeline_events',
  'message_changes',
  'message_events',
  'member_changes',
  'user_days',
] as const

/** The view that fills a table. */
export function viewOf(table: string): string {
  return `${table}_from_events`
}

/** What the view that fills a table selects, from another source than `events`; `source` as it stands in SQL. */
export async function derivingSelect(clickhouse: ClickHouse, table: string, source: string): Promise<string> {
  const [view] = await clickhouse.rows<{ select: string }>(
    'SELECT as_select AS select FROM system.tables WHERE database = currentDatabase() AND name = {view: String}',
    { view: viewOf(table) },
  )
  const select = view?.select ?? ''
  const events = `FROM ${quoteIfNeeded(clickhouse.database)}.events `
  assert(select.includes(events), `the view that fills ${table} does not read events`)
  return select.replace(events, `FROM ${source} `)
}

/** A name as the server writes it back. */
function quoteIfNeeded(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : quoteName(name)
}
