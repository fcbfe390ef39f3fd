import type { ClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import type { Millis } from '../../infra/clock.ts'

/**
 * What is counted of users, messages and groups, for whoever runs the product: the admin console, partners with the
 * scope for it, operators. Everything is read from the views of migrations/0008-statistics.sql, which analysts see as
 * well (docs/analytics.md says what each number means). All times are log time, UTC; days are written 2026-03-02. Every
 * call rejects when the store cannot be reached.
 */
export interface ArchiveStatistics {
  /** Users ever seen, and active on the days of the span. */
  totals(span: Span): Promise<Totals>
  /** Active and new users by day, week or month; periods without anybody are left out. */
  activeUsers(span: Span & { period: 'day' | 'week' | 'month' }): Promise<ActiveUsers[]>
  /** Messages by kind of session and of content, and by hour or day. */
  messages(span: Span & { step: 'hour' | 'day' }): Promise<MessageCount[]>
  groups(span: Span): Promise<GroupsOfDay[]>
  /** Of the users who came in a week of the span, who was there in each week after it. */
  retention(span: Span): Promise<RetentionWeek[]>
  /** How long messages of single chats took to a device of the other user, and to be read. */
  latency(span: Span): Promise<LatencyOfDay[]>
  /** What became of pushes, by day, service and app. */
  pushes(span: Span): Promise<PushFunnel[]>
}

/** From the beginning of the day of `from` up to, and without, the day of `to`. */
export interface Span {
  from: Millis
  to: Millis
}

export interface Totals {
  registeredUsers: number
  activeUsers: number
  messages: number
  groupsCreated: number
}

export interface ActiveUsers {
  /** First day of the period. */
  start: string
  users: number
  newUsers: number
}

export interface MessageCount {
  /** Beginning of the hour or day, ms. */
  at: Millis
  sessionKind: string
  contentKind: string
  messages: number
  contentBytes: number
}

export interface GroupsOfDay {
  day: string
  created: number
  dismissed: number
  active: number
}

export interface RetentionWeek {
  /** Monday of the week in which they came. */
  cohort: string
  /** Weeks since. */
  week: number
  users: number
  cohortUsers: number
}

export interface LatencyOfDay {
  day: string
  messages: number
  delivered: number
  deliveredMsP50: number | null
  deliveredMsP95: number | null
  read: number
  readMsP50: number | null
  readMsP95: number | null
}

/** Counts of pushes; the table `push_funnel` says what each means. */
export interface PushFunnel {
  day: string
  /** A value of ServiceType. */
  serviceType: number
  packageName: string
  attempted: number
  accepted: number
  delivered: number
  opened: number
  withdrawn: number
  cancelled: number
  deadTokens: number
  failed: number
  unknown: number
}

const DAYS = 'BETWEEN toDate({from: Date}) AND toDate({to: Date}) - 1'

export class ClickHouseStatistics implements ArchiveStatistics {
  private readonly clickhouse: ClickHouse

  constructor(clickhouse: ClickHouse) {
    this.clickhouse = clickhouse
  }

  async totals(span: Span): Promise<Totals> {
    const rows = await this.ask<Totals>(
      `SELECT
        (SELECT uniqExact(userId) FROM user_days) AS registeredUsers,
        (SELECT uniqExact(userId) FROM user_days WHERE day ${DAYS}) AS activeUsers,
        (SELECT count() FROM messages FINAL WHERE toDate(at) ${DAYS}) AS messages,
        (SELECT sum(created) FROM groups_by_day WHERE day ${DAYS}) AS groupsCreated`,
      span,
    )
    return rows[0]!
  }

  activeUsers({ period, ...span }: Span & { period: 'day' | 'week' | 'month' }): Promise<ActiveUsers[]> {
    return this.ask(
      `SELECT start, users, newUsers FROM active_users
      WHERE period = {period: String} AND start ${DAYS} ORDER BY start`,
      span,
      { period },
    )
  }

  messages({ step, ...span }: Span & { step: 'hour' | 'day' }): Promise<MessageCount[]> {
    return this.ask(
      `SELECT toUnixTimestamp(if({step: String} = 'hour', hour, toStartOfDay(hour))) * 1000 AS at, sessionKind, contentKind,
        sum(m.messages) AS messages, sum(m.contentBytes) AS contentBytes
      FROM messages_by_hour AS m WHERE toDate(hour) ${DAYS}
      GROUP BY at, sessionKind, contentKind ORDER BY at, sessionKind, contentKind`,
      span,
      { step },
    )
  }

  groups(span: Span): Promise<GroupsOfDay[]> {
    return this.ask(`SELECT day, created, dismissed, active FROM groups_by_day WHERE day ${DAYS} ORDER BY day`, span)
  }

  retention(span: Span): Promise<RetentionWeek[]> {
    return this.ask(
      `SELECT cohort, week, users, cohortUsers FROM retention_by_week WHERE cohort ${DAYS} ORDER BY cohort, week`,
      span,
    )
  }

  latency(span: Span): Promise<LatencyOfDay[]> {
    return this.ask(`SELECT * FROM latency_by_day WHERE day ${DAYS} ORDER BY day`, span)
  }

  pushes(span: Span): Promise<PushFunnel[]> {
    return this.ask(`SELECT * FROM push_funnel WHERE day ${DAYS} ORDER BY day, serviceType, packageName`, span)
  }

  private ask<T>(sql: string, { from, to }: Span, params: Record<string, unknown> = {}): Promise<T[]> {
    return this.clickhouse.rows<T>(sql, { ...params, from: dayOf(from), to: dayOf(to) })
  }
}

function dayOf(at: Millis): string {
  return new Date(at).toISOString().slice(0, 10)
}
