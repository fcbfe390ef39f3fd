import { readFile } from 'node:fs/promises'
import { SignJWT } from 'jose'
import type { Millis } from '../../infra/clock.ts'
import type { UserId } from '../../schemas/ids.ts'

/** How long a token that is made here is good for, in ms. */
const TOKEN_MS: Millis = 24 * 3_600_000

/** There is no key to sign with; the message says what to do. */
export class NoKey extends Error {
  override readonly name = 'NoKey'
}

/** Makes tokens of any user with the key of a development server. */
export interface TokenMaker {
  token(userId: UserId, now: Millis): Promise<string>
}

/** Reads the key that `npm start` made. Throws NoKey. */
export async function developmentTokens(env: NodeJS.ProcessEnv): Promise<TokenMaker> {
  const file = env.PACKLOG_JWT_KEY_FILE || '.packlog/jwt.key'
  const key = await readKey(file)
  return {
    token: (userId, now) =>
      new SignJWT()
        .setProtectedHeader({ alg: 'HS256' })
        .setSubject(userId)
        .setIssuedAt(Math.floor(now / 1_000))
        .setExpirationTime(Math.floor((now + TOKEN_MS) / 1_000))
        .sign(key),
  }
}

async function readKey(file: string): Promise<Uint8Array> {
  try {
    return Buffer.from((await readFile(file, 'utf8')).trim(), 'base64url')
  } catch (error) {
    throw new NoKey(`the development key cannot be read (${file}): run \`npm start\` first, or give --token`, {
      cause: error,
    })
  }
}
