import type { Millis } from '../../infra/clock.ts'
import { type Command, runPipeline } from '../../infra/redis/pipeline.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import type { UserId } from '../../schemas/ids.ts'

/** Requests of keys in a day (UTC), over all gateways. A limit, not a record: what is lost with the store begins anew. */
export interface DayCounts {
  /** Counts a request; gives how many there were on that day, this one included. Rejects when it cannot be counted. */
  take(request: { app: UserId; keyId: string; now: Millis }): Promise<number>
  /** How many there were on that day, in the order asked. */
  of(request: { app: UserId; keyIds: readonly string[]; now: Millis }): Promise<number[]>
}

const DAY_MS: Millis = 86_400_000

const dayOf = (now: Millis) => Math.floor(now / DAY_MS)

/** Until the day is over. */
export function dayLeftMs(now: Millis): Millis {
  return DAY_MS - (now % DAY_MS)
}

/** In Redis, `<prefix>http:days:{a:<app>}:<keyId>:<day>`: requests; TTL two days. Only keys with a limit are counted. */
export class RedisDayCounts implements DayCounts {
  private readonly connection: RedisConnection

  constructor(connection: RedisConnection) {
    this.connection = connection
  }

  async take({ app, keyId, now }: Parameters<DayCounts['take']>[0]): Promise<number> {
    const key = this.keyOf(app, keyId, now)
    const commands: Command[] = [
      ['incr', key],
      ['pexpire', key, 2 * DAY_MS],
    ]
    const [count] = await runPipeline(this.connection, commands, [])
    return Number(count)
  }

  async of({ app, keyIds, now }: Parameters<DayCounts['of']>[0]): Promise<number[]> {
    const commands = keyIds.map((keyId): Command => ['get', this.keyOf(app, keyId, now)])
    return (await runPipeline(this.connection, commands, [])).map(count => Number(count ?? 0))
  }

  private keyOf(app: UserId, keyId: string, now: Millis): string {
    return `${this.connection.prefix}http:days:{a:${app}}:${keyId}:${dayOf(now)}`
  }
}

/** For tests, and for a gateway without Redis. */
export class MemoryDayCounts implements DayCounts {
  private readonly counts = new Map<string, number>()

  async take({ app, keyId, now }: Parameters<DayCounts['take']>[0]): Promise<number> {
    const name = `${app} ${keyId} ${dayOf(now)}`
    const count = (this.counts.get(name) ?? 0) + 1
    this.counts.set(name, count)
    return count
  }

  async of({ app, keyIds, now }: Parameters<DayCounts['of']>[0]): Promise<number[]> {
    return keyIds.map(keyId => this.counts.get(`${app} ${keyId} ${dayOf(now)}`) ?? 0)
  }
}
