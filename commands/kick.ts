import { BadConfig } from '../infra/config.ts'
import { Code } from '../schemas/codes.ts'
import { isUserId, userSessionId } from '../schemas/ids.ts'
import { closeContext, openContext } from './context.ts'
import { appendOperatorPack } from './operator-pack.ts'

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
    const said = reason === undefined ? {} : { reason }
    await appendOperatorPack(context, {
      sessionId: userSessionId(userId),
      from: userId,
      body: { kind: 'Logout', connectionIds: [], code: Code.KICKED_OUT.number, ...said },
    })
    process.stdout.write(`${userId} is logged out everywhere\n`)
    return 0
  } finally {
    await closeContext(context)
  }
}
