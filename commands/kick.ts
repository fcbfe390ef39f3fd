import { BadConfig } from '../infra/config.ts'
import { Code } from '../schemas/codes.ts'
import { packDigest } from '../schemas/digest.ts'
import { isUserId, makePackId, type UserId, userSessionId } from '../schemas/ids.ts'
import type { Pack, PackBody } from '../schemas/pack.ts'
import { sessionPartition } from '../topics/topics.ts'
import { closeContext, openContext } from './context.ts'

const OPERATOR = 'operator'

/** Ends every connection of a user, on whatever gateway: an operator's pack `Logout` goes through the log. */
export async function kickCommand(options: {
  env: NodeJS.ProcessEnv
  userId: string | undefined
  reason: string | undefined
}): Promise<number> {
  const { env, userId, reason } = options
  if (userId === undefined || !isUserId(userId)) {
    throw new BadConfig('kick USER [--reason TEXT]: 1 to 64 letters, digits and . _ @ - name a user')
  }
  const context = await openContext({ ...env, PACKLOG_LOG_LEVEL: 'warn' }, 'kick')
  try {
    const { log, topics, codecs, clock, random, config } = context
    const pack = kickPack(userId, reason, {
      packId: makePackId(clock.now(), random.bytes(10)),
      gateway: config.nodeName,
    })
    const record = { key: Buffer.from(pack.sessionId), value: codecs.packs.encode(pack), headers: {} }
    const partition = sessionPartition(topics.packs, pack.sessionId)
    await log.append({ topic: topics.packs.name, partition, records: [record] })
    process.stdout.write(`${userId} is logged out everywhere\n`)
    return 0
  } finally {
    await closeContext(context)
  }
}

function kickPack(userId: UserId, reason: string | undefined, made: Pick<Pack, 'packId' | 'gateway'>): Pack {
  const said = reason === undefined ? {} : { reason }
  const body: PackBody = { kind: 'Logout', connectionIds: [], code: Code.KICKED_OUT.number, ...said }
  const words = { sessionId: userSessionId(userId), from: userId, flags: 0, pushInfo: null, body }
  return {
    ...words,
    ...made,
    actor: { kind: 'OPERATOR', id: OPERATOR },
    device: { type: 0, id: '' },
    digest: packDigest(words),
    stamp: null,
  }
}
