import { readFile } from 'node:fs/promises'
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeProtectedHeader,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
  SignJWT,
} from 'jose'
import type { Millis } from '../../infra/clock.ts'
import { isUserId, type UserId } from '../../schemas/ids.ts'

/**
 * Tokens: JWT, signed with a secret (HS256) or with a private key whose public half is in a set of keys (EdDSA, RS256,
 * ES256). Claims: `sub` is the user id, `exp` is required, `aud` where one is configured, everything else is ignored. The secret is a file with
 * base64url text of at least TOKEN_KEY_BYTES_MIN bytes (`openssl rand 32 | basenc --base64url`).
 */

/** RFC 7518, 3.2: a key of HS256 has at least the size of the hash. */
export const TOKEN_KEY_BYTES_MIN = 32
/** How far clocks of issuer and gateway may differ. */
const CLOCK_TOLERANCE_S = 5
const ALGORITHM = 'HS256'

const PUBLIC_ALGORITHMS = ['EdDSA', 'RS256', 'ES256'] as const
/** How long a set of keys may take to come, and how often it is asked for at most, in ms. */
const JWKS_MS_MAX = 3_000
const JWKS_PAUSE_MS = 30_000

export type TokenKey = Uint8Array

/** What tokens are checked with. */
export interface TokenKeys {
  secret?: TokenKey
  publicKeys?: JWTVerifyGetKey
  /** Whom tokens that public keys check are for: who signs them may sign for others as well. */
  audience?: string
}

/** Where the keys are; at least one of them. */
export interface TokenKeySources {
  secretFile?: string
  /** A JSON Web Key Set. */
  jwksFile?: string
  jwksUrl?: string
  /** See TokenKeys. */
  audience?: string
}

/** Reads what there is of keys. Throws BadTokenKey. A set behind a URL is fetched when the first token needs it. */
export async function readTokenKeys({ secretFile, jwksFile, jwksUrl, audience }: TokenKeySources): Promise<TokenKeys> {
  const keys: TokenKeys = audience === undefined ? {} : { audience }
  if (secretFile !== undefined) keys.secret = await readTokenKey(secretFile)
  if (jwksFile !== undefined) keys.publicKeys = createLocalJWKSet(await readKeySet(jwksFile))
  if (jwksUrl !== undefined) {
    const pauses = { timeoutDuration: JWKS_MS_MAX, cooldownDuration: JWKS_PAUSE_MS }
    keys.publicKeys = createRemoteJWKSet(new URL(jwksUrl), pauses)
  }
  return keys
}

async function readKeySet(file: string): Promise<JSONWebKeySet> {
  try {
    const set = JSON.parse(await readFile(file, 'utf8')) as JSONWebKeySet
    createLocalJWKSet(set)
    return set
  } catch (error) {
    const hint = 'it holds a JSON Web Key Set: {"keys":[...]}'
    throw new BadTokenKey(`the key set ${file} cannot be read: ${hint}`, { cause: error })
  }
}

/** The file does not hold a usable key; the message says what to do. */
export class BadTokenKey extends Error {
  override readonly name = 'BadTokenKey'
}

/** Reads the key. Throws BadTokenKey. */
export async function readTokenKey(file: string): Promise<TokenKey> {
  const hint = `it holds base64url text of ${TOKEN_KEY_BYTES_MIN} random bytes, for example of: openssl rand 32 | basenc --base64url`
  let text: string
  try {
    text = (await readFile(file, 'utf8')).trim()
  } catch (error) {
    throw new BadTokenKey(`the token key ${file} cannot be read: ${hint}`, { cause: error })
  }
  if (!/^[A-Za-z0-9_-]+={0,2}$/.test(text)) throw new BadTokenKey(`the token key ${file} is not base64url: ${hint}`)
  const key = Buffer.from(text, 'base64url')
  if (key.length < TOKEN_KEY_BYTES_MIN) {
    throw new BadTokenKey(`the token key ${file} has ${key.length} bytes: ${hint}`)
  }
  return key
}

/** Signs a token for a user, good until `expiresAt`. */
export function issueToken(
  key: TokenKey,
  { userId, expiresAt, issuedAt, tokenId }: { userId: UserId; expiresAt: Millis; issuedAt?: Millis; tokenId?: string },
): Promise<string> {
  // With a fraction of the second: a token that is issued just after all were revoked is good.
  return new SignJWT({
    ...(issuedAt === undefined ? {} : { iat: issuedAt / 1_000 }),
    ...(tokenId === undefined ? {} : { jti: tokenId }),
  })
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
    .setSubject(userId)
    .setExpirationTime(Math.floor(expiresAt / 1_000))
    .sign(key)
}

export type VerifiedToken =
  | { ok: true; userId: UserId; expiresAt: Millis; issuedAt?: Millis; tokenId?: string }
  /** Temporary: whether the token is good cannot be said now. */
  | { ok: false; reason: string; isTemporary?: true }

/** Who the token was issued to, if it is good at `now`. Never throws for what a client may send. */
export async function verifyToken(keys: TokenKeys, token: string, now: Millis): Promise<VerifiedToken> {
  const algorithm = algorithmOf(token)
  const options = {
    requiredClaims: ['sub', 'exp'],
    clockTolerance: CLOCK_TOLERANCE_S,
    currentDate: new Date(now),
  }
  try {
    // The kind of key decides what is taken, never the token alone: a public key is no secret to sign with.
    if (algorithm === ALGORITHM && keys.secret !== undefined) {
      return verified(await jwtVerify(token, keys.secret, { ...options, algorithms: [ALGORITHM] }))
    }
    if (keys.publicKeys !== undefined && PUBLIC_ALGORITHMS.some(known => known === algorithm)) {
      const { publicKeys, audience } = keys
      const ours = { ...options, algorithms: [...PUBLIC_ALGORITHMS], ...(audience === undefined ? {} : { audience }) }
      return verified(await jwtVerify(token, publicKeys, ours))
    }
    return { ok: false, reason: 'the token is not valid' }
  } catch (error) {
    if (error instanceof errors.JWTExpired) return { ok: false, reason: 'the token has expired' }
    if (areKeysAway(error)) return { ok: false, reason: 'the keys of tokens cannot be had', isTemporary: true }
    if (error instanceof errors.JOSEError) return { ok: false, reason: 'the token is not valid' }
    throw error
  }
}

function verified({ payload }: { payload: JWTPayload }): VerifiedToken {
  const { sub = '', exp = 0, iat, jti } = payload
  if (!isUserId(sub)) return { ok: false, reason: 'the token names no valid user' }
  return {
    ok: true,
    userId: sub,
    expiresAt: exp * 1_000,
    ...(iat === undefined ? {} : { issuedAt: Math.round(iat * 1_000) }),
    ...(typeof jti === 'string' ? { tokenId: jti } : {}),
  }
}

function algorithmOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).alg
  } catch {
    return undefined
  }
}

/** The set of public keys did not come, or came broken; the library tells a failed fetch by a TypeError. */
function areKeysAway(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid || error instanceof TypeError)
    return true
  return error instanceof errors.JOSEError && error.code === 'ERR_JOSE_GENERIC'
}
