import type { Clock, Millis, Random } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Partition } from '../../schemas/ids.ts'
import type { Webhook } from '../../schemas/webhooks.ts'
import type { AttemptLog } from './attempt-log.ts'
import { afterFailure } from './backoff.ts'
import { hookName } from './plan.ts'
import { DELIVERY_MS_MAX, type Sender, type SendResult } from './sender.ts'
import type { WebhookMetrics } from './webhook-metrics.ts'
import { type ClaimedLane, DEAD_KEPT_MS, type LaneHead, type Settlement, type WebhookStore } from './webhook-store.ts'

/**
 * Serves the lanes of some partitions: claims those that are due, sends their heads one after the other, and says what
 * became of each.
 *
 * - A lane has one request under way at most. A webhook has at most HOOK_LANES_MAX lanes under way, so that one that is
 *   slow keeps its own lanes waiting and nobody else's.
 * - What the receiver has acknowledged is taken off before the next one is sent; a process that dies between the two
 *   lets the same delivery be made again by whoever claims the lane next (at least once, in order).
 * - A claim is longer than a delivery may take, so that nobody else sends while this one still does.
 *
 * Not promised: exactly once; order across sessions.
 */

/** Lanes of one webhook that one process serves at once. */
export const HOOK_LANES_MAX = 32
/** How long a claim holds without a word of its holder. */
export const CLAIM_MS: Millis = 15_000
/** How often due lanes are looked for where nobody says that there are new ones. */
export const LOOK_MS: Millis = 1_000
const SWEEP_MS: Millis = 3_600_000
/** How long a drain waits for requests under way; what it abandons is delivered again by the next owner. */
export const DRAIN_REQUESTS_MS: Millis = 3_000
const TOKEN_BYTES = 8

export interface DelivererOptions {
  store: WebhookStore
  partitions: readonly Partition[]
  /** Those in force, as far as is known. */
  webhooks(): readonly Webhook[]
  sender: Sender
  attempts: AttemptLog
  giveUpMs: Millis
  clock: Clock
  random: Random
  logger: Logger
  metrics: WebhookMetrics
}

interface Claim {
  partition: Partition
  webhook: Webhook
  /** Of this claim alone: where it has lapsed, nobody is taken for its holder. */
  token: string
}

export class Deliverer {
  private readonly options: DelivererOptions
  private readonly token: string
  private claims = 0
  private readonly underWay = new Map<string, number>()
  private readonly lanes = new Set<Promise<void>>()
  private readonly stopping = new AbortController()
  /** When each partition is to be looked at next. */
  private readonly lookAt = new Map<Partition, Millis>()
  private sweptAt = 0
  private endWait: () => void = () => {}
  private running: Promise<void> | undefined

  constructor(options: DelivererOptions) {
    this.options = options
    this.token = options.random.bytes(TOKEN_BYTES).toString('hex')
  }

  /** Begins; idempotent. */
  start(): void {
    this.running ??= this.run()
  }

  /** There is something new in a partition. */
  wake(partition: Partition): void {
    this.lookAt.delete(partition)
    this.endWait()
  }

