import type { Millis } from '../../infra/clock.ts'
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

/** Apps in memory, by the rules of redis-apps.ts. */
export class MemoryApps implements AppsReader {
  /** `<app> <table>` -> name -> register. */
  readonly tables = new Map<string, Map<string, Stored>>()
  private readonly known = new Set<UserId>()
  private readonly ids = new Map<Partition, Set<UserId>>()

  write(writes: readonly AppWrite[]): void {
    for (const { app, table, name, position, json, at } of writes) {
      this.known.add(app)
      const registers = this.tables.get(`${app} ${table}`) ?? new Map<string, Stored>()
      this.tables.set(`${app} ${table}`, registers)
      if ((registers.get(name)?.position ?? -1) < position) registers.set(name, { position, json })
      if (table === 'jobs') this.forgetJobs(app, at - JOB_KEPT_MS)
    }
  }

  private forgetJobs(app: UserId, before: Millis): void {
    for (const { jobId, ended } of jobEntries(this.rows(app, 'jobs'))) {
      if (ended === undefined || ended.at >= before) continue
      for (const part of JOB_PARTS) this.tables.get(`${app} jobs`)?.delete(`${jobId}#${part}`)
      this.tables.get(`${app} specs`)?.delete(jobId)
    }
  }

  writeUsers({ partition, own }: { partition: Partition; own: readonly OwnWrite[] }): void {
    const ids = this.ids.get(partition) ?? new Set<UserId>()
    this.ids.set(partition, ids)
    for (const { userId } of own) ids.add(userId)
  }

  async keys(app: UserId): Promise<KeyEntry[]> {
    return keyEntries(this.rows(app, 'keys'))
  }

  async quotas(app: UserId): Promise<QuotaEntry[]> {
    return quotaEntries(this.rows(app, 'quotas'))
  }

  async webhooks(app: UserId): Promise<StoredWebhook[]> {
    return storedWebhooks(this.rows(app, 'webhooks'))
  }

  async allWebhooks(): Promise<Webhook[]> {
    return [...this.known].sort().flatMap(app => livingWebhooks(app, storedWebhooks(this.rows(app, 'webhooks'))))
  }

  async jobs(app: UserId): Promise<JobEntry[]> {
    return jobEntries(this.rows(app, 'jobs'))
  }

  async job({ app, jobId }: { app: UserId; jobId: string }): Promise<JobEntry | undefined> {
    return (await this.jobs(app)).find(job => job.jobId === jobId)
  }

  async openJobs(app: UserId): Promise<JobEntry[]> {
    return (await this.jobs(app)).filter(({ ended }) => ended === undefined)
  }

  async jobSpec({ app, jobId }: { app: UserId; jobId: string }): Promise<string | undefined> {
    const json = this.rows(app, 'specs').get(jobId)?.json
    return json === undefined || json === '' ? undefined : (JSON.parse(json) as string)
  }

  async apps(): Promise<UserId[]> {
    return [...this.known].sort()
  }

  async users({ partition, after, limit }: { partition: number; after: string; limit: number }): Promise<UserId[]> {
    const ids = [...(this.ids.get(partition) ?? [])].filter(userId => userId > after)
    return ids.sort().slice(0, limit)
  }

  async userCount(partition: number): Promise<number> {
    return this.ids.get(partition)?.size ?? 0
  }

  private rows(app: UserId, table: AppWrite['table']): Map<string, Stored> {
    return this.tables.get(`${app} ${table}`) ?? new Map<string, Stored>()
  }
}
