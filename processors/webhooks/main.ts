import { type ClickHouseOptions, connectClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import type { Clock, Millis, Random } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Metrics } from '../../infra/metrics.ts'
import { makeOutbound } from '../../infra/outbound/outbound.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import type { Partition } from '../../schemas/ids.ts'
import type { View } from '../view.ts'
import { AttemptLog } from './attempt-log.ts'
import { clickHouseAttempts } from './clickhouse-attempts.ts'
import { Deliverer } from './deliver.ts'
import type { Delivery } from './plan.ts'
import type { PresenceMoves } from './presence-moves.ts'
import { PresenceWatch, presenceQueue } from './presence-watch.ts'
import { RedisWebhookStore } from './redis-webhook-store.ts'
import { makeSender } from './sender.ts'
import { webhookMetrics } from './webhook-metrics.ts'
import type { WebhookSource } from './webhook-source.ts'
import type { WebhookStore } from './webhook-store.ts'
import { webhooksView } from './webhooks-view.ts'

/** Wiring of the webhooks' queue and of those who serve it. */

export interface WebhooksOptions {
  /** Of this view alone: it is closed with it. */
  connection: RedisConnection
  clickhouse: ClickHouseOptions
  source: WebhookSource
  /** The partitions that this process serves. */
  partitions: readonly Partition[]
  /** Partitions that the log has: behind them come the queues of who has come or gone. */
  partitionCount: number
  moves: PresenceMoves
  masterKey: Buffer
  allowedNetworks: readonly string[]
  giveUpMs: Millis
  clock: Clock
  random: Random
  logger: Logger
  metrics: Metrics
}

const LOG_NAME_BYTES = 9

/** The queue as a view for the runner; it delivers as long as it is open. */
export function makeWebhooksView(options: WebhooksOptions): View {
  const { connection, clickhouse, source, partitions, masterKey, allowedNetworks, clock, random, logger } = options
  const queueOf = (partition: Partition) => presenceQueue(partition, options.partitionCount)
  const metrics = webhookMetrics(options.metrics)
  const store = new RedisWebhookStore(connection)
  const outbound = makeOutbound({ clock, allowedNetworks })
  const attempts = new AttemptLog({
    table: clickHouseAttempts(connectClickHouse(clickhouse)),
    clock,
    logger,
    name: random.bytes(LOG_NAME_BYTES).toString('base64url'),
    onLost: rows => metrics.unlogged.inc(rows),
  })
  const deliverer = new Deliverer({
    store,
    partitions: [...partitions, ...partitions.map(queueOf)],
    webhooks: () => source.latest(),
    sender: makeSender({ outbound, masterKey, clock }),
    attempts,
    giveUpMs: options.giveUpMs,
    clock,
    random,
    logger,
    metrics,
  })
  const watch = new PresenceWatch({
    moves: options.moves,
    store,
    partitions,
    queueOf,
    webhooks: () => source.latest(),
    deliverer,
    clock,
    random,
    logger,
  })
  const onDropped = (partition: Partition, deliveries: readonly Delivery[]) => {
    metrics.dropped.inc(deliveries.length)
    for (const { hook, sessionId, offset, kind } of deliveries) {
      const [app = '', webhookId = ''] = hook.split('/')
      const place = { app, webhookId, sessionId, partition, offset, kind }
      attempts.add({ ...place, attempt: 0, at: clock.now(), durationMs: 0, outcome: 'dropped', status: 0, error: '' })
    }
  }
  const close = async () => {
    outbound.close()
    await attempts.close()
    await store.close()
  }
  return webhooksView({ store, source, deliverer, watch, clock, onDropped, close })
}

/** The queue for whoever looks at it and replays or discards. Closing it closes the connection. */
export function webhookQueue(connection: RedisConnection): WebhookStore {
  return new RedisWebhookStore(connection)
}
