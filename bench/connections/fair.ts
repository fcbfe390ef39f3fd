import type { Clock, Millis, Random } from '../../infra/clock.ts'
import { singleSessionId, type UserId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import { type ChatLoadOptions, type ChatLoadResult, runChatLoad } from '../chat-load.ts'
import { connectUsers } from '../connect-users.ts'
import { runSchedule, Schedule } from '../pacing.ts'
import { indexedPackId, scanFrame } from '../scan-frame.ts'

/**
 * What one user who sends ten times as much as is allowed does to all others: the same chat load in pairs of runs,
 * without and with that user.
 */

export interface FairParameters {
  ratePerSecond: number
  pairs: number
  seconds: number
  warmupSeconds: number
  bytes: number
  /** Packs per second that the gateway lets one device send. */
  limit: number
  /** Pairs of runs. */
  repeat: number
}

export interface FairOptions extends FairParameters {
  gatewayUrl: string
  token(userId: UserId): Promise<string>
  clock: Clock
  random: Random
  log(line: string): void
}

/** What became of the packs of the user who sends too much. */
export interface GreedyFigures {
  sent: number
  acked: number
  /** By name of the code. */
  refused: Record<string, number>
}

export interface FairPair {
  without: ChatLoadResult
  beside: ChatLoadResult
  greedy: GreedyFigures
  /** p99 end to end of the others beside that user, by theirs without. */
  ratio: number
}

/** So many times the limit. */
const GREED = 10
const DRAIN_MS: Millis = 500

export async function runFair(options: FairOptions): Promise<FairPair[]> {
  const pairs: FairPair[] = []
  for (let pair = 1; pair <= options.repeat; pair++) {
    options.log(`pair ${pair} of ${options.repeat}`)
    const without = await chat(options)
    const [beside, greedy] = await Promise.all([chat(options), sendGreedily(options)])
    const ratio = Math.round((beside.endToEndMs.p99 / Math.max(0.01, without.endToEndMs.p99)) * 100) / 100
    pairs.push({ without, beside, greedy, ratio })
  }
  return pairs
}

function chat(options: FairOptions): Promise<ChatLoadResult> {
  const load: ChatLoadOptions = { ...options, newSessionsPercent: 0, log: () => {}, onMeasure: () => {} }
  return runChatLoad(load)
}

async function sendGreedily(options: FairOptions): Promise<GreedyFigures> {
  const { clock, random, limit, seconds, warmupSeconds, bytes } = options
  const run6 = random.bytes(3).toString('hex')
  const me = `bench-${run6}-greedy` as UserId
  const sessionId = singleSessionId(me, `bench-${run6}-peer` as UserId)
  const figures: GreedyFigures = { sent: 0, acked: 0, refused: {} }
  const [client] = await connectUsers({
    ...options,
    users: [me],
    onText: (_, text) => {
      const scanned = scanFrame(text)
      if (scanned.kind === 'ack') figures.acked++
      if (scanned.kind === 'refused') figures.refused[scanned.code] = (figures.refused[scanned.code] ?? 0) + 1
    },
    onLost: (_, reason) => options.log(`the user who sends too much was cut off: ${reason}`),
  })
  const text = 'x'.repeat(bytes)
  const perSecond = GREED * limit
  await runSchedule(new Schedule(perSecond, Math.round(perSecond * (seconds + warmupSeconds))), clock, () => {
    const packId = indexedPackId(clock.now(), run6, figures.sent++)
    client!.send(
      `{"type":"send","packId":"${packId}","sessionId":"${sessionId}","flags":${Flag.COUNTER},` +
        `"content":{"kind":"Text","text":"${text}"}}`,
    )
  })
  await clock.sleep(DRAIN_MS)
  client!.close()
  return figures
}
