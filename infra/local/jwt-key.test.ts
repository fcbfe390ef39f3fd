import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemRandom } from '../clock.ts'
import { ensureJwtKey } from './jwt-key.ts'

test('a key is made once, for its owner only', () => {
  const dir = mkdtempSync(join(tmpdir(), 'packlog-key-'))
  const file = join(dir, 'jwt.key')
  ensureJwtKey(file, systemRandom.bytes)
  const key = readFileSync(file, 'utf8')
  expect(Buffer.from(key, 'base64url')).toHaveLength(32)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  ensureJwtKey(file, systemRandom.bytes)
  expect(readFileSync(file, 'utf8')).toBe(key)
  rmSync(dir, { recursive: true })
})
