import type { GatewayOptions } from '../gateway/main.ts'
import { BadConfig, readConfig } from '../infra/config.ts'
import type { RedisConnection } from '../infra/redis/redis.ts'
import { makePushReceipts } from '../processors/push/receipts.ts'
import { makePushRecords } from '../processors/push/records.ts'
import { RedisPushStore } from '../processors/push/redis-push-store.ts'
import { makeTokenPacks } from '../processors/push/token-packs.ts'
import { BadPushFile, loadReceiptDesks, type ReceiptDesks } from '../processors/push/vendors.ts'
import { pushCodec } from '../schemas/push-record.ts'
import { valueSubject } from '../topics/topics.ts'
import type { Context } from './context.ts'

/** What push vendors report to a gateway, where the file of credentials names a place for it. Throws BadConfig. */
export async function gatewayPushReceipts(
  { config, env, log, topics, codecs, registry, clock, random, logger, metrics }: Context,
  connection: RedisConnection,
): Promise<Pick<GatewayOptions, 'pushReceipts'>> {
  const { file } = config.push
  if (file === undefined) return {}
  const desks = await receiptDesks(file, env)
  if (desks.all.length === 0) return {}
  const codec = await pushCodec(registry, valueSubject(topics.pushes))
  return {
    pushReceipts: makePushReceipts({
      desks,
      store: new RedisPushStore(connection),
      records: makePushRecords({ log, topic: topics.pushes, codec }),
      tokens: makeTokenPacks({ log, topic: topics.packs, codec: codecs.packs, clock, random }),
      clock,
      logger,
      metrics,
    }),
  }
}

/** `packlog push urls`: where vendors report, for their consoles. Gives the exit code. Throws BadConfig. */
export async function pushCommand({
  env,
  words,
}: {
  env: NodeJS.ProcessEnv
  words: readonly string[]
}): Promise<number> {
  if (words.length !== 1 || words[0] !== 'urls') throw new BadConfig('push urls: nothing else is known')
  const { file } = readConfig(env).push
  if (file === undefined) throw new BadConfig('PACKLOG_PUSH_FILE is missing: it names the vendors')
  const { all } = await receiptDesks(file, env)
  if (all.length === 0) throw new BadConfig(`${file}: receipts is missing, or no vendor reports`)
  for (const { vendor, packageName, url } of all) process.stdout.write(`${vendor}\t${packageName}\t${url}\n`)
  return 0
}

async function receiptDesks(file: string, env: NodeJS.ProcessEnv): Promise<ReceiptDesks> {
  return loadReceiptDesks({ file, env }).catch(error => {
    throw error instanceof BadPushFile ? new BadConfig(`PACKLOG_PUSH_FILE: ${error.message}`) : error
  })
}
