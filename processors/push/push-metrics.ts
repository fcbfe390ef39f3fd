import type { Metrics } from '../../infra/metrics.ts'

export type PushMetrics = ReturnType<typeof pushMetrics>

const SECONDS_BUCKETS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10]

/** What push tells of itself. */
export function pushMetrics(metrics: Metrics) {
  return {
    planned: metrics.counter('push_planned_total', 'devices that were planned, by what was decided', ['verdict']),
    results: metrics.counter('push_results_total', 'answers of vendors, one for each message', ['vendor', 'result']),
    calls: metrics.histogram('push_call_seconds', 'time that a call to a vendor took', SECONDS_BUCKETS, ['vendor']),
    unknown: metrics.counter('push_unknown_total', 'sends that had begun before a crash: never sent again'),
    opened: metrics.counter('push_opened_total', 'what clients say that users have opened', ['result']),
    waiting: metrics.gauge('push_jobs_waiting', 'jobs that wait', ['partition']),
    failures: metrics.counter('push_job_failures_total', 'jobs that failed and are tried again'),
  }
}
