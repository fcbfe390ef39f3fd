import type { Clock } from '../../infra/clock.ts'
import type { Outbound } from '../../infra/outbound/outbound.ts'
import type { Partition, SessionId } from '../../schemas/ids.ts'
import type { Webhook } from '../../schemas/webhooks.ts'
import type { AttemptReader } from './attempt-reader.ts'
import { hookName } from './plan.ts'
import { type SampleResult, sendSample } from './sample.ts'
import type { Sender } from './sender.ts'
import type { DeadLane, WebhookStore } from './webhook-store.ts'

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
    const all = Array.from({ length: partitions }, (_, partition) => queue.deadLanes({ ...request, partition }))
    const lanes = (await Promise.all(all)).flat()
    return lanes.sort((a, b) => a.at - b.at || (a.sessionId < b.sessionId ? -1 : 1))
  }

  /** What was given up of a session is delivered again, in order; false where nothing was. */
  replay(webhook: Webhook, sessionId: SessionId): Promise<boolean> {
    return this.options.queue.replay(this.lane(webhook, sessionId), this.options.clock.now())
  }

  /** Drops what was given up of a session; gives how many deliveries. */
  discard(webhook: Webhook, sessionId: SessionId): Promise<number> {
    return this.options.queue.discard(this.lane(webhook, sessionId))
  }

  private lane(webhook: Webhook, sessionId: SessionId) {
    return { partition: this.options.partitionOf(sessionId), hook: hookName(webhook), sessionId }
  }
}
