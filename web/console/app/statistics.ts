import { DAY_MS } from '../../parts/times.ts'

/** What the routes of statistics tell, made ready to be drawn. Pure. */

export interface Totals {
  registeredUsers: number
  activeUsers: number
  messages: number
  groupsCreated: number
}

export interface ActiveUsers {
  start: string
  users: number
  newUsers: number
}

export interface MessageCount {
  at: number
  sessionKind: string
  contentKind: string
  messages: number
}

export interface RetentionWeek {
  cohort: string
  week: number
  users: number
  cohortUsers: number
}

export interface LatencyOfDay {
  day: string
  deliveredMsP50: number | null
  deliveredMsP95: number | null
  readMsP50: number | null
}

export interface PushFunnel {
  attempted: number
  accepted: number
  delivered: number
  opened: number
  deadTokens: number
  failed: number
}

/** The days of a span, UTC, the last one included: `2026-03-02`. */
export function daysUntil(now: number, days: number): string[] {
  return Array.from({ length: days }, (_, i) => dayOf(now - (days - 1 - i) * DAY_MS))
}

export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

/** One row for each place of the axis, with 0 where nothing was counted. */
export type Series = { at: string } & Record<string, number | string>

/** Days without anybody are left out by the server, and are days all the same. */
export function activeSeries(rows: readonly ActiveUsers[], days: readonly string[]): Series[] {
  const byDay = new Map(rows.map(row => [row.start, row]))
  return days.map(at => ({ at, users: byDay.get(at)?.users ?? 0, newUsers: byDay.get(at)?.newUsers ?? 0 }))
}

/** Messages by what `kindOf` says of them, at each of the places. */
export function messageSeries(
  rows: readonly MessageCount[],
  places: readonly string[],
  { placeOf, kindOf }: { placeOf(row: MessageCount): string; kindOf(row: MessageCount): string },
): { kinds: string[]; series: Series[] } {
  const totals = new Map<string, number>()
  const byPlace = new Map<string, Series>(places.map(at => [at, { at }]))
  for (const row of rows) {
    const series = byPlace.get(placeOf(row))
    if (series === undefined) continue
    const kind = kindOf(row)
    series[kind] = Number(series[kind] ?? 0) + row.messages
    totals.set(kind, (totals.get(kind) ?? 0) + row.messages)
  }
  const kinds = [...totals].sort(([, a], [, b]) => b - a).map(([kind]) => kind)
  const series = [...byPlace.values()]
  for (const one of series) for (const kind of kinds) one[kind] ??= 0
  return { kinds, series }
}

const HOUR_MS = 3_600_000

/** The beginnings of the last hours, the present one included. */
export function hoursUntil(now: number, hours: number): number[] {
  const last = Math.floor(now / HOUR_MS) * HOUR_MS
  return Array.from({ length: hours }, (_, i) => last - (hours - 1 - i) * HOUR_MS)
}

export interface Cohort {
  cohort: string
  people: number
  /** Shares of them, 0 to 1, by weeks since; undefined where the week is yet to come. */
  shares: (number | undefined)[]
}

/** Who came in a week, and how many of them were there in each week after it, as a share. */
export function cohortsOf(rows: readonly RetentionWeek[], weeksMax: number): Cohort[] {
  const cohorts = new Map<string, Cohort>()
  for (const { cohort, week, users, cohortUsers } of rows) {
    const one = cohorts.get(cohort) ?? { cohort, people: cohortUsers, shares: [] }
    cohorts.set(cohort, one)
    if (week < weeksMax) one.shares[week] = cohortUsers === 0 ? 0 : users / cohortUsers
  }
  return [...cohorts.values()].sort((a, b) => (a.cohort < b.cohort ? 1 : -1))
}

/** All rows of the funnel together. */
export function funnelOf(rows: readonly PushFunnel[]): PushFunnel {
  const sum = (name: keyof PushFunnel) => rows.reduce((total, row) => total + row[name], 0)
  return {
    attempted: sum('attempted'),
    accepted: sum('accepted'),
    delivered: sum('delivered'),
    opened: sum('opened'),
    deadTokens: sum('deadTokens'),
    failed: sum('failed'),
  }
}
