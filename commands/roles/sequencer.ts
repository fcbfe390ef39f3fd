import { kafkaTransactionalWriters } from '../../infra/kafka/kafka-transactional.ts'
import type { Service } from '../../infra/service.ts'
import { LmdbStateStore } from '../../processors/sequencer/lmdb-state-store.ts'
import { makeSequencer, transactionalIdPrefix } from '../../processors/sequencer/main.ts'
import { sessionCodec } from '../../schemas/session.ts'
import { valueSubject } from '../../topics/topics.ts'
import type { Context } from '../context.ts'
import { configuredRules, ownershipOf } from './parts.ts'

export async function makeServices(context: Context): Promise<Service[]> {
  const { config, kafka, log, topics, codecs, registry, clock, random, logger, metrics } = context
  return [
    makeSequencer({
      log,
      topics,
      packCodec: codecs.packs,
      eventCodec: codecs.events,
      sessionCodec: await sessionCodec(registry, valueSubject(topics.sessions)),
      transactional: kafkaTransactionalWriters({ ...kafka, clientId: `sequencer-${config.nodeName}`, clock, logger }),
      transactionalIdPrefix: transactionalIdPrefix(topics),
      stores: partition => new LmdbStateStore({ stateDir: config.stateDir, partition, random }),
      ownership: ownershipOf(context, 'sequencer'),
      ...(await configuredRules(config)),
      era: config.era,
      instance: config.nodeName,
      clock,
      random,
      logger,
      metrics,
    }),
  ]
}
