import type { ClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import type { Attempt } from './attempt-log.ts'

/** The place of an attempt in the list of a webhook, of which the newest comes first. */
export type AttemptPlace = Pick<Attempt, 'at' | 'partition' | 'offset' | 'attempt'>

export interface AttemptsRequest {
  app: string
  webhookId: string
  sessionId?: string
  outcome?: Attempt['outcome']
  /** Only older ones. */
  before?: AttemptPlace
  limit: number
}

/** What was sent to a webhook, as far as it was written down. Rejects when the table cannot be reached. */
export interface AttemptReader {
  attempts(request: AttemptsRequest): Promise<Attempt[]>
}

/** The other side of clickhouse-attempts.ts. */
export function clickHouseAttemptReader(clickhouse: ClickHouse): AttemptReader {
  return {
    attempts: async ({ app, webhookId, sessionId, outcome, before, limit }) => {
      const conditions = [
        'app = {app: String} AND webhookId = {webhookId: String}',
        ...(sessionId === undefined ? [] : ['sessionId = {sessionId: String}']),
        ...(outcome === undefined ? [] : ['outcome = {outcome: String}']),
        // The first comparison is for the primary key, the second one for those of the same moment.
        ...(before === undefined
          ? []
          : [
              'at <= fromUnixTimestamp64Milli({at: Int64})',
              `(toUnixTimestamp64Milli(at), partition, offset, attempt)
                < ({at: Int64}, {partition: UInt16}, {offset: UInt64}, {attempt: UInt32})`,
            ]),
      ]
      const sql = `SELECT ${COLUMNS}, toUnixTimestamp64Milli(at) AS ms FROM webhook_attempts
        WHERE ${conditions.join(' AND ')}
        ORDER BY at DESC, partition DESC, offset DESC, attempt DESC LIMIT {limit: UInt32}`
      const params = { app, webhookId, limit, ...withoutUndefined({ sessionId, outcome }), ...before }
      const rows = await clickhouse.rows<Omit<Attempt, 'at'> & { ms: number }>(sql, params)
      return rows.map(({ ms: at, ...row }) => ({ ...row, at }))
    },
  }
}

const COLUMNS = 'app, webhookId, sessionId, partition, offset, kind, attempt, durationMs, outcome, status, error'

function withoutUndefined(params: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined))
}
