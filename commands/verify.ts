import { connectClickHouse } from '../infra/clickhouse/clickhouse.ts'
import { connectRedis, redisReady } from '../infra/redis/redis.ts'
import { ClickHouseArchiveInspector } from '../processors/archive/inspect.ts'
import { HISTORY_DEFAULTS } from '../processors/history/history-store.ts'
import { historyInspector } from '../processors/history/main.ts'
import { membershipInspector } from '../processors/membership/main.ts'
import { runVerify } from '../verify/verify.ts'
import { clickHouseOptions, closeContext, openContext } from './context.ts'

/** Compares every view with a fresh fold of the log. 0: all is equal, 1: it is not, 2: it could not be compared. */
export async function verifyCommand({ env, json }: { env: NodeJS.ProcessEnv; json: boolean }): Promise<number> {
  // Logs go to standard output, where the result is to stand alone.
  const context = await openContext({ ...env, PACKLOG_LOG_LEVEL: 'silent' }, 'verify')
  try {
    const { config, log, topics, codecs, clock, random, logger, closers } = context
    const connection = connectRedis({
      url: config.redisUrl,
      prefix: config.redisPrefix,
      name: 'packlog-verify',
      logger,
    })
    const clickhouse = connectClickHouse(clickHouseOptions(config))
    closers.push(
      () => connection.close(),
      () => clickhouse.close(),
    )
    await redisReady(connection)
    return await runVerify({
      source: { log, codec: codecs.events },
      topic: topics.events,
      history: historyInspector({ connection, random }),
      membership: membershipInspector({ connection, random }),
      archive: new ClickHouseArchiveInspector(clickhouse),
      limits: HISTORY_DEFAULTS,
      clock,
      json,
      print: line => process.stdout.write(`${line}\n`),
    })
  } finally {
    await closeContext(context)
  }
}
