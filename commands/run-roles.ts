import { readFile } from 'node:fs/promises'
import { RedisDayCounts } from '../gateway/http/day-counts.ts'
import { RedisKeyUses } from '../gateway/http/redis-key-uses.ts'
import { RedisPackIds } from '../gateway/http/redis-pack-ids.ts'
import { builtWebDir } from '../gateway/http/web-pages.ts'
import { RedisJobLeases } from '../gateway/jobs/job-leases.ts'
import { makeGateway } from '../gateway/main.ts'
import { RedisPresence, RedisSignals } from '../gateway/presence/redis-presence.ts'
import { redisPresenceMoves } from '../gateway/presence/redis-presence-moves.ts'
import { connectClickHouse } from '../infra/clickhouse/clickhouse.ts'
import { BadConfig, type Config, parseRoles } from '../infra/config.ts'
import { HealthReporter } from '../infra/health-reports.ts'
import { HealthServer } from '../infra/health-server.ts'
import { kafkaGroup } from '../infra/kafka/kafka-group.ts'
import { kafkaTransactionalWriters } from '../infra/kafka/kafka-transactional.ts'
import { connectRedis, type RedisConnection } from '../infra/redis/redis.ts'
import { RedisHealthReports } from '../infra/redis/redis-health-reports.ts'
import { ROLES, type Role } from '../infra/roles.ts'
import { type Service, supervise } from '../infra/service.ts'
import { makePushArchive } from '../processors/archive/archive-pushes.ts'
import {
  archiveReader,
  makeArchiveRetention,
  makeArchiveStripper,
  makeArchiveView,
  makeEraser,
} from '../processors/archive/main.ts'
import { historyReader, makeHistoryView } from '../processors/history/main.ts'
import { appsReader, makeMembershipView, membershipReader, peopleReader } from '../processors/membership/main.ts'
import { makePush, withWorker } from '../processors/push/main.ts'
import { RedisPushStore } from '../processors/push/redis-push-store.ts'
import { BadPushFile, loadVendors, NO_VENDORS, type Vendors } from '../processors/push/vendors.ts'
import { makeRunner } from '../processors/runner.ts'
import { LmdbStateStore } from '../processors/sequencer/lmdb-state-store.ts'
import { makeSequencer, transactionalIdPrefix } from '../processors/sequencer/main.ts'
import { parseRulesFile } from '../processors/sequencer/rules-file.ts'
import type { View } from '../processors/view.ts'
import { makeViewInGroup } from '../processors/view-in-group.ts'
import { makeWebhooksView } from '../processors/webhooks/main.ts'
import type { Partition } from '../schemas/ids.ts'
import type { Rules } from '../schemas/pack.ts'
import { pushCodec } from '../schemas/push-record.ts'
import { sessionCodec } from '../schemas/session.ts'
import { fixedOwnership, type Ownership } from '../topics/ownership.ts'
import { valueSubject } from '../topics/topics.ts'
import { Verifier } from '../verify/verifier.ts'
import { verify } from '../verify/verify.ts'
import { type Context, clickHouseOptions, closeContext, openContext } from './context.ts'
import { gatewayMedia } from './media.ts'
import { pushFacts } from './push-facts.ts'
import { gatewayPushReceipts } from './push-receipts.ts'
import { verification } from './verify.ts'
import { configuredWebhooks, gatewayWebhooks } from './webhooks.ts'

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
    for (const role of ROLES.filter(name => wanted.includes(name)))
      services.push(...(await makeServices(role, context)))
    // It answers from the first moment to the last, so that a start and a drain can be watched.
    const health = new HealthServer(config.metrics, { services, metrics })
    await health.start()
    context.closers.push(() => health.drain())
    services.push(healthReporter(context, wanted, [...services]))
    await supervise(services, { signal: options.signal, clock, log: logger })
    return 0
  } finally {
    await closeContext(context)
  }
}

