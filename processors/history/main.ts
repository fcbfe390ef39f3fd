import type { Clock, Millis, Random } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Metrics } from '../../infra/metrics.ts'
import { Generations } from '../../infra/redis/generations.ts'
import { GuardedPipes } from '../../infra/redis/guarded-pipes.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import { GenerationWriter, redisRebuildable } from '../generation-writer.ts'
import type { Rebuildable } from '../rebuild/rebuild.ts'
import type { View } from '../view.ts'
import {
  HISTORY_DEFAULTS,
  type HistoryGap,
  type HistoryOptions,
  type HistoryReader,
  type HistoryStore,
} from './history-store.ts'
import { type HistoryInspector, inspectHistory } from './inspect.ts'
import { project, reasonToSkip } from './project.ts'
import { HISTORY_FORMAT } from './redis-history-keys.ts'
import { RedisHistoryReader } from './redis-history-reader.ts'
import { RedisHistoryStore } from './redis-history-store.ts'

/** Wiring of the history view. */

export const HISTORY = 'history'

/** A resume waits for history: this much longer at the most. */
const HISTORY_PAUSE_MS: Millis = 20

export interface HistoryViewOptions {
  connection: RedisConnection
  random: Random
  logger: Logger
  metrics: Metrics
  options?: Partial<HistoryOptions>
}

/** The view over any store. */
export function historyView(store: HistoryStore): View {
  return {
    name: HISTORY,
    pauseMs: HISTORY_PAUSE_MS,
    position: partition => store.position(partition),
    inPlace: partition => store.inPlace(partition),
    apply: async batch => store.write({ partition: batch.partition, writes: project(batch), position: batch.position }),
    reasonToSkip,
    close: () => store.close(),
  }
}

/** The live history view in Redis; closing it closes the connection. */
export function makeHistoryView(request: HistoryViewOptions): View {
  return viewOf(request, new GenerationWriter(generationsOf(request)))
}

/** History that can be built anew beside the live one; closing the view that it gives leaves the connection open. */
export function historyRebuildable(request: HistoryViewOptions & { clock: Clock }): Rebuildable {
  const connection = { ...request.connection, close: async () => {} }
  const makeView = (writer: GenerationWriter) => {
    return viewOf({ ...request, connection }, writer, new GuardedPipes({ connection, clock: request.clock }))
  }
  return redisRebuildable({ name: HISTORY, generations: generationsOf(request), clock: request.clock, makeView })
}

/** The reading side for the gateway. */
export function historyReader(request: { connection: RedisConnection; random: Random }): HistoryReader {
  return new RedisHistoryReader(generationsOf(request))
}

/** Rows for verify. */
export function historyInspector(request: { connection: RedisConnection; random: Random }): HistoryInspector {
  return inspectHistory(generationsOf(request))
}

function generationsOf({ connection, random }: { connection: RedisConnection; random: Random }): Generations {
  return new Generations({ connection, view: HISTORY, format: HISTORY_FORMAT, random })
}

function viewOf(
  { connection, logger, metrics, options }: HistoryViewOptions,
  writer: GenerationWriter,
  pipes?: GuardedPipes,
): View {
  const gaps = gapCounter(metrics)
  const onGap = (gap: HistoryGap) => {
    gaps.inc()
    logger.error({ view: HISTORY, ...gap }, 'stored events do not reach up to the next one: the session begins there')
  }
  const limits = { ...HISTORY_DEFAULTS, ...options }
  return historyView(new RedisHistoryStore({ connection, writer, options: limits, onGap, pipes }))
}

const gapCounters = new WeakMap<Metrics, ReturnType<Metrics['counter']>>()

function gapCounter(metrics: Metrics): ReturnType<Metrics['counter']> {
  const made =
    gapCounters.get(metrics) ?? metrics.counter('history_gaps_total', 'sessions whose older events had to be dropped')
  gapCounters.set(metrics, made)
  return made
}
