import type { Metrics } from '../../infra/metrics.ts'
import type { CloseName } from '../../schemas/close-codes.ts'
import type { CodeName } from '../../schemas/codes.ts'

const OUTCOME_MS_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000]

/** What a gateway counts. */
export function gatewayMetrics(metrics: Metrics) {
  const connections = metrics.gauge('gateway_connections', 'Open WebSocket connections.')
  const closes = metrics.counter('gateway_closes_total', 'Connections that were closed, by why.', ['close'])
  const packs = metrics.counter('gateway_packs_total', 'Packs that were taken for im.packs.')
  const refusals = metrics.counter('gateway_refusals_total', 'Packs that the gateway itself refused.', ['code'])
  const deliveries = metrics.counter('gateway_deliveries_total', 'Live events that were sent to connections.')
  const outcomeMs = metrics.histogram('gateway_outcome_ms', 'From a pack to its outcome.', OUTCOME_MS_BUCKETS)
  const junk = metrics.counter('gateway_junk_records_total', 'Records of im.events that are not valid.')
  const skipped = metrics.counter('gateway_skipped_events_total', 'Events that could not be decoded.')
  const lag = metrics.gauge('gateway_lag_events', 'Events of im.events that were not handled yet.')
  const pending = metrics.gauge('gateway_pending_packs', 'Packs that wait for their outcome.')
  const trail = metrics.gauge('gateway_membership_trail', 'Changes of membership that the view may not have yet.')
  return {
    connections: (count: number) => connections.set(count),
    closed: (name: CloseName | 'GONE') => closes.inc({ close: name }),
    appended: () => packs.inc(),
    refused: (code: CodeName) => refusals.inc({ code }),
    delivered: (count: number) => deliveries.inc(count),
    answered: (ms: number) => outcomeMs.observe(ms),
    junk: (records: number) => junk.inc(records),
    skipped: () => skipped.inc(),
    levels: (levels: { lag: number; pending: number; trail: number }) => {
      lag.set(levels.lag)
      pending.set(levels.pending)
      trail.set(levels.trail)
    },
  }
}

export type GatewayMetrics = ReturnType<typeof gatewayMetrics>
