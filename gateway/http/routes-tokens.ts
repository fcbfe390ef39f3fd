import { z } from 'zod'
import type { Clock, Millis, Random } from '../../infra/clock.ts'
import { LONG_MAX } from '../../schemas/codec.ts'
import { Code } from '../../schemas/codes.ts'
import type { UserId } from '../../schemas/ids.ts'
import type { PackBody } from '../../schemas/pack.ts'
import { issueToken, type TokenKey } from '../auth/tokens.ts'
import { actOnUser, noteAct } from './app-packs.ts'
import { userIdSchema, userParams } from './common-schemas.ts'
import type { CallsNow } from './frame-routes.ts'
import { outcomeSchema } from './outcome.ts'
import { Problem } from './problem.ts'
import { type Route, type RouteCall, route } from './route.ts'

/** How users are let in: their tokens, whether they are disabled, and the end of all their connections. */

export interface TokenRouteParts {
  calls: CallsNow
  clock: Clock
  random: Random
  /** The secret that tokens are signed with; undefined where only others sign them. */
  tokenKey: TokenKey | undefined
}

const TOKEN_MS_DEFAULT: Millis = 86_400_000
const TOKEN_MS_MAX: Millis = 366 * 86_400_000
const TOKEN_ID_BYTES = 12

const reasonSchema = z.string().max(256).optional().describe('Said to the devices that are closed.')

export function tokenRoutes(parts: TokenRouteParts): Route[] {
  const { calls, clock, random, tokenKey } = parts
  const tokens = { tag: 'tokens', scope: 'tokens:write', actsFor: 'app', method: 'POST' } as const
  const users = { ...tokens, tag: 'users', scope: 'users:write', params: userParams } as const
  const onUser = (call: RouteCall, userId: UserId, act: string, body: PackBody) =>
    actOnUser(calls(), call, { userId, act, body })
  return [
    route({
      ...tokens,
      url: '/v1/tokens',
      id: 'issueToken',
      summary: 'Issue a token with which a client of a user connects',
      body: z.strictObject({
        userId: userIdSchema,
        expiresInMs: z.int().min(1_000).max(TOKEN_MS_MAX).optional().describe('Absent: a day.'),
      }),
      status: 201,
      answer: z
        .strictObject({ token: z.string(), tokenId: z.string().describe('Its jti.'), expiresAt: z.int() })
        .meta({ id: 'IssuedToken' }),
      handle: async call => {
        if (tokenKey === undefined) {
          throw new Problem('SERVER_REFUSED', 'tokens are signed elsewhere: this installation has no secret for them')
        }
        const { userId, expiresInMs = TOKEN_MS_DEFAULT } = call.body
        const now = clock.now()
        const tokenId = random.bytes(TOKEN_ID_BYTES).toString('base64url')
        const expiresAt = Math.floor((now + expiresInMs) / 1_000) * 1_000
        await noteAct(calls(), call, { act: 'issueToken', subject: userId, tokenId, expiresAt })
        return { token: await issueToken(tokenKey, { userId, expiresAt, issuedAt: now, tokenId }), tokenId, expiresAt }
      },
    }),
    route({
      ...tokens,
      url: '/v1/tokens/revoke',
      id: 'revokeTokens',
      summary: 'Revoke one token of a user, or all that were issued so far',
      description: 'Connections that were opened with such a token are closed within a second.',
      body: z.strictObject({
        userId: userIdSchema,
        tokenId: z.string().min(1).max(128).optional().describe('The jti of one token; absent: all.'),
        expiresAt: z
          .int()
          .min(1)
          .max(LONG_MAX)
          .optional()
          .describe('With tokenId: when that token ends by itself; absent: in a year.'),
      }),
      answer: outcomeSchema,
      handle: call => {
        const { userId, tokenId, expiresAt = clock.now() + TOKEN_MS_MAX } = call.body
        const said = tokenId === undefined ? { notBefore: clock.now() } : { tokenId, tokenExpiresAt: expiresAt }
        return onUser(call, userId, 'revokeTokens', { kind: 'RevokeTokens', ...said })
      },
    }),
    route({
      ...tokens,
      url: '/v1/users/:userId/logout',
      id: 'logoutUser',
      tag: 'presence',
      summary: 'Close every connection of a user',
      params: userParams,
      body: z.strictObject({ reason: reasonSchema }).optional(),
      answer: outcomeSchema,
      handle: call => {
        const reason = call.body?.reason
        return onUser(call, call.params.userId, 'logoutUser', {
          kind: 'Logout',
          connectionIds: [],
          code: Code.KICKED_OUT.number,
          ...(reason === undefined ? {} : { reason }),
        })
      },
    }),
    route({
      ...users,
      url: '/v1/users/:userId/disable',
      id: 'disableUser',
      summary: 'Let a user in no more',
      description: 'Connections are closed within a second; messages to the user are still taken.',
      answer: outcomeSchema,
      handle: call => onUser(call, call.params.userId, 'disableUser', { kind: 'DisableUser' }),
    }),
    route({
      ...users,
      url: '/v1/users/:userId/enable',
      id: 'enableUser',
      summary: 'Let a user in again',
      answer: outcomeSchema,
      handle: call => onUser(call, call.params.userId, 'enableUser', { kind: 'EnableUser' }),
    }),
  ]
}
