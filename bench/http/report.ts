import type { ChatLoadResult } from '../chat-load.ts'
import { type Conditions, conditionLines } from '../conditions.ts'
import type { ProcessUse } from '../processes.ts'
import { isClean, latencyLines, processLines, type Spread, spread } from '../report.ts'
import type { HttpLoadResult } from './http-load.ts'
import type { HttpParameters } from './options.ts'

/** The figures of `npm run bench -- http` as a value and as text; pure. */

export interface HttpPair {
  without: ChatLoadResult
  with: ChatLoadResult
  beside: HttpLoadResult
}

export interface HttpFigures {
  single: HttpLoadResult & { processes: Record<string, ProcessUse> }
  webSocket: ChatLoadResult
  batch: HttpLoadResult
  pairs: HttpPair[]
}

export interface HttpReport extends HttpFigures {
  /** Messages per second in batches, by those of the WebSocket. */
  batchShare: number
  /** p99 end to end on the WebSocket with HTTP beside it, by that without; one for each pair. */
  ratio: Spread
  parameters: HttpParameters
  conditions: Conditions
}

export function httpReport(figures: HttpFigures, rest: Pick<HttpReport, 'parameters' | 'conditions'>): HttpReport {
  const { batch, webSocket, pairs } = figures
  const ratios = pairs.map(pair => hundredths(pair.with.endToEndMs.p99 / Math.max(0.01, pair.without.endToEndMs.p99)))
  const batchShare = hundredths(batch.messagesPerSecond / Math.max(1, webSocket.sentPerSecond))
  return { ...figures, batchShare, ratio: spread(ratios), ...rest }
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100
}

/** True when HTTP refused nothing, and on the WebSocket nothing was lost, doubled, out of order or unanswered. */
export function isHttpClean({ single, batch, webSocket, pairs }: HttpFigures): boolean {
  const loads = [single, batch, ...pairs.map(({ beside }) => beside)]
  const chats = [webSocket, ...pairs.flatMap(pair => [pair.without, pair.with])]
  return loads.every(({ refused }) => Object.keys(refused).length === 0) && isClean({ chat: chats, log: [] })
}

export function httpText(report: HttpReport): string {
  const { parameters: what, single, batch, webSocket, pairs, batchShare, ratio } = report
  return [
    ...conditionLines(report.conditions),
    `load         ${what.connections} HTTP connections, ${what.bytes} bytes, each part ${what.seconds} s after ` +
      `${what.warmupSeconds} s of warm-up`,
    '',
    `single       ${single.messagesPerSecond} sends/s; refused: ${refusedText(single)}`,
    ...latencyLines({ answer: single.answerMs }),
    ...processLines(single.processes),
    '',
    `WebSocket    ${webSocket.sentPerSecond} messages/s at ${what.ratePerSecond}/s wanted`,
    ...latencyLines({ 'end to end': webSocket.endToEndMs }),
    `batch        ${batch.messagesPerSecond} messages/s, ${what.receivers} in each: ${batchShare} of the WebSocket; ` +
      `refused: ${refusedText(batch)}`,
    ...latencyLines({ answer: batch.answerMs }),
    '',
    ...pairs.map(
      (pair, index) =>
        `pair ${index + 1}       WebSocket p99 ${pair.without.endToEndMs.p99.toFixed(1)} ms without, ` +
        `${pair.with.endToEndMs.p99.toFixed(1)} ms with ${pair.beside.messagesPerSecond} sends/s over HTTP beside`,
    ),
    ...(pairs.length === 0 ? [] : [`ratio        median ${ratio.median}, ${ratio.min} to ${ratio.max}`]),
    isHttpClean(report) ? 'nothing refused, lost, doubled, out of order or unanswered' : 'NOT CLEAN: see --json',
  ].join('\n')
}

function refusedText({ refused }: HttpLoadResult): string {
  return (
    Object.entries(refused)
      .map(([why, count]) => `${why} ${count}`)
      .join(', ') || 'none'
  )
}
