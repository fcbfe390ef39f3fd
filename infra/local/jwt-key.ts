import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Bytes of the HMAC key: as long as the hash of HS256. */
const KEY_BYTES = 32

/** Writes a development key (base64url, readable by its owner only) when there is none yet. */
export function ensureJwtKey(file: string, randomBytes: (size: number) => Buffer): void {
  if (existsSync(file)) return
  mkdirSync(dirname(file), { recursive: true })
  const draft = `${file}.draft`
  writeFileSync(draft, randomBytes(KEY_BYTES).toString('base64url'), { mode: 0o600 })
  renameSync(draft, file)
}
