import { readFile } from 'node:fs/promises'
import { errors, jwtVerify, SignJWT } from 'jose'
import type { Millis } from '../../infra/clock.ts'
import { isUserId, type UserId } from '../../schemas/ids.ts'

/**
 * Tokens: JWT signed with HS256. Claims: `sub` is the user id, `exp` is required, everything else is ignored. The key
 * is a file with base64url text of at least TOKEN_KEY_BYTES_MIN bytes (`openssl rand 32 | basenc --base64url`).
 */

/** RFC 7518, 3.2: a key of HS256 has at least the size of the hash. */
export const TOKEN_KEY_BYTES_MIN = 32
/** How far clocks of issuer and gateway may differ. */
const CLOCK_TOLERANCE_S = 5
const ALGORITHM = 'HS256'

export type TokenKey = Uint8Array

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
  { userId, expiresAt }: { userId: UserId; expiresAt: Millis },
): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
    .setSubject(userId)
    .setExpirationTime(Math.floor(expiresAt / 1_000))
    .sign(key)
}

export type VerifiedToken = { ok: true; userId: UserId } | { ok: false; reason: string }

/** Who the token was issued to, if it is good at `now`. Never throws for what a client may send. */
export async function verifyToken(key: TokenKey, token: string, now: Millis): Promise<VerifiedToken> {
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [ALGORITHM],
      requiredClaims: ['sub', 'exp'],
      clockTolerance: CLOCK_TOLERANCE_S,
      currentDate: new Date(now),
    })
    const { sub = '' } = payload
    if (!isUserId(sub)) return { ok: false, reason: 'the token names no valid user' }
    return { ok: true, userId: sub }
  } catch (error) {
    if (error instanceof errors.JWTExpired) return { ok: false, reason: 'the token has expired' }
    if (error instanceof errors.JOSEError) return { ok: false, reason: 'the token is not valid' }
    // What is not even the shape of a token is a TypeError of the library.
    if (error instanceof TypeError) return { ok: false, reason: 'the token is not valid' }
    throw error
  }
}
