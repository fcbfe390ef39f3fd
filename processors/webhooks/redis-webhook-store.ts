import { assert } from '../../infra/assert.ts'
import type { Millis } from '../../infra/clock.ts'
import { loadScript, runPipeline, type Script } from '../../infra/redis/pipeline.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import type { Offset, Partition, SessionId } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import { ViewMoved } from '../view.ts'
import type { Delivery } from './plan.ts'
import { laneKeys, type PartitionKeys, partitionKeys } from './redis-webhook-keys.ts'
import {
  type ClaimedLane,
  DEAD_KEPT_MS,
  type DeadLane,
  type LaneHead,
  type LaneId,
  type Settlement,
  type StoredPlace,
  WEBHOOK_LIMITS,
  type WebhookLimits,
  type WebhookStore,
} from './webhook-store.ts'

const enqueueScript = loadScript(new URL('./enqueue.lua', import.meta.url))
const claimScript = loadScript(new URL('./claim.lua', import.meta.url))
const settleScript = loadScript(new URL('./settle.lua', import.meta.url))
const reviveScript = loadScript(new URL('./revive.lua', import.meta.url))
const sweepScript = loadScript(new URL('./sweep.lua', import.meta.url))

/** Deliveries that one call puts into their lanes: a script holds up the server for as long as it runs. */
const CALL_DELIVERIES_MAX = 100
/** Lanes that one sweep drops of each webhook. */
const SWEEP_LANES_MAX = 500

/** The queue in Redis; redis-webhook-keys.ts has its keys. Closing it closes the connection. */
export class RedisWebhookStore implements WebhookStore {
  private readonly connection: RedisConnection
  private readonly limits: WebhookLimits
  /** Offset that is known to be stored, by partition. */
  private readonly known = new Map<Partition, Offset>()

  constructor(connection: RedisConnection, limits: WebhookLimits = WEBHOOK_LIMITS) {
    this.connection = connection
    this.limits = limits
  }

  async place(partition: Partition): Promise<StoredPlace | undefined> {
    const place = await this.read(partition)
    if (place === undefined) this.known.delete(partition)
    else this.known.set(partition, place.position.offset)
    return place
  }

  private async read(partition: Partition): Promise<StoredPlace | undefined> {
    const fields = await this.run(undefined, ['hmget', this.keys(partition).place, 'position', 'notBefore'])
    const [position, notBefore] = fields as [string | null, string | null]
    if (position === null) return undefined
    return { position: JSON.parse(position) as Position, notBefore: Number(notBefore) }
  }

  async inPlace(partition: Partition): Promise<boolean> {
    const known = this.known.get(partition)
    if (known === undefined) return true
    const place = await this.read(partition)
    return place !== undefined && place.position.offset >= known
  }

  async enqueue({ partition, deliveries, place, now }: Parameters<WebhookStore['enqueue']>[0]): Promise<Delivery[]> {
    const dropped: Delivery[] = []
    const { offset } = place.position
    for (let start = 0; start === 0 || start < deliveries.length; start += CALL_DELIVERIES_MAX) {
      const slice = deliveries.slice(start, start + CALL_DELIVERIES_MAX)
      const isLast = start + CALL_DELIVERIES_MAX >= deliveries.length
      // Deliveries of one event may fall into two calls: the first of them does not say that the event is done.
      const upTo = isLast ? offset : deliveries[start + CALL_DELIVERIES_MAX]!.offset - 1
      const numbers = await this.enqueueSome(partition, slice, { place, now, upTo, isLast })
      dropped.push(...numbers.map(number => slice[number - 1]!))
    }
    this.known.set(partition, Math.max(offset, this.known.get(partition) ?? -1))
    return dropped
  }

  private async enqueueSome(
    partition: Partition,
    deliveries: readonly Delivery[],
    { place, now, upTo, isLast }: { place: StoredPlace; now: Millis; upTo: Offset; isLast: boolean },
  ): Promise<number[]> {
    const keys = this.keys(partition)
    const { position, notBefore } = place
    const names = [keys.place, keys.waiting]
    const before = this.known.get(partition) ?? ''
    const json = isLast ? JSON.stringify(position) : ''
    const args: (string | number)[] = [before, upTo, json, position.offset, notBefore, now]
    args.push(this.limits.laneDeliveriesMax, this.limits.hookDeliveriesMax)
    for (const { hook, sessionId, offset, at, kind, body } of deliveries) {
      const { due, lane, state } = laneKeys(keys, hook, sessionId)
      names.push(due, lane, state)
      args.push(hook, sessionId, offset, `${offset} ${at}`, kind, body)
    }
    const answer = await this.call(enqueueScript, names, args)
    if (answer === 'MOVED') throw new ViewMoved(`partition ${partition}: the queue has lost what it had confirmed`)
    return answer as number[]
  }

