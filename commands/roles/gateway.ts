import { readFile } from 'node:fs/promises'
import { RedisDayCounts } from '../../gateway/http/day-counts.ts'
import { RedisKeyUses } from '../../gateway/http/redis-key-uses.ts'
import { RedisPackIds } from '../../gateway/http/redis-pack-ids.ts'
import { builtWebDir } from '../../gateway/http/web-pages.ts'
import { RedisJobLeases } from '../../gateway/jobs/job-leases.ts'
import { makeGateway } from '../../gateway/main.ts'
import { RedisPresence, RedisSignals } from '../../gateway/presence/redis-presence.ts'
import { BadConfig, type Config } from '../../infra/config.ts'
import { RedisHealthReports } from '../../infra/redis/redis-health-reports.ts'
import type { Service } from '../../infra/service.ts'
import { archiveReader } from '../../processors/archive/main.ts'
import { historyReader } from '../../processors/history/main.ts'
import { appsReader, membershipReader, peopleReader } from '../../processors/membership/main.ts'
import { type Context, clickHouseOptions } from '../context.ts'
import { gatewayMedia } from '../media.ts'
import { gatewayPushReceipts } from '../push-receipts.ts'
import { gatewayWebhooks } from '../webhooks.ts'
import { configuredRules, connectTo } from './parts.ts'

export async function makeServices(context: Context): Promise<Service[]> {
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
  return [
    makeGateway({
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
      groups: archive.groups,
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
    }),
  ]
}

function webDir(): { webDir?: string } {
  const dir = builtWebDir()
  return dir === undefined ? {} : { webDir: dir }
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
