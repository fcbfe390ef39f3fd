import type { Metrics } from '../../infra/metrics.ts'
import { codeName } from '../../schemas/codes.ts'
import type { Partition } from '../../schemas/ids.ts'
import { REPEATED_KEY } from './batch.ts'

/** A counter with a label for the partition. */
export interface PartitionCounter {
  inc(labels: { partition: Partition }, value?: number): void
}

/** What the sequencer tells about itself; made once per process. */
export interface SequencerMetrics {
  appendRetries: PartitionCounter
  junk: PartitionCounter
  /** A batch is in the log. */
  committed(codes: ReadonlyMap<number, number>, records: number): void
  /** Packs that were fetched or are known to exist and have no outcome yet. */
  lag(partition: Partition, packs: number): void
  stateSize(partition: Partition, size: { rows: number; bytes: number }): void
  owned(partition: Partition, owned: boolean): void
  /** The partition stands still until an operator has looked at it. */
  stopped(partition: Partition, stopped: boolean): void
}

const BATCH_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500]

export function makeSequencerMetrics(metrics: Metrics): SequencerMetrics {
  const packs = metrics.counter('sequencer_packs_total', 'Packs decided, by the code of their outcome', ['code'])
  const batches = metrics.histogram('sequencer_batch_packs', 'Outcomes in one append', BATCH_BUCKETS)
  const lag = metrics.gauge('sequencer_lag_packs', 'Packs without an outcome', ['partition'])
  const rows = metrics.gauge('sequencer_state_rows', 'Rows of the state store', ['partition'])
  const bytes = metrics.gauge('sequencer_state_bytes', 'Size of the state store', ['partition'])
  const owned = metrics.gauge('sequencer_owned', '1 while this instance owns the partition', ['partition'])
  const stopped = metrics.gauge('sequencer_stopped', '1 while the partition needs an operator', ['partition'])
  return {
    appendRetries: metrics.counter(
      'sequencer_append_retries_total',
      'Appends that did not land where expected, or whose answer was lost',
      ['partition'],
    ),
    junk: metrics.counter('sequencer_junk_total', 'Records on im.events that do not count', ['partition']),
    committed(codes, records) {
      for (const [code, count] of codes) packs.inc({ code: nameOf(code) }, count)
      batches.observe(records)
    },
    lag: (partition, count) => lag.set({ partition }, count),
    stateSize(partition, size) {
      rows.set({ partition }, size.rows)
      bytes.set({ partition }, size.bytes)
    },
    owned: (partition, value) => owned.set({ partition }, value ? 1 : 0),
    stopped: (partition, value) => stopped.set({ partition }, value ? 1 : 0),
  }
}

function nameOf(code: number): string {
  return code === REPEATED_KEY ? 'REPEATED' : (codeName(code) ?? String(code))
}
