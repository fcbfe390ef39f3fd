import { type Generations, pairsOf } from '../../infra/redis/generations.ts'
import { type Command, loadScript, runPipeline } from '../../infra/redis/pipeline.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import type { Partition, UserId } from '../../schemas/ids.ts'
import { livingWebhooks } from '../../schemas/webhook-acts.ts'
import type { Webhook } from '../../schemas/webhooks.ts'
import { type AppWrite, JOB_KEPT_MS } from './apps.ts'
import {
  type AppsReader,
  JOB_PARTS,
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
 *   {a:<app>}:open         set   jobId of those that have not ended; not there where an earlier version wrote last
 *   {a:<app>}:ended        zset  jobId of the others, by the time of the end; likewise
 *   {apps}:known           set   apps
 *   {apps}:hooked          set   those of them that ever set a webhook
 *   {users:<partition>}:ids zset userId, all scores 0: every user of whom something is known, by the partition of `u:`
 */

const setOwn = loadScript(new URL('./set-own.lua', import.meta.url))
const setJob = loadScript(new URL('./set-job.lua', import.meta.url))

function appKey(keyPrefix: string, app: UserId, table: AppWrite['table'] | 'open' | 'ended'): string {
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
  const registers = writes.map(write => {
    if (write.table === 'jobs') return jobCommand(keyPrefix, write)
    const { app, table, name, position, json } = write
    return setOwn.call([appKey(keyPrefix, app, table)], [name, position, json])
  })
  await runPipeline(connection, [...known, ...registers], [setOwn, setJob])
}

function jobCommand(keyPrefix: string, { app, name, position, json, at }: AppWrite): Command {
  const keys = (['jobs', 'specs', 'open', 'ended'] as const).map(table => appKey(keyPrefix, app, table))
  const [jobId = '', part = ''] = name.split('#')
  return setJob.call(keys, [jobId, part, position, json, at, at - JOB_KEPT_MS])
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

  async job({ app, jobId }: { app: UserId; jobId: string }): Promise<JobEntry | undefined> {
    return (await this.jobsOf(app, [jobId]))[0]
  }

  async openJobs(app: UserId): Promise<JobEntry[]> {
    const replies = await this.generations.read(keyPrefix => [['smembers', appKey(keyPrefix, app, 'open')]])
    const open = await this.jobsOf(app, (replies?.[0] ?? []) as string[])
    return open.filter(({ ended }) => ended === undefined)
  }

  private async jobsOf(app: UserId, jobIds: readonly string[]): Promise<JobEntry[]> {
    if (jobIds.length === 0) return []
    const names = jobIds.flatMap(jobId => JOB_PARTS.map(part => `${jobId}#${part}`))
    const replies = await this.generations.read(keyPrefix => [['hmget', appKey(keyPrefix, app, 'jobs'), ...names]])
    const texts = (replies?.[0] ?? []) as (string | null)[]
    const found = names.flatMap((name, i) => (texts[i] == null ? [] : [[name, storedOf(texts[i]!)!] as const]))
    return jobEntries(new Map(found))
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
