import type { Millis } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import { pairsOf } from '../../infra/redis/generations.ts'
import { type Command, runPipeline } from '../../infra/redis/pipeline.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import type { Partition, SessionId, UserId } from '../../schemas/ids.ts'
import { DEVICE_HELD_MS, LAST_SEEN_MS, PRESENCE_MS } from '../limits.ts'
import type { DeviceHolder, Online, OnlineEntry, PresenceStore, Signal, Signals } from './presence-store.ts'
import { moveCommand } from './redis-presence-moves.ts'

/**
 * Presence in Redis, written by gateways only. The keys, under `<prefix>presence:`
 *
 *   {u:<userId>}:online  hash    connectionId -> JSON of an entry without its userId; TTL PRESENCE_MS after the last write
 *   {u:<userId>}:seen    string  ms of the last write; TTL LAST_SEEN_MS
 *   {u:<userId>}:device:<deviceId>  string  connectionId/at of the device's newest connection; TTL DEVICE_HELD_MS
 * and the channel `<prefix>signals`: one JSON text for each signal.
 */

function keysOf({ prefix }: RedisConnection, userId: UserId): { online: string; seen: string } {
  const base = `${prefix}presence:{u:${userId}}:`
  return { online: `${base}online`, seen: `${base}seen` }
}

function deviceKey({ prefix }: RedisConnection, userId: UserId, deviceId: string): string {
  return `${prefix}presence:{u:${userId}}:device:${deviceId}`
}

function holderOf(reply: unknown): DeviceHolder | undefined {
  if (typeof reply !== 'string') return undefined
  const slash = reply.indexOf('/')
  return { connectionId: reply.slice(0, slash), at: Number(reply.slice(slash + 1)) }
}

/** For webhooks that are told who comes and goes: redis-presence-moves.ts. */
export interface MoveTracking {
  isWanted(): boolean
  partitionOf(sessionId: SessionId): Partition
}

export class RedisPresence implements PresenceStore {
  private readonly connection: RedisConnection
  private readonly tracking: MoveTracking | undefined

  constructor(connection: RedisConnection, tracking?: MoveTracking) {
    this.connection = connection
    this.tracking = tracking
  }

  async enter(entries: readonly OnlineEntry[], now: Millis): Promise<void> {
    const commands = entries.flatMap(({ userId, connectionId, ...entry }): Command[] => {
      const { online, seen } = keysOf(this.connection, userId)
      return [
        ['hset', online, connectionId, JSON.stringify(entry)],
        ['pexpire', online, PRESENCE_MS],
        ['set', seen, now, 'PX', LAST_SEEN_MS],
      ]
    })
    await runPipeline(this.connection, [...commands, ...this.moves(entries, now)], [])
  }

  async leave(entries: readonly Pick<OnlineEntry, 'userId' | 'connectionId'>[], now: Millis): Promise<void> {
    const commands = entries.flatMap(({ userId, connectionId }): Command[] => {
      const { online, seen } = keysOf(this.connection, userId)
      return [
        ['hdel', online, connectionId],
        ['set', seen, now, 'PX', LAST_SEEN_MS],
      ]
    })
    await runPipeline(this.connection, [...commands, ...this.moves(entries, now)], [])
  }

  /** Notes behind the rest that users are to be looked at. */
  private moves(entries: readonly Pick<OnlineEntry, 'userId'>[], now: Millis): Command[] {
    const { connection, tracking } = this
    if (tracking?.isWanted() !== true) return []
    const users = [...new Set(entries.map(({ userId }) => userId))]
    return users.map(userId => moveCommand(connection, tracking.partitionOf(`u:${userId}` as SessionId), userId, now))
  }

  async claim(entries: readonly OnlineEntry[]): Promise<(DeviceHolder | undefined)[]> {
    const commands = entries.map(({ userId, device, connectionId, at }): Command => {
      const key = deviceKey(this.connection, userId, device.id)
      return ['set', key, `${connectionId}/${at}`, 'PX', DEVICE_HELD_MS, 'GET']
    })
    return (await runPipeline(this.connection, commands, [])).map(holderOf)
  }

  async holders(entries: readonly OnlineEntry[]): Promise<(DeviceHolder | undefined)[]> {
    const commands = entries.map(({ userId, device }): Command => {
      return ['getex', deviceKey(this.connection, userId, device.id), 'PX', DEVICE_HELD_MS]
    })
    return (await runPipeline(this.connection, commands, [])).map(holderOf)
  }

  async online(userIds: readonly UserId[], now: Millis): Promise<Online[]> {
    const commands = userIds.flatMap((userId): Command[] => {
      const { online, seen } = keysOf(this.connection, userId)
      return [
        ['hgetall', online],
        ['get', seen],
      ]
    })
    const replies = await runPipeline(this.connection, commands, [])
    return userIds.map((userId, i) => {
      const connections = pairsOf(replies[2 * i])
        .map(([connectionId, json]) => ({ userId, connectionId, ...JSON.parse(json) }) as OnlineEntry)
        .filter(({ until }) => until > now)
        .sort((one, other) => one.at - other.at)
      const seen = replies[2 * i + 1] as string | null
      return seen === null ? { userId, connections } : { userId, connections, lastSeenAt: Number(seen) }
    })
  }
}

/** Signals over Redis publish and subscribe. `subscriber` is a connection of its own: it does nothing else. */
export class RedisSignals implements Signals {
  private readonly connection: RedisConnection
  private readonly subscriber: RedisConnection
  private readonly logger: Logger
  private readonly channel: string

  constructor(options: { connection: RedisConnection; subscriber: RedisConnection; logger: Logger }) {
    this.connection = options.connection
    this.subscriber = options.subscriber
    this.logger = options.logger
    this.channel = `${options.connection.prefix}signals`
  }

  publish(signals: readonly Signal[]): void {
    const commands = signals.map((signal): Command => ['publish', this.channel, JSON.stringify(signal)])
    // Whoever waits for a signal looks again after a while by itself.
    runPipeline(this.connection, commands, []).catch(() => {})
  }

  listen(onSignal: (signal: Signal) => void): void {
    const { client } = this.subscriber
    client.on('message', (_channel: string, text: string) => onSignal(JSON.parse(text) as Signal))
    const subscribe = () => {
      client.subscribe(this.channel).catch(error => {
        this.logger.warn({ err: error }, 'the signals of other gateways cannot be heard')
      })
    }
    client.on('ready', subscribe)
    if (client.status === 'ready') subscribe()
  }
}
