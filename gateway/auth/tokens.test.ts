import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { UserId } from '../../schemas/ids.ts'
import { BadTokenKey, issueToken, readTokenKey, verifyToken } from './tokens.ts'

const key = Buffer.alloc(32, 7)
const now = 1_700_000_000_000
const alice = 'alice' as UserId

function signed(claims: Record<string, unknown>, options: { alg?: string; key?: Uint8Array } = {}) {
  return new SignJWT(claims).setProtectedHeader({ alg: options.alg ?? 'HS256' }).sign(options.key ?? key)
}

test('[AU1] a token that we issue is good until it expires', async () => {
  const token = await issueToken(key, { userId: alice, expiresAt: now + 60_000 })
  expect(await verifyToken(key, token, now)).toEqual({ ok: true, userId: 'alice' })
  expect(await verifyToken(key, token, now + 120_000)).toEqual({ ok: false, reason: 'the token has expired' })
})

test('[AU1] everything else is refused', async () => {
  const exp = now / 1_000 + 60
  const good = await signed({ sub: 'alice', exp })
  const [header, payload, signature] = good.split('.') as [string, string, string]
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`
  const other = Buffer.from(JSON.stringify({ sub: 'bob', exp })).toString('base64url')
  const tokens = {
    'no expiry': await signed({ sub: 'alice' }),
    'no subject': await signed({ exp }),
    'a subject that is no user id': await signed({ sub: 'a:b', exp }),
    'another key': await signed({ sub: 'alice', exp }, { key: Buffer.alloc(32, 8) }),
    'another algorithm': await signed({ sub: 'alice', exp }, { alg: 'HS512', key: Buffer.alloc(64, 7) }),
    'not valid before tomorrow': await signed({ sub: 'alice', exp: exp + 1e6, nbf: exp + 1e5 }),
    'no algorithm': none,
    'another payload': `${header}.${other}.${signature}`,
    nothing: '',
    nonsense: 'nonsense',
    dots: '..',
  }
  expect(await verifyToken(key, good, now)).toMatchObject({ ok: true })
  for (const [name, token] of Object.entries(tokens)) {
    expect(await verifyToken(key, token, now), name).toMatchObject({ ok: false })
  }
})

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'packlog-tokens-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('[AU2] the key file holds base64url text of at least 32 bytes; otherwise the error says what to do', async () => {
  const file = join(folder, 'jwt.key')
  await expect(readTokenKey(file)).rejects.toThrow(BadTokenKey)
  for (const text of ['', 'short', 'not base64url!'.repeat(9), Buffer.alloc(31).toString('base64url')]) {
    await writeFile(file, text)
    await expect(readTokenKey(file)).rejects.toThrow('openssl rand 32')
  }
  await writeFile(file, `${key.toString('base64url')}\n`)
  expect(await readTokenKey(file)).toEqual(key)
})
