import type { ChatLoadResult } from './chat-load.ts'
import { type Conditions, conditionLines } from './conditions.ts'
import type { LatencySummary } from './histogram.ts'
import type { LogLoopResult } from './log-loop.ts'
import type { BenchOptions } from './options.ts'
import type { ProcessUse } from './processes.ts'
import type { Lag } from './view-lag.ts'
import type { WakeCost } from './wake-cost.ts'

/** What is printed, as a value and as text; pure. */

export interface ChatFigures extends ChatLoadResult {
  processes: Record<string, ProcessUse>
  lag: Record<string, Lag>
  /** How old the newest event in the archive was, looked at all the time; absent without an archive. */
  archiveAgeMs?: LatencySummary
}

export interface LogFigures extends LogLoopResult {
  processes: Record<string, ProcessUse>
}

export interface Spread {
  median: number
  min: number
  max: number
}

export interface BenchReport {
  command: BenchOptions['command']
  conditions: Conditions & { wakeMs: WakeCost }
  parameters: Omit<BenchOptions, 'command' | 'json' | 'start' | 'gatewayUrl'>
  chat: ChatFigures[]
  log: LogFigures[]
}

/** True when nothing was refused, lost, doubled, out of order or left without an answer in any run. */
export function isClean({ chat, log }: { chat: readonly ChatLoadResult[]; log: readonly LogLoopResult[] }): boolean {
  const chatBad = chat.map(run => {
    const refused = Object.values(run.refused).reduce((sum, count) => sum + count, 0)
    return run.lost + run.duplicated + run.outOfOrder + run.unanswered + run.connectionsLost + refused
  })
  const logBad = log.map(run => run.lost + run.duplicated + run.outOfOrder)
  return [...chatBad, ...logBad].every(bad => bad === 0)
}

/**
 * The one JSON object: the figures of the median run (by p99) at the top, so that one run and many read alike; with
 * repeats all runs and their spread, with the log loop its figures and the ratio to it.
 */
export function toJson(report: BenchReport): object {
  const { conditions, parameters, chat, log } = report
  const main = chat.length > 0 ? medianRun(chat) : medianRun(log)
  const runs: readonly (ChatFigures | LogFigures)[] = chat.length > 0 ? chat : log
  return {
    ...main,
    ...(runs.length > 1 ? { runs, spread: latencySpread(runs) } : {}),
    ...(chat.length > 0 && log.length > 0 ? { log: medianRun(log), ratio: ratio(report) } : {}),
    command: report.command,
    parameters,
    conditions,
  }
}

/** How many times the raw loop's latency the product's is; medians of all runs. */
function ratio({ chat, log }: BenchReport): { p50: number; p99: number } {
  const of = (key: 'p50' | 'p99') => {
    const raw = spread(log.map(run => run.endToEndMs[key])).median
    return raw === 0 ? 0 : Math.round((spread(chat.map(run => run.endToEndMs[key])).median / raw) * 100) / 100
  }
  return { p50: of('p50'), p99: of('p99') }
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((one, other) => one - other)
  return { median: sorted[Math.floor((sorted.length - 1) / 2)] ?? 0, min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0 }
}

function latencySpread(runs: readonly { endToEndMs: LatencySummary }[]): Record<'p50' | 'p99' | 'max', Spread> {
  const of = (key: 'p50' | 'p99' | 'max') => spread(runs.map(run => run.endToEndMs[key]))
  return { p50: of('p50'), p99: of('p99'), max: of('max') }
}

function medianRun<T extends { endToEndMs: LatencySummary }>(runs: readonly T[]): T {
  const sorted = runs.toSorted((one, other) => one.endToEndMs.p99 - other.endToEndMs.p99)
  return sorted[Math.floor((sorted.length - 1) / 2)]!
}

