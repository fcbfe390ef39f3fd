import { readFile } from 'node:fs/promises'
import { hookMetrics } from '../gateway/hooks/hook-metrics.ts'
import { Hooks } from '../gateway/hooks/hooks.ts'
import type { GatewayOptions } from '../gateway/main.ts'
import type { MoveTracking } from '../gateway/presence/redis-presence.ts'
import { connectClickHouse } from '../infra/clickhouse/clickhouse.ts'
import { BadConfig } from '../infra/config.ts'
import { makeOutbound } from '../infra/outbound/outbound.ts'
import type { RedisConnection } from '../infra/redis/redis.ts'
import { appsReader, membershipReader } from '../processors/membership/main.ts'
import { clickHouseAttemptReader } from '../processors/webhooks/attempt-reader.ts'
import { webhookQueue } from '../processors/webhooks/main.ts'
import { hookName } from '../processors/webhooks/plan.ts'
import { wantsPresence } from '../processors/webhooks/plan-presence.ts'
import { makeSender } from '../processors/webhooks/sender.ts'
import { WebhookDesk } from '../processors/webhooks/webhook-desk.ts'
import { PolledWebhooks } from '../processors/webhooks/webhook-source.ts'
import { parseWebhooks } from '../processors/webhooks/webhooks-file.ts'
import { MASTER_KEY_BYTES_MIN, type Webhook } from '../schemas/webhooks.ts'
import { sessionPartition } from '../topics/topics.ts'
import { type Context, clickHouseOptions } from './context.ts'
import { loggedWebhooks } from './logged-webhooks.ts'

/** Where roles get the webhooks from, and the key that their secrets are derived from. */

export interface ConfiguredWebhooks {
  /** Those of the file and those that apps have set; of two of one name that of the file. */
  source: PolledWebhooks
  /** Those of the file. */
  configured(): readonly Webhook[]
  masterKey: Buffer
}

/**
 * The webhooks of the file that PACKLOG_WEBHOOKS_FILE names, and those that apps have set, read again and again;
 * undefined where there is no PACKLOG_WEBHOOK_KEY_FILE. A file that is malformed later leaves those of the file as they
 * were. The connection is only read from. Throws BadConfig.
 */
export async function configuredWebhooks(
  context: Context,
  connection: RedisConnection,
): Promise<ConfiguredWebhooks | undefined> {
  const { config, clock, logger, random, log, topics } = context
  const { file, keyFile } = config.webhooks
  if (keyFile === undefined) {
    if (file === undefined) return undefined
    throw new BadConfig('PACKLOG_WEBHOOK_KEY_FILE is missing: PACKLOG_WEBHOOKS_FILE is set')
  }
  const masterKey = await readWebhookKey(keyFile)
  const named = file === undefined ? undefined : await openWebhooksFile(file, context)
  const reading = { connection, random }
  const readLogged = loggedWebhooks({
    apps: appsReader(reading),
    membership: membershipReader(reading),
    log,
    topic: topics.events.name,
  })
  const read = async (): Promise<Webhook[]> => {
    const ofFile = (await named?.read()) ?? []
    const names = new Set(ofFile.map(hookName))
    return [...ofFile, ...(await readLogged()).filter(webhook => !names.has(hookName(webhook)))]
  }
  const source = new PolledWebhooks({ read, clock, logger })
  const stopping = new AbortController()
  context.closers.push(async () => stopping.abort())
  void source.run(stopping.signal)
  return { source, configured: () => named?.last() ?? [], masterKey }
}

/** The file of webhooks, which may change. Throws BadConfig where it cannot be used from the beginning. */
async function openWebhooksFile(file: string, { logger }: Context) {
  let last = await readWebhooks(file).catch(error => {
    throw new BadConfig(`PACKLOG_WEBHOOKS_FILE cannot be used: ${file}: ${(error as Error).message}`)
  })
  let problem = ''
  const read = async (): Promise<Webhook[]> => {
    try {
      last = await readWebhooks(file)
      problem = ''
    } catch (error) {
      const { message } = error as Error
      if (message !== problem) logger.error({ err: error, file }, 'the webhooks stay as they were')
      problem = message
    }
    return last
  }
  return { read, last: () => last }
}

async function readWebhooks(file: string): Promise<Webhook[]> {
  return parseWebhooks(await readFile(file, 'utf8'))
}

/** Throws BadConfig when the file cannot be read or is too short. */
export async function readWebhookKey(file: string): Promise<Buffer> {
  const text = await readFile(file, 'utf8').catch(error => {
    throw new BadConfig(`PACKLOG_WEBHOOK_KEY_FILE cannot be read: ${(error as Error).message}`)
  })
  const key = Buffer.from(text.trim(), 'base64url')
  if (key.length < MASTER_KEY_BYTES_MIN) {
    throw new BadConfig(`PACKLOG_WEBHOOK_KEY_FILE: fewer than ${MASTER_KEY_BYTES_MIN} bytes of base64url`)
  }
  return key
}

/** Who looks after the webhooks, with what calls out. The connection stays open. */
export function webhookDesk(
  { masterKey, configured }: ConfiguredWebhooks,
  context: Context,
  connection: RedisConnection,
): WebhookDesk {
  const { config, clock, topics } = context
  const outbound = makeOutbound({ clock, allowedNetworks: config.webhooks.networks })
  const clickhouse = connectClickHouse(clickHouseOptions(config))
  context.closers.push(
    async () => outbound.close(),
    () => clickhouse.close(),
  )
  return new WebhookDesk({
    ...clickHouseAttemptReader(clickhouse),
    masterKey,
    configured,
    outbound,
    sender: makeSender({ outbound, masterKey, clock }),
    queue: webhookQueue(connection),
    partitions: topics.events.partitions,
    partitionOf: sessionId => sessionPartition(topics.events, sessionId),
    clock,
  })
}

/** What a gateway asks before it takes a pack, and who looks after webhooks there. Throws BadConfig. */
export async function gatewayWebhooks(
  context: Context,
  connection: RedisConnection,
): Promise<Pick<GatewayOptions, 'hooks' | 'webhooks'> & { tracking?: MoveTracking }> {
  const configured = await configuredWebhooks(context, connection)
  if (configured === undefined) return {}
  const { config, clock, logger, metrics } = context
  const { source, masterKey } = configured
  const outbound = makeOutbound({ clock, allowedNetworks: config.webhooks.networks })
  context.closers.push(async () => outbound.close())
  const sender = makeSender({ outbound, masterKey, clock })
  return {
    hooks: new Hooks({ source, sender, clock, logger, metrics: hookMetrics(metrics) }),
    webhooks: webhookDesk(configured, context, connection),
    tracking: {
      isWanted: () => source.latest().some(wantsPresence),
      partitionOf: sessionId => sessionPartition(context.topics.events, sessionId),
    },
  }
}
