import { Redis } from 'ioredis'
import type { Millis } from '../clock.ts'
import type { Logger } from '../logger.ts'

/**
 * A connection to Redis as the views and their readers use it.
 *
 * A call must never hang or run late: a reader answers "temporary" at once while Redis is down, and a view repeats a
 * whole batch itself. So nothing is queued while there is no connection, nothing is sent again after a lost one, and
 * a server that stays silent is given up. Reconnecting goes on for ever in the background.
 */
export interface RedisConnection {
  readonly client: Redis
  /** Put before every key by the key functions. */
  readonly prefix: string
  /** Keys with the same number may be used by one script. One server has them all together, a cluster by hash slots. */
  slotOf(key: string): number
  close(): Promise<void>
}

export interface RedisOptions {
  /** `redis://` or `rediss://`. */
  url: string
  /** Put before every key; empty in production, where Redis belongs to the product alone. */
  prefix: string
  /** Shown by CLIENT LIST. */
  name: string
  logger: Logger
  /** A server that owes an answer for this long is taken for dead. Default SILENCE_MS_MAX. */
  silenceMsMax?: Millis
}

/** Reads must answer long before a client's own timeout; a batch of writes takes some ten ms. */
export const SILENCE_MS_MAX = 3_000
const CONNECT_MS_MAX = 2_000
const RECONNECT_MS_FIRST = 20
const RECONNECT_MS_MAX = 500

/** Connects in the background; calls reject until the connection stands. Connection errors are logged once per outage. */
export function connectRedis({ url, prefix, name, logger, silenceMsMax }: RedisOptions): RedisConnection {
  const client = new Redis(url, {
    connectionName: name,
    protocol: 2,
    connectTimeout: CONNECT_MS_MAX,
    socketTimeout: silenceMsMax ?? SILENCE_MS_MAX,
    // Rejects what waits for an answer as soon as the connection is lost; the caller knows what to repeat.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // Rejects at once while there is no connection. Queued commands would run later, when nobody waits for them.
    enableOfflineQueue: false,
    // Commands wait until a restarted server has loaded its data.
    enableReadyCheck: true,
    maxLoadingRetryTime: RECONNECT_MS_MAX,
    retryStrategy: attempts => Math.min(RECONNECT_MS_FIRST * 2 ** Math.min(attempts - 1, 10), RECONNECT_MS_MAX),
  })
  logOutages(client, { name, logger })
  return {
    client,
    prefix,
    slotOf: () => 0,
    close: async () => {
      client.disconnect()
    },
  }
}

/** One line when Redis is lost and one when it is back, however often reconnecting fails in between. */
function logOutages(client: Redis, { name, logger }: { name: string; logger: Logger }): void {
  let down = false
  client.on('error', (error: Error) => {
    if (down) return
    down = true
    logger.error({ err: error, connection: name }, 'Redis cannot be reached')
  })
  client.on('ready', () => {
    if (down) logger.info({ connection: name }, 'Redis is back')
    down = false
  })
}

/** Resolves when the connection stands, for tools and tests; rejects with the first error otherwise. */
export function redisReady({ client }: RedisConnection): Promise<void> {
  if (client.status === 'ready') return Promise.resolve()
  return new Promise((resolve, reject) => {
    client.once('ready', resolve)
    client.once('error', reject)
  })
}
