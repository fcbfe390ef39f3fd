import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import type { UserId } from '../../schemas/ids.ts'
import { BadTokenKey, issueToken, readTokenKey, readTokenKeys, verifyToken } from './tokens.ts'

const key = Buffer.alloc(32, 7)
const now = 1_700_000_000_000
const alice = 'alice' as UserId

function signed(claims: Record<string, unknown>, options: { alg?: string; key?: Uint8Array } = {}) {
  return new SignJWT(claims).setProtectedHeader({ alg: options.alg ?? 'HS256' }).sign(options.key ?? key)
}

test('[AU1] a token that we issue is good until it expires', async () => {
  const token = await issueToken(key, { userId: alice, expiresAt: now + 60_000 })
  expect(await verifyToken({ secret: key }, token, now)).toEqual({
    ok: true,
    userId: 'alice',
    expiresAt: now + 60_000,
  })
  expect(await verifyToken({ secret: key }, token, now + 120_000)).toEqual({
    ok: false,
    reason: 'the token has expired',
  })
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
  expect(await verifyToken({ secret: key }, good, now)).toMatchObject({ ok: true })
  for (const [name, token] of Object.entries(tokens)) {
    expect(await verifyToken({ secret: key }, token, now), name).toMatchObject({ ok: false })
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

async function keyPair(alg: string, kid: string) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg } }
}
const signedBy = ({ alg, kid, privateKey }: Awaited<ReturnType<typeof keyPair>>, sub = 'alice', claims = {}) =>
  new SignJWT({ sub, exp: now / 1_000 + 60, ...claims }).setProtectedHeader({ alg, kid }).sign(privateKey)

test.each(['EdDSA', 'RS256', 'ES256'])(
  '[AU6] a token signed with %s is good where the key set has its key',
  async alg => {
    const [ours, other] = [await keyPair(alg, 'one'), await keyPair(alg, 'one')]
    const file = join(folder, `${alg}.json`)
    await writeFile(file, JSON.stringify({ keys: [ours.jwk] }))
    const keys = await readTokenKeys({ jwksFile: file })
    expect(await verifyToken(keys, await signedBy(ours), now)).toEqual({
      ok: true,
      userId: 'alice',
      expiresAt: now + 60_000,
    })
    expect(await verifyToken(keys, await signedBy(other), now)).toEqual({ ok: false, reason: 'the token is not valid' })
    expect(await verifyToken(keys, await signedBy(ours, 'a:b'), now)).toMatchObject({ ok: false })
    // A set of public keys lets nobody sign with a secret, be it one of its keys.
    const forged = await signed({ sub: 'alice', exp: now / 1_000 + 60 }, { key: Buffer.from(JSON.stringify(ours.jwk)) })
    expect(await verifyToken(keys, forged, now)).toMatchObject({ ok: false })
    expect(await verifyToken({ secret: key }, await signedBy(ours), now)).toMatchObject({ ok: false })
    const both = await readTokenKeys({ jwksFile: file })
    expect(
      await verifyToken({ ...both, secret: key }, await signed({ sub: 'bob', exp: now / 1_000 + 60 }), now),
    ).toMatchObject({
      userId: 'bob',
    })
  },
)

test('[AU6] a key set behind a URL is fetched when it is needed; while it is away the answer is temporary', async () => {
  const ours = await keyPair('EdDSA', 'one')
  let isAway = true
  const server = createServer((_request, response) => {
    response.statusCode = isAway ? 503 : 200
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [ours.jwk] }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
  const keys = await readTokenKeys({ jwksUrl })
  expect(await verifyToken(keys, await signedBy(ours), now)).toMatchObject({ ok: false, isTemporary: true })
  isAway = false
  expect(await verifyToken(keys, await signedBy(ours), now)).toMatchObject({ ok: true, userId: 'alice' })
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
  const gone = await readTokenKeys({ jwksUrl })
  expect(await verifyToken(gone, await signedBy(ours), now)).toMatchObject({ ok: false, isTemporary: true })
})

test('[AU10] keys of a set come and go while the gateway runs', async () => {
  const [one, two] = [await keyPair('EdDSA', 'one'), await keyPair('EdDSA', 'two')]
  let set = [one.jwk]
  const server = createServer((_request, response) => void response.end(JSON.stringify({ keys: set })))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    vi.useRealTimers()
    server.closeAllConnections()
    server.close()
  })
  // The library asks for the set by the clock of the system.
  vi.useFakeTimers({ toFake: ['Date'] })
  const keys = await readTokenKeys({ jwksUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` })
  const good = async () => [
    (await verifyToken(keys, await signedBy(one), now)).ok,
    (await verifyToken(keys, await signedBy(two), now)).ok,
  ]
  expect(await good()).toEqual([true, false])
  set = [one.jwk, two.jwk]
  vi.setSystemTime(systemClock.now() + 31_000)
  expect(await good()).toEqual([true, true])
  set = [two.jwk]
  vi.setSystemTime(systemClock.now() + 3_600_000)
  expect(await good()).toEqual([false, true])
})

test('[AU10] where an audience is configured, tokens of the key set for others are refused', async () => {
  const ours = await keyPair('EdDSA', 'one')
  const file = join(folder, 'audience.json')
  await writeFile(file, JSON.stringify({ keys: [ours.jwk] }))
  const keys = await readTokenKeys({ jwksFile: file, audience: 'chat' })
  const ok = async (claims: Record<string, unknown>) =>
    (await verifyToken(keys, await signedBy(ours, 'alice', claims), now)).ok
  expect([await ok({ aud: 'chat' }), await ok({ aud: ['shop', 'chat'] })]).toEqual([true, true])
  expect([await ok({ aud: 'shop' }), await ok({})]).toEqual([false, false])
})

test('[AU2] a key set that is none is told by its file', async () => {
  const file = join(folder, 'set.json')
  for (const text of ['', '{}', '{"keys":1}']) {
    await writeFile(file, text)
    await expect(readTokenKeys({ jwksFile: file })).rejects.toThrow('JSON Web Key Set')
  }
})
