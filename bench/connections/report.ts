import type { Millis } from '../../infra/clock.ts'
import { type Conditions, conditionLines } from '../conditions.ts'
import type { ProcessUse } from '../processes.ts'
import { isClean, latencyLines, processLines, type Spread, spread } from '../report.ts'
import type { FairPair, FairParameters } from './fair.ts'
import type { GroupLoadResult, GroupParameters } from './group-load.ts'
import type { IdleParameters, IdleResult } from './idle.ts'

/** The figures of group and idle as a value and as text; pure. */

export interface GroupReport extends GroupLoadResult {
  deliveriesPerSecond: number
  /** Deliveries of the measured part by CPU time of all gateways; null where that cannot be seen. */
  deliveriesPerGatewayCpuSecond: number | null
  processes: Record<string, ProcessUse>
  parameters: GroupParameters
  conditions: Conditions
}

export interface IdleReport extends IdleResult {
  parameters: IdleParameters
  conditions: Conditions
}

export function groupReport(
  result: GroupLoadResult,
  rest: Pick<GroupReport, 'processes' | 'parameters' | 'conditions'>,
): GroupReport {
  const { measuredDeliveries, measuredMs } = result
  const cpuMs = gatewayCpuMs(rest.processes, measuredMs)
  return {
    ...result,
    deliveriesPerSecond: Math.round((measuredDeliveries * 1_000) / measuredMs),
    deliveriesPerGatewayCpuSecond: cpuMs === 0 ? null : Math.round((measuredDeliveries * 1_000) / cpuMs),
    ...rest,
  }
}

function gatewayCpuMs(processes: Record<string, ProcessUse>, measuredMs: Millis): Millis {
  const gateways = Object.entries(processes).filter(([name]) => name.startsWith('gateway'))
  return gateways.reduce((sum, [, { cpuPercent }]) => sum + (cpuPercent * measuredMs) / 100, 0)
}

/** True when every member got every message, once and in order, and nobody was refused or cut off. */
export function isGroupClean(result: GroupLoadResult): boolean {
  const { lost, duplicated, outOfOrder, unanswered, connectionsLost, refused } = result
  return lost + duplicated + outOfOrder + unanswered + connectionsLost === 0 && Object.keys(refused).length === 0
}

export function groupText(report: GroupReport): string {
  const { parameters: what, deliveriesPerGatewayCpuSecond: perCpu } = report
  const refused = Object.entries(report.refused).map(([code, count]) => `${code} ${count}`)
  return [
    ...conditionLines(report.conditions),
    `load         ${what.ratePerSecond} messages/s for ${what.seconds} s after ${what.warmupSeconds} s of warm-up, ` +
      `${what.bytes} bytes, ${what.members} members connected, ${what.absent} absent`,
    '',
    `  sent ${report.sent} (${report.sentPerSecond}/s), acked ${report.acked}, delivered ${report.delivered}`,
    `  lost ${report.lost}, duplicated ${report.duplicated}, out of order ${report.outOfOrder}, ` +
      `unanswered ${report.unanswered}, connections lost ${report.connectionsLost}`,
    `  refused: ${refused.length === 0 ? 'none' : refused.join(', ')}`,
    `  deliveries per second ${report.deliveriesPerSecond}, per CPU second of the gateways ${perCpu ?? 'not seen'}`,
    ...latencyLines({ delivery: report.deliveryMs, ack: report.ackMs, 'generator late': report.generatorLateMs }),
    ...processLines(report.processes),
    '',
    isGroupClean(report) ? 'every member got every message, once and in order' : 'NOT CLEAN: see the counts above',
  ].join('\n')
}

export function idleText(report: IdleReport): string {
  return [
    ...conditionLines(report.conditions),
    `load         ${report.parameters.connections} connections, idle for ${report.parameters.seconds} s`,
    '',
    `  connected ${report.connected} (${report.loginsPerSecond} logins/s), lost ${report.connectionsLost}`,
    `  memory of the gateways ${report.gatewayRssKiBBefore} KiB before, ${report.gatewayRssKiBAfter} KiB with them: ` +
      `${report.rssKiBPerConnection} KiB each`,
    `  CPU of the gateways while idle: ${report.gatewayCpuPercent} % of a core`,
  ].join('\n')
}

export interface FairReport {
  pairs: FairPair[]
  ratio: Spread
  parameters: FairParameters
  conditions: Conditions
}

export function fairReport(pairs: FairPair[], rest: Pick<FairReport, 'parameters' | 'conditions'>): FairReport {
  return { pairs, ratio: spread(pairs.map(({ ratio }) => ratio)), ...rest }
}

/** True when nothing of the others was refused, lost, doubled or out of order, and the one was refused each time. */
export function isFairClean(pairs: readonly FairPair[]): boolean {
  const isRefused = ({ greedy }: FairPair) => (greedy.refused.RATE_LIMITED ?? 0) > 0
  return pairs.every(pair => isRefused(pair) && isClean({ chat: [pair.without, pair.beside], log: [] }))
}

export function fairText({ pairs, ratio, parameters: what, conditions }: FairReport): string {
  const rows = pairs.map(({ without, beside, greedy, ratio: ofPair }, index) => {
    const refused = Object.entries(greedy.refused).map(([code, count]) => `${code} ${count}`)
    return (
      `  ${index + 1}  p99 ${without.endToEndMs.p99.toFixed(1)} ms without, ${beside.endToEndMs.p99.toFixed(1)} ms beside: ` +
      `${ofPair}; that user sent ${greedy.sent}, acked ${greedy.acked}, refused ${refused.join(', ') || 'none'}`
    )
  })
  return [
    ...conditionLines(conditions),
    `load         ${what.ratePerSecond} messages/s of ${what.pairs} pairs for ${what.seconds} s after ` +
      `${what.warmupSeconds} s of warm-up; one user at ten times ${what.limit}/s`,
    '',
    ...rows,
    '',
    `ratio        median ${ratio.median}, ${ratio.min} to ${ratio.max}`,
    isFairClean(pairs) ? 'the others were served as ever' : 'NOT CLEAN: see --json',
  ].join('\n')
}
