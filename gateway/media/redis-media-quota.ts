import type { Millis } from '../../infra/clock.ts'
import { type Command, loadScript, runPipeline } from '../../infra/redis/pipeline.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import type { MediaQuota } from './media-store.ts'

const takeScript = loadScript(new URL('./take-quota.lua', import.meta.url))
const DAY_MS = 86_400_000

/**
 * Uploads of a day in Redis, `<prefix>media:{u:<userId>}:<day>`: bytes, kept for two days. A Redis that was lost begins
 * the day anew: it is a limit, not a record.
 */
export class RedisMediaQuota implements MediaQuota {
  private readonly connection: RedisConnection
  private readonly bytesPerDayMax: number

  constructor(connection: RedisConnection, bytesPerDayMax: number) {
    this.connection = connection
    this.bytesPerDayMax = bytesPerDayMax
  }

  async take(userId: string, bytes: number, now: Millis): Promise<boolean> {
    const key = `${this.connection.prefix}media:{u:${userId}}:${Math.floor(now / DAY_MS)}`
    const call: Command = takeScript.call([key], [bytes, this.bytesPerDayMax, 2 * DAY_MS])
    const [taken] = await runPipeline(this.connection, [call], [takeScript])
    return taken === 1
  }
}
