import { issueToken, readTokenKey } from '../gateway/auth/tokens.ts'
import { systemClock } from '../infra/clock.ts'
import { BadConfig } from '../infra/config.ts'
import { isUserId } from '../schemas/ids.ts'

const HOURS_DEFAULT = 24
const HOURS_MAX = 24 * 365

/** Prints a token for a user, signed with the development key. */
export async function tokenCommand(options: {
  env: NodeJS.ProcessEnv
  userId: string | undefined
  hours: string | undefined
}): Promise<number> {
  const { env, userId, hours } = options
  if (userId === undefined || !isUserId(userId)) {
    throw new BadConfig(
      'token USER: 1 to 64 letters, digits and . _ @ - name a user, for example: npm run token -- alice',
    )
  }
  const lifetimeHours = hours === undefined ? HOURS_DEFAULT : Number(hours)
  if (!(lifetimeHours > 0 && lifetimeHours <= HOURS_MAX)) throw new BadConfig(`--hours: 1 to ${HOURS_MAX}`)
  const key = await readTokenKey(env.PACKLOG_JWT_KEY_FILE ?? '.packlog/jwt.key')
  const token = await issueToken(key, { userId, expiresAt: systemClock.now() + lifetimeHours * 3_600_000 })
  process.stdout.write(`${token}\n`)
  return 0
}
