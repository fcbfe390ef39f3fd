import type { Clock, Millis } from '../../infra/clock.ts'
import type { Partition } from '../../schemas/ids.ts'
import type { View, ViewBatch } from '../view.ts'
import type { Deliverer } from './deliver.ts'
import { type Delivery, plan } from './plan.ts'
import type { PresenceWatch } from './presence-watch.ts'
import type { WebhookSource } from './webhook-source.ts'
import type { WebhookStore } from './webhook-store.ts'

/**
 * The webhooks' queue as a view for the runner: what it applies are deliveries put into their lanes. A queue that begins
 * (anew) takes the events of the last day, so that one that was lost lets deliveries be made again and leaves none of
 * that day out.
 */

export const WEBHOOKS = 'webhooks'
/** How far back a queue begins that has no position. */
export const BEGIN_BACK_MS: Millis = 86_400_000
const WEBHOOKS_PAUSE_MS: Millis = 40

export interface WebhooksViewOptions {
  store: WebhookStore
  source: WebhookSource
  deliverer: Deliverer
  watch?: PresenceWatch
  clock: Clock
  onDropped(partition: Partition, deliveries: readonly Delivery[]): void
  /** Lets go what else belongs to it. */
  close(): Promise<void>
}

export function webhooksView(options: WebhooksViewOptions): View {
  const { store, source, deliverer, watch, clock } = options
  const notBefore = new Map<Partition, Millis>()
  const apply = async ({ partition, events, position }: ViewBatch) => {
    const since = notBefore.get(partition) ?? clock.now() - BEGIN_BACK_MS
    notBefore.set(partition, since)
    const deliveries = plan({ partition, events }, source.current(), since)
    const place = { position, notBefore: since }
    const dropped = await store.enqueue({ partition, deliveries, place, now: clock.now() })
    if (deliveries.length > 0) deliverer.wake(partition)
    if (dropped.length > 0) options.onDropped(partition, dropped)
  }
  return {
    name: WEBHOOKS,
    pauseMs: WEBHOOKS_PAUSE_MS,
    position: async partition => {
      await source.ready()
      deliverer.start()
      watch?.start()
      const place = await store.place(partition)
      if (place === undefined) notBefore.delete(partition)
      else notBefore.set(partition, place.notBefore)
      return place?.position
    },
    inPlace: partition => store.inPlace(partition),
    apply,
    // Most installations have no webhook, and then nothing has to be read.
    concerns: () => source.isWanted(),
    close: async () => {
      await watch?.stop()
      await deliverer.drain()
      await options.close()
    },
  }
}