  /** Begins nothing new and waits for what is under way, a bounded time. */
  async drain(): Promise<void> {
    this.stopping.abort()
    this.endWait()
    await this.running
    const limit = new AbortController()
    await Promise.race([Promise.all(this.lanes), this.options.clock.sleep(DRAIN_REQUESTS_MS, limit.signal)])
    limit.abort()
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        await this.look()
        await this.sweep()
      } catch (error) {
        this.options.logger.warn({ err: error }, 'the queue of the webhooks cannot be read; it is tried again')
      }
      await this.pause()
    }
  }

  private pause(): Promise<void> {
    const { clock, partitions } = this.options
    if (this.stopping.signal.aborted || partitions.some(partition => !this.lookAt.has(partition))) {
      return clock.sleep(1, this.stopping.signal)
    }
    const next = Math.min(...this.lookAt.values()) - clock.now()
    return new Promise(resolve => {
      const cancel = clock.schedule(Math.max(1, Math.min(next, LOOK_MS)), resolve)
      this.endWait = () => {
        cancel()
        resolve()
      }
    })
  }

  /** Claims what is due in every partition that is to be looked at. */
  private async look(): Promise<void> {
    const { clock, partitions } = this.options
    const webhooks = this.options.webhooks().filter(({ use }) => use === 'after')
    const now = clock.now()
    const due = partitions.filter(partition => (this.lookAt.get(partition) ?? 0) <= now)
    for (const partition of due) this.lookAt.set(partition, now + LOOK_MS)
    await Promise.all(due.flatMap(partition => webhooks.map(webhook => this.claim(partition, webhook))))
  }

  private async claim(partition: Partition, webhook: Webhook): Promise<void> {
    const { store, clock } = this.options
    const hook = hookName(webhook)
    const free = HOOK_LANES_MAX - (this.underWay.get(hook) ?? 0)
    // Whoever ends looks again.
    if (free <= 0 || this.stopping.signal.aborted) return
    // Taken at once, for other partitions claim in the same tick; what is not used is given back.
    this.occupy(hook, free)
    const now = clock.now()
    const token = `${this.token}-${this.claims++}`
    const request = { partition, hook, token, now, until: now + CLAIM_MS, limit: free }
    try {
      const { lanes, nextAt } = await store.claim(request)
      for (const lane of lanes) this.serve({ partition, webhook, token }, lane)
      if (nextAt !== undefined) this.lookAt.set(partition, Math.min(this.lookAt.get(partition) ?? nextAt, nextAt))
    } finally {
      this.occupy(hook, -free)
    }
  }

  private occupy(hook: string, lanes: number): void {
    this.underWay.set(hook, (this.underWay.get(hook) ?? 0) + lanes)
    this.options.metrics.underWay.inc(lanes)
  }

  private serve(claim: Claim, lane: ClaimedLane): void {
    const { partition, webhook } = claim
    const hook = hookName(webhook)
    this.occupy(hook, 1)
    const served = this.serveLane(claim, lane)
      .catch(error => this.options.logger.warn({ err: error, hook }, 'a lane is left to lapse'))
      .finally(() => {
        this.occupy(hook, -1)
        this.lanes.delete(served)
        this.wake(partition)
      })
    this.lanes.add(served)
  }

  /** Sends what the lane has, until it is empty, fails, or this process is to stop. */
  private async serveLane({ partition, webhook, token }: Claim, { head, ...tries }: ClaimedLane): Promise<void> {
    const { store, clock } = this.options
    let lane = { head, ...tries }
    for (;;) {
      const settled = (outcome: Settlement) => {
        const { hook, sessionId, offset } = lane.head
        return store.settle({ partition, hook, sessionId }, { token, offset, outcome })
      }
      if (this.stopping.signal.aborted) return void (await settled({ kind: 'released', at: clock.now() }))
      const now = this.current(webhook)
      // Left of one that was deleted and made anew under the same name.
      const isStale = lane.head.at < now.since
      const outcome = isStale ? taken(clock.now()) : await this.deliver(partition, now, lane)
      const next = await settled(outcome)
      if (next === undefined || next === 'lost') return
      lane = { head: next, attempts: 0, failingSince: 0 }
    }
  }

  /** As it is in force by now: its URL may have changed while a lane was served. */
  private current(webhook: Webhook): Webhook {
    const hook = hookName(webhook)
    return this.options.webhooks().find(other => hookName(other) === hook) ?? webhook
  }

  private async deliver(partition: Partition, webhook: Webhook, lane: ClaimedLane): Promise<Settlement> {
    const { sender, clock, random, giveUpMs, metrics } = this.options
    const { head, attempts } = lane
    const begun = clock.monotonic()
    const headers = {
      'packlog-attempt': String(attempts + 1),
      ...(head.missed === 0 ? {} : { 'packlog-missed': String(head.missed) }),
    }
    const result = await sender.send({ webhook, body: head.body, headers, limitMs: DELIVERY_MS_MAX })
    const now = clock.now()
    const durationMs = Math.round(clock.monotonic() - begun)
    const next: Settlement = result.kind === 'delivered' ? taken(now) : afterFailure(lane, { now, giveUpMs, random })
    const outcome = next.kind === 'retry' ? 'failed' : next.kind === 'dead' ? 'dead' : 'delivered'
    metrics.attempts.inc({ outcome })
    if (outcome === 'delivered') metrics.delay.observe(Math.max(0, now - head.at) / 1_000)
    this.note(partition, webhook, { head, attempt: attempts + 1, now, durationMs, outcome, result })
    return next
  }

  private note(
    partition: Partition,
    { app, webhookId }: Webhook,
    told: {
      head: LaneHead
      attempt: number
      now: Millis
      durationMs: Millis
      outcome: 'delivered' | 'failed' | 'dead'
      result: SendResult
    },
  ): void {
    const { head, attempt, now, durationMs, outcome, result } = told
    const { sessionId, offset, kind } = head
    const status = result.kind === 'failed' ? 0 : result.status
    const error = result.kind === 'failed' ? `${result.reason}: ${result.message}` : ''
    const row = {
      app,
      webhookId,
      sessionId,
      partition,
      offset,
      kind,
      attempt,
      at: now,
      durationMs,
      outcome,
      status,
      error,
    }
    this.options.attempts.add(row)
  }

  private async sweep(): Promise<void> {
    const { store, clock, partitions, metrics } = this.options
    const now = clock.now()
    if (now - this.sweptAt < SWEEP_MS) return
    this.sweptAt = now
    for (const partition of partitions) {
      const dropped = await store.sweep({ partition, before: now - DEAD_KEPT_MS })
      metrics.dropped.inc(dropped)
    }
  }
}

function taken(now: Millis): Settlement {
  return { kind: 'delivered', until: now + CLAIM_MS }
}
