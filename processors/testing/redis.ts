import { systemRandom } from '../../infra/clock.ts'
import { silentLogger } from '../../infra/logger.ts'
import { escapeGlob, scanKeys } from '../../infra/redis/pipeline.ts'
import { connectRedis, type RedisConnection, redisReady } from '../../infra/redis/redis.ts'

/** A connection with a prefix of its own, and how to lose everything below it. */
export async function testRedis(url: string): Promise<{ connection: RedisConnection; flush(): Promise<void> }> {
  const prefix = `test-${systemRandom.bytes(6).toString('hex')}:`
  const connection = connectRedis({ url, prefix, name: 'test', logger: silentLogger })
  await redisReady(connection)
  const flush = async () => {
    for await (const keys of scanKeys(connection, `${escapeGlob(prefix)}*`)) await connection.client.unlink(...keys)
  }
  return { connection, flush }
}
