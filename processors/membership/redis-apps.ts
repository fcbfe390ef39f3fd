import { type Generations, pairsOf } from '../../infra/redis/generations.ts'
import { type Command, loadScript, runPipeline } from '../../infra/redis/pipeline.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import type { Partition, UserId } from '../../schemas/ids.ts'
import { livingWebhooks } from '../../schemas/webhook-acts.ts'
import type { Webhook } from '../../schemas/webhooks.ts'
import type { AppWrite } from './apps.ts'
import {
  type AppsReader,
  type JobEntry,
  jobEntries,
  type KeyEntry,
  keyEntries,
  type QuotaEntry,
  quotaEntries,
  type StoredWebhook,
  storedWebhooks,
} from './apps-store.ts'
import type { OwnWrite } from './people.ts'
import type { Stored } from './people-store.ts'
import { storedOf } from './redis-people.ts'

/**
 * Apps in Redis, and who there is. The keys, under `<prefix>membership:<generation>:`, none with a time to live, written by the membership
 * view only:
 *
 *   {a:<app>}:keys         hash  keyId -> position/json, see apps.ts
 *   {a:<app>}:quotas       hash  keyId -> position/json
 *   {a:<app>}:webhooks     hash  webhookId -> position/json
 *   {a:<app>}:jobs         hash  <jobId>#<part> -> position/json
 *   {a:<app>}:specs        hash  jobId -> position/json
 *   {apps}:known           set   apps
 *   {apps}:hooked          set   those of them that ever set a webhook
 *   {users:<partition>}:ids zset userId, all scores 0: every user of whom something is known, by the partition of `u:`
 */

const setOwn = loadScript(new URL('./set-own.lua', import.meta.url))

function appKey(keyPrefix: string, app: UserId, table: AppWrite['table']): string {
  return `${keyPrefix}{a:${app}}:${table}`
}

function usersKey(keyPrefix: string, partition: Partition): string {
  return `${keyPrefix}{users:${partition}}:ids`
}

/** Writes what a batch says of apps; the same again, whole or in part, changes nothing. */
export async function writeApps(
  connection: RedisConnection,
  keyPrefix: string,
  writes: readonly AppWrite[],
): Promise<void> {
  const enter = (set: string, of: readonly AppWrite[]) =>
    [...new Set(of.map(({ app }) => app))].map((app): Command => ['sadd', `${keyPrefix}{apps}:${set}`, app])
  const hooked = writes.filter(({ table }) => table === 'webhooks')
  const known = [...enter('known', writes), ...enter('hooked', hooked)]
  const registers = writes.map(({ app, table, name, position, json }) =>
    setOwn.call([appKey(keyPrefix, app, table)], [name, position, json]),
  )
  await runPipeline(connection, [...known, ...registers], [setOwn])
}

/** Enters the users of whom a batch of a partition says something. */
export async function writeUsers(
  connection: RedisConnection,
  keyPrefix: string,
  { partition, own }: { partition: Partition; own: readonly OwnWrite[] },
): Promise<void> {
  const users = [...new Set(own.map(({ userId }) => userId))]
  if (users.length === 0) return
  const command: Command = ['zadd', usersKey(keyPrefix, partition), ...users.flatMap(userId => [0, userId])]
  await runPipeline(connection, [command], [])
}

/** The reading side of apps in Redis. */
export class RedisAppsReader implements AppsReader {
  private readonly generations: Generations

  constructor(generations: Generations) {
    this.generations = generations
  }

  async keys(app: UserId): Promise<KeyEntry[]> {
    return keyEntries(await this.rows(app, 'keys'))
  }

  async quotas(app: UserId): Promise<QuotaEntry[]> {
    return quotaEntries(await this.rows(app, 'quotas'))
  }

  async webhooks(app: UserId): Promise<StoredWebhook[]> {
    return storedWebhooks(await this.rows(app, 'webhooks'))
  }

  async allWebhooks(): Promise<Webhook[]> {
    const replies = await this.generations.read(keyPrefix => [['smembers', `${keyPrefix}{apps}:hooked`]])
    const apps = ((replies?.[0] ?? []) as UserId[]).sort()
    const entries = await Promise.all(apps.map(app => this.webhooks(app)))
    return apps.flatMap((app, i) => livingWebhooks(app, entries[i]!))
  }

  async jobs(app: UserId): Promise<JobEntry[]> {
    return jobEntries(await this.rows(app, 'jobs'))
  }

  async jobSpec({ app, jobId }: { app: UserId; jobId: string }): Promise<string | undefined> {
    const replies = await this.generations.read(keyPrefix => [['hget', appKey(keyPrefix, app, 'specs'), jobId]])
    const json = storedOf(replies?.[0] as string | null)?.json
    return json === undefined || json === '' ? undefined : (JSON.parse(json) as string)
  }

  async apps(): Promise<UserId[]> {
    const replies = await this.generations.read(keyPrefix => [['smembers', `${keyPrefix}{apps}:known`]])
    return ((replies?.[0] ?? []) as UserId[]).sort()
  }

  async users({ partition, after, limit }: { partition: number; after: string; limit: number }): Promise<UserId[]> {
    const from = after === '' ? '-' : `(${after}`
    const replies = await this.generations.read(keyPrefix => [
      ['zrangebylex', usersKey(keyPrefix, partition), from, '+', 'LIMIT', 0, limit],
    ])
    return (replies?.[0] ?? []) as UserId[]
  }

  async userCount(partition: number): Promise<number> {
    const replies = await this.generations.read(keyPrefix => [['zcard', usersKey(keyPrefix, partition)]])
    return (replies?.[0] ?? 0) as number
  }

  private async rows(app: UserId, table: AppWrite['table']): Promise<Map<string, Stored>> {
    const replies = await this.generations.read(keyPrefix => [['hgetall', appKey(keyPrefix, app, table)]])
    return new Map(pairsOf(replies?.[0]).map(([name, text]) => [name, storedOf(text)!]))
  }
}
