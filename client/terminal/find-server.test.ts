import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jwtVerify } from 'jose'
import { afterAll, expect, test } from 'vitest'
import type { UserId } from '../../schemas/ids.ts'
import { developmentTokens, NoKey } from './development-token.ts'
import { findServer, NoServer, readLocalStack } from './find-server.ts'

const dir = mkdtempSync(join(tmpdir(), 'packlog-find-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

test('[CL16] the server is the one that is asked for, else the environment, else the local stack', () => {
  const file = join(dir, 'stack.json')
  writeFileSync(file, JSON.stringify({ env: {}, urls: { ws: 'ws://stack/v1/ws', metrics: {} }, processes: [] }))
  const stack = { PACKLOG_STACK_FILE: file }
  expect(findServer(undefined, stack)).toBe('ws://stack/v1/ws')
  expect(findServer(undefined, { PACKLOG_DATA: dir })).toBe('ws://stack/v1/ws')
  expect(findServer(undefined, { ...stack, PACKLOG_WS_URL: 'ws://env/v1/ws' })).toBe('ws://env/v1/ws')
  expect(findServer('wss://asked/v1/ws', { ...stack, PACKLOG_WS_URL: 'ws://env/v1/ws' })).toBe('wss://asked/v1/ws')
  expect(readLocalStack({ PACKLOG_DATA: join(dir, 'none') })).toBeUndefined()
})

test('[CL16] where no server is known, or the URL is none, it says what to do', () => {
  const nowhere = { PACKLOG_DATA: join(dir, 'none') }
  expect(() => findServer(undefined, nowhere)).toThrow(NoServer)
  expect(() => findServer(undefined, nowhere)).toThrow(/npm start/)
  expect(() => findServer('http://x', nowhere)).toThrow(/not a WebSocket URL/)
})

test('[CL16] a development token is signed with the key of the local stack, names the user and ends', async () => {
  const key = Buffer.alloc(32, 7)
  const file = join(dir, 'jwt.key')
  writeFileSync(file, key.toString('base64url'))
  const tokens = await developmentTokens({ PACKLOG_JWT_KEY_FILE: file })
  const now = Date.now()
  const { payload } = await jwtVerify(await tokens.token('alice' as UserId, now), key, { algorithms: ['HS256'] })
  expect(payload.sub).toBe('alice')
  expect(payload.exp! * 1_000).toBeGreaterThan(now)
})

test('[CL16] without a key it says what to do', async () => {
  const missing = developmentTokens({ PACKLOG_JWT_KEY_FILE: join(dir, 'no.key') })
  await expect(missing).rejects.toThrow(NoKey)
  await expect(missing).rejects.toThrow(/npm start/)
})
