import type { Clock, Random } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Metrics } from '../../infra/metrics.ts'
import type { RecordCodec } from '../../schemas/codec.ts'
import { type Event, isAccepted } from '../../schemas/event.ts'
import { type Partition, parseSessionId } from '../../schemas/ids.ts'
import type { Pack } from '../../schemas/pack.ts'
import { isPushId, type PushRecord } from '../../schemas/push-record.ts'
import type { Log } from '../../topics/log.ts'
import type { Topics } from '../../topics/topics.ts'
import type { Position } from '../../topics/valid-events.ts'
import type { Runner } from '../runner.ts'
import type { View, ViewBatch } from '../view.ts'
import { Dispatcher } from './dispatcher.ts'
import type { PushFacts } from './facts.ts'
import { jobsOf } from './jobs.ts'
import { pushMetrics } from './push-metrics.ts'
import type { Delivered, PushStore } from './push-store.ts'
import { makePushRecords, type PushRecords, reportOf } from './records.ts'
import { Sender } from './sender.ts'
import { TEMPLATES } from './templates.ts'
import { makeTokenPacks } from './token-packs.ts'
import type { Vendors } from './vendors.ts'
import { PushWorker, type WorkerLimits } from './worker.ts'

/** Wiring of push. It reads the log as views do, but it is none: what it has sent cannot be sent again. */

export const PUSH = 'push'

/** A phone that rings a moment later is no loss; one read for many events is cheaper. */
const PUSH_PAUSE_MS = 50

export interface PushLimits extends WorkerLimits {
  /** How long those who are not there are given before they are pushed to. */
  offlineMs: number
}

export interface PushParts {
  store: PushStore
  facts: PushFacts
  vendors: Vendors
  log: Log
  topics: Topics
  packCodec: RecordCodec<Pack>
  pushCodec: RecordCodec<PushRecord>
  limits: PushLimits
  clock: Clock
  random: Random
  logger: Logger
  metrics: Metrics
}

export interface Push {
  /** Takes in what happens in a partition. */
  view: View
  makeWorker(partitions: readonly Partition[]): PushWorker
}

export function makePush(parts: PushParts): Push {
  const { store, facts, vendors, log, topics, limits, clock, random, logger } = parts
  const metrics = pushMetrics(parts.metrics)
  const records = makePushRecords({ log, topic: topics.pushes, codec: parts.pushCodec })
  const tokens = makeTokenPacks({ log, topic: topics.packs, codec: parts.packCodec, clock, random })
  const dispatcher = new Dispatcher({ vendor: vendors.of, clock, random, logger, metrics })
  const sender = new Sender({ store, dispatcher, records, tokens, clock, random, metrics })
  const shared = {
    store,
    facts,
    sender,
    tokens,
    languages: vendors.languages ?? TEMPLATES,
    limits,
    clock,
    logger,
    metrics,
  }
  return {
    view: pushView({ store, records, log, topics, limits }),
    makeWorker: partitions => new PushWorker({ ...shared, partitions }),
  }
}

interface ViewParts {
  store: PushStore
  records: PushRecords
  log: Log
  topics: Topics
  limits: PushLimits
}

function pushView({ store, records, log, topics, limits }: ViewParts): View {
  return {
    name: PUSH,
    pauseMs: PUSH_PAUSE_MS,
    position: async partition => (await store.position(partition)) ?? endOf(log, topics, partition),
    apply: async batch => {
      await records.write(opened(batch))
      await store.add({
        partition: batch.partition,
        jobs: batch.events.flatMap(({ event, position }) =>
          isAccepted(event) ? jobsOf(event, position.offset, limits) : [],
        ),
        delivered: batch.events.flatMap(({ event }) => deliveredOf(event)),
        position: batch.position,
      })
    },
    close: () => store.close(),
  }
}

/** Who knows of nothing begins with what happens from now on: it cannot tell what it has sent before. */
async function endOf(log: Log, topics: Topics, partition: Partition): Promise<Position | undefined> {
  const end = (await log.bounds(topics.events.name)).get(partition)?.end ?? 0
  return end === 0 ? undefined : { offset: end - 1, cause: null, hash: null }
}

/** What devices of single chats say that they have. */
function deliveredOf({ body, from, device, sessionId }: Event): Delivered[] {
  if (body.kind !== 'DeliveredMarked' || device.id === '') return []
  if (parseSessionId(sessionId)?.kind !== 'Single') return []
  return [{ userId: from, deviceId: device.id, sessionId, seq: body.seq }]
}

/** What users say that they have opened. */
function opened({ events }: ViewBatch): PushRecord[] {
  return events.flatMap(({ event: { body, from, at } }) =>
    body.kind === 'PushOpened' && isPushId(body.pushId) ? [reportOf(body.pushId, from, at, { kind: 'Opened' })] : [],
  )
}

/** The runner of the view, with a worker beside it. */
export function withWorker(runner: Runner, worker: PushWorker): Runner {
  return {
    name: runner.name,
    done: runner.done,
    start: async () => {
      await runner.start()
      worker.start()
    },
    ready: () => runner.ready(),
    drain: async () => {
      await worker.drain()
      await runner.drain()
    },
    caughtUp: () => runner.caughtUp(),
    progress: () => runner.progress(),
  }
}
