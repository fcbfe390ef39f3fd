import type { Millis } from '../../infra/clock.ts'
import type { Offset, Partition, SessionId } from '../../schemas/ids.ts'
import { ViewMoved } from '../view.ts'
import type { Delivery } from './plan.ts'
import {
  type ClaimedLane,
  type DeadLane,
  type LaneHead,
  type LaneId,
  type Settlement,
  type StoredPlace,
  WEBHOOK_LIMITS,
  type WebhookLimits,
  type WebhookStore,
} from './webhook-store.ts'

interface Lane {
  entries: LaneHead[]
  attempts: number
  failingSince: Millis
  dropped: number
  token: string | undefined
  /** When it is due, or was given up. */
  at: Millis
  isDead: boolean
}

interface PartitionLanes {
  place: StoredPlace
  lanes: Map<string, Map<SessionId, Lane>>
}

/** The store in memory: what tests use, and the model of the one in Redis. */
export class MemoryWebhookStore implements WebhookStore {
  private readonly limits: WebhookLimits
  private readonly partitions: Map<Partition, PartitionLanes>
  private readonly known = new Map<Partition, Offset>()

  constructor(limits: WebhookLimits = WEBHOOK_LIMITS, partitions = new Map<Partition, PartitionLanes>()) {
    this.limits = limits
    this.partitions = partitions
  }

  /** Another process on the same queue. */
  another(): MemoryWebhookStore {
    return new MemoryWebhookStore(this.limits, this.partitions)
  }

  async place(partition: Partition): Promise<StoredPlace | undefined> {
    const place = this.partitions.get(partition)?.place
    if (place === undefined) this.known.delete(partition)
    else this.known.set(partition, place.position.offset)
    return place
  }

  async enqueue({ partition, deliveries, place, now }: Parameters<WebhookStore['enqueue']>[0]): Promise<Delivery[]> {
    if (!(await this.inPlace(partition))) throw new ViewMoved(`partition ${partition}: the queue lost what it had`)
    const stored = this.partitions.get(partition)
    const known = stored?.place.position.offset ?? Number.NEGATIVE_INFINITY
    const lanes = stored?.lanes ?? new Map<string, Map<SessionId, Lane>>()
    const dropped = deliveries.filter(
      delivery => delivery.offset > known && !put(lanes, delivery, { now, limits: this.limits }),
    )
    if (place.position.offset > known) this.partitions.set(partition, { place, lanes })
    this.known.set(partition, Math.max(known, place.position.offset))
    return dropped
  }

  async inPlace(partition: Partition): Promise<boolean> {
    const known = this.known.get(partition)
    if (known === undefined) return true
    return (this.partitions.get(partition)?.place.position.offset ?? Number.NEGATIVE_INFINITY) >= known
  }

  async claim({ partition, hook, token, now, until, limit }: Parameters<WebhookStore['claim']>[0]) {
    const waiting = this.lanesOf(partition, hook).filter(([, { isDead, entries }]) => !isDead && entries.length > 0)
    const due = waiting.filter(([, { at }]) => at <= now).sort(([, a], [, b]) => a.at - b.at)
    const claimed: ClaimedLane[] = []
    for (const [, lane] of due.slice(0, limit)) {
      lane.token = token
      lane.at = until
      claimed.push({ head: lane.entries[0]!, attempts: lane.attempts, failingSince: lane.failingSince })
    }
    const next = Math.min(...waiting.map(([, { at }]) => at))
    return { lanes: claimed, nextAt: Number.isFinite(next) ? next : undefined }
  }

  async settle(
    { partition, hook, sessionId }: LaneId,
    { token, offset, outcome }: { token: string; offset: Offset; outcome: Settlement },
  ): Promise<LaneHead | 'lost' | undefined> {
    const lane = this.lane(partition, hook, sessionId)
    if (lane === undefined || lane.token !== token) return 'lost'
    if (outcome.kind === 'delivered') return this.delivered({ partition, hook, sessionId }, lane, offset, outcome.until)
    lane.token = undefined
    lane.at = outcome.at
    if (outcome.kind !== 'released') lane.attempts++
    if (outcome.kind === 'retry') lane.failingSince = outcome.failingSince
    if (outcome.kind === 'dead') lane.isDead = true
    return undefined
  }

