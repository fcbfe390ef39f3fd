import { assert } from '../../infra/assert.ts'
import type { Millis } from '../../infra/clock.ts'
import { type Command, loadScript, runPipeline } from '../../infra/redis/pipeline.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import type { PeopleReader } from '../../processors/membership/people-store.ts'
import type { MovedUser, PresenceMoves, SeenUser } from '../../processors/webhooks/presence-moves.ts'
import { LOOK_AGAIN_MS, WATCH_LEASE_MS } from '../../processors/webhooks/presence-watch.ts'
import type { Partition, UserId } from '../../schemas/ids.ts'
import { PRESENCE_MS } from '../limits.ts'
import type { PresenceStore } from './presence-store.ts'

assert(
  LOOK_AGAIN_MS > PRESENCE_MS,
  'connections that are not entered again have ended when their user is looked at again',
)

/**
 * Who has come or gone, for the webhooks that want to be told. The keys, under `<prefix>presence:`, in one slot for each
 * partition of the users' own sessions, none with a time to live but the last:
 *
 *   {moves-<partition>}:due     zset    userId -> ms from which on they have to be looked at; gateways, the role webhooks
 *   {moves-<partition>}:told    set     users who were told to be online; the role webhooks
 *   {moves-<partition>}:holder  string  token of the watcher; the role webhooks, TTL WATCH_LEASE_MS
 */

const dueScript = loadScript(new URL('./due-moves.lua', import.meta.url))
const settleScript = loadScript(new URL('./settle-moves.lua', import.meta.url))

function keysOf({ prefix }: RedisConnection, partition: Partition): { due: string; told: string; holder: string } {
  const base = `${prefix}presence:{moves-${partition}}:`
  return { due: `${base}due`, told: `${base}told`, holder: `${base}holder` }
}

/** What notes that a user has come, gone, or is still there. */
export function moveCommand(connection: RedisConnection, partition: Partition, userId: UserId, now: Millis): Command {
  return ['zadd', keysOf(connection, partition).due, 'LT', now, userId]
}

/** `settings` says who hides. */
export function redisPresenceMoves(options: {
  connection: RedisConnection
  presence: Pick<PresenceStore, 'online'>
  people: Pick<PeopleReader, 'settings'>
  now(): Millis
}): PresenceMoves {
  const { connection, presence, people, now: present } = options
  return {
    due: async ({ partition, token, now, again, limit }) => {
      const { due, told, holder } = keysOf(connection, partition)
      const call = dueScript.call([due, told, holder], [token, WATCH_LEASE_MS, now, again, limit])
      const [answer] = await runPipeline(connection, [call], [dueScript])
      const flat = answer as (string | number)[]
      return Array.from({ length: flat.length / 2 }, (_, i): MovedUser => {
        return { userId: flat[2 * i] as UserId, wasOnline: Number(flat[2 * i + 1]) === 1 }
      })
    },
    seen: async userIds => {
      const [online, settings] = await Promise.all([presence.online(userIds, present()), people.settings(userIds)])
      return online.map(({ userId, connections, lastSeenAt }, i): SeenUser => {
        const isOnline = connections.length > 0 && settings[i]!.presenceShown
        const deviceTypes = isOnline
          ? [...new Set(connections.map(({ device }) => device.type))].sort((a, b) => a - b)
          : []
        const isTold = settings[i]!.presenceShown && lastSeenAt !== undefined
        return { userId, isOnline, deviceTypes, ...(isTold ? { lastSeenAt } : {}) }
      })
    },
    settle: async ({ partition, again, users }) => {
      const { due, told } = keysOf(connection, partition)
      const pairs = users.flatMap(({ userId, isOnline }) => [userId, isOnline ? 1 : 0])
      await runPipeline(connection, [settleScript.call([due, told], [again, ...pairs])], [settleScript])
    },
  }
}
