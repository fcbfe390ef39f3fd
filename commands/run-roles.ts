import { readFile } from 'node:fs/promises'
import { makeGateway } from '../gateway/main.ts'
import { BadConfig, type Config, parseRoles } from '../infra/config.ts'
import { HealthServer } from '../infra/health-server.ts'
import { kafkaTransactionalWriters } from '../infra/kafka/kafka-transactional.ts'
import { connectRedis, type RedisConnection } from '../infra/redis/redis.ts'
import { ROLES, type Role } from '../infra/roles.ts'
import { type Service, supervise } from '../infra/service.ts'
import { archiveReader, makeArchiveView } from '../processors/archive/main.ts'
import { historyReader, makeHistoryView } from '../processors/history/main.ts'
import { makeMembershipView, membershipReader } from '../processors/membership/main.ts'
import { makeRunner } from '../processors/runner.ts'
import { LmdbStateStore } from '../processors/sequencer/lmdb-state-store.ts'
import { makeSequencer, transactionalIdPrefix } from '../processors/sequencer/main.ts'
import { parseRulesFile } from '../processors/sequencer/rules-file.ts'
import type { View } from '../processors/view.ts'
import type { Rules } from '../schemas/pack.ts'
import { sessionCodec } from '../schemas/session.ts'
import { valueSubject } from '../topics/topics.ts'
import { type Context, clickHouseOptions, closeContext, openContext } from './context.ts'

/** Runs the roles of one process until the signal aborts (exit code 0) or one of them fails (exit code 1). */
export async function runRoles(options: {
  roles: string
  env: NodeJS.ProcessEnv
  signal: AbortSignal
}): Promise<number> {
  const wanted = parseRoles(options.roles)
  const context = await openContext(options.env, wanted.join('-'))
  const { config, metrics, clock, logger } = context
  metrics.withProcess()
  try {
    const services: Service[] = []
    for (const role of ROLES.filter(name => wanted.includes(name))) services.push(await makeService(role, context))
    // It answers from the first moment to the last, so that a start and a drain can be watched.
    const health = new HealthServer(config.metrics, { services, metrics })
    await health.start()
    context.closers.push(() => health.drain())
    await supervise(services, { signal: options.signal, clock, log: logger })
    return 0
  } finally {
    await closeContext(context)
  }
}

async function makeService(role: Role, context: Context): Promise<Service> {
  switch (role) {
    case 'gateway':
      return gateway(context)
    case 'sequencer':
      return sequencer(context)
    case 'history': {
      const { random, logger, metrics } = context
      return viewRunner(context, makeHistoryView({ connection: redis(context, 'history'), random, logger, metrics }))
    }
    case 'membership': {
      const { random } = context
      return viewRunner(context, makeMembershipView({ connection: redis(context, 'membership'), random }))
    }
    case 'archive': {
      const { config, topics, clock } = context
      const clickhouse = clickHouseOptions(config)
      return viewRunner(
        context,
        makeArchiveView({ clickhouse, topic: topics.events.name, partitions: config.partitions, clock }),
      )
    }
  }
}

function redis({ config, logger, closers }: Context, name: string): RedisConnection {
  const connection = connectRedis({ url: config.redisUrl, prefix: config.redisPrefix, name: `packlog-${name}`, logger })
  closers.push(() => connection.close())
  return connection
}

function viewRunner(context: Context, view: View): Service {
  const { log, topics, codecs, config, clock, random, logger, metrics } = context
  return makeRunner({
    view,
    log,
    topics,
    eventCodec: codecs.events,
    partitions: config.partitions,
    clock,
    random,
    logger,
    metrics,
  })
}

/** Throws BadConfig when the file cannot be read or holds no rules. */
async function configuredRules({ rulesFile }: Config): Promise<{ rules?: Rules }> {
  if (rulesFile === undefined) return {}
  const text = await readFile(rulesFile, 'utf8').catch(error => {
    throw new BadConfig(`PACKLOG_RULES_FILE cannot be read: ${(error as Error).message}`)
  })
  return { rules: parseRulesFile(text, rulesFile) }
}

async function sequencer(context: Context): Promise<Service> {
  const { config, log, topics, codecs, registry, clock, random, logger, metrics } = context
  const brokers = config.kafkaBrokers
  return makeSequencer({
    log,
    topics,
    packCodec: codecs.packs,
    eventCodec: codecs.events,
    sessionCodec: await sessionCodec(registry, valueSubject(topics.sessions)),
    transactional: kafkaTransactionalWriters({ brokers, clientId: `sequencer-${config.nodeName}`, clock, logger }),
    transactionalIdPrefix: transactionalIdPrefix(topics),
    stores: partition => new LmdbStateStore({ stateDir: config.stateDir, partition, random }),
    partitions: config.partitions,
    ...(await configuredRules(config)),
    era: config.era,
    instance: config.nodeName,
    clock,
    random,
    logger,
    metrics,
  })
}

async function gateway(context: Context): Promise<Service> {
  const { config, log, topics, codecs, clock, random, logger, metrics } = context
  const connection = redis(context, 'gateway')
  const archive = archiveReader(clickHouseOptions(config))
  context.closers.push(() => archive.close())
  return makeGateway({
    http: config.http,
    log,
    codecs,
    topics,
    history: historyReader({ connection, random }),
    membership: membershipReader({ connection, random }),
    archive: archive.reader,
    tokens: config.jwtKeyFile,
    nodeName: config.nodeName,
    clock,
    random,
    logger,
    metrics,
  })
}