  async claim({ partition, hook, token, now, until, limit }: Parameters<WebhookStore['claim']>[0]) {
    const keys = this.keys(partition)
    const args = [keys.lane(hook), keys.state(hook), token, now, until, limit]
    const [nextAt = '', ...flat] = (await this.call(claimScript, [keys.due(hook)], args)) as string[]
    const lanes: ClaimedLane[] = []
    for (let at = 0; at + 3 < flat.length; at += 4) {
      const [sessionId, attempts, failingSince, entry] = flat.slice(at, at + 4) as [SessionId, string, string, string]
      const head = parseEntry(hook, sessionId, entry)
      lanes.push({ head, attempts: Number(attempts), failingSince: Number(failingSince) })
    }
    return { lanes, nextAt: nextAt === '' ? undefined : Number(nextAt) }
  }

  async settle(
    { partition, hook, sessionId }: LaneId,
    { token, offset, outcome }: { token: string; offset: Offset; outcome: Settlement },
  ): Promise<LaneHead | 'lost' | undefined> {
    const { due, dead, lane, state, waiting } = laneKeys(this.keys(partition), hook, sessionId)
    const at = outcome.kind === 'delivered' ? outcome.until : outcome.at
    const failingSince = outcome.kind === 'retry' ? outcome.failingSince : 0
    const args = [hook, sessionId, token, offset, outcome.kind, at, failingSince, DEAD_KEPT_MS]
    const answer = await this.call(settleScript, [due, dead, lane, state, waiting], args)
    if (answer === 'LOST') return 'lost'
    return answer === null ? undefined : parseEntry(hook, sessionId, answer as string)
  }

  async deadLanes({ partition, hook, limit }: Parameters<WebhookStore['deadLanes']>[0]): Promise<DeadLane[]> {
    const keys = this.keys(partition)
    const found = await this.run(undefined, ['zrange', keys.dead(hook), 0, limit - 1, 'withscores'])
    const flat = found as string[]
    const lanes: DeadLane[] = []
    for (let index = 0; index + 1 < flat.length; index += 2) {
      const sessionId = flat[index] as SessionId
      const { lane } = laneKeys(keys, hook, sessionId)
      const [entry, deliveries] = await runPipeline(this.connection, [
        ['lindex', lane, 0],
        ['llen', lane],
      ])
      if (entry === null) continue
      const head = parseEntry(hook, sessionId, entry as string)
      lanes.push({ sessionId, at: Number(flat[index + 1]), deliveries: Number(deliveries), head })
    }
    return lanes
  }

  async replay(lane: LaneId, now: Millis): Promise<boolean> {
    return (await this.revive(lane, 'replay', now)) > 0
  }

  discard(lane: LaneId): Promise<number> {
    return this.revive(lane, 'discard', 0)
  }

  private async revive({ partition, hook, sessionId }: LaneId, what: string, now: Millis): Promise<number> {
    const { due, dead, lane, state, waiting } = laneKeys(this.keys(partition), hook, sessionId)
    return Number(await this.call(reviveScript, [due, dead, lane, state, waiting], [hook, sessionId, what, now]))
  }

  async sweep({ partition, before }: Parameters<WebhookStore['sweep']>[0]): Promise<number> {
    const keys = this.keys(partition)
    const hooks = (await this.run(undefined, ['hkeys', keys.waiting])) as string[]
    if (hooks.length === 0) return 0
    const names = [keys.waiting, ...hooks.flatMap(hook => [keys.due(hook), keys.dead(hook)])]
    const perHook = hooks.flatMap(hook => [hook, keys.lane(hook), keys.state(hook)])
    return Number(await this.call(sweepScript, names, [before, SWEEP_LANES_MAX, ...perHook]))
  }

  close(): Promise<void> {
    return this.connection.close()
  }

  private keys(partition: Partition): PartitionKeys {
    return partitionKeys(this.connection.prefix, partition)
  }

  private call(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.run(script, script.call(keys, args))
  }

  private async run(script: Script | undefined, command: Parameters<typeof runPipeline>[1][number]): Promise<unknown> {
    const [answer] = await runPipeline(this.connection, [command], script === undefined ? [] : [script])
    return answer
  }
}

/** `<offset> <at> <missed> <kind>\n<body>` */
function parseEntry(hook: string, sessionId: SessionId, entry: string): LaneHead {
  const end = entry.indexOf('\n')
  const [offset, at, missed, kind] = entry.slice(0, end).split(' ')
  assert(end > 0 && kind !== undefined, 'an entry of a lane that nobody of ours has written')
  const body = entry.slice(end + 1)
  return { hook, sessionId, offset: Number(offset), at: Number(at), missed: Number(missed), kind, body }
}
