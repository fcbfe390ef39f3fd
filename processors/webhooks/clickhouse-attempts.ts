import type { ClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import type { Attempt, AttemptTable } from './attempt-log.ts'

/** The table `webhook_attempts`; closing it closes the client. */
export function clickHouseAttempts(clickhouse: ClickHouse): AttemptTable {
  return {
    insert: (rows, token) => clickhouse.insertRows<Attempt>({ table: 'webhook_attempts', rows, token }),
    close: () => clickhouse.close(),
  }
}
