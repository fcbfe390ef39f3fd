import type { Millis } from '../../infra/clock.ts'
import { type Conditions, conditionLines } from '../conditions.ts'
import type { ProcessUse } from '../processes.ts'
import type { FillParameters } from './fill.ts'

/** The figures of rebuild and verify as a person reads them; pure. */

/** What one step took. */
export interface StepFigures {
  ms: Millis
  processes: Record<string, ProcessUse>
}

/** A view that was rebuilt: the old one is deleted once the new one is live. */
export interface RebuiltFigures extends StepFigures {
  liveMs: Millis
}

export interface ViewsReport {
  command: 'verify' | 'rebuild'
  rebuilt: Record<string, RebuiltFigures>
  verified: (StepFigures & VerifiedCounts) | undefined
  parameters: FillParameters
  conditions: Conditions
}

export interface VerifiedCounts {
  sessions: number
  events: number
  messages: number
  users: number
  differences: number
}

export function viewsText({ rebuilt, verified, parameters, conditions }: ViewsReport): string {
  const { sessions, events, users, textBytes } = parameters
  const rows = Object.entries(rebuilt).map(
    ([view, { liveMs, ...step }]) =>
      `${view.padEnd(12)} ${rate(events, liveMs)} events/s, live after ${seconds(liveMs)}${usedText(step)}`,
  )
  return [
    ...conditionLines(conditions),
    `traffic      ${events} events of about ${textBytes} bytes of text, ${sessions} sessions, ${users} users`,
    'rebuilt',
    ...rows.map(row => `  ${row}`),
    ...(verified === undefined ? [] : verifiedLines(verified)),
  ].join('\n')
}

function verifiedLines(verified: NonNullable<ViewsReport['verified']>): string[] {
  const { ms, sessions, events, messages, users, differences } = verified
  const millionMs = (ms * MILLION) / sessions
  return [
    `verified     ${sessions} sessions, ${events} events, ${messages} archived messages, ${users} users: ` +
      (differences === 0 ? 'all equal' : `${differences} DIFFERENCES`),
    `             ${rate(sessions, ms)} sessions/s${usedText(verified)}; a million sessions: ${seconds(millionMs)}`,
  ]
}

function rate(count: number, ms: Millis): number {
  return Math.round((count * 1_000) / ms)
}

function usedText({ ms, processes }: StepFigures): string {
  const uses = Object.entries(processes).map(([name, { cpuPercent, rssMiB }]) => {
    return `${name} ${seconds((ms * cpuPercent) / 100)} of CPU, ${rssMiB} MiB`
  })
  return ` (${[seconds(ms), ...uses].join('; ')})`
}

const MILLION = 1_000_000
const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`
