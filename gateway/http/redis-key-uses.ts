import type { Millis } from '../../infra/clock.ts'
import { type Command, runPipeline } from '../../infra/redis/pipeline.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import type { UserId } from '../../schemas/ids.ts'
import type { KeyUses } from './keys.ts'

/**
 * When keys were used last, in Redis:
 *
 *   <prefix>http:uses:{a:<app>}   hash  keyId -> ms since the epoch; written by gateways, no time to live
 */
export class RedisKeyUses implements KeyUses {
  private readonly connection: RedisConnection

  constructor(connection: RedisConnection) {
    this.connection = connection
  }

  async note(uses: readonly { app: UserId; keyId: string; at: Millis }[]): Promise<void> {
    const commands = uses.map(({ app, keyId, at }): Command => ['hset', this.keyOf(app), keyId, at])
    await runPipeline(this.connection, commands, [])
  }

  async of(app: UserId): Promise<ReadonlyMap<string, Millis>> {
    const uses = await this.connection.client.hgetall(this.keyOf(app))
    return new Map(Object.entries(uses).map(([keyId, at]) => [keyId, Number(at)]))
  }

  private keyOf(app: UserId): string {
    return `${this.connection.prefix}http:uses:{a:${app}}`
  }
}