/** Tells the others how this process is. */
function healthReporter(context: Context, roles: readonly Role[], services: readonly Service[]): Service {
  const { config, metrics, clock, logger, closers } = context
  const connection = connectTo(context, 'health')
  closers.push(() => connection.close())
  const process = `${roles.join('+')}@${config.nodeName}`
  const reports = new RedisHealthReports(connection)
  return new HealthReporter({ process, roles, services, metrics, reports, clock, logger })
}

/** The services of a role: itself, and what runs beside it. */
async function makeServices(role: Role, context: Context): Promise<Service[]> {
  const service = await makeService(role, context)
  if (role !== 'archive') return [service]
  const { config, log, topics, codecs, clock, logger } = context
  const { archiveKeepsRevoked: keepsRevoked, nodeName: gateway } = config
  const parts = { clickhouse: clickHouseOptions(config), clock, logger }
  const eraser = makeEraser({ ...parts, log, packs: topics.packs, codec: codecs.packs, gateway })
  const retention = makeArchiveRetention({ ...parts, days: config.archiveDays })
  const beside = [makeArchiveStripper({ ...parts, keepsRevoked }), eraser, await pushArchive(context)]
  return [service, ...beside, ...(retention === undefined ? [] : [retention])]
}

async function pushArchive({ config, log, topics, registry, clock, logger, closers }: Context): Promise<Service> {
  const clickhouse = connectClickHouse(clickHouseOptions(config))
  closers.push(() => clickhouse.close())
  const codec = await pushCodec(registry, valueSubject(topics.pushes))
  return makePushArchive({ clickhouse, log, topic: topics.pushes, codec, clock, logger })
}

async function makeService(role: Role, context: Context): Promise<Service> {
  switch (role) {
    case 'gateway':
      return gateway(context)
    case 'sequencer':
      return sequencer(context)
    case 'history': {
      const { config, random, logger, metrics } = context
      const options = { random, logger, metrics, options: config.history }
      const makeView = () => makeHistoryView({ connection: connectTo(context, role), ...options })
      return viewService(context, { role, makeView })
    }
    case 'membership': {
      const { random } = context
      const makeView = () => makeMembershipView({ connection: connectTo(context, role), random })
      return viewService(context, { role, makeView })
    }
    case 'push':
      return push(context)
    case 'archive': {
      const { config, topics, clock } = context
      const options = { clickhouse: clickHouseOptions(config), topic: topics.events.name, clock }
      return viewService(context, { role, makeView: partitions => makeArchiveView({ ...options, partitions }) })
    }
    case 'webhooks':
      return webhooks(context)
    case 'verify': {
      const { config, clock, logger, metrics } = context
      const { options, report } = await verification(context)
      const compare = async () => {
        const result = await verify(options)
        await report(result)
        return result
      }
      return new Verifier({ verify: compare, everyMs: config.verifyEveryMs, clock, logger, metrics })
    }
  }
}

/** A connection that whoever gets it closes. */
function connectTo({ config, logger }: Context, name: string): RedisConnection {
  return connectRedis({ url: config.redisUrl, prefix: config.redisPrefix, name: `packlog-${name}`, logger })
}

/** Which partitions the role works on here: those of the configuration, or those that its processes agree on. */
function ownershipOf({ config, kafka, topics, clock, logger }: Context, role: Role): Ownership {
  if (config.partitions !== 'group') return fixedOwnership(config.partitions)
  const topic = role === 'sequencer' ? topics.packs : topics.events
  return kafkaGroup({
    ...kafka,
    clientId: `${role}-${config.nodeName}`,
    groupId: `${config.topicPrefix}packlog.${role}`,
    topic: topic.name,
    partitions: topic.partitions,
    instance: config.nodeName,
    clock,
    logger,
  })
}

