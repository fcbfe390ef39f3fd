import type { Metrics } from '../infra/metrics.ts'

/** What the runners of a process tell about their views. Made once per Metrics: several views share them by label. */
export function runnerMetrics(metrics: Metrics): RunnerMetrics {
  let made = madeFor.get(metrics)
  if (made === undefined) {
    made = makeRunnerMetrics(metrics)
    madeFor.set(metrics, made)
  }
  return made
}

export type RunnerMetrics = ReturnType<typeof makeRunnerMetrics>

const madeFor = new WeakMap<Metrics, RunnerMetrics>()

const BATCH_BUCKETS = [1, 3, 10, 30, 100, 300, 1_000]
const SECONDS_BUCKETS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10]

function makeRunnerMetrics(metrics: Metrics) {
  const byPartition = ['view', 'partition'] as const
  const byView = ['view'] as const
  return {
    lag: metrics.gauge('view_lag_records', 'records of im.events that the view has not applied yet', byPartition),
    delay: metrics.histogram(
      'view_delay_seconds',
      "time from the append of a batch's last event to its position being stored",
      SECONDS_BUCKETS,
      byView,
    ),
    applied: metrics.counter('view_events_applied_total', 'events that the view has applied', byView),
    batchSize: metrics.histogram('view_batch_events', 'events that were applied together', BATCH_BUCKETS, byView),
    junk: metrics.counter('view_junk_records_total', 'records of im.events that do not count', byView),
    skipped: metrics.counter('view_skipped_events_total', 'events written to im.dead instead of being shown', byView),
    failures: metrics.counter('view_apply_failures_total', 'applies that failed and are tried again', byView),
    moved: metrics.counter('view_moved_total', 'times that a store was emptied, rolled back or switched', byView),
    incomplete: metrics.gauge(
      'view_incomplete_partitions',
      'partitions that were filled from a log which had lost its beginning',
      byView,
    ),
    stopped: metrics.gauge('view_stopped', '1 when the view has stopped for good and needs an operator', byView),
  }
}
