import type { Conditions } from '../bench/conditions.ts'
import type { Millis } from '../infra/clock.ts'
import type { Checked } from './check/check.ts'
import type { FaultSilence } from './check/silence.ts'
import type { FaultsOptions } from './options.ts'

/** One run, as it is printed. */
export interface FaultsReport {
  options: FaultsOptions
  conditions: Conditions
  checked: Checked
  /** Per `empty redis`: how long until the views were there again. */
  refillsMs: Millis[]
  /** Steps of the plan that went wrong. */
  failures: string[]
  /** How long people chatted. */
  elapsedMs: Millis
  /** Where the evidence is, when it was kept. */
  evidence: string | undefined
}

export function violationsOf({ checked, failures }: FaultsReport): string[] {
  return [...failures, ...checked.violations]
}

export function toJson(report: FaultsReport): object {
  const { options, conditions, checked, refillsMs, elapsedMs, evidence } = report
  const violations = violationsOf(report)
  const { faults, ...figures } = checked.figures
  return {
    ok: violations.length === 0,
    options,
    conditions,
    elapsedMs,
    figures,
    kinds: summarize(faults),
    refillsMs,
    violations,
    evidence,
  }
}

export interface KindSummary {
  kind: string
  times: number
  silenceMsMax: Millis
  resumeMsMax: Millis
}

/** By kind, in the order of first occurrence. */
export function summarize(faults: readonly FaultSilence[]): KindSummary[] {
  const kinds = new Map<string, KindSummary>()
  for (const { kind, silenceMs, resumeMs } of faults) {
    const known = kinds.get(kind) ?? { kind, times: 0, silenceMsMax: 0, resumeMsMax: 0 }
    kinds.set(kind, {
      kind,
      times: known.times + 1,
      silenceMsMax: Math.max(known.silenceMsMax, silenceMs),
      resumeMsMax: Math.max(known.resumeMsMax, resumeMs),
    })
  }
  return [...kinds.values()].sort((a, b) => (a.kind < b.kind ? -1 : 1))
}

export function toText(report: FaultsReport): string {
  const { options, conditions, checked, refillsMs, elapsedMs, evidence } = report
  const { figures } = checked
  const violations = violationsOf(report)
  const refused = Object.entries(figures.refused).map(([name, count]) => `${count} ${name}`)
  const ended = Object.entries(figures.ended).map(([name, count]) => `${name} ${count}`)
  const { log } = figures
  return [
    `${(elapsedMs / 1_000).toFixed(0)} s of chat, ${options.ratePerSecond}/s wanted, ${options.brokers} broker(s), seed ${options.seed}`,
    `${conditions.cores} cores ${conditions.cpu}, ${conditions.memoryGiB} GiB, Node ${conditions.node}, commit ${conditions.commit}, load before ${conditions.loadBefore}`,
    '',
    ...rows([
      ['users, sessions', `${figures.users}, ${figures.sessions}`],
      ['sent', figures.sent],
      ['acked', figures.acked],
      ['delivered', figures.delivered],
      ['lost', figures.lost],
      ['duplicated', figures.duplicated],
      ['out of order', figures.outOfOrder],
      ['changed', figures.changed],
      ['gaps or resets told', figures.toldLost],
      ['unanswered', figures.unanswered],
      ['refused', refused.length === 0 ? 0 : refused.join(', ')],
      ['records on im.events', `${log.records}: ${log.valid} valid, ${log.junk} junk`],
      ['repeats, refusals, rules', `${log.repeated}, ${log.refused}, ${log.rulesSet}`],
      ['ended by themselves', ended.length === 0 ? 'none' : ended.join(', ')],
      ['verify', checked.verify.code === 0 ? 'all equal' : `exit code ${checked.verify.code}`],
      ['Redis filled again after', refillsMs.length === 0 ? 'not emptied' : refillsMs.map(inSeconds).join(', ')],
      ['longest silence undisturbed', inSeconds(figures.undisturbedSilenceMs)],
    ]),
    '',
    '| fault | times | longest time without acks | acks everywhere after it was back |',
    '|---|---:|---:|---:|',
    ...summarize(figures.faults).map(
      ({ kind, times, silenceMsMax, resumeMsMax }) =>
        `| ${kind} | ${times} | ${inSeconds(silenceMsMax)} | ${inSeconds(resumeMsMax)} |`,
    ),
    '',
    ...(violations.length === 0 ? ['no violation'] : [`${violations.length} VIOLATIONS`, ...violations]),
    ...(evidence === undefined ? [] : [`evidence: ${evidence} (book.txt, logs/)`]),
  ].join('\n')
}

const inSeconds = (ms: Millis): string => (Number.isFinite(ms) ? `${(ms / 1_000).toFixed(1)} s` : 'never')

function rows(pairs: [string, string | number][]): string[] {
  const width = Math.max(...pairs.map(([name]) => name.length))
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${value}`)
}
