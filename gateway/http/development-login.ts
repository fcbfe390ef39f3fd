import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Clock, Millis } from '../../infra/clock.ts'
import { isUserId } from '../../schemas/ids.ts'
import { issueToken } from '../auth/tokens.ts'
import { sendProblem } from './api.ts'
import { Problem } from './problem.ts'

/** How long a token of the development login is good for, ms; pages ask for another one when they connect again. */
export const DEVELOPMENT_TOKEN_MS: Millis = 3_600_000
export const DEVELOPMENT_TOKEN_PATH = '/v1/development/token'

const LOOPBACK_ADDRESSES: ReadonlySet<string> = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1'])
/** Names that a browser on this machine uses for it. Another name, pointed here by its owner, is a trap. */
const LOOPBACK_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/

/**
 * The login of `npm start`: whoever sits at this machine may be anybody.
 *
 * It is there only where PACKLOG_DEVELOPMENT_LOGIN says so, which the configuration refuses for a gateway that listens
 * beyond this machine; and each request must come from this machine, under one of its own names, and from a page of
 * this server, so that no page that a developer happens to open can take a token.
 */
export function serveDevelopmentLogin(
  fastify: FastifyInstance,
  { key, clock }: { key: Uint8Array; clock: Clock },
): void {
  fastify.addHook('onRequest', async (request, reply) => {
    if (request.url.split('?')[0] !== DEVELOPMENT_TOKEN_PATH || isLocal(request)) return
    await sendProblem(reply, new Problem('ACCESS_DENIED', 'only for this machine'), request.id)
  })
  fastify.get(DEVELOPMENT_TOKEN_PATH, () => ({ development: true }))
  fastify.post(DEVELOPMENT_TOKEN_PATH, async (request, reply) => {
    const { userId } = (request.body ?? {}) as { userId?: unknown }
    if (typeof userId !== 'string' || !isUserId(userId)) {
      const problem = new Problem('PARAM', 'userId: 1 to 64 letters, digits and . _ @ -')
      return sendProblem(reply, problem, request.id)
    }
    const expiresAt = clock.now() + DEVELOPMENT_TOKEN_MS
    return { token: await issueToken(key, { userId, expiresAt }), expiresAt }
  })
}

function isLocal({ ip, headers }: FastifyRequest): boolean {
  const { host, origin } = headers
  if (!LOOPBACK_ADDRESSES.has(ip) || host === undefined || !LOOPBACK_HOST.test(host)) return false
  return origin === undefined || origin === `http://${host}` || origin === `https://${host}`
}
