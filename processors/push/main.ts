import type { Clock, Random } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Metrics } from '../../infra/metrics.ts'
import type { RecordCodec } from '../../schemas/codec.ts'
import { type Event, isAccepted } from '../../schemas/event.ts'
import { type Partition, parseSessionId, type UserId } from '../../schemas/ids.ts'
import type { Pack } from '../../schemas/pack.ts'
import type { PushDevice } from '../../schemas/push-devices.ts'
import { type PushRecord, parsePushId } from '../../schemas/push-record.ts'
import type { Log } from '../../topics/log.ts'
import type { Topics } from '../../topics/topics.ts'
import type { Position } from '../../topics/valid-events.ts'
import type { Runner } from '../runner.ts'
import type { View, ViewBatch } from '../view.ts'
import { Dispatcher } from './dispatcher.ts'
import type { PushFacts } from './facts.ts'
import { jobsOf } from './jobs.ts'
import type { PlanLimits } from './performer.ts'
import { deviceKeyOf } from './plan.ts'
import { type PushMetrics, pushMetrics } from './push-metrics.ts'
import type { Delivered, PushStore } from './push-store.ts'
import { makePushRecords, type PushRecords, reportOf } from './records.ts'
import { Sender } from './sender.ts'
import { TEMPLATES } from './templates.ts'
import { makeTokenPacks } from './token-packs.ts'
import type { Vendors } from './vendors.ts'
import { PushWorker } from './worker.ts'

/** Wiring of push. It reads the log as views do, but it is none: what it has sent cannot be sent again. */

export const PUSH = 'push'

/** A phone that rings a moment later is no loss; one read for many events is cheaper. */
const PUSH_PAUSE_MS = 50

export interface PushLimits extends PlanLimits {
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
    view: pushView({ store, facts, records, log, topics, limits, metrics }),
    makeWorker: partitions => new PushWorker({ ...shared, partitions }),
  }
}

interface ViewParts {
  store: PushStore
  facts: PushFacts
  metrics: PushMetrics
  records: PushRecords
  log: Log
  topics: Topics
  limits: PushLimits
}

function pushView(parts: ViewParts): View {
  const { store, records, log, topics, limits } = parts
  return {
    name: PUSH,
    pauseMs: PUSH_PAUSE_MS,
    position: async partition => (await store.position(partition)) ?? endOf(log, topics, partition),
    apply: async batch => {
      await records.write(await opened(batch, parts))
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

/** What users say that they have opened, of what they were sent. */
async function opened({ events }: ViewBatch, { store, facts, metrics }: ViewParts): Promise<PushRecord[]> {
  const reports = events.map(async ({ event }): Promise<PushRecord[]> => {
    if (event.body.kind !== 'PushOpened') return []
    const { from, at, device } = event
    const place = parsePushId(event.body.pushId)
    const pushed = place && (await sentTo(place, { userId: from, deviceId: device.id }, { store, facts }))
    metrics.opened.inc({ result: pushed === undefined ? 'unknown' : 'opened' })
    return pushed === undefined ? [] : [{ ...reportOf(pushed.pushId, from, at, { kind: 'Opened' }), ...pushed.where }]
  })
  return (await Promise.all(reports)).flat()
}

/** The push of a user at this place; which of their devices it was on is asked where its id does not say so. */
async function sentTo(
  { partition, offset, device }: NonNullable<ReturnType<typeof parsePushId>>,
  { userId, deviceId }: { userId: UserId; deviceId: string },
  { store, facts }: Pick<ViewParts, 'store' | 'facts'>,
) {
  const own = async () => {
    const [devices] = await facts.devices([userId])
    const isHere = (one: PushDevice) => one.deviceId === deviceId
    return [...devices!].sort((a, b) => Number(isHere(b)) - Number(isHere(a))).map(deviceKeyOf)
  }
  const devices = device === undefined ? await own() : [device]
  const sent = await store.sent({ partition, offset, devices })
  const found = devices.find(one => sent.get(one)?.userId === userId)
  if (found === undefined) return undefined
  const { sessionId, seq } = sent.get(found)!
  return { pushId: `${partition}-${offset}-${found}`, where: { sessionId, seq } }
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