  private delivered(id: LaneId, lane: Lane, offset: Offset, until: Millis): LaneHead | undefined {
    if (lane.entries[0]?.offset === offset) lane.entries.shift()
    lane.attempts = 0
    lane.failingSince = 0
    lane.at = until
    const next = lane.entries[0]
    if (next !== undefined) return next
    lane.token = undefined
    // A lane with nothing in it is kept only for what was dropped behind its last entry.
    lane.at = Number.POSITIVE_INFINITY
    if (lane.dropped === 0) this.partitions.get(id.partition)?.lanes.get(id.hook)?.delete(id.sessionId)
    return undefined
  }

  async deadLanes({ partition, hook, limit }: Parameters<WebhookStore['deadLanes']>[0]): Promise<DeadLane[]> {
    const dead = this.lanesOf(partition, hook).filter(([, lane]) => lane.isDead)
    return dead
      .sort(([, a], [, b]) => a.at - b.at)
      .slice(0, limit)
      .map(([sessionId, { at, entries }]) => ({ sessionId, at, deliveries: entries.length, head: entries[0]! }))
  }

  async replay({ partition, hook, sessionId }: LaneId, now: Millis): Promise<boolean> {
    const lane = this.lane(partition, hook, sessionId)
    if (lane === undefined || !lane.isDead) return false
    Object.assign(lane, { isDead: false, attempts: 0, failingSince: 0, at: now })
    return true
  }

  async discard({ partition, hook, sessionId }: LaneId): Promise<number> {
    const lane = this.lane(partition, hook, sessionId)
    if (lane === undefined || !lane.isDead) return 0
    this.partitions.get(partition)?.lanes.get(hook)?.delete(sessionId)
    return lane.entries.length
  }

  async sweep({ partition, before }: Parameters<WebhookStore['sweep']>[0]): Promise<number> {
    let dropped = 0
    for (const lanes of this.partitions.get(partition)?.lanes.values() ?? []) {
      for (const [sessionId, { at, entries }] of lanes) {
        if (at >= before) continue
        lanes.delete(sessionId)
        dropped += entries.length
      }
    }
    return dropped
  }

  /** As if the server had been emptied. */
  lose(): void {
    this.partitions.clear()
  }

  async close(): Promise<void> {}

  private lanesOf(partition: Partition, hook: string): [SessionId, Lane][] {
    return [...(this.partitions.get(partition)?.lanes.get(hook) ?? [])]
  }

  private lane(partition: Partition, hook: string, sessionId: SessionId): Lane | undefined {
    return this.partitions.get(partition)?.lanes.get(hook)?.get(sessionId)
  }
}

/** False where there is no room for it. */
function put(
  all: Map<string, Map<SessionId, Lane>>,
  delivery: Delivery,
  { now, limits }: { now: Millis; limits: WebhookLimits },
): boolean {
  const { hook, sessionId } = delivery
  const lanes = all.get(hook) ?? new Map<SessionId, Lane>()
  all.set(hook, lanes)
  const fresh: Lane = {
    entries: [],
    attempts: 0,
    failingSince: 0,
    dropped: 0,
    token: undefined,
    at: now,
    isDead: false,
  }
  const lane = lanes.get(sessionId) ?? fresh
  const waiting = [...lanes.values()].reduce((sum, { entries }) => sum + entries.length, 0)
  const isFull = lane.entries.length >= limits.laneDeliveriesMax
  if (isFull || (waiting >= limits.hookDeliveriesMax && lane.entries.length > 0)) {
    lane.dropped++
    return false
  }
  if (lane.entries.length === 0) lane.at = now
  lane.entries.push({ ...delivery, missed: lane.dropped })
  lane.dropped = 0
  lanes.set(sessionId, lane)
  return true
}
