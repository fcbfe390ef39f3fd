import type { Metrics } from '../../infra/metrics.ts'

const DELAY_BUCKETS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 60, 600, 3_600, 86_400]

export type WebhookMetrics = ReturnType<typeof webhookMetrics>

const madeFor = new WeakMap<Metrics, ReturnType<typeof make>>()

/** What the role webhooks tells. Made once per Metrics. */
export function webhookMetrics(metrics: Metrics): ReturnType<typeof make> {
  const made = madeFor.get(metrics) ?? make(metrics)
  madeFor.set(metrics, made)
  return made
}

function make(metrics: Metrics) {
  return {
    attempts: metrics.counter('webhook_attempts_total', 'requests to webhooks, by what came of them', ['outcome']),
    delay: metrics.histogram('webhook_delay_seconds', 'time from an event to its delivery', DELAY_BUCKETS),
    underWay: metrics.gauge('webhook_lanes_under_way', 'lanes that are being served'),
    dropped: metrics.counter(
      'webhook_dropped_total',
      'deliveries for which there was no room, or that nobody replayed',
    ),
    unlogged: metrics.counter('webhook_attempts_unlogged_total', 'attempts that could not be written to ClickHouse'),
  }
}
