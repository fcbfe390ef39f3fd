import { z } from 'zod'
import type { Clock } from '../../infra/clock.ts'
import type { ArchiveStatistics, Span } from '../../processors/archive/statistics.ts'
import { fromView, Problem } from './problem.ts'
import { type Route, route } from './route.ts'

/** Figures of users, messages, groups and pushes, from the archive. docs/analytics.md says what each number means. */

export interface StatisticsRouteParts {
  /** Throws Problem where the installation has no archive. */
  statistics(): ArchiveStatistics
  clock: Clock
}

const DAY_MS = 86_400_000
const DAYS_DEFAULT = 30
/** Days that one question may span. */
export const STATISTICS_DAYS_MAX = 3_660

const spanQuery = z.strictObject({
  from: z.iso.date().optional().describe(`First day, UTC; absent: ${DAYS_DEFAULT} days before the last.`),
  to: z.iso.date().optional().describe('Last day, UTC, included; absent: today.'),
})
type SpanQuery = z.infer<typeof spanQuery>

const count = z.int().min(0)
const day = z.string().describe('Day in UTC, such as 2026-03-02.')
const latency = z.number().nullable().describe('ms; null where there was none.')

const totals = z
  .strictObject({ registeredUsers: count, activeUsers: count, messages: count, groupsCreated: count })
  .meta({ id: 'Totals' })
const activeUsers = z
  .strictObject({ start: day.describe('First day of the period.'), users: count, newUsers: count })
  .meta({ id: 'ActiveUsers' })
const messageCount = z
  .strictObject({
    at: z.int().describe('Beginning of the hour or day, ms.'),
    sessionKind: z.string(),
    contentKind: z.string(),
    messages: count,
    contentBytes: count,
  })
  .meta({ id: 'MessageCount' })
const groupsOfDay = z.strictObject({ day, created: count, dismissed: count, active: count }).meta({ id: 'GroupsOfDay' })
const retentionWeek = z
  .strictObject({
    cohort: day.describe('Monday of the week in which they came.'),
    week: count.describe('Weeks since.'),
    users: count,
    cohortUsers: count,
  })
  .meta({ id: 'RetentionWeek' })
const latencyOfDay = z
  .strictObject({
    day,
    messages: count,
    delivered: count,
    deliveredMsP50: latency,
    deliveredMsP95: latency,
    read: count,
    readMsP50: latency,
    readMsP95: latency,
  })
  .meta({ id: 'LatencyOfDay' })
const pushFunnel = z
  .strictObject({
    day,
    serviceType: count.describe('The push service: docs/push.md lists the numbers.'),
    packageName: z.string(),
    attempted: count,
    accepted: count,
    delivered: count,
    opened: count,
    withdrawn: count,
    cancelled: count,
    deadTokens: count,
    failed: count,
    unknown: count,
  })
  .meta({ id: 'PushFunnel' })

export function statisticsRoutes({ statistics, clock }: StatisticsRouteParts): Route[] {
  const figures = <Q extends SpanQuery, R>(
    name: string,
    id: string,
    summary: string,
    { query, answer, read }: { query: z.ZodType<Q>; answer: z.ZodType<R>; read(span: Span, query: Q): Promise<R> },
  ): Route =>
    route({
      method: 'GET',
      url: `/v1/statistics/${name}`,
      id,
      tag: 'statistics',
      scope: 'statistics:read',
      actsFor: 'app',
      summary,
      query,
      answer,
      handle: call => fromView('DB_ERROR', () => read(spanOf(call.query, clock.now()), call.query)),
    })
  const rows = <T>(row: z.ZodType<T>) => z.strictObject({ rows: z.array(row) })
  const plain = <T>(row: z.ZodType<T>, read: (span: Span) => Promise<T[]>) => ({
    query: spanQuery,
    answer: rows(row),
    read: async (span: Span) => ({ rows: await read(span) }),
  })
  return [
    figures('totals', 'getTotals', 'Users, active users, messages and groups created', {
      query: spanQuery,
      answer: totals,
      read: span => statistics().totals(span),
    }),
    figures('active-users', 'getActiveUsers', 'Active and new users', {
      query: spanQuery.extend({ period: z.enum(['day', 'week', 'month']).default('day') }),
      answer: rows(activeUsers),
      read: async (span, { period }) => ({ rows: await statistics().activeUsers({ ...span, period }) }),
    }),
    figures('messages', 'getMessageCounts', 'Messages by kind of session and content', {
      query: spanQuery.extend({ step: z.enum(['hour', 'day']).default('day') }),
      answer: rows(messageCount),
      read: async (span, { step }) => ({ rows: await statistics().messages({ ...span, step }) }),
    }),
    figures(
      'groups',
      'getGroupCounts',
      'Groups created, dismissed and active',
      plain(groupsOfDay, span => statistics().groups(span)),
    ),
    figures(
      'retention',
      'getRetention',
      'Who comes back, by weeks',
      plain(retentionWeek, span => statistics().retention(span)),
    ),
    figures(
      'latency',
      'getLatency',
      'How long messages of single chats take to be delivered and read',
      plain(latencyOfDay, span => statistics().latency(span)),
    ),
    figures(
      'pushes',
      'getPushFunnel',
      'What became of pushes',
      plain(pushFunnel, span => statistics().pushes(span)),
    ),
  ]
}

/** Throws Problem PARAM. */
function spanOf({ from, to }: SpanQuery, now: number): Span {
  const last = to === undefined ? Math.floor(now / DAY_MS) * DAY_MS : Date.parse(to)
  const first = from === undefined ? last - DAYS_DEFAULT * DAY_MS : Date.parse(from)
  if (first > last) throw new Problem('PARAM', 'from: must not be after to')
  if (last - first > STATISTICS_DAYS_MAX * DAY_MS)
    throw new Problem('PARAM', `from: at most ${STATISTICS_DAYS_MAX} days before to`)
  return { from: first, to: last + DAY_MS }
}
