import { once } from 'node:events'
import { BadConfig } from '../infra/config.ts'
import { connectRedis, redisReady } from '../infra/redis/redis.ts'
import { archiveReader } from '../processors/archive/main.ts'
import { membershipReader, peopleReader } from '../processors/membership/main.ts'
import { exportText, exportUser } from '../processors/user-export.ts'
import { isUserId } from '../schemas/ids.ts'
import { clickHouseOptions, closeContext, openContext } from './context.ts'

/** Writes what is kept of a user to standard output, one JSON object a line. 0: whole, 1: given up. Throws BadConfig. */
export async function exportCommand(options: {
  env: NodeJS.ProcessEnv
  userId: string | undefined
  signal: AbortSignal
}): Promise<number> {
  const { env, userId, signal } = options
  if (userId === undefined || !isUserId(userId)) throw new BadConfig(`export USER: "${userId ?? ''}" names none`)
  // Logs go to standard output, where the lines are to stand alone.
  const context = await openContext({ ...env, PACKLOG_LOG_LEVEL: 'silent' }, 'export')
  try {
    const { config, random, logger, closers } = context
    const { redisUrl: url, redisPrefix: prefix } = config
    const connection = connectRedis({ url, prefix, name: 'packlog-export', logger })
    const archive = archiveReader(clickHouseOptions(config))
    closers.push(
      () => connection.close(),
      () => archive.close(),
    )
    await redisReady(connection)
    const on = { connection, random }
    const sources = { people: peopleReader(on), membership: membershipReader(on), archive: archive.reader }
    for await (const line of exportUser(userId, sources)) {
      if (signal.aborted) return 1
      if (!process.stdout.write(exportText(line))) await once(process.stdout, 'drain')
    }
    return 0
  } finally {
    await closeContext(context)
  }
}
