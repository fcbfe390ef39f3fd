import type { Millis } from '../../infra/clock.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'

/** How long a gateway that no longer says so keeps a job to itself. */
export const LEASE_MS: Millis = 10_000

/**
 * Which gateway works on a job, so that two do not do the same work. Nothing depends on it: the log decides who begins a
 * step, and a step that is done twice is taken once.
 */
export interface JobLeases {
  /** True where the job is this gateway's for LEASE_MS from now on. Rejects when nobody can say. */
  take(job: string): Promise<boolean>
  release(job: string): Promise<void>
}

/**
 * Leases in Redis:
 *
 *   <prefix>http:jobs:<app>/<jobId>   string  the gateway that works on the job, for LEASE_MS; written by gateways
 */
export class RedisJobLeases implements JobLeases {
  private readonly connection: RedisConnection
  private readonly holder: string

  /** `holder`: the gateway, by the name that it has after a restart too. */
  constructor(connection: RedisConnection, holder: string) {
    this.connection = connection
    this.holder = holder
  }

  async take(job: string): Promise<boolean> {
    const { client } = this.connection
    const key = this.keyOf(job)
    if ((await client.set(key, this.holder, 'PX', LEASE_MS, 'NX')) === 'OK') return true
    if ((await client.get(key)) !== this.holder) return false
    await client.pexpire(key, LEASE_MS)
    return true
  }

  async release(job: string): Promise<void> {
    const { client } = this.connection
    const key = this.keyOf(job)
    if ((await client.get(key)) === this.holder) await client.del(key)
  }

  private keyOf(job: string): string {
    return `${this.connection.prefix}http:jobs:${job}`
  }
}

/** For tests, and for a gateway without Redis: every job is its own. */
export const NO_LEASES: JobLeases = { take: async () => true, release: async () => {} }
