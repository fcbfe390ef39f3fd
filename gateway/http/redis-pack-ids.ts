import type { RedisConnection } from '../../infra/redis/redis.ts'
import type { PackId } from '../../schemas/ids.ts'
import { REMEMBERED_MS, type RememberedPackIds } from './idempotency.ts'

/**
 * Idempotency keys in Redis:
 *
 *   <prefix>http:idempotency:<hash>   string  the packId, for REMEMBERED_MS; written by gateways
 */
export class RedisPackIds implements RememberedPackIds {
  private readonly connection: RedisConnection

  constructor(connection: RedisConnection) {
    this.connection = connection
  }

  async remember(name: string, packId: PackId): Promise<PackId> {
    const { client, prefix } = this.connection
    const key = `${prefix}http:idempotency:${name}`
    const known = await client.set(key, packId, 'PX', REMEMBERED_MS, 'NX', 'GET')
    return (known as PackId | null) ?? packId
  }
}
