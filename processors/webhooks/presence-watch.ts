import type { Clock, Millis, Random } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Partition } from '../../schemas/ids.ts'
import type { Webhook } from '../../schemas/webhooks.ts'
import type { Deliverer } from './deliver.ts'
import { planPresence, wantsPresence } from './plan-presence.ts'
import type { PresenceMoves } from './presence-moves.ts'
import type { WebhookStore } from './webhook-store.ts'

/**
 * Tells webhooks that users have come or gone. Who is online is not in the log: gateways note who has moved, and this
 * looks at those once in a second, compares with what was told last, and puts the differences into the queue, where they
 * are like any other delivery: one lane for each user, in order, at least once, tried for a day.
 *
 * Order: hand out (which puts each user off), look, enqueue, note what was told. A crash before the note lets the same be
 * told once more. Whoever comes and goes between two looks is not told of: nothing has changed. A gateway that was
 * killed is noticed when its connections count as gone.
 */

export const WATCH_MS: Millis = 1_000
/** When a user of whom nothing is heard is looked at again: connections that are not entered again have ended by then. */
export const LOOK_AGAIN_MS: Millis = 100_000
/** Longer than a look takes: two processes never number the deliveries of a partition at once. */
export const WATCH_LEASE_MS: Millis = 10_000
const LOOK_USERS_MAX = 500
const TOKEN_BYTES = 8

/** The queue of a partition's users: a number that no partition of the log has. */
export function presenceQueue(partition: Partition, partitionCount: number): number {
  return partitionCount + partition
}

export interface PresenceWatchOptions {
  moves: PresenceMoves
  store: Pick<WebhookStore, 'place' | 'enqueue'>
  partitions: readonly Partition[]
  queueOf(partition: Partition): number
  webhooks(): readonly Webhook[]
  deliverer: Pick<Deliverer, 'wake'>
  clock: Clock
  random: Random
  logger: Logger
}

export class PresenceWatch {
  private readonly options: PresenceWatchOptions
  private readonly token: string
  private readonly stopping = new AbortController()
  private running: Promise<void> | undefined

  constructor(options: PresenceWatchOptions) {
    this.options = options
    this.token = options.random.bytes(TOKEN_BYTES).toString('hex')
  }

  /** Begins; idempotent. */
  start(): void {
    this.running ??= this.run()
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    await this.running
  }

  private async run(): Promise<void> {
    const { clock, partitions, logger } = this.options
    const { signal } = this.stopping
    while (!signal.aborted) {
      const webhooks = this.options.webhooks().filter(wantsPresence)
      if (webhooks.length > 0) {
        for (const partition of partitions) {
          await this.look(partition, webhooks).catch(error => {
            logger.warn({ err: error, partition }, 'who has come or gone cannot be told; it is tried again')
          })
        }
      }
      await clock.sleep(WATCH_MS, signal)
    }
  }

  private async look(partition: Partition, webhooks: readonly Webhook[]): Promise<void> {
    const { moves, store, clock, queueOf, deliverer } = this.options
    const now = clock.now()
    const again = now + LOOK_AGAIN_MS
    const moved = await moves.due({ partition, token: this.token, now, again, limit: LOOK_USERS_MAX })
    if (moved.length === 0) return
    const seen = await moves.seen(moved.map(({ userId }) => userId))
    const queue = queueOf(partition)
    const last = (await store.place(queue))?.position.offset ?? -1
    const deliveries = planPresence({ moved, seen, now, offset: last + 1, queue }, webhooks)
    if (deliveries.length > 0) {
      const position = { offset: deliveries.at(-1)!.offset, cause: null, hash: null }
      await store.enqueue({ partition: queue, deliveries, place: { position, notBefore: 0 }, now })
      deliverer.wake(queue)
    }
    await moves.settle({ partition, again, users: seen })
  }
}
