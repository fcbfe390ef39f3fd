import type { Clock } from '../../infra/clock.ts'
import type { Outbound } from '../../infra/outbound/outbound.ts'
import type { Partition, SessionId } from '../../schemas/ids.ts'
import type { Webhook } from '../../schemas/webhooks.ts'
import type { AttemptReader } from './attempt-reader.ts'
import { hookName } from './plan.ts'
import { presenceQueue } from './presence-watch.ts'
import { type SampleResult, sendSample } from './sample.ts'
import type { Sender } from './sender.ts'
import type { DeadLane, LaneId, WebhookStore } from './webhook-store.ts'

/** Lanes that were given up, of one webhook in one partition, that are looked at: those behind wait until these are gone. */
export const DEAD_LISTED_MAX = 1_000

export interface WebhookDeskOptions extends AttemptReader {
  /** The secrets of webhooks are derived from it. */
  masterKey: Buffer
  /** Those that the installation names in a file: they go before, and no app changes them. */
  configured(): readonly Webhook[]
  outbound: Pick<Outbound, 'check'>
  sender: Sender
  queue: Pick<WebhookStore, 'deadLanes' | 'replay' | 'discard'>
  partitions: number
  partitionOf(sessionId: SessionId): Partition
  clock: Clock
}

/** What can be done with webhooks besides setting them: for the gateway's API and for the command `webhook`. */
export class WebhookDesk {
  private readonly options: WebhookDeskOptions

  constructor(options: WebhookDeskOptions) {
    this.options = options
  }

  get masterKey(): Buffer {
    return this.options.masterKey
  }

  configured(): readonly Webhook[] {
    return this.options.configured()
  }

  /** Rejects with OutboundFailed where nothing may be sent to the URL. */
  check(url: string): Promise<void> {
    return this.options.outbound.check(url)
  }

  test(webhook: Webhook): Promise<SampleResult> {
    return sendSample(webhook, this.options)
  }

  attempts(...request: Parameters<AttemptReader['attempts']>): ReturnType<AttemptReader['attempts']> {
    return this.options.attempts(...request)
  }

  /** Sessions that were given up, longest first. */
  async deadLanes(webhook: Webhook): Promise<DeadLane[]> {
    const { queue, partitions } = this.options
    const request = { hook: hookName(webhook), limit: DEAD_LISTED_MAX }
    // Those of the log's partitions, and behind them those of who has come or gone.
    const all = Array.from({ length: 2 * partitions }, (_, partition) => queue.deadLanes({ ...request, partition }))
    const lanes = (await Promise.all(all)).flat()
    return lanes.sort((a, b) => a.at - b.at || (a.sessionId < b.sessionId ? -1 : 1))
  }

  /** What was given up of a session is delivered again, in order; false where nothing was. */
  async replay(webhook: Webhook, sessionId: SessionId): Promise<boolean> {
    const { queue, clock } = this.options
    const replayed = this.lanes(webhook, sessionId).map(lane => queue.replay(lane, clock.now()))
    return (await Promise.all(replayed)).some(Boolean)
  }

  /** Drops what was given up of a session; gives how many deliveries. */
  async discard(webhook: Webhook, sessionId: SessionId): Promise<number> {
    const discarded = this.lanes(webhook, sessionId).map(lane => this.options.queue.discard(lane))
    return (await Promise.all(discarded)).reduce((sum, count) => sum + count, 0)
  }

  /** A user's own session has two: of what is on the log, and of who has come or gone. */
  private lanes(webhook: Webhook, sessionId: SessionId): LaneId[] {
    const { partitionOf, partitions } = this.options
    const partition = partitionOf(sessionId)
    const lane = { partition, hook: hookName(webhook), sessionId }
    if (!sessionId.startsWith('u:')) return [lane]
    return [lane, { ...lane, partition: presenceQueue(partition, partitions) }]
  }
}