function viewService(
  context: Context,
  { role, makeView }: { role: Role; makeView: (partitions: readonly Partition[]) => View },
): Service {
  const { log, topics, codecs, clock, random, logger, metrics, turns } = context
  const parts = { log, topics, eventCodec: codecs.events, clock, random, logger, metrics, turns }
  return makeViewInGroup({
    name: role,
    ownership: ownershipOf(context, role),
    makeRunner: partitions => makeRunner({ ...parts, view: makeView(partitions), partitions }),
    clock,
    logger,
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

/** Throws BadConfig that names the variable whose file cannot be read. */
async function tlsFiles({ tls }: Config): Promise<{ tls?: { cert: string; key: string } }> {
  if (tls === undefined) return {}
  const read = (variable: string, file: string) =>
    readFile(file, 'utf8').catch(error => {
      throw new BadConfig(`${variable} cannot be read: ${(error as Error).message}`)
    })
  const cert = await read('PACKLOG_TLS_CERT_FILE', tls.certFile)
  return { tls: { cert, key: await read('PACKLOG_TLS_KEY_FILE', tls.keyFile) } }
}

async function sequencer(context: Context): Promise<Service> {
  const { config, kafka, log, topics, codecs, registry, clock, random, logger, metrics } = context
  return makeSequencer({
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
  })
}

function webDir(): { webDir?: string } {
  const dir = builtWebDir()
  return dir === undefined ? {} : { webDir: dir }
}

async function push(context: Context): Promise<Service> {
  const { config, log, topics, codecs, registry, clock, random, logger, metrics, turns } = context
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
  const parts = { log, topics, eventCodec: codecs.events, clock, random, logger, metrics, turns }
  return makeViewInGroup({
    name: 'push',
    ownership: ownershipOf(context, 'push'),
    makeRunner: partitions => withWorker(makeRunner({ ...parts, view, partitions }), makeWorker(partitions)),
    clock,
    logger,
  })
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

/** Throws BadConfig where there is no key to sign with. */
async function webhooks(context: Context): Promise<Service> {
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
  return viewService(context, { role: 'webhooks', makeView })
}

async function gateway(context: Context): Promise<Service> {
  const { config, log, topics, codecs, clock, random, logger, metrics } = context
  const connection = connectTo(context, 'gateway')
  const subscriber = connectTo(context, 'gateway-signals')
  const archive = archiveReader(clickHouseOptions(config))
  context.closers.push(
    () => subscriber.close(),
    () => connection.close(),
    () => archive.close(),
  )
  const { tracking, ...webhooks } = await gatewayWebhooks(context, connection)
  return makeGateway({
    http: config.http,
    log,
    codecs,
    topics,
    history: historyReader({ connection, random }),
    membership: membershipReader({ connection, random }),
    people: peopleReader({ connection, random }),
    apps: appsReader({ connection, random }),
    keyUses: new RedisKeyUses(connection),
    health: new RedisHealthReports(connection),
    dayCounts: new RedisDayCounts(connection),
    loginPolicy: (await configuredRules(config)).rules?.loginPolicy ?? 'all',
    presence: {
      store: new RedisPresence(connection, tracking),
      signals: new RedisSignals({ connection, subscriber, logger }),
    },
    archive: archive.reader,
    statistics: archive.statistics,
    erasure: archive.erasure,
    packIds: new RedisPackIds(connection),
    jobLeases: new RedisJobLeases(connection, config.nodeName),
    ...(config.devicePacksPerSecond === undefined ? {} : { packsPerSecond: config.devicePacksPerSecond }),
    ...(config.userPacksPerSecond === undefined ? {} : { userPacksPerSecond: config.userPacksPerSecond }),
    tokens: config.tokens,
    developmentLogin: config.developmentLogin,
    ...webDir(),
    ...(config.authUrl === undefined ? {} : { thirdPartyUrl: config.authUrl }),
    ...(await tlsFiles(config)),
    ...webhooks,
    ...gatewayMedia(context, connection),
    ...(await gatewayPushReceipts(context, connection)),
    ...(config.wordsFile === undefined ? {} : { wordsFile: config.wordsFile }),
    nodeName: config.nodeName,
    clock,
    random,
    logger,
    metrics,
  })
}
