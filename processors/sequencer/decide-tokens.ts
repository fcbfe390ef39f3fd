import { NONE_REVOKED } from '../../schemas/apps.ts'
import type { AcceptedBody, RefusedBody } from '../../schemas/event.ts'
import type { PackBody } from '../../schemas/pack.ts'
import type { Desk } from './desk.ts'
import { refused } from './outcome.ts'

/** Tokens that were revoked one by one and have not ended. More than these: revoke all that were issued so far. */
export const REVOKED_TOKENS_MAX = 100
export const TOKEN_ID_CHARS_MAX = 128

/** Apps and operators revoke tokens of users; users themselves do not (AP4). */
export function decideTokens(
  { view, pack, at }: Desk,
  { notBefore = 0, tokenId, tokenExpiresAt }: Extract<PackBody, { kind: 'RevokeTokens' }>,
): AcceptedBody | RefusedBody {
  if (pack.actor.kind === 'USER') return refused('NO_PRIVILEGE', 'only an app or an operator may say this')
  const before = view.get('revoked', pack.sessionId) ?? NONE_REVOKED
  const tokens = before.tokens.filter(({ expiresAt }) => expiresAt > at)
  if (tokenId !== undefined) {
    if (tokenExpiresAt === undefined) return refused('PARAM', 'when the revoked token ends is not said')
    if (tokenId === '' || tokenId.length > TOKEN_ID_CHARS_MAX) {
      return refused('PARAM', 'the id of the token is empty or too long')
    }
    if (tokens.length >= REVOKED_TOKENS_MAX) {
      return refused('LIMIT_REACHED', `more than ${REVOKED_TOKENS_MAX} tokens are revoked one by one: revoke all`)
    }
    if (!tokens.some(token => token.tokenId === tokenId)) tokens.push({ tokenId, expiresAt: tokenExpiresAt })
  }
  // What was revoked stays so: the time never falls.
  return { kind: 'TokensRevoked', revoked: { notBefore: Math.max(before.notBefore, notBefore), tokens } }
}
