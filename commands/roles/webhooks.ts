import { RedisPresence } from '../../gateway/presence/redis-presence.ts'
import { redisPresenceMoves } from '../../gateway/presence/redis-presence-moves.ts'
import { BadConfig } from '../../infra/config.ts'
import type { Service } from '../../infra/service.ts'
import { peopleReader } from '../../processors/membership/main.ts'
import { makeWebhooksView } from '../../processors/webhooks/main.ts'
import type { Partition } from '../../schemas/ids.ts'
import { type Context, clickHouseOptions } from '../context.ts'
import { configuredWebhooks } from '../webhooks.ts'
import { connectTo, viewService } from './parts.ts'

/** Throws BadConfig where there is no key to sign with. */
export async function makeServices(context: Context): Promise<Service[]> {
  const reading = connectTo(context, 'webhooks-settings')
  context.closers.push(() => reading.close())
  const configured = await configuredWebhooks(context, reading)
  if (configured === undefined)
    throw new BadConfig('PACKLOG_WEBHOOK_KEY_FILE is missing: the role webhooks signs with it')
  const { config, clock, random, logger, metrics } = context
  const { networks: allowedNetworks, giveUpMs } = config.webhooks
  const moves = redisPresenceMoves({
    connection: reading,
    presence: new RedisPresence(reading),
    people: peopleReader({ connection: reading, random }),
    now: () => clock.now(),
  })
  const partitionCount = context.topics.events.partitions
  const parts = {
    ...configured,
    clickhouse: clickHouseOptions(config),
    allowedNetworks,
    giveUpMs,
    moves,
    partitionCount,
  }
  const makeView = (partitions: readonly Partition[]) => {
    const connection = connectTo(context, 'webhooks')
    return makeWebhooksView({ ...parts, connection, partitions, clock, random, logger, metrics })
  }
  return [viewService(context, { role: 'webhooks', makeView })]
}
