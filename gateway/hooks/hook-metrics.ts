import type { Metrics } from '../../infra/metrics.ts'
import type { HookMetrics } from './hooks.ts'

const SECONDS_BUCKETS = [0.003, 0.01, 0.03, 0.1, 0.3, 1, 2]

/** What before-hooks cost and say. */
export function hookMetrics(metrics: Metrics): HookMetrics {
  const asked = metrics.counter('hook_questions_total', 'questions to before-hooks, by what came of them', ['outcome'])
  const took = metrics.histogram('hook_question_seconds', 'how long a before-hook took to answer', SECONDS_BUCKETS)
  return {
    asked: (outcome, tookMs) => {
      asked.inc({ outcome })
      if (outcome !== 'skipped') took.observe(tookMs / 1_000)
    },
  }
}
