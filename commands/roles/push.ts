import { RedisPresence } from '../../gateway/presence/redis-presence.ts'
import { BadConfig } from '../../infra/config.ts'
import type { Service } from '../../infra/service.ts'
import { historyReader } from '../../processors/history/main.ts'
import { membershipReader, peopleReader } from '../../processors/membership/main.ts'
import { makePush, withWorker } from '../../processors/push/main.ts'
import { RedisPushStore } from '../../processors/push/redis-push-store.ts'
import { BadPushFile, loadVendors, NO_VENDORS, type Vendors } from '../../processors/push/vendors.ts'
import { pushCodec } from '../../schemas/push-record.ts'
import { valueSubject } from '../../topics/topics.ts'
import type { Context } from '../context.ts'
import { pushFacts } from '../push-facts.ts'
import { connectTo, viewService } from './parts.ts'

export async function makeServices(context: Context): Promise<Service[]> {
  const { config, log, topics, codecs, registry, clock, random, logger, metrics } = context
  const connection = connectTo(context, 'push')
  const vendors = await pushVendors(context)
  context.closers.push(
    () => connection.close(),
    () => vendors.close(),
  )
  const reading = { connection, random }
  const { view, makeWorker } = makePush({
    // The runner closes its view, and another one comes when the partitions change: the connection stays.
    store: new RedisPushStore({ ...connection, close: async () => {} }),
    facts: pushFacts({
      history: historyReader(reading),
      membership: membershipReader(reading),
      people: peopleReader(reading),
      presence: new RedisPresence(connection),
      clock,
    }),
    vendors,
    log,
    topics,
    packCodec: codecs.packs,
    pushCodec: await pushCodec(registry, valueSubject(topics.pushes)),
    limits: config.push,
    clock,
    random,
    logger,
    metrics,
  })
  return [
    viewService(context, {
      role: 'push',
      makeView: () => view,
      complete: (runner, partitions) => withWorker(runner, makeWorker(partitions)),
    }),
  ]
}

/** Throws BadConfig where the file of credentials cannot be used. */
async function pushVendors({ config, clock, env, logger }: Context): Promise<Vendors> {
  if (config.push.file === undefined) {
    logger.warn('PACKLOG_PUSH_FILE is not set: nothing is pushed')
    return NO_VENDORS
  }
  return loadVendors({ file: config.push.file, env, clock }).catch(error => {
    throw error instanceof BadPushFile ? new BadConfig(`PACKLOG_PUSH_FILE: ${error.message}`) : error
  })
}