/** The report as a person reads it. */
export function toText(report: BenchReport): string {
  const { conditions: where, parameters: what, chat, log } = report
  const lines = [
    ...conditionLines(where),
    `wake-up      a byte to a sleeping process and back: p50 ${inMs(where.wakeMs.p50)} ms, p99 ${inMs(where.wakeMs.p99)} ms`,
    `load         ${what.ratePerSecond} messages/s for ${what.seconds} s after ${what.warmupSeconds} s of warm-up, ` +
      `${what.bytes} bytes, ${what.pairs} pairs, ${what.newSessionsPercent} % to new sessions`,
  ]
  for (const [index, run] of chat.entries()) lines.push('', `chat${number(index, chat)}`, ...chatLines(run))
  for (const [index, run] of log.entries()) lines.push('', `log loop${number(index, log)}`, ...logLines(run))
  if (chat.length > 1) lines.push('', 'spread of chat, end to end', ...spreadLines(chat))
  if (log.length > 1) lines.push('', 'spread of the log loop', ...spreadLines(log))
  if (chat.length > 0 && log.length > 0) {
    const { p50, p99 } = ratio(report)
    lines.push('', `ratio        chat takes ${p50} times the log loop's p50 and ${p99} times its p99`)
  }
  lines.push(
    '',
    isClean(report) ? 'nothing refused, lost, doubled, out of order or unanswered' : 'NOT CLEAN: see the counts above',
  )
  return lines.join('\n')
}

function inMs(span: number): string {
  return span.toFixed(2)
}

function number(index: number, runs: readonly unknown[]): string {
  return runs.length > 1 ? `, run ${index + 1} of ${runs.length}` : ''
}

function chatLines(run: ChatFigures): string[] {
  const refused = Object.entries(run.refused).map(([code, count]) => `${code} ${count}`)
  return [
    `  sent ${run.sent} (${run.sentPerSecond}/s), acked ${run.acked}, delivered ${run.delivered}; ` +
      `new sessions ${run.newSessions}`,
    `  lost ${run.lost}, duplicated ${run.duplicated}, out of order ${run.outOfOrder}, unanswered ${run.unanswered}, ` +
      `connections lost ${run.connectionsLost}`,
    `  refused: ${refused.length === 0 ? 'none' : refused.join(', ')}`,
    ...latencyLines({
      'end to end': run.endToEndMs,
      ack: run.ackMs,
      'generator late': run.generatorLateMs,
      ...(run.archiveAgeMs === undefined ? {} : { 'archive age': run.archiveAgeMs }),
    }),
    ...lagLines(run.lag),
    ...processLines(run.processes),
  ]
}

function logLines(run: LogFigures): string[] {
  return [
    `  sent ${run.sent}, delivered ${run.delivered}, lost ${run.lost}, duplicated ${run.duplicated}, ` +
      `out of order ${run.outOfOrder}`,
    ...latencyLines({ 'end to end': run.endToEndMs, 'generator late': run.generatorLateMs }),
    ...processLines(run.processes),
  ]
}

export function latencyLines(latencies: Record<string, LatencySummary>): string[] {
  const head = `  ${'ms'.padEnd(18)}${'p50'.padStart(10)}${'p99'.padStart(10)}${'max'.padStart(10)}`
  const rows = Object.entries(latencies).map(([name, { p50, p99, max }]) => {
    return `  ${name.padEnd(18)}${[p50, p99, max].map(ms => ms.toFixed(2).padStart(10)).join('')}`
  })
  return [head, ...rows]
}

function lagLines(lag: Record<string, Lag>): string[] {
  return Object.entries(lag).map(([name, { recordsAtEnd, caughtUpMs }]) => {
    const caughtUp = caughtUpMs === null ? 'NOT caught up' : `caught up after ${caughtUpMs} ms`
    return `  lag ${name.padEnd(14)}${String(recordsAtEnd).padStart(10)} records at the end, ${caughtUp}`
  })
}

export function processLines(processes: Record<string, ProcessUse>): string[] {
  const rows = Object.entries(processes).map(([name, { cpuPercent, rssMiB }]) => {
    return `  ${name.padEnd(18)}${cpuPercent.toFixed(1).padStart(10)}${String(rssMiB).padStart(10)}`
  })
  return rows.length === 0 ? [] : [`  ${'process'.padEnd(18)}${'% of core'.padStart(10)}${'MiB'.padStart(10)}`, ...rows]
}

function spreadLines(runs: readonly { endToEndMs: LatencySummary }[]): string[] {
  return Object.entries(latencySpread(runs)).map(
    ([key, { median, min, max }]) => `  ${key.padEnd(4)} median ${median} ms, ${min} to ${max} ms`,
  )
}
