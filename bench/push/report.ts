import { type Conditions, conditionLines } from '../conditions.ts'
import type { ProcessUse } from '../processes.ts'
import { isClean, processLines, type Spread, spread } from '../report.ts'
import type { PushParameters } from './options.ts'
import type { PushPair } from './push-load.ts'

/** The figures of push as a value and as text; pure. */
export interface PushReport {
  pairs: PushPair[]
  ratio: Spread
  /** Over all runs, with and without pushes. */
  processes: Record<string, ProcessUse>
  parameters: PushParameters
  conditions: Conditions
}

export function pushReport(
  pairs: PushPair[],
  rest: Pick<PushReport, 'processes' | 'parameters' | 'conditions'>,
): PushReport {
  return { pairs, ratio: spread(pairs.map(({ ratio }) => ratio)), ...rest }
}

/** True when the chat was served as ever, and every push was planned and taken once; what was delayed is planned anew. */
export function isPushClean(pairs: readonly PushPair[]): boolean {
  const isWhole = ({ expected, counted }: PushPair) =>
    counted.planned >= expected.planned && counted.accepted === expected.accepted && counted.failed === 0
  return pairs.every(pair => isWhole(pair) && isClean({ chat: [pair.without, pair.beside], log: [] }))
}

export function pushText({ pairs, ratio, processes, parameters: what, conditions }: PushReport): string {
  const rows = pairs.flatMap(({ without, beside, ratio: ofPair, ...pair }, index) => [
    `  ${index + 1}  p99 ${without.endToEndMs.p99.toFixed(1)} ms without, ${beside.endToEndMs.p99.toFixed(1)} ms beside: ` +
      `${ofPair}; planned ${pair.plannedPerSecond}/s, taken ${pair.acceptedPerSecond}/s`,
    `     planned ${pair.counted.planned} of ${pair.expected.planned}, taken ${pair.counted.accepted} of ` +
      `${pair.expected.accepted}, delayed ${pair.counted.delayed}, failed ${pair.counted.failed}; done ${pair.drainedMs ?? 'NEVER'} ms after the end`,
  ])
  return [
    ...conditionLines(conditions),
    `load         ${what.ratePerSecond} messages/s of ${what.pairs} pairs for ${what.seconds} s after ` +
      `${what.warmupSeconds} s of warm-up, ${what.bytes} bytes`,
    `pushes       ${what.plannedPerSecond} planned/s, ${what.sentPerSecond} sent/s by ${what.service}: ` +
      `${what.groups} groups of ${what.members} whose members are away`,
    '',
    ...rows,
    '',
    ...processLines(processes),
    '',
    `ratio        median ${ratio.median}, ${ratio.min} to ${ratio.max}`,
    isPushClean(pairs) ? 'the chat was served as ever, and every push went out once' : 'NOT CLEAN: see --json',
  ].join('\n')
}
